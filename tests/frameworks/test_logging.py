"""`rsmtp.logging.MailHandler`."""

import logging
import logging.config
import multiprocessing
import os
import socket
import subprocess
import sys
import textwrap
import threading
import time

import pytest

import rsmtp
from rsmtp.logging import MailHandler


@pytest.fixture
def catcher():
    with rsmtp.Catcher() as catcher:
        yield catcher


@pytest.fixture
def logger():
    logger = logging.getLogger("tests.mailed")
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    yield logger
    for handler in [*logger.handlers]:
        logger.removeHandler(handler)
        handler.close()


def to(catcher, logger, **options):
    handler = MailHandler(
        (catcher.host, catcher.port), "app@example.org", "ops@example.org", "Trouble", **options
    )
    logger.addHandler(handler)
    return handler


def wait_for(catcher, count):
    until = time.monotonic() + 30
    while catcher.count < count:
        assert time.monotonic() < until, f"{catcher.count} of {count} mails"
        time.sleep(0.01)
    return catcher.messages


def parts(message):
    return {part.get_content_type(): part.get_content() for part in message.email.iter_parts()}


def test_records_of_a_moment_are_one_mail(catcher, logger):
    to(catcher, logger, delay=0.3)
    logger.warning("disk %d%% full", 91)
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError:
        logger.exception("no report for %s", "<ann>")
    (message,) = wait_for(catcher, 1)
    assert (message.mail_from, message.rcpt_tos) == ("app@example.org", ["ops@example.org"])
    assert message.email["Subject"] == "Trouble (2 records)"
    assert message.email["Auto-Submitted"] == "auto-generated"
    text, html = parts(message).values()
    assert "disk 91% full" in text and "ZeroDivisionError: division by zero" in text
    assert "no report for &lt;ann&gt;" in html and "<ann>" not in html
    assert "WARNING</b>" in html and "ERROR</b>" in html


def test_one_record_at_once(catcher, logger):
    to(catcher, logger, delay=0)
    logger.error("first")
    assert wait_for(catcher, 1)[0].email["Subject"] == "Trouble"
    logger.error("second")
    assert "second" in parts(wait_for(catcher, 2)[1])["text/plain"]


def test_the_same_record_is_counted(catcher, logger):
    handler = to(catcher, logger, delay=100, capacity=2)
    for number in range(5_000):
        logger.error("no answer from %d", number)
    logger.error("another")
    for _ in range(3):
        logger.error("a third")
    handler.flush()
    text, html = parts(catcher.messages[0]).values()
    assert text.count("no answer from") == 1 and "no answer from 0" in text
    assert "5,000 times until" in text and "5,000 times until" in html
    assert "3 more records of other kinds" in text and "a third" not in text
    assert catcher.messages[0].email["Subject"] == "Trouble (5,004 records)"


def test_a_record_waits_for_no_server(logger):
    with rsmtp.Catcher() as catcher:
        catcher.fault("greeting", stall=True)
        handler = to(catcher, logger, delay=0, timeout=1)
        before = time.perf_counter()
        for number in range(100):
            logger.error("number %d", number)
        assert time.perf_counter() - before < 0.9
        catcher.clear_faults()
        handler.close()


def test_rate(catcher, logger):
    handler = to(catcher, logger, delay=0, per_hour=3)
    for number in range(3):
        logger.error("mail %d", number)
        wait_for(catcher, number + 1)
    for number in range(7):
        logger.error("kept %d", number)
    time.sleep(0.2)
    handler.flush()
    assert catcher.count == 3
    handler.close()  # what is left is in the last one
    assert "7 times" in parts(catcher.messages[3])["text/plain"]


def test_what_can_not_be_sent_is_kept(catcher, logger, capsys):
    handler = to(catcher, logger, delay=100)
    catcher.fault("end-of-data", reply=(451, "4.3.0 later"), times=1)
    logger.error("first")
    handler.flush()
    assert catcher.count == 0
    assert "1 log record could not be mailed yet: SMTPDataError" in capsys.readouterr().err
    logger.error("second")
    handler.flush()
    (message,) = catcher.messages
    assert "first" in message.data.decode() and "second" in message.data.decode()


def test_what_is_left_at_the_end_is_told(logger, capsys):
    handler = MailHandler(("127.0.0.1", 1), "a@example.org", "b@example.org", "Trouble", delay=100)
    logger.addHandler(handler)
    logger.error("lost")
    handler.close()
    assert "1 log record could not be mailed\n" in capsys.readouterr().err


def test_its_own_records_are_not_mailed(catcher):
    """With a handler on the root logger at DEBUG, each mail would cause another."""
    root = logging.getLogger()
    handler = MailHandler((catcher.host, catcher.port), "a@example.org", "b@example.org", "Log", delay=0)
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        logging.getLogger("shop").error("once")
        wait_for(catcher, 1)
        time.sleep(0.3)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        handler.close()
    assert catcher.count == 1
    assert "rsmtp" not in parts(catcher.messages[0])["text/plain"]


def test_two_handlers_do_not_mail_each_other(catcher):
    """Records that one handler causes while it sends are ignored by the other one."""
    root = logging.getLogger()
    handlers = [
        MailHandler((catcher.host, catcher.port), "a@example.org", to, "Log", delay=0)
        for to in ("b@example.org", "c@example.org")
    ]
    level = root.level
    root.setLevel(logging.DEBUG)
    try:
        for handler in handlers:
            root.addHandler(handler)
        logging.getLogger("shop").error("once")
        wait_for(catcher, 2)
    finally:
        root.setLevel(level)
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()
    # Closing would have sent the records of the first two.
    assert sorted(message.rcpt_tos for message in catcher.messages) == [["b@example.org"], ["c@example.org"]]
    for message in catcher.messages:
        assert "rsmtp" not in parts(message)["text/plain"]


def test_closing_waits_no_longer_than_its_timeout(logger, capsys):
    """A silent server blocks the mail that is being sent, and would block the next one."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        handler = MailHandler(
            silent.getsockname(), "a@example.org", "b@example.org", "Log",
            delay=0, timeout=0.2, mailer={"timeout": 30.0},
        )  # fmt: skip
        logger.addHandler(handler)
        logger.error("one")
        connection, _ = silent.accept()
        with connection:
            logger.error("two")
            handler.close()
            assert handler._thread.is_alive()
    assert "2 log records could not be mailed\n" in capsys.readouterr().err


def test_the_mailer_of_the_program(catcher, logger):
    with rsmtp.Mailer(host=catcher.host, port=catcher.port) as mailer:
        handler = MailHandler(mailer, "a@example.org", ["b@example.org", "c@example.org"], "Log", delay=100)
        logger.addHandler(handler)
        logger.error("one")
        handler.close()
        assert mailer.send(("a@example.org", ["d@example.org"], b"Subject: x\r\n\r\n")).ok
    assert [message.rcpt_tos for message in catcher.messages] == [
        ["b@example.org", "c@example.org"],
        ["d@example.org"],
    ]


def test_subject_of_a_subclass(catcher, logger):
    class Named(MailHandler):
        def getSubject(self, record):
            return f"{record.levelname}: {record.getMessage()}"

    handler = Named((catcher.host, catcher.port), "a@example.org", "b@example.org", "x", delay=100)
    logger.addHandler(handler)
    logger.info("started")
    logger.critical("on fire\r\nBcc: everyone@example.org")
    handler.flush()
    (message,) = catcher.messages
    assert message.email["Subject"] == "CRITICAL: on fire Bcc: everyone@example.org (2 records)"
    assert message.rcpt_tos == ["b@example.org"] and message.email["Bcc"] is None


def test_control_characters_are_shown(catcher, logger):
    handler = to(catcher, logger, delay=100)
    logger.error("a\x1b[31mred\x00\u202eback")
    handler.flush()
    assert "a\\x1b[31mred\\x00\\u202eback" in parts(catcher.messages[0])["text/plain"]


def test_a_long_record_is_shortened(catcher, logger):
    handler = to(catcher, logger, delay=100)
    logger.error("x" * 3_000_000)
    handler.flush()
    assert catcher.messages[0].size < 100_000
    assert "characters are left out" in parts(catcher.messages[0])["text/plain"]


def test_a_formatter_is_used(catcher, logger):
    handler = to(catcher, logger, delay=100)
    handler.setFormatter(logging.Formatter("<<%(levelname)s>> %(message)s"))
    logger.error("words")
    handler.flush()
    assert parts(catcher.messages[0])["text/plain"].strip().split("\n")[1:] == ["<<ERROR>> words"]


def test_credentials_as_in_smtphandler():
    with rsmtp.Catcher(tls="starttls", username="ann", password="secret") as catcher:
        handler = MailHandler(
            (catcher.host, catcher.port), "a@example.org", "b@example.org", "Log", ("ann", "secret"), (),
            mailer={"context": rsmtp.TlsConfig(ca_file=catcher.ca_file)},
        )  # fmt: skip
        record = logging.LogRecord("shop", logging.ERROR, __file__, 1, "words", (), None)
        handler.handle(record)
        handler.close()
        assert catcher.messages[0].username == "ann" and catcher.messages[0].tls


def test_dict_config(catcher):
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {
                "mail": {
                    "class": "rsmtp.logging.MailHandler",
                    "level": "ERROR",
                    "mailhost": [catcher.host, catcher.port],
                    "fromaddr": "a@example.org",
                    "toaddrs": ["b@example.org"],
                    "subject": "Log",
                    "delay": 100,
                }
            },
            "loggers": {"configured": {"handlers": ["mail"], "propagate": False}},
        }
    )
    logger = logging.getLogger("configured")
    logger.warning("not this")
    logger.error("this")
    handler = logger.handlers[0]
    logger.removeHandler(handler)
    handler.close()
    assert "not this" not in parts(catcher.messages[0])["text/plain"]


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (("localhost", "nonsense address", "b@example.org", "x"), {}, "fromaddr: "),
        (("localhost", "a@example.org", "b@b@example.org", "x"), {}, "toaddrs: "),
        (("localhost", "a@example.org", "b@example.org", "x"), {"delay": -1}, "delay"),
        (("localhost", "a@example.org", "b@example.org", "x"), {"per_hour": 0}, "per_hour"),
        (("localhost", "a@example.org", "b@example.org", "x"), {"capacity": 1.5}, "capacity"),
        (("localhost", "a@example.org", "b@example.org", "x"), {"timeout": "5"}, "timeout"),
        (("smtp://a.example", "a@example.org", "b@example.org", "x"), {"secure": ()}, "secure"),
        (("localhost", "a@example.org", "b@example.org", "x"), {"mailer": {"rats": 1}}, "rats"),
        (("localhost", None, "b@example.org", "x"), {}, "fromaddr: "),
        (("localhost", "a@example.org", "b@example.org", None), {}, "subject: "),
        ((None, "a@example.org", "b@example.org", "x"), {}, "host"),
    ],
)
def test_bad_arguments_are_told_at_once(arguments, options, words):
    with pytest.raises((ValueError, TypeError), match=words):
        MailHandler(*arguments, **options)


def run(code, catcher):
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(code),
         catcher.host, str(catcher.port)],
        capture_output=True, text=True, timeout=50,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


BEGINNING = """
    import logging, os, sys, threading
    from rsmtp.logging import MailHandler
    handler = MailHandler((sys.argv[1], int(sys.argv[2])), "a@example.org", "b@example.org", "Log", delay=100)
    logging.getLogger("shop").addHandler(handler)
"""


def test_what_is_left_is_sent_at_exit(catcher):
    run(BEGINNING + "    logging.getLogger('shop').error('the last words')\n", catcher)
    assert "the last words" in parts(catcher.messages[0])["text/plain"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_mails_its_own_records(catcher):
    code = """
    logging.getLogger("shop").error("of the parent")
    child = os.fork()
    logging.getLogger("shop").error("of the child" if not child else "of the parent again")
    if child:
        assert os.waitpid(child, 0)[1] == 0
    """
    run(BEGINNING + code, catcher)
    texts = sorted((parts(message)["text/plain"].count("of the parent"), message.data.count(b"of the child"))
                   for message in catcher.messages)  # fmt: skip
    assert [bool(of_child) for _, of_child in texts] == [True, False]
    assert texts[0][0] == 0 and texts[1][0] == 2


def test_from_many_threads(catcher, logger):
    handler = to(catcher, logger, delay=0.01, per_hour=1_000_000)

    def log(number):
        for _ in range(500):
            logger.error(f"thread {number}")  # noqa: G004  each is a kind of its own

    threads = [threading.Thread(target=log, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    handler.close()
    counts = dict.fromkeys(range(8), 0)
    for message in catcher.messages:
        lines = parts(message)["text/plain"].split("\n")
        for line, after in zip(lines, [*lines[1:], ""], strict=True):
            if line.startswith("thread "):
                more = after.split()[0].strip("(").replace(",", "") if " times until" in after else "1"
                counts[int(line.split()[1])] += int(more)
    assert set(counts.values()) == {500}


def test_no_subject_keeps_records_from_being_mailed(catcher, logger):
    class Told(MailHandler):
        def getSubject(self, record):
            return f"{record.levelname}: {record.getMessage()}\udc80"

    logger.addHandler(
        Told((catcher.host, catcher.port), "app@example.org", "ops@example.org", "Trouble", delay=0)
    )
    logger.error("a\0b \x1b[31m")
    (first,) = wait_for(catcher, 1)
    assert first.email["Subject"].startswith(r"ERROR: a\x00b \x1b[31m\udc80")


def test_a_subject_that_cannot_be_told_is_the_usual_one(catcher, logger, capsys):
    class Told(MailHandler):
        def getSubject(self, record):
            return record.request_id

    logger.addHandler(
        Told((catcher.host, catcher.port), "app@example.org", "ops@example.org", "Trouble", delay=0)
    )
    logger.error("first")
    assert wait_for(catcher, 1)[0].email["Subject"] == "Trouble"
    assert "request_id" in capsys.readouterr().err


def test_a_thread_that_cannot_start_is_started_by_the_next_record(catcher, logger, monkeypatch):
    to(catcher, logger, delay=0)
    with monkeypatch.context() as patched:
        patched.setattr(logging, "raiseExceptions", False)

        def start(self):
            raise RuntimeError("can't start new thread")

        patched.setattr(threading.Thread, "start", start)
        logger.error("first")
    logger.error("second")
    text = parts(wait_for(catcher, 1)[0])["text/plain"]
    assert "first" in text and "second" in text


def test_a_handler_that_is_closed_sends_no_more(logger, capsys):
    handler = MailHandler(("127.0.0.1", 1), "app@example.org", "ops@example.org", "Trouble")
    logger.addHandler(handler)
    logger.error("first")
    handler.close()
    said = capsys.readouterr().err
    assert "1 log record could not be mailed\n" in said
    handler.flush()
    handler.close()
    assert not capsys.readouterr().err


def test_ctrl_c_that_comes_when_it_is_sent_sends_nothing_twice(catcher, logger):
    class Interrupted(rsmtp.Mailer):
        def send(self, message, **options):
            interrupt = KeyboardInterrupt()
            interrupt.receipt = super().send(message, **options)
            raise interrupt

    handler = MailHandler(
        Interrupted(host=catcher.host, port=catcher.port), "app@example.org", "ops@example.org", "Trouble"
    )
    logger.addHandler(handler)
    logger.error("first")
    with pytest.raises(KeyboardInterrupt):
        handler.flush()
    handler.close()
    assert catcher.count == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_of_multiprocessing_mails_what_it_has_when_it_ends(catcher, logger):
    to(catcher, logger, delay=60)
    child = multiprocessing.get_context("fork").Process(target=logger.error, args=("from the child",))
    child.start()
    child.join(30)
    assert child.exitcode == 0 and catcher.count == 1
    assert "from the child" in parts(catcher.messages[0])["text/plain"]
