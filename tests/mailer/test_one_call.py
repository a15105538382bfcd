"""`rsmtp.send` and `rsmtp.asend` send one message in one call."""

import asyncio
import email.message
import inspect
import os
import subprocess
import sys

import pytest
from client.scripted import answering, serve

import rsmtp
from rsmtp import errors

A, B = "a@example.org", "b@example.org"
LETTER = "Subject: s\n\nhello\n"


def blocking(*args, **kwargs):
    return rsmtp.send(*args, **kwargs)


def awaited(*args, **kwargs):
    return asyncio.run(rsmtp.asend(*args, **kwargs))


@pytest.fixture(params=[blocking, awaited])
def send(request):
    return request.param


def message(kind="rsmtp"):
    if kind == "rsmtp":
        return rsmtp.Message("hello", subject="s", from_=A, to=[B], bcc=["c@example.org"])
    letter = email.message.EmailMessage()
    letter["From"], letter["To"], letter["Bcc"], letter["Subject"] = A, B, "c@example.org", "s"
    letter.set_content("hello")
    return letter


@pytest.mark.parametrize("kind", ["rsmtp", "standard library"])
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_send(send, kind, tls):
    with rsmtp.Catcher(tls=tls) as catcher:
        receipt = send(
            message(kind),
            host="localhost",
            port=catcher.port,
            username=catcher.username,
            password=catcher.password,
            tls=tls,
            context=rsmtp.TlsConfig(ca_file=catcher.ca_file),
        )
        assert receipt.ok and receipt.queue_id
        assert sorted(catcher.messages[0].rcpt_tos) == [B, "c@example.org"]
        assert "Bcc" not in catcher.messages[0].email
        assert catcher.messages[0].tls is not None
        assert "QUIT" in str(catcher.conversations[0])


def test_a_url_stands_behind_the_message_or_in_the_environment(send, monkeypatch):
    with rsmtp.Catcher(tls="none") as catcher:
        url = f"smtp://localhost:{catcher.port}?tls=none"
        assert send(message(), url).ok
        assert send(message(), url=url).ok
        monkeypatch.setenv("RSMTP_URL", url)
        assert send((A, [B], LETTER)).ok
        assert len(catcher.messages) == 3


def test_a_server_is_asked_for(send, monkeypatch):
    monkeypatch.delenv("RSMTP_URL", raising=False)
    with pytest.raises(ValueError, match="a URL, a host, a provider, or a URL in the variable RSMTP_URL"):
        send(message())


def test_starttls_is_required_for_a_login(send):
    with serve(answering()) as server:
        with pytest.raises(errors.SMTPNotSupportedError, match="STARTTLS"):
            send(message(), host="localhost", port=server.port, username="ann", password="secret")
        server.wait_for_end()
        assert b"MAIL" not in server.heard


def test_a_message_that_no_recipient_got_raises(send):
    with rsmtp.Catcher(tls="none") as catcher:
        where = {"host": "localhost", "port": catcher.port, "tls": "none"}
        catcher.fault("RCPT", reply=(550, "5.1.1 no such user"))
        with pytest.raises(errors.SMTPRecipientsRefused, match="no such user") as caught:
            send((A, [B], LETTER), **where)
        assert caught.value.receipt.refused == [B]
        assert send((A, [B], LETTER), **where, check=False).refused == [B]


def test_both_take_the_same_arguments():
    def arguments(function):  # a coroutine's credentials may be asynchronous callables: other types
        return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]

    assert arguments(rsmtp.send) == arguments(rsmtp.asend)
    assert rsmtp.asend is rsmtp.aio.send
    assert inspect.iscoroutinefunction(rsmtp.asend) and not inspect.iscoroutinefunction(rsmtp.send)
    # The arguments that only several messages would need are left out, and so are a Mailer's rules.
    ours = inspect.signature(rsmtp.send).parameters
    theirs = inspect.signature(rsmtp.Mailer).parameters
    assert set(theirs) - set(ours) == {
        *("connections", "window", "max_messages", "max_age", "keep_idle"),
        *("rate", "rate_per_connection", "per_day", "outbox"),
        *("suppression", "allow", "redirect", "before_send", "after_send", "lint", "verp"),
    }
    for name in set(ours) & set(theirs):
        assert (ours[name].kind, ours[name].default) == (theirs[name].kind, theirs[name].default)


def test_the_blocking_one_works_where_a_loop_runs():
    """In a notebook the main thread has a running loop."""

    async def cell(url):
        await asyncio.sleep(0)
        return rsmtp.send(message(), url)

    with rsmtp.Catcher(tls="none") as catcher:
        url = f"smtp://localhost:{catcher.port}?tls=none"
        assert asyncio.run(cell(url)).ok
        assert len(catcher.messages) == 1


def test_an_await_is_refused_before_anything_is_sent():
    async def plain(url):
        await rsmtp.send(message(), url)

    async def by_keywords(url):
        return [await rsmtp.send((A, [B], LETTER), url=url, retries=0) for _ in range(2)]

    async def unpacked(url):
        options = {"retries": 0}
        await rsmtp.send(*[message(), url], **options)

    async def generator(url):
        yield await rsmtp.send(message(), url)

    with rsmtp.Catcher(tls="none") as catcher:
        url = f"smtp://localhost:{catcher.port}?tls=none"
        for coroutine in (plain(url), by_keywords(url), unpacked(url), anext(generator(url))):
            with pytest.raises(TypeError, match=r"write `await rsmtp\.asend\(\.\.\.\)`.* Nothing was sent"):
                asyncio.run(_awaiting(coroutine))
        assert catcher.messages == []


async def _awaiting(awaitable):
    return await awaitable


NOTEBOOK = """
import asyncio
from IPython.core.interactiveshell import InteractiveShell

async def main():
    shell = InteractiveShell.instance()
    shell.user_ns.update(message={message!r}, url={url!r})
    asyncio.get_running_loop()
    calls = ["rsmtp.send", "await rsmtp.asend", "await rsmtp.send"]
    for cell in ["import rsmtp"] + ["receipt = " + call + "(message, url)" for call in calls]:
        done = await shell.run_cell_async(cell, transformed_cell=cell)
        print(type(done.error_in_exec).__name__)

asyncio.run(main())
"""


def test_a_notebook(tmp_path):
    pytest.importorskip("IPython")
    with rsmtp.Catcher(tls="none") as catcher:
        program = NOTEBOOK.format(message=(A, [B], LETTER), url=f"smtp://localhost:{catcher.port}?tls=none")
        environment = {**os.environ, "IPYTHONDIR": str(tmp_path)}
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=50)
        said = [line for line in done.stdout.splitlines() if line in ("NoneType", "TypeError")]
        assert said == ["NoneType", "NoneType", "NoneType", "TypeError"], done.stdout + done.stderr
        assert "write `await rsmtp.asend(...)`" in done.stdout
        assert catcher.count == 2


def test_the_blocking_one_loads_no_event_loop():
    program = (
        "import sys, rsmtp; rsmtp.send(('a@example.org', 'b@example.org', 'Subject: s'), 'null:');"
        "assert 'asyncio' not in sys.modules and 'smtplib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
