"""Fixtures for all Python tests."""

import logging
import os
import signal

import hypothesis
import pytest

pytest_plugins = ["pytester"]  # for tests/pytest_plugin

# A busy machine is not a failure. (With CI set, Hypothesis chooses this itself, and
# the same examples each time.)
if not os.environ.get("CI"):
    hypothesis.settings.register_profile("patient", deadline=None)
    hypothesis.settings.load_profile("patient")

# A shell starts background jobs with SIGINT ignored, and what is started
# from there inherits that: some tests interrupt themselves or others.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """With RSMTP_SKIP_NOTHING set, as in continuous integration, a skipped test has failed.

    `skipif` is another thing: it says that a test has no meaning here (an older Python),
    where `pytest.skip` says that something is missing.
    """
    report = yield
    missing = report.skipped and not hasattr(report, "wasxfail") and not item.get_closest_marker("skipif")
    if missing and os.environ.get("RSMTP_SKIP_NOTHING"):
        reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be: {reason}"
    return report


@pytest.fixture(autouse=True)
def loggers_of_ours():
    """A command that runs in the tests' own process turns on logging and never turns it off,
    which would affect the next test."""
    loggers = [logging.getLogger(f"rsmtp{name}") for name in ("", ".mail", ".smtp", ".tls")]
    before = [(logger.level, [*logger.handlers]) for logger in loggers]
    yield
    for logger, (level, handlers) in zip(loggers, before, strict=True):
        logger.setLevel(level)
        for handler in [handler for handler in logger.handlers if handler not in handlers]:
            if not isinstance(handler, logging.NullHandler):
                logger.removeHandler(handler)


@pytest.fixture(params=["Mailer", "AsyncMailer"])
def either_mailer(request, monkeypatch):
    """Runs the test with both mailers. For asyncio, the facade replaces Mailer."""
    from mailer import facade

    import rsmtp

    if request.param == "AsyncMailer":
        monkeypatch.setattr(rsmtp, "Mailer", facade.Mailer)
    yield request.param
    facade.close_loops()
