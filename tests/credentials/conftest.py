import pytest
from mailer import facade

import rsmtp
from credentials.endpoint import Endpoint


@pytest.fixture
def endpoint():
    with Endpoint() as endpoint:
        yield endpoint


@pytest.fixture(params=["Mailer", "AsyncMailer"])
def either_mailer(request, monkeypatch):
    """The same test by both: under asyncio, the facade stands where Mailer does."""
    if request.param == "AsyncMailer":
        monkeypatch.setattr(rsmtp, "Mailer", facade.Mailer)
    yield request.param
    facade.close_loops()
