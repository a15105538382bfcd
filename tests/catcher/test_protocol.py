"""Extensions, command order, syntax and limits, tested with a bare socket."""

import pytest

import rsmtp

EXTENSIONS = [
    "STARTTLS", "AUTH", "PIPELINING", "CHUNKING", "8BITMIME", "SMTPUTF8", "SIZE", "DSN",
    "ENHANCEDSTATUSCODES", "HELP", "FUTURERELEASE", "DELIVERBY", "MT-PRIORITY", "BINARYMIME", "RRVS", "XVERP",
]  # fmt: skip


def offered(raw):
    raw.send(b"EHLO me\r\n")
    code, lines = raw.reply()
    assert code == 250
    return {text.split()[0]: text.split()[1:] for text in lines[1:]}


def test_everything_is_offered(line):
    with rsmtp.Catcher(auth_before_tls=True) as catcher, line(catcher) as raw:
        assert sorted(offered(raw)) == sorted(EXTENSIONS)


@pytest.mark.parametrize("name", EXTENSIONS)
def test_each_extension_can_be_turned_off(line, name):
    with (
        rsmtp.Catcher(auth_before_tls=True, without=[name.lower()]) as catcher,
        line(catcher) as raw,
    ):
        # Binary content needs BDAT.
        gone = {name, "BINARYMIME"} if name == "CHUNKING" else {name}
        assert sorted(offered(raw)) == sorted(set(EXTENSIONS) - gone)


@pytest.mark.parametrize(
    ("name", "command", "code"),
    [
        ("STARTTLS", "STARTTLS", 502),
        ("AUTH", "AUTH PLAIN AAAA", 502),
        ("CHUNKING", "BDAT 1", 502),
        ("HELP", "HELP", 502),
        ("8BITMIME", "MAIL FROM:<a@b> BODY=8BITMIME", 555),
        ("SMTPUTF8", "MAIL FROM:<a@b> SMTPUTF8", 555),
        ("SIZE", "MAIL FROM:<a@b> SIZE=1", 555),
        ("DSN", "MAIL FROM:<a@b> RET=FULL", 555),
        ("REQUIRETLS", "MAIL FROM:<a@b> REQUIRETLS", 555),
        ("FUTURERELEASE", "MAIL FROM:<a@b> HOLDFOR=1", 555),
        ("DELIVERBY", "MAIL FROM:<a@b> BY=1;N", 555),
        ("MT-PRIORITY", "MAIL FROM:<a@b> MT-PRIORITY=1", 555),
        ("BINARYMIME", "MAIL FROM:<a@b> BODY=BINARYMIME", 555),
        ("XVERP", "MAIL FROM:<a@b> XVERP", 555),
    ],
)
def test_what_is_not_offered_is_not_done(line, name, command, code):
    with rsmtp.Catcher(auth_before_tls=True, without=[name]) as catcher, line(catcher) as raw:
        assert raw.say("EHLO me", command) == [250, code]


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ("RET=FULL ENVID=QQ+2B1 HOLDFOR=2592000 BY=5;RT MT-PRIORITY=-9", 250),
        ("HOLDUNTIL=2020-01-01T00:00:00Z", 250),
        ("REQUIRETLS", 555),  # without TLS
        ("RET=SOME", 501),
        ("ENVID=a=b", 501),
        ("HOLDFOR=2592001", 501),
        ("HOLDFOR=0", 501),
        ("HOLDUNTIL=9999-01-01T00:00:00Z", 501),
        ("HOLDFOR=1 HOLDUNTIL=2020-01-01T00:00:00Z", 501),
        ("BY=0;R", 501),
        ("MT-PRIORITY=10", 501),
        ("RET=FULL RET=HDRS", 501),
    ],
)
def test_options_of_a_message(catcher, line, parameters, code):
    with line(catcher) as raw:
        assert raw.say("EHLO me", f"MAIL FROM:<a@b> {parameters}") == [250, code]


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ("NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+2Bb@c RRVS=2014-04-03T23:01:00Z;C", 250),
        ("ORCPT=utf-8;j\\x{FC}rgen@c", 250),
        ("NOTIFY=NEVER,SUCCESS", 501),
        ("NOTIFY", 501),
        ("ORCPT=a@b", 501),
        ("RRVS=yesterday", 501),
        ("NOTIFY=NEVER NOTIFY=NEVER", 501),
        ("SIZE=5", 555),
    ],
)
def test_options_of_a_recipient(catcher, line, parameters, code):
    with line(catcher) as raw:
        assert raw.say("EHLO me", "MAIL FROM:<a@b>", f"RCPT TO:<c@d> {parameters}") == [250, 250, code]


def test_binary_content_does_not_come_by_data(catcher, line):
    with line(catcher) as raw:
        said = raw.say("EHLO me", "MAIL FROM:<a@b> BODY=BINARYMIME", "RCPT TO:<c@d>", "DATA")
        assert said == [250, 250, 250, 503]


def test_requiretls_is_offered_by_tls_alone():
    with rsmtp.Catcher() as catcher:
        context = rsmtp.TlsConfig(ca_file=catcher.ca_file)
        with rsmtp.SmtpClient("localhost", catcher.port, context=context) as client:
            client.ehlo()
            assert not client.has_extn("requiretls")
            client.starttls()
            client.ehlo()
            assert client.has_extn("requiretls")
            assert client.esmtp_features["futurerelease"].startswith("2592000 20")


def test_extensions_can_be_chosen(line):
    with rsmtp.Catcher(extensions=["SIZE"], max_size=1000) as catcher, line(catcher) as raw:
        assert offered(raw) == {"SIZE": ["1000"]}
        raw.send(b"NOOP\r\n")
        assert raw.reply() == (250, ["Ok"])  # without an enhanced status code


def test_a_whole_group_is_answered_in_order(catcher, line):
    with line(catcher) as raw:
        codes = raw.say("EHLO me", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "RCPT TO:bad", "RSET", "NOOP", "QUIT")
        assert codes == [250, 250, 250, 501, 250, 250, 221]
        assert raw.rest() == b""


def test_without_pipelining_one_command_at_a_time(line):
    with rsmtp.Catcher(tls="none", without=["PIPELINING"]) as catcher, line(catcher) as raw:
        assert raw.say("EHLO me") == [250]
        raw.send(b"NOOP\r\nNOOP\r\n")
        assert raw.reply()[0] == 554
        assert raw.rest() == b""


@pytest.mark.parametrize(
    ("commands", "codes"),
    [
        (["MAIL FROM:<a@b>"], [503]),
        (["RCPT TO:<a@b>"], [503]),
        (["DATA"], [503]),
        (["EHLO"], [501]),
        (["HELO"], [501]),
        (["LHLO me"], [500]),
        (["EHLO me", "MAIL FROM:<a@b>", "MAIL FROM:<a@b>"], [250, 250, 503]),
        (["EHLO me", "MAIL FROM:<a@b>", "DATA"], [250, 250, 554]),
        (["EHLO me", "MAIL FROM:<a@b>", "EHLO me", "RCPT TO:<c@d>"], [250, 250, 250, 503]),
        (["EHLO me", "MAIL FROM:<a@b>", "RSET", "RCPT TO:<c@d>"], [250, 250, 250, 503]),
        (["EHLO me", "MAIL FROM:a@b", "MAIL FROM: <a@b>", "MAIL TO:<a@b>"], [250, 501, 501, 501]),
        (["EHLO me", "MAIL FROM:<a b@c>", "MAIL FROM:<a@b,c@d>"], [250, 501, 501]),
        (["EHLO me", "MAIL FROM:<a@b> X=1", "MAIL FROM:<a@b> BODY=9BIT"], [250, 555, 501]),
        (["HELO me", "MAIL FROM:<a@b> SIZE=1"], [250, 555]),
        (["RSET x", "QUIT x", "VRFY", "BDAT"], [501, 501, 501, 501]),
        (["VRFY bob", "EXPN list", "HELP", "NOOP x"], [252, 550, 214, 250]),
        (["TURN", "XYZZYXYZZY", ""], [500, 500, 500]),
        (["STARTTLS"], [502]),
        (["EHLO me", "BDAT 5 LAST\r\nabc", "NOOP"], [250, 503, 250]),
    ],
)
def test_order_and_syntax(catcher, line, commands, codes):
    with line(catcher) as raw:
        assert raw.say(*commands) == codes


def test_lines_have_an_end_and_a_length(catcher, line):
    with line(catcher) as raw:
        raw.send(b"NOOP\n")
        assert raw.reply()[0] == 500
        raw.send(b"NOOP " + b"x" * 5000 + b"\r\n")
        assert raw.reply()[0] == 500
        raw.send(b"NO\0OP\r\n")
        assert raw.reply()[0] == 501
        assert raw.say("NOOP") == [250]


def test_nonsense_is_forgiven_for_a_while(catcher, line):
    with line(catcher) as raw:
        raw.send(b"GET / HTTP/1.1\r\n" * 200)
        assert raw.rest().endswith(b"421 4.7.0 Too many errors\r\n")


def test_size_is_checked_before_and_after(line):
    with rsmtp.Catcher(tls="none", max_size=100) as catcher, line(catcher) as raw:
        assert raw.say("EHLO me", "MAIL FROM:<a@b> SIZE=101") == [250, 552]
        assert raw.say("MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA") == [250, 250, 354]
        raw.send(b"x" * 101 + b"\r\n.\r\n")
        assert raw.reply()[0] == 552
        assert raw.say("MAIL FROM:<a@b>", "RCPT TO:<c@d>") == [250, 250]
        raw.send(b"BDAT 101 LAST\r\n" + b"x" * 101)
        assert raw.reply()[0] == 552
        assert raw.say("NOOP") == [250]
        assert catcher.count == 0


def test_recipients_and_messages_are_limited(line):
    options = {"max_recipients": 2, "max_messages": 1}
    with rsmtp.Catcher(tls="none", **options) as catcher, line(catcher) as raw:
        assert offered(raw)["LIMITS"] == ["MAILMAX=1", "RCPTMAX=2"]
        codes = raw.say("MAIL FROM:<a@b>", "RCPT TO:<1@b>", "RCPT TO:<2@b>", "RCPT TO:<3@b>", "DATA")
        assert codes == [250, 250, 250, 452, 354]
        assert raw.say(".", "MAIL FROM:<a@b>") == [250, 421]
        assert raw.rest() == b""
        assert catcher.messages[0].rcpt_tos == ["1@b", "2@b"]


def test_connections_are_limited(line):
    with rsmtp.Catcher(tls="none", max_connections=1) as catcher:
        first = line(catcher)
        assert line(catcher).greeting[0] == 421
        assert first.say("QUIT") == [221]
        first.close()


def test_silence_is_limited(line):
    with rsmtp.Catcher(tls="none", idle_timeout=0.1) as catcher, line(catcher) as raw:
        assert raw.rest() == b"421 4.4.2 Idle for too long\r\n"


@pytest.mark.parametrize("unix", [False, True])
def test_lmtp_answers_for_each_recipient(line, tmp_path, unix):
    path = tmp_path / "lmtp.sock" if unix else None
    with rsmtp.Catcher(protocol="lmtp", tls="none", unix=path) as catcher, line(catcher) as raw:
        catcher.fault("end-of-data", address="full@b", reply=(452, "4.2.2 mailbox full"))
        assert raw.greeting == (220, ["localhost LMTP rsmtp catcher"])
        assert raw.say("EHLO me", "HELO me", "LHLO me") == [500, 500, 250]
        assert raw.say("MAIL FROM:<a@b>", "DATA") == [250, 503]
        assert raw.say("RCPT TO:<1@b>", "RCPT TO:<full@b>", "RCPT TO:<2@b>", "DATA") == [
            250,
            250,
            250,
            354,
        ]
        raw.send(b"x\r\n.\r\n")
        assert [raw.reply()[0] for _ in range(3)] == [250, 452, 250]
        assert catcher.messages[0].rcpt_tos == ["1@b", "2@b"]
    assert path is None or not path.exists()
