"""The servers for every test in this folder: started once, their log shown where a test fails."""

import ssl

import pytest

from servers.bed import Bed, unavailable


@pytest.fixture(scope="session")
def bed():
    reason = unavailable()
    if reason:
        pytest.skip(reason)
    bed = Bed()
    try:
        bed.start()
        yield bed
    finally:
        bed.remove()


@pytest.fixture(params=["smtplib", "rsmtp.smtplib"])
def client(request):
    """The module under test: the standard library's, and ours in its place."""
    return pytest.importorskip(request.param, exc_type=ImportError)


@pytest.fixture
def trusting(bed):
    """An SSLContext that trusts the bed's certificate authority."""
    return ssl.create_default_context(cafile=bed.ca_file)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows what the servers logged while it ran."""
    report = yield
    bed = getattr(item, "funcargs", {}).get("bed")
    if bed and report.failed:
        report.sections.append(("the servers' log", bed.log()[-8000:]))
    return report
