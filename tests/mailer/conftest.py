import pytest
from mailer import facade

import rsmtp


@pytest.fixture
def catcher():
    with rsmtp.Catcher(tls="none") as catcher:
        yield catcher


@pytest.fixture(params=["Mailer", "AsyncMailer"])
def either_mailer(request, monkeypatch):
    """Runs the test with both mailers. For asyncio, the facade replaces Mailer."""
    if request.param == "AsyncMailer":
        monkeypatch.setattr(rsmtp, "Mailer", facade.Mailer)
    yield request.param
    facade.close_loops()
