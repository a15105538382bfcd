"""`rsmtp.airflow` without Airflow and with a stand-in for it. `make suite-airflow` uses the real
one."""

import importlib
import sys
import types

import pytest

import rsmtp


@pytest.fixture
def airflow(monkeypatch):
    """A stand-in for the two parts of Airflow that the hook uses. Returns its connections."""
    connections = {}

    class BaseHook:
        log = types.SimpleNamespace(info=lambda *_: None, warning=lambda *_: None)

        @classmethod
        def get_connection(cls, conn_id):
            return connections[conn_id]

    sdk = types.ModuleType("airflow.sdk")
    sdk.BaseHook = BaseHook
    forget(monkeypatch)
    monkeypatch.setitem(sys.modules, "airflow", types.ModuleType("airflow"))
    monkeypatch.setitem(sys.modules, "airflow.sdk", sdk)
    yield connections
    forget(monkeypatch)


def forget(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("rsmtp.airflow")]:
        monkeypatch.delitem(sys.modules, name)


def connection(conn_type="rsmtp", **extra):
    return types.SimpleNamespace(
        conn_id="mail", conn_type=conn_type, host="localhost", port=None, login=None, password=None,
        extra_dejson=extra,
    )  # fmt: skip


def test_airflow_is_missing(monkeypatch):
    forget(monkeypatch)
    monkeypatch.setitem(sys.modules, "airflow", None)
    monkeypatch.setitem(sys.modules, "airflow.sdk", None)
    with pytest.raises(
        ImportError, match=r"^rsmtp\.airflow needs airflow.*: pip install 'rsmtp\[airflow\]'$"
    ):
        importlib.import_module("rsmtp.airflow")


def test_the_hook_sends(airflow):
    hooks = importlib.import_module("rsmtp.airflow")
    with rsmtp.Catcher() as catcher:
        airflow["mail"] = connection(tls="none", from_email="shop@example.org")
        airflow["mail"].port = catcher.port
        with hooks.RsmtpHook("mail") as hook:
            sent = hook.send_email_smtp(to="ann@example.org", subject="Hi", html_content="<p>x</p>")
    assert sent is None
    assert catcher.messages[0].email["From"] == "shop@example.org"


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        ({}, ("implicit", 465)),
        ({"disable_ssl": True}, ("starttls", 25)),
        ({"disable_ssl": "true", "disable_tls": "false"}, ("starttls", 25)),
        ({"disable_ssl": True, "disable_tls": True}, ("none", 25)),
    ],
)
def test_tls_of_an_smtp_connection(airflow, extra, told):
    importlib.import_module("rsmtp.airflow")
    arguments = sys.modules["rsmtp.airflow.connection"].mailer_arguments
    found = arguments(connection("smtp", timeout="7", retry_limit="2", **extra), extra, "basic")
    assert (found["tls"], found["port"]) == told


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (connection("postgres"), "of the type 'postgres'; rsmtp or smtp is wanted"),
        (connection(rats=5), "rats.*did you mean 'rate'"),
        (connection("smtp", ssl_context="nome"), "ssl_context: 'default' or 'none' is wanted, not 'nome'"),
        (connection("smtp", auth_type="oauth"), "auth_type: 'basic' or 'oauth2' is wanted, not 'oauth'"),
        (connection("smtp", auth_type="oauth2", from_email="a@example.org"), "needs `access_token`, or"),
        (connection("smtp", auth_type="oauth2", access_token="x"), "needs the connection's login"),
    ],
)
def test_what_is_wrong_with_a_connection_is_told(airflow, given, sentence):
    airflow["mail"] = given
    hook = importlib.import_module("rsmtp.airflow").RsmtpHook("mail")
    with pytest.raises((TypeError, ValueError), match=sentence):
        hook.get_conn()
    told, words = hook.test_connection()
    assert not told and words


def test_a_connection_without_a_host_is_not_that_of_the_environment(airflow, monkeypatch):
    monkeypatch.setenv("RSMTP_URL", "smtp://localhost")
    hooks = importlib.import_module("rsmtp.airflow")
    for kind in ("rsmtp", "smtp"):
        airflow["mail"] = connection(kind)
        airflow["mail"].host = None
        with pytest.raises(ValueError, match="the connection 'mail' has no host"):
            hooks.RsmtpHook("mail").get_conn()


def test_microsoft_is_asked_for_a_token(airflow):
    pytest.importorskip("msal")
    airflow["mail"] = connection("smtp", client_id="1", client_secret="2", tenant_id="contoso.com")
    airflow["mail"].login = "ann@contoso.com"
    hooks = importlib.import_module("rsmtp.airflow")
    found = sys.modules["rsmtp.airflow.connection"].mailer_arguments(
        airflow["mail"], airflow["mail"].extra_dejson, "oauth2"
    )
    assert isinstance(found["access_token"], rsmtp.credentials.Microsoft365)
    assert hooks.RsmtpHook("mail", auth_type="oauth2").get_conn()
    del airflow["mail"].extra_dejson["tenant_id"]
    with pytest.raises(ValueError, match="tenant: "):
        hooks.RsmtpHook("mail", auth_type="oauth2").get_conn()
