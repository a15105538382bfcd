"""A traceback shows the caller's code and its call, and nothing below that."""

import asyncio
import os
import traceback

import pytest

import rsmtp
from rsmtp import errors, smtplib

OURS = os.path.dirname(rsmtp.__file__) + os.sep
MESSAGE = ("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhello\r\n")


@pytest.fixture
def refusing():
    with rsmtp.Catcher(tls="none") as catcher:
        catcher.fault("RCPT", reply=(550, "5.1.1 no such user"))
        yield catcher


def to(port):
    return {"host": "127.0.0.1", "port": port, "tls": "none", "retries": 0}


def client_sends(port):
    with rsmtp.SmtpClient("127.0.0.1", port) as client:
        client.sendmail(*MESSAGE)


def client_is_misused(port):
    with rsmtp.SmtpClient("127.0.0.1", port) as client:
        client.docmd("BDAT", "5")


def client_comes(port):
    rsmtp.SmtpClient("127.0.0.1", port, tls="starttls")


def mirror_sends(port):
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail(*MESSAGE)


def mirror_comes(port):
    smtplib.LMTP("127.0.0.1", port).starttls()


def mailer_sends(port):
    with rsmtp.Mailer(**to(port)) as mailer:
        mailer.send(MESSAGE)


def mailer_sends_all(port):
    with rsmtp.Mailer(**{**to(port), "tls": "starttls"}) as mailer:
        mailer.send_all([MESSAGE])


def mailer_streams(port):
    with rsmtp.Mailer(**{**to(port), "tls": "starttls"}) as mailer:
        list(mailer.send_all([MESSAGE], stream=True))


def mailer_is_made(port):
    rsmtp.Mailer(host="127.0.0.1", port=port, tls="startls")


def receipt_raises(port):
    with rsmtp.Mailer(**to(port)) as mailer:
        mailer.send(MESSAGE, check=False).raise_for_refused()


def one_call_sends(port):
    rsmtp.send(MESSAGE, **to(port))


def awaited_call_sends(port):
    async def script():
        await rsmtp.asend(MESSAGE, **to(port))

    asyncio.run(script())


def async_client_sends(port):
    async def script():
        async with rsmtp.AsyncSmtpClient("127.0.0.1", port) as client:
            await client.sendmail(*MESSAGE)

    asyncio.run(script())


def async_client_comes(port):
    async def script():
        async with rsmtp.AsyncSmtpClient("127.0.0.1", port, tls="starttls"):
            pass

    asyncio.run(script())


def async_client_is_awaited(port):
    async def script():
        await rsmtp.AsyncSmtpClient("127.0.0.1", port, tls="starttls")

    asyncio.run(script())


def async_mailer_sends(port):
    async def script():
        async with rsmtp.AsyncMailer(**to(port)) as mailer:
            await mailer.send(MESSAGE)

    asyncio.run(script())


def async_mailer_sends_all(port):
    async def script():
        async with rsmtp.AsyncMailer(**{**to(port), "tls": "starttls"}) as mailer:
            await mailer.send_all([MESSAGE])

    asyncio.run(script())


def a_reply_goes_to_no_address(port):
    rsmtp.Message("x").reply("y")


def a_message_is_sent_on_to_no_address(port):
    rsmtp.Message("x").forward("y", to="ann smith@example.org")


def ours_of(error):
    return [frame.name for frame in traceback.extract_tb(error.__traceback__) if OURS in frame.filename]


@pytest.mark.parametrize(
    "script, call",
    [
        (client_sends, "sendmail"),
        (client_is_misused, "docmd"),
        (client_comes, "__init__"),
        (mirror_sends, "sendmail"),
        (mirror_comes, "starttls"),
        (mailer_sends, "send"),
        (mailer_sends_all, "send_all"),
        (mailer_streams, "receipts_of"),
        (mailer_is_made, "__init__"),
        (receipt_raises, None),
        (one_call_sends, "send"),
        (awaited_call_sends, "asend"),
        (async_client_sends, "sendmail"),
        (async_client_comes, "__aenter__"),
        (async_client_is_awaited, "__await__"),
        (async_mailer_sends, "send"),
        (async_mailer_sends_all, "send_all"),
        (a_reply_goes_to_no_address, "reply"),
        (a_message_is_sent_on_to_no_address, "forward"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_the_call_is_the_last_frame(refusing, script, call):
    with pytest.raises((errors.SMTPException, ValueError)) as raised:
        script(refusing.port)
    assert ours_of(raised.value) == [call] * (call is not None)
    # It doesn't show the exception that was being handled when it was raised.
    shown = "".join(traceback.format_exception(raised.value))
    assert "During handling" not in shown and "direct cause" not in shown
    last = traceback.extract_tb(raised.value.__traceback__)[-1]
    assert (OURS if call else __file__) in last.filename


@pytest.mark.parametrize(
    "wrong",
    [
        {"html": "<img src='cid:a'>", "inline": {"a": "none.png"}},
        {"unsubscribe": "example.org/u"},
        {"priority": 1},
        {"calendar": 5},
    ],
    ids=list,
)
def test_a_message_is_refused_where_it_is_made(wrong, monkeypatch):
    with pytest.raises((OSError, ValueError, TypeError)) as raised:
        rsmtp.Message("x", **wrong)
    assert ours_of(raised.value) == []
    monkeypatch.setenv("RSMTP_FULL_TRACEBACK", "1")
    with pytest.raises((OSError, ValueError, TypeError)) as raised:
        rsmtp.Message("x", **wrong)
    assert ours_of(raised.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda: rsmtp.Catcher(port=70000),
        lambda: rsmtp.TlsConfig(verify="no"),
        lambda: rsmtp.Message("x", subtype=5),
        lambda: rsmtp.Message("x").preview(remote=5),
    ],
)
def test_a_call_that_the_engine_answers_is_refused_where_it_is_made(call):
    with pytest.raises((ValueError, TypeError)) as raised:
        call()
    assert ours_of(raised.value) == []


def test_the_frames_of_the_callers_own_code_stay(refusing):
    class Mine(rsmtp.SmtpClient):
        def ehlo(self, name=""):
            raise KeyError("mine") if name == "key" else ValueError("mine")

    def messages():
        yield MESSAGE
        raise ValueError("mine")

    def mapped(row):
        raise ValueError("mine")

    def sends():
        Mine("127.0.0.1", refusing.port).sendmail(*MESSAGE)

    def sends_all():
        rsmtp.Mailer(**to(refusing.port)).send_all(messages())

    for script, theirs in ((sends, "ehlo"), (sends_all, "messages")):
        with pytest.raises(ValueError, match="mine") as raised:
            script()
        assert traceback.extract_tb(raised.value.__traceback__)[-1].name == theirs
        assert len(ours_of(raised.value)) == 1


def test_what_the_caller_was_dealing_with_is_told(refusing):
    def script():
        try:
            raise KeyError("the caller's")
        except KeyError:
            mailer_is_made(refusing.port)

    with pytest.raises(ValueError, match="tls") as raised:
        script()
    assert "the caller's" in "".join(traceback.format_exception(raised.value))


def test_all_frames_on_demand(refusing, monkeypatch):
    monkeypatch.setenv("RSMTP_FULL_TRACEBACK", "1")
    with pytest.raises(errors.SMTPRecipientsRefused) as raised:
        client_sends(refusing.port)
    assert len(ours_of(raised.value)) > 2


def test_a_fault_of_ours_can_be_found(refusing, monkeypatch):
    def broken(*_args):
        raise AssertionError("ours")

    with rsmtp.SmtpClient("127.0.0.1", refusing.port) as client:
        monkeypatch.setattr(type(client), "_rsmtp_perform", broken)
        with pytest.raises(AssertionError) as raised:
            client.noop()
        monkeypatch.undo()
    assert len(ours_of(raised.value)) > 1


@pytest.mark.parametrize("script", [rsmtp.Mailer, rsmtp.SmtpClient, rsmtp.SmtpClient().login])
def test_a_misspelt_argument_is_told_once(script):
    with pytest.raises(TypeError) as raised:
        script(timeuot=1)
    shown = "".join(traceback.format_exception(raised.value))
    assert shown.count("timeuot'") == 1 and "During handling" not in shown


@pytest.mark.parametrize("arguments", [{"hostname": "x"}, {"server": "x"}, {"hots": "x"}])
@pytest.mark.parametrize("script", [rsmtp.Mailer, rsmtp.SmtpClient])
def test_a_name_from_another_library_is_told_by_ours(script, arguments):
    with pytest.raises(TypeError, match=r"; did you mean 'host'\?"):
        script(**arguments)


def test_a_failed_test_ends_with_its_own_line(pytester, monkeypatch):
    """pytest shows the source of every frame, including whole methods with their docstrings."""
    pytester.makepyfile("""
        import pytest, rsmtp

        MESSAGE = ("a@example.org", ["b@example.org"], "Subject: x\\n\\nhello\\n")

        @pytest.fixture
        def refusing(smtp_server):
            smtp_server.fail_next("RCPT", (550, "5.1.1 no such user"))
            return smtp_server

        def test_client(refusing):
            with rsmtp.SmtpClient(refusing.host, refusing.port) as client:
                client.sendmail(*MESSAGE)

        def test_mailer(refusing):
            with rsmtp.Mailer(refusing.url) as mailer:
                mailer.send(MESSAGE)

        def test_call(refusing):
            rsmtp.send(MESSAGE, refusing.url)

        def test_awaited_by_mistake(refusing):
            import asyncio
            async def script():
                await rsmtp.send(MESSAGE, refusing.url)
            asyncio.run(script())

        def test_fault(smtp_server):
            smtp_server.fail_next("RCTP")
    """)
    done = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    done.assert_outcomes(failed=5)
    text = done.stdout.str()
    assert "SMTPRecipientsRefused" in text
    for ours in ("def sendmail", "def send(", "def fail_next", "raise _for_caller", OURS):
        assert ours not in text, ours
    monkeypatch.setenv("RSMTP_FULL_TRACEBACK", "1")
    text = pytester.runpytest_subprocess("-k", "test_mailer").stdout.str()
    assert "mailer.py" in text and "raise _for_caller" in text
