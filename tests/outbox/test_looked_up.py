"""A message that is not in the outbox: the error is the caller's, and its traceback has no line of ours."""

import asyncio
import traceback

import pytest

import rsmtp.aiosmtplib


def lines(raised):
    return [frame.filename for frame in traceback.extract_tb(raised.__traceback__)]


@pytest.mark.parametrize("name", ["get", "history", "content", "retry", "cancel"])
@pytest.mark.parametrize(("which", "told"), [("none", "key 'none'"), (7, "number 7")])
def test_of_a_message_that_is_not_there(outbox, name, which, told):
    with pytest.raises(KeyError, match=f"there is no message with the {told}") as caught:
        getattr(outbox, name)(which)
    # The last is the line of `raise` in the function that was called.
    assert [line for line in lines(caught.value)[:-1] if line != __file__] == []


def test_an_encoding_that_no_machine_knows():
    async def asked():
        with rsmtp.Catcher(tls="none") as catcher:
            async with rsmtp.aiosmtplib.SMTP(hostname="127.0.0.1", port=catcher.port) as client:
                await client.mail("ann@example.org", encoding="nonesuch")

    with pytest.raises(LookupError, match="encoding: 'nonesuch'") as caught:
        asyncio.run(asked())
    assert not any("given.py" in line or "verbs.py" in line for line in lines(caught.value))


def test_a_fault_of_ours_shows_its_place(outbox, monkeypatch):
    monkeypatch.setattr(type(outbox), "_entry", lambda self, id: {}[id])
    monkeypatch.setattr(type(outbox), "_id", lambda self, which: which)
    with pytest.raises(KeyError) as caught:
        outbox.get(3)
    assert any("messages.py" in line for line in lines(caught.value))
