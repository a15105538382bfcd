"""A feature that needs an extra's library says which one, and how to install it."""

import sys

import pytest

import rsmtp
from rsmtp._common.extras import library


def test_a_library_that_is_there():
    assert library("json", "json", "this test") is sys.modules["json"]


def test_one_that_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    mailer = rsmtp.Mailer(host="localhost", port=1, retries=0, timeout=1)
    message = rsmtp.Message("Hello", from_="ann@example.org", to="bob@example.org")
    with pytest.raises(ImportError, match=r"^progress=True needs tqdm.*: pip install 'rsmtp\[progress\]'$"):
        mailer.send_all([message], progress=True)


def test_a_broker_library_that_is_missing(monkeypatch):
    from rsmtp.tasks.in_redis import _client

    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ImportError, match=r"^redis= needs redis: pip install 'rsmtp\[celery\]'$"):
        _client("redis://localhost")
