"""A plain command line is read without argparse, and means the same."""

from itertools import chain

from hypothesis import example, given
from hypothesis import strategies as st

from rsmtp.cli import _plain, parser
from rsmtp.cli.plain import Plain
from rsmtp.cli.send import declare

PLAIN = Plain(declare)
NAMES = sorted(PLAIN._options)
VALUES = (
    "a@x.example",
    "b@x.example",
    "",
    "-",
    "-5",
    "--",
    "7",
    "starttls",
    "full",
    "1d",
    "Grüße",
    "a b",
    "-x y",
    "a=b",
)
VALUE = st.sampled_from(VALUES) | st.text(max_size=3)
WORD = st.sampled_from(NAMES) | VALUE | st.builds("{}={}".format, st.sampled_from(NAMES), VALUE)
PAIR = st.builds(lambda name, value: [name, value], st.sampled_from(NAMES), VALUE)
WORDS = st.lists(st.lists(WORD, min_size=1, max_size=1) | PAIR, max_size=6).map(
    lambda parts: [*chain.from_iterable(parts)]
)


@given(WORDS)
@example([])
@example(["--username", "ann", "--user", "ann"])
@example(["--to", "a@x.example", "--to=b@x.example", "message.eml", "--port", "25"])
@example(["message.eml", "--verbose", "-v"])
@example(["--user", "ann", "-"])
@example(["--subject=", "--text=-x"])
def test_it_means_what_argparse_makes_of_it(words):
    if (read := PLAIN.read(words)) is not None:
        assert vars(read) == vars(parser("send").parse_args(["send", *words]))


def test_what_is_plain():
    assert _plain(["send", "--to", "b@x.example", "--port=25", "-v", "FILE"]) is not None
    for words in ([], ["sent"], ["lint", "FILE"], ["send", "--help"], ["send", "--sub", "Hello"]):
        assert _plain(words) is None
    for wrong in (
        ["--port", "x"],
        ["--tls", "no"],
        ["--to"],
        ["--to", "--cc"],
        ["A", "B"],
        ["--unknown", "x"],
    ):
        assert PLAIN.read(wrong) is None
    assert PLAIN.read(["--password", "secret"]) is None


def test_a_letter_is_sent_without_argparse(run, plain, to_plain):
    run("send", *to_plain, "--from", "a@x.example", "--to", "b@x.example", "--text", "Hello", code=0)
    done = run("send", *to_plain, "--fro", "a@x.example", "--to", "b@x.example", "--text", "Hello", code=0)
    assert plain.count == 2, done
