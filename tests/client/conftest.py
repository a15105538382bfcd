import pytest

import rsmtp
from client import facade
from rsmtp import smtplib as mirror


@pytest.fixture(params=["blocking", "asyncio"])
def either_driver(request, monkeypatch):
    """The same test over both drivers: under asyncio, the facade stands where the
    blocking client does."""
    if request.param == "blocking":
        yield request.param
        return
    monkeypatch.setattr(rsmtp, "SmtpClient", facade.Client)
    monkeypatch.setattr(mirror, "LMTP", facade.Lmtp)
    yield request.param
    facade.close_loop()
