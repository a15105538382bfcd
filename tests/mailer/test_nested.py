"""A logging handler sends through the mailer whose conversation it is logging."""

import logging

import pytest

import rsmtp
from rsmtp import errors

MESSAGE = ("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhello\r\n")


class Sends(logging.Handler):
    """A handler that sends a mail for each record that is not about its own sending."""

    def __init__(self, send):
        super().__init__()
        self.send, self.busy, self.raised, self.sent = send, False, [], 0

    def emit(self, record):
        if self.busy:
            return
        self.busy = True
        try:
            self.send()
            self.sent += 1
        except errors.SMTPException as error:
            self.raised.append(error)
        finally:
            self.busy = False


@pytest.fixture
def listens():
    logger = logging.getLogger("rsmtp")
    level, handlers = logger.level, []

    def add(handler):
        handlers.append(handler)
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
        return handler

    yield add
    for handler in handlers:
        logger.removeHandler(handler)
    logger.setLevel(level)


@pytest.mark.parametrize("inner", ["send", "send_all"])
def test_it_would_wait_for_itself_and_is_told_so(catcher, listens, inner):
    with rsmtp.Mailer(host="127.0.0.1", port=catcher.port, tls="none") as mailer:
        ways = {"send": lambda: mailer.send(MESSAGE), "send_all": lambda: mailer.send_all([MESSAGE])}
        handler = listens(Sends(ways[inner]))
        assert mailer.send(MESSAGE).ok
        assert handler.raised and {type(error) for error in handler.raised} == {errors.SMTPStateError}
        assert "another mailer" in str(handler.raised[0])


@pytest.mark.parametrize("inner", ["send", "send_all"])
def test_what_send_all_logs_is_heard_by_a_thread_without_a_session(catcher, listens, inner):
    with rsmtp.Mailer(host="127.0.0.1", port=catcher.port, tls="none") as mailer:
        ways = {"send": lambda: mailer.send(MESSAGE), "send_all": lambda: mailer.send_all([MESSAGE])}
        handler = listens(Sends(ways[inner]))
        assert mailer.send_all([MESSAGE]).ok
        assert handler.sent and not handler.raised


def test_with_another_session_free_it_is_sent(catcher, listens):
    with rsmtp.Mailer(host="127.0.0.1", port=catcher.port, tls="none", connections=2) as mailer:
        handler = listens(Sends(lambda: mailer.send(MESSAGE)))
        assert mailer.send(MESSAGE).ok
        assert handler.sent and not handler.raised
