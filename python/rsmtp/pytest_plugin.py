"""pytest fixtures: a mail server for each test, and the messages it has received.

pytest loads this module at every start, so it loads nothing of rsmtp's until a fixture
is used.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from rsmtp.testing import SentMessages, SmtpServer

_SERVERS: pytest.StashKey[list[SmtpServer]] = pytest.StashKey()
_FIXTURES = ("smtp_server", "smtp_server_tls")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("smtp_timeout", "seconds that sent_messages waits for mail (default: 5)", default="5")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "smtp_server(**options): options of the fixtures smtp_server and smtp_server_tls, those of "
        'rsmtp.Catcher, such as tls="implicit", require_auth=True, max_size=1000',
    )


@pytest.fixture
def smtp_server(request: pytest.FixtureRequest) -> Iterator[SmtpServer]:
    """A mail server without TLS, on a free port: `host`, `port`, `url`, `username`,
    `password`, `messages`, `fail_next(...)`. (`rsmtp.testing.SmtpServer`)"""
    yield from _serve(request, "none")


@pytest.fixture
def smtp_server_tls(request: pytest.FixtureRequest) -> Iterator[SmtpServer]:
    """A mail server with STARTTLS: as `smtp_server`, and `ca_file`, `tls_config`,
    `ssl_context`."""
    yield from _serve(request, "starttls")


@pytest.fixture
def sent_messages(request: pytest.FixtureRequest) -> SentMessages:
    """What has arrived at the test's server (`smtp_server` if it asks for none): a list
    that waits. (`rsmtp.testing.SentMessages`)"""
    return _server(request).messages


@pytest.fixture
def smtp_environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Sets the environment variables SMTP_HOST, SMTP_PORT, SMTP_USER, SMTP_PASSWORD,
    RSMTP_URL and, with TLS, SSL_CERT_FILE to the test's server."""
    variables = _server(request).environment
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


def _server(request: pytest.FixtureRequest) -> SmtpServer:
    used = [name for name in _FIXTURES if name in request.fixturenames]
    if len(used) > 1:
        pytest.fail(
            "this test has two servers: ask smtp_server.messages and smtp_server_tls.messages", pytrace=False
        )
    server: SmtpServer = request.getfixturevalue(used[0] if used else "smtp_server")
    return server


def _serve(request: pytest.FixtureRequest, tls: str) -> Iterator[SmtpServer]:
    from rsmtp.testing import SmtpServer

    options: dict[str, Any] = {"tls": tls, "timeout": float(request.config.getini("smtp_timeout"))}
    # The closest marker comes first and has precedence.
    for marker in reversed(list(request.node.iter_markers("smtp_server"))):
        options |= marker.kwargs
    with SmtpServer(**options) as server:
        request.node.stash.setdefault(_SERVERS, []).append(server)
        yield server


# This is the old style of hook wrapper: pluggy has `wrapper=True` only from 1.2 on, and a plugin
# that can't be loaded would break every pytest run of its user.
@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """Adds the conversation to the report of a failing test."""
    report: pytest.TestReport = (yield).get_result()
    if report.failed:
        for server in item.stash.get(_SERVERS, []):
            report.sections.append((f"SMTP conversation ({server.host}:{server.port})", server.conversation))


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Shows the message when `assert "Hello" in message` fails."""
    testing = sys.modules.get("rsmtp.testing")
    if testing is None or op not in ("in", "not in"):
        return None
    if isinstance(right, testing.SentMessage):
        return [f"{left!r} {op} {right!r}", "", *str(right).splitlines()]
    if isinstance(right, testing.SentMessages):
        shown = [repr(message) for message in right] or ["(no message has arrived)"]
        return [f"{left!r} {op} the messages that have arrived:", *shown]
    return None
