"""An outbox's page is tested with http.client and in Debian's Chromium."""

import pytest

import rsmtp
from browser import browser, open_page
from inbox.tools import Api
from rsmtp.outbox import Outbox
from rsmtp.outbox_page import OutboxPage

__all__ = ["browser", "open_page"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mail.db"


@pytest.fixture
def outbox(path):
    with Outbox(path, first_retry=60.0) as outbox:
        yield outbox


@pytest.fixture
def served(outbox, path):
    with OutboxPage(path) as page:
        yield page


@pytest.fixture
def api(served):
    return Api(served)


@pytest.fixture
def catcher():
    with rsmtp.Catcher(tls="none") as catcher:
        yield catcher


@pytest.fixture
def run(outbox, catcher):
    """Sends the messages that are due."""

    def run(**options):
        url = f"smtp://{catcher.host}:{catcher.port}?tls=none"
        with rsmtp.Mailer(url, **({"retries": 0, "timeout": 20} | options)) as mailer:
            return outbox.run(mailer)

    return run
