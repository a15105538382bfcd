"""`rsmtp.airflow` with the real Airflow, compared with its own `SmtpHook`: `make suite-airflow`."""

import asyncio
import inspect
import json
import os
import re
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest

# This comes before the import of Airflow, which reads its settings from there and writes to it.
FOLDER = tempfile.TemporaryDirectory(prefix="airflow-")
HOME = Path(FOLDER.name)
os.environ |= {"AIRFLOW_HOME": str(HOME), "AIRFLOW__CORE__LOAD_EXAMPLES": "false"}
ROOT = Path(__file__).resolve().parents[2]


def installed():
    """Provides rsmtp's entry points, as if its wheel were installed."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        points = tomllib.load(file)["project"]["entry-points"]["apache_airflow_provider"]
    folder = HOME / "site" / "rsmtp-0.0.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: rsmtp\nVersion: 0.0.0\n")
    lines = [f"{name} = {value}" for name, value in points.items()]
    (folder / "entry_points.txt").write_text("\n".join(["[apache_airflow_provider]", *lines, ""]))
    sys.path.append(str(folder.parent))


installed()

from airflow.providers.smtp.hooks.smtp import SmtpHook  # noqa: E402
from airflow.providers_manager import ProvidersManager  # noqa: E402
from airflow.sdk import BaseHook, Connection  # noqa: E402
from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime  # noqa: E402

import rsmtp  # noqa: E402
from rsmtp.airflow import RsmtpHook  # noqa: E402


@pytest.fixture
def catcher():
    with rsmtp.Catcher(username="you", password="secret", require_auth=True) as catcher:
        yield catcher


@pytest.fixture
def files(tmp_path):
    (tmp_path / "sales.csv").write_bytes(b"city,sum\nBonn,7\n")
    (tmp_path / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return [str(tmp_path / "sales.csv"), str(tmp_path / "logo.png")]


@pytest.fixture
def ours(catcher, monkeypatch):
    """Defines a connection of the type rsmtp in the environment; returns its name."""
    return connect(monkeypatch, catcher, f"retries=0&ca_file={catcher.ca_file}")


def connect(monkeypatch, catcher, extra, kind="rsmtp", login="you:secret@"):
    place = f"{login}localhost:{catcher.port}"
    monkeypatch.setenv("AIRFLOW_CONN_MAIL", f"{kind}://{place}/?from_email=shop%40example.org&{extra}")
    return "mail"


MAIL = {
    "to": "Ann <ann@example.org>; ben@example.org",
    "subject": "Größe",
    "html_content": "<p>Grüße</p><img src='cid:logo.png'>",
    "cc": ["cas@example.org"],
    "bcc": "dan@example.org, eva@example.org",
    "custom_headers": {"X-Run": "7"},
}
EVERYONE = [f"{name}@example.org" for name in ("ann", "ben", "cas", "dan", "eva")]


def seen(message):
    """The parts of a message that a recipient notices."""
    email = message.email
    parts = [
        (part["Content-ID"], part.get_filename(), part.get_payload(decode=True)) for part in email.walk()
    ]
    fields = {name: email[name] for name in ("From", "To", "Cc", "Bcc", "X-Run")}
    return sorted(message.rcpt_tos), email.get_content_type(), fields, parts


@pytest.mark.parametrize("subtype", ["mixed", "related"])
def test_a_message_arrives_as_from_smtp_hook(monkeypatch, files, subtype):
    with rsmtp.Catcher(username="you", password="secret", require_auth=True, auth_before_tls=True) as catcher:
        conn_id = connect(monkeypatch, catcher, "disable_ssl=true&disable_tls=true", "smtp")
        sends_both(conn_id, files, subtype)
    theirs, ours = catcher.messages
    assert seen(theirs) == seen(ours)
    assert sorted(ours.rcpt_tos) == EVERYONE
    types = [part.get_content_type() for part in ours.email.walk()]
    assert types == [f"multipart/{subtype}", "text/html", "text/csv", "image/png"]


def sends_both(conn_id, files, subtype):
    for hook_class in (SmtpHook, RsmtpHook):
        with hook_class(smtp_conn_id=conn_id) as hook:
            assert hook.send_email_smtp(**MAIL, files=files, mime_subtype=subtype, conn_id=conn_id) is None


@pytest.mark.parametrize("name", ["__init__", "send_email_smtp", "asend_email_smtp"])
def test_arguments_are_those_of_smtp_hook(name):
    theirs, ours = (inspect.signature(getattr(each, name)).parameters for each in (SmtpHook, RsmtpHook))
    told = {name: (each.kind, each.default) for name, each in theirs.items() if name != "kwargs"}
    assert told.items() <= {name: (each.kind, each.default) for name, each in ours.items()}.items()


def test_methods_are_those_of_smtp_hook():
    # The other attributes are about its own sessions.
    theirs = {"aget_conn", "asend_email_smtp", "atest_connection", "from_email", "get_conn",
              "html_content_template", "send_email_smtp", "subject_template", "test_connection"}  # fmt: skip
    assert all(hasattr(SmtpHook, name) and hasattr(RsmtpHook, name) for name in theirs)


def test_a_session_serves_many_messages(catcher, ours):
    with RsmtpHook(ours) as hook:
        for _ in range(3):
            hook.send_email_smtp(**MAIL)
    assert len({message.peer for message in catcher.messages}) == 1 and catcher.count == 3
    assert catcher.messages[0].tls and catcher.messages[0].user == "you"


def test_asyncio(catcher, ours, files):
    async def sends():
        async with RsmtpHook(ours) as hook:
            assert await hook.asend_email_smtp(**MAIL, files=files) is None
            return await hook.atest_connection()

    assert asyncio.run(sends())[0]
    assert sorted(catcher.messages[0].rcpt_tos) == EVERYONE


def test_templates_of_the_connection(catcher, monkeypatch, tmp_path):
    (tmp_path / "subject").write_text("It is\ndone\n")
    (tmp_path / "body").write_text("<p>one\ntwo</p>\n")
    extra = (
        f"ca_file={catcher.ca_file}&subject_template={tmp_path}/subject&html_content_template={tmp_path}/body"
    )
    with RsmtpHook(connect(monkeypatch, catcher, extra)) as hook:
        hook.send_email_smtp(to="ann@example.org")
    email = catcher.messages[0].email
    assert (email["Subject"], email.get_content().strip()) == ("It is done", "<p>one\ntwo</p>")


def test_dryrun_sends_nothing(catcher, ours, files):
    with RsmtpHook(ours) as hook:
        hook.send_email_smtp(**MAIL, files=files, dryrun=True)
        hook.send_email_smtp(**MAIL, files=files[0], dryrun=True)
        with pytest.raises(FileNotFoundError):
            hook.send_email_smtp(**MAIL, files=["/not/there"], dryrun=True)
    assert catcher.connections == 0


def test_what_is_missing_is_told(catcher, ours, monkeypatch):
    with RsmtpHook(ours) as hook:
        with pytest.raises(ValueError, match="subject: give it here, or a file, as subject_template"):
            hook.send_email_smtp(to="ann@example.org", html_content="x")
        with pytest.raises(TypeError, match="subjekt"):
            hook.send_email_smtp(to="ann@example.org", subjekt="x")
        with pytest.raises(TypeError, match="^To: "):
            hook.send_email_smtp(to=7, subject="x", html_content="x")
    assert catcher.connections == 0


def test_some_refused_recipients_are_logged(catcher, ours, caplog):
    catcher.fault("RCPT", reply=(550, "5.1.1 no such user"), address="ann@example.org")
    with RsmtpHook(ours) as hook, caplog.at_level("INFO"):
        hook.send_email_smtp(**MAIL)
        assert "ann@example.org (550 5.1.1 no such user)" in caplog.text
        with pytest.raises(rsmtp.SMTPRecipientsRefused, match="no such user"):
            hook.send_email_smtp(to="ann@example.org", subject="x", html_content="x")
    assert sorted(catcher.messages[0].rcpt_tos) == EVERYONE[1:]


def test_a_wrong_password(catcher, monkeypatch):
    conn_id = connect(monkeypatch, catcher, f"ca_file={catcher.ca_file}", login="you:wrong@")
    hook = RsmtpHook(conn_id)
    told, words = hook.test_connection()
    assert not told and "535" in words and "password" in words.partition("\n")[2]
    with pytest.raises(rsmtp.SMTPAuthenticationError):
        hook.send_email_smtp(**MAIL)


def test_a_self_signed_server_by_an_smtp_connection(catcher, monkeypatch):
    conn_id = connect(monkeypatch, catcher, "disable_ssl=true&retry_limit=0", "smtp")
    told, words = RsmtpHook(conn_id).test_connection()
    assert not told and "certificate" in words
    connect(monkeypatch, catcher, "disable_ssl=true&ssl_context=none", "smtp")
    assert RsmtpHook(conn_id).test_connection()[0]


def test_a_token(monkeypatch):
    with rsmtp.Catcher(username="you", token="t0ken", require_auth=True) as catcher:
        extra = "auth_type=oauth2&access_token=t0ken&disable_ssl=true&ssl_context=none"
        with RsmtpHook(connect(monkeypatch, catcher, extra, "smtp", "you@")) as hook:
            hook.send_email_smtp(**MAIL)
        assert catcher.messages[0].user == "you"


def test_airflow_knows_the_connection_type(catcher, ours):
    manager = ProvidersManager()
    assert manager.providers["rsmtp"].data["name"] == "rsmtp"
    assert ProvidersManagerTaskRuntime().hooks["rsmtp"].hook_name == "Email (rsmtp)"
    fields = manager._connection_form_widgets_from_metadata
    assert "extra__rsmtp__from_email" in fields
    assert manager.field_behaviours["rsmtp"]["hidden_fields"] == ["schema"]
    hook = BaseHook.get_hook(ours)
    assert isinstance(hook, RsmtpHook)
    tested, words = Connection(
        conn_id="form", conn_type="rsmtp", host="localhost", port=catcher.port,
        login="you", password="secret",
        extra=json.dumps({"ca_file": catcher.ca_file, "tls": None, "rate": 5}),
    ).test_connection()  # fmt: skip
    assert tested, words


def test_the_how_to(catcher, monkeypatch, tmp_path):
    connect(monkeypatch, catcher, f"ca_file={catcher.ca_file}")
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_MAIL", os.environ["AIRFLOW_CONN_MAIL"])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "report.pdf").write_bytes(b"%PDF-1.4\n")
    page = (ROOT / "docs" / "howto" / "airflow.md").read_text(encoding="utf-8")
    names = {}
    for block in re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S):
        exec(block, names)
    assert [message.email["Subject"] for message in catcher.messages] == ["Done"]
    names["report"].function()
    assert catcher.messages[1].rcpt_tos == ["friend@example.com", "team@example.com"]
    names["tell"].notify({})
    asyncio.run(names["tell"].async_notify({}))
    assert [message.email["From"] for message in catcher.messages[2:]] == ["shop@example.org"] * 2
