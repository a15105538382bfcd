"""The servers for all tests in this folder. They are started once, and a failing test shows their
log."""

import importlib
import ssl

import pytest

from servers import kerberos
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


@pytest.fixture(scope="session")
def realm():
    """A Kerberos realm with the users ann and eve."""
    if reason := kerberos.unavailable():
        pytest.skip(reason)
    realm = kerberos.Realm()
    try:
        realm.add("ann", "eve")
        yield realm
    finally:
        realm.remove()


@pytest.fixture
def in_the_realm(realm, monkeypatch):
    """Sets the Kerberos library's environment: this realm, and no ticket."""
    for name, value in realm.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{realm.folder}/none")
    monkeypatch.delenv("KRB5_CLIENT_KTNAME", raising=False)


@pytest.fixture
def ticket(in_the_realm, realm, monkeypatch):
    monkeypatch.setenv("KRB5CCNAME", realm.ticket("ann"))


@pytest.fixture(params=["smtplib", "rsmtp.smtplib"])
def client(request):
    """The module under test: once the standard library's smtplib, and once rsmtp's."""
    return importlib.import_module(request.param)


@pytest.fixture
def trusting(bed):
    """An SSLContext that trusts the bed's certificate authority."""
    return ssl.create_default_context(cafile=bed.ca_file)


@pytest.fixture(autouse=True)
def log_before(bed):
    return bed.log_sizes()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows what the servers logged during a failed test."""
    report = yield
    fixtures = getattr(item, "funcargs", {})
    if report.failed and "bed" in fixtures:
        log = fixtures["bed"].log(after=fixtures["log_before"])
        report.sections.append(("the end of the servers' log", log[-20_000:]))
    return report
