"""Comments, names and docs say who is meant: the server, the caller, the session, the peer.

Words that name no one make a reader guess, and each of these lines had a clearer one. The
list is short on purpose: it has only words that good technical English does without.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PLACES = ("src", "python", "docs", "tests", "tools", "bench", "examples", "fuzz", "requirements", ".github")
KINDS = {".rs", ".py", ".pyi", ".md", ".js", ".css", ".html", ".smtp", ".toml", ".yml", ".txt", ".ipynb", ""}
# Folders with generated files.
MADE = {"target", "_build", "node_modules", "__pycache__", "corpus", "artifacts"}

UNWANTED = {
    r"who(m|so)?ever|nobody|somebody|anybody|everybody": "name the server, the caller, the session, the peer",
    r"so and so|in one go": "say how, or how many",
    r"of his own|his own way": "a program is not a he: its own",
    r"no, not unchanged": "not without a change",
}
# In quotes or in an address, "nobody" is an account or a local part.
PATTERN = re.compile(
    r"(?<![A-Za-z\"'@/])(?:"
    + "|".join(f"(?P<w{number}>{words})" for number, words in enumerate(UNWANTED))
    + r")(?![A-Za-z@:\"'\d])",
    re.IGNORECASE,
)
ALLOWED = re.compile(
    r"From nobody |local_parts = nobody|called nobody|nobody\b.*not in line|user === 'nobody'"
)


def unwanted(text):
    """(line number, line, advice) for each line with one of these words."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        match = PATTERN.search(ALLOWED.sub("", line))
        if match:
            advice = list(UNWANTED.values())[int(match.lastgroup[1:])]
            found.append((number, line.strip(), advice))
    return found


def written():
    yield from (path for path in ROOT.iterdir() if path.is_file() and path.suffix in KINDS)
    for place in PLACES:
        for path in sorted((ROOT / place).rglob("*")):
            if path.suffix in KINDS and path.is_file() and not MADE & set(path.relative_to(ROOT).parts):
                yield path


@pytest.mark.parametrize(
    "line",
    [
        "# Whoever holds it may be gone.",
        "def test_nobody_listens(run):",
        "/// Sent to everybody.",
        "a way of his own",
    ],
)
def test_the_check_finds_them(line):
    assert unwanted(line)


@pytest.mark.parametrize("line", ["to nobody@example.org", 'name == "nobody"', "the server's own way"])
def test_the_check_leaves_others_alone(line):
    assert not unwanted(line)


def test_everything_written_names_who_is_meant():
    found = []
    for path in written():
        if path == Path(__file__).resolve():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        where = path.relative_to(ROOT)
        found += [f"{where}:{number}: {line[:120]}  ({advice})" for number, line, advice in unwanted(text)]
    assert not found, "\n".join(found)


def test_no_file_has_what_an_unfinished_merge_leaves():
    marker = re.compile(r"^(<{7} |>{7} )", re.MULTILINE)
    assert [str(path) for path in written() if marker.search(path.read_text(encoding="utf-8"))] == []
