"""The log has one line for each message, and records retries and conversations."""

import asyncio
import logging
import subprocess
import sys
import threading

import pytest

import rsmtp
from rsmtp import smtplib

MESSAGE = ("a@example.org", ["b@example.org"], b"Subject: the-content\r\n\r\nthe-content\r\n")
ADDRESS = "b@example.org"


@pytest.fixture(autouse=True)
def nothing_else_wants_records():
    yield
    for name in ("rsmtp", "rsmtp.mail", "rsmtp.smtp", "rsmtp.tls"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def settings(catcher, **more):
    here = {"host": catcher.host, "port": catcher.port, "tls": "none", "backoff": 0.01, "keep_idle": 0}
    return {**here, **more}


def by_mailer(catcher, **more):
    with rsmtp.Mailer(**settings(catcher, **more)) as mailer:
        mailer.send(MESSAGE, check=False)


def by_many(catcher, **more):
    with rsmtp.Mailer(**settings(catcher, **more)) as mailer:
        mailer.send_all([MESSAGE])


def by_stream(catcher, **more):
    with rsmtp.Mailer(**settings(catcher, **more)) as mailer:
        list(mailer.send_all([MESSAGE], stream=True))


def by_async_mailer(catcher, **more):
    async def send():
        async with rsmtp.AsyncMailer(**settings(catcher, **more)) as mailer:
            await mailer.send(MESSAGE, check=False)

    asyncio.run(send())


def by_async_many(catcher, **more):
    async def send():
        async with rsmtp.AsyncMailer(**settings(catcher, **more)) as mailer:
            await mailer.send_all([MESSAGE])

    asyncio.run(send())


def by_client(catcher):
    with rsmtp.SmtpClient(catcher.host, catcher.port) as client:
        quietly(client.sendmail)


def by_mirror(catcher):
    with smtplib.SMTP(catcher.host, catcher.port) as client:
        quietly(client.sendmail)


def quietly(sendmail):
    try:
        sendmail(*MESSAGE)
    except rsmtp.SMTPException:
        pass


def by_async_client(catcher):
    async def send():
        async with rsmtp.AsyncSmtpClient(catcher.host, catcher.port) as client:
            try:
                await client.sendmail(*MESSAGE)
            except rsmtp.SMTPException:
                pass

    asyncio.run(send())


MAILERS = [by_mailer, by_many, by_stream, by_async_mailer, by_async_many]
ALL = [*MAILERS, by_client, by_mirror, by_async_client]


def said(caplog, name, level):
    return [
        record.getMessage() for record in caplog.records if (record.name, record.levelno) == (name, level)
    ]


@pytest.mark.parametrize("way", ALL)
def test_info_is_one_line_a_message(catcher, caplog, way):
    with caplog.at_level(logging.INFO, "rsmtp"):
        way(catcher)
    (line,) = said(caplog, "rsmtp.mail", logging.INFO)
    assert line.startswith(f"sent to {ADDRESS} by ")
    assert f"queue id {catcher.messages[0].queue_id}" in line and " s, " in line
    assert not any("content" in text for text in caplog.messages)
    assert not said(caplog, "rsmtp.smtp", logging.DEBUG)


@pytest.mark.parametrize("way", ALL)
def test_a_refusal_is_told_in_the_servers_words(catcher, caplog, way):
    catcher.fault("RCPT", reply=(550, "5.1.1 no \x1b[31m such user"))
    with caplog.at_level(logging.INFO, "rsmtp"):
        way(catcher)
    (line,) = said(caplog, "rsmtp.mail", logging.INFO)
    assert line.startswith(f"refused for {ADDRESS} (550 5.1.1 no ")
    assert "\x1b" not in line


@pytest.mark.parametrize("way", ALL)
def test_what_may_have_arrived_has_its_line(catcher, caplog, way):
    catcher.fault("end-of-data", disconnect="fin")
    with caplog.at_level(logging.INFO, "rsmtp"):
        try:
            way(catcher)
        except rsmtp.SMTPException:
            pass
    (line,) = said(caplog, "rsmtp.mail", logging.INFO)
    assert line.startswith(f"unknown for {ADDRESS} by ")
    # If there is nothing left to send, no session is retried.
    assert not said(caplog, "rsmtp.mail", logging.WARNING)


@pytest.mark.parametrize("way", MAILERS)
def test_a_retry_is_a_warning(catcher, caplog, way):
    catcher.fault("RCPT", reply=(450, "4.2.1 busy"), times=1)
    with caplog.at_level(logging.INFO, "rsmtp"):
        way(catcher)
    (warning,) = said(caplog, "rsmtp.mail", logging.WARNING)
    assert f"to {ADDRESS} is tried again in 0.0 s (attempt 2)" in warning and "450 4.2.1 busy" in warning
    (line,) = said(caplog, "rsmtp.mail", logging.INFO)
    assert line.endswith("2 attempts")


@pytest.mark.parametrize("way", MAILERS)
def test_control_characters_of_a_servers_are_escaped_in_warnings(catcher, caplog, way):
    catcher.fault("RCPT", reply=(450, "4.2.1 \x1b[2J busy"), times=1)
    catcher.fault("greeting", reply=(421, "4.3.2 \x1b[2J later"), times=1)
    with caplog.at_level(logging.INFO, "rsmtp"):
        way(catcher)
    warnings = said(caplog, "rsmtp.mail", logging.WARNING)
    assert len(warnings) == 2 and all("[2J" in warning for warning in warnings)
    assert not any("\x1b" in text for text in caplog.messages)


@pytest.mark.parametrize("way", MAILERS)
def test_a_fail_over_is_a_warning(catcher, caplog, way):
    with rsmtp.Catcher(tls="none") as closed:
        where = f"smtp://127.0.0.1:{closed.port}?tls=none"
    other = f"smtp://127.0.0.1:{catcher.port}?tls=none"
    with caplog.at_level(logging.WARNING, "rsmtp"):
        way(catcher, host=None, port=None, tls=None, url=[where, other])
    (warning,) = said(caplog, "rsmtp.mail", logging.WARNING)
    assert f"no session with 127.0.0.1:{closed.port}" in warning
    assert warning.endswith(f"the next server is 127.0.0.1:{catcher.port}")
    assert not said(caplog, "rsmtp.mail", logging.INFO)


@pytest.mark.parametrize("way", ALL)
def test_debug_is_the_conversation(catcher, caplog, way):
    with caplog.at_level(logging.DEBUG, "rsmtp"):
        way(catcher)
    lines = said(caplog, "rsmtp.smtp", logging.DEBUG)
    assert any(f"c: rcpt to:<{ADDRESS}>" in line.lower() for line in lines)
    assert any(line.startswith("S: 250") for line in lines)


@pytest.mark.parametrize("way", [by_mailer, by_many, by_async_mailer, by_async_many])
def test_no_line_shows_a_secret(caplog, way):
    with rsmtp.Catcher(tls="none", username="ann", password="correct-horse", require_auth=True) as catcher:
        with caplog.at_level(logging.DEBUG, "rsmtp"):
            way(catcher, username="ann", password="correct-horse")
        (mail,) = catcher.messages
    assert "horse" not in caplog.text and "Y29ycmVjdC1ob3JzZQ" not in caplog.text
    assert mail.rcpt_tos == [ADDRESS]


def test_levels_follow_at_run_time(catcher, caplog):
    with rsmtp.Mailer(**settings(catcher)) as mailer:
        for level, lines in ((logging.INFO, 1), (logging.WARNING, 0)) * 2:
            caplog.clear()
            with caplog.at_level(level, "rsmtp.mail"):
                mailer.send(MESSAGE)
            assert len(said(caplog, "rsmtp.mail", logging.INFO)) == lines


def test_a_logger_that_is_turned_off_says_nothing_until_it_is_turned_on(catcher, caplog):
    """The engine keeps what a logger answers, as `logging` does, and no longer."""
    logger = logging.getLogger("rsmtp.mail")
    turned = {
        "by disabled": (
            lambda: setattr(logger, "disabled", True),
            lambda: setattr(logger, "disabled", False),
        ),
        "by disable()": (logging.disable, lambda: logging.disable(logging.NOTSET)),
        "by its parent": (
            lambda: logging.getLogger("rsmtp").setLevel(logging.ERROR),
            lambda: logging.getLogger("rsmtp").setLevel(logging.INFO),
        ),
    }
    heard = []
    with rsmtp.Mailer(**settings(catcher)) as mailer, caplog.at_level(logging.INFO, "rsmtp"):
        for way, (off, on) in turned.items():
            for turn in (off, on, off, on):
                caplog.clear()
                turn()
                mailer.send(MESSAGE)
                heard.append((way, turn is on, len(said(caplog, "rsmtp.mail", logging.INFO))))
    assert heard == [(way, on, int(on)) for way in turned for on in (False, True) * 2]


OWN_CLASS = """
import logging, rsmtp
class Own(logging.Logger):
    asked = 0
    def isEnabledFor(self, level):
        Own.asked += self.name == "rsmtp.mail"
        return Own.asked > 4 and super().isEnabledFor(level)
logging.setLoggerClass(Own)
logging.basicConfig(level=logging.INFO)
with rsmtp.SmtpClient("127.0.0.1", {port}) as client:
    for _ in range(6):
        client.sendmail("a@example.org", ["b@example.org"], b"Subject: x\\r\\n\\r\\nx\\r\\n")
print(Own.asked)
"""


def test_a_logger_of_the_programs_own_class_is_always_asked(catcher):
    done = subprocess.run(
        [sys.executable, "-c", OWN_CLASS.format(port=catcher.port)], capture_output=True, text=True
    )
    # The logger asks itself once more before it logs.
    assert len(done.stderr.splitlines()) == 2 and int(done.stdout) == 8


class SendsItself(logging.Handler):
    """A handler that sends a mail for each record that is not about its own mail."""

    def __init__(self, send):
        super().__init__()
        self.send, self.inside, self.sent = send, threading.local(), 0

    def emit(self, record):
        if getattr(self.inside, "yes", False):
            return
        self.inside.yes = True
        try:
            self.send()
            self.sent += 1
        finally:
            self.inside.yes = False


@pytest.mark.parametrize("level", [logging.INFO, logging.DEBUG])
@pytest.mark.parametrize("way", [by_mailer, by_many, by_stream, by_client])
@pytest.mark.parametrize("inner", ["send", "send_all"])
def test_a_handler_that_sends_mail_does_not_wait_for_ever(catcher, way, inner, level):
    logger = logging.getLogger("rsmtp")
    with rsmtp.Catcher(tls="none") as of_handler, rsmtp.Mailer(**settings(of_handler)) as mailer:
        sends = {"send": lambda: mailer.send(MESSAGE), "send_all": lambda: mailer.send_all([MESSAGE])}
        handler = SendsItself(sends[inner])
        logger.addHandler(handler)
        logger.setLevel(level)
        try:
            way(catcher)
        finally:
            logger.removeHandler(handler)
            logger.setLevel(logging.NOTSET)
        assert handler.sent == len(of_handler.messages) > 0
    assert len(catcher.messages) == 1


@pytest.mark.parametrize("inner", ["send", "send_all"])
def test_several_threads_and_one_mailer_whose_handler_sends_by_it(catcher, inner):
    """A session's thread never waits for a handler that another thread is in."""
    logger = logging.getLogger("rsmtp")
    with rsmtp.Mailer(**settings(catcher, connections=2)) as mailer:
        sends = {"send": lambda: mailer.send(MESSAGE), "send_all": lambda: mailer.send_all([MESSAGE])}
        handler = SendsItself(sends[inner])
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        try:
            threads = [threading.Thread(target=mailer.send_all, args=([MESSAGE] * 5,)) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(40)
            assert not any(thread.is_alive() for thread in threads)
        finally:
            logger.removeHandler(handler)
            logger.setLevel(logging.NOTSET)
    assert len(catcher.messages) == 15 + handler.sent == 30


GOOD_RUN = """
import sys, rsmtp
with rsmtp.Mailer(host="127.0.0.1", port={port}, tls="none") as mailer:
    mailer.send(("a@example.org", ["b@example.org"], b"Subject: x\\r\\n\\r\\nx\\r\\n"))
    mailer.send_all([("a@example.org", ["b@example.org"], b"Subject: x\\r\\n\\r\\nx\\r\\n")])
with rsmtp.SmtpClient("127.0.0.1", {port}) as client:
    client.sendmail("a@example.org", ["b@example.org"], b"Subject: x\\r\\n\\r\\nx\\r\\n")
print("logging" in sys.modules)
"""


def test_a_good_run_does_not_load_logging(catcher):
    done = subprocess.run(
        [sys.executable, "-c", GOOD_RUN.format(port=catcher.port)], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("False\n", "")


RETRIES = """
import logging, rsmtp
rsmtp.Mailer(host="127.0.0.1", port={port}, tls="none", backoff=0.01).send(
    ("a@example.org", ["b@example.org"], b"Subject: x\\r\\n\\r\\nx\\r\\n"))
logging.basicConfig(level=logging.INFO)
rsmtp.Mailer(host="127.0.0.1", port={port}, tls="none", backoff=0.01).send(
    ("a@example.org", ["b@example.org"], b"Subject: x\\r\\n\\r\\nx\\r\\n"))
"""


def test_a_program_that_configures_nothing_is_told_nothing(catcher):
    catcher.fault("RCPT", reply=(450, "4.2.1 busy"), times=1)
    done = subprocess.run(
        [sys.executable, "-c", RETRIES.format(port=catcher.port)], capture_output=True, text=True
    )
    (line,) = done.stderr.splitlines()
    assert line.startswith("INFO:rsmtp.mail:sent to b@example.org by 127.0.0.1:")
