import pytest

import rsmtp
from rsmtp.outbox import Outbox


@pytest.fixture
def outbox(tmp_path):
    with Outbox(tmp_path / "outbox.db") as outbox:
        yield outbox


@pytest.fixture
def catcher():
    with rsmtp.Catcher(keep=10_000) as catcher:
        yield catcher


@pytest.fixture(params=["threads", "loop"])
def run(request, catcher):
    """`run(outbox)` sends it to the catcher, with either mailer."""
    import asyncio

    def run(outbox, *, url=f"smtp://{catcher.host}:{catcher.port}?tls=none", **options):
        options = {"retries": 0, "timeout": 20} | options
        if request.param == "threads":
            with rsmtp.Mailer(url, **options) as mailer:
                return outbox.run(mailer)

        async def sent():
            async with rsmtp.AsyncMailer(url, **options) as mailer:
                return await outbox.run(mailer)

        return asyncio.run(sent())

    return run
