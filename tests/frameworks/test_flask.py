"""`rsmtp.flask.Mail`, with the real Flask."""

import pytest
from flask import Flask

import rsmtp
from rsmtp._rsmtp import _new_dkim_key
from rsmtp.flask import Mail


@pytest.fixture
def catcher():
    with rsmtp.Catcher() as catcher:
        yield catcher


def application(catcher=None, **settings):
    app = Flask(__name__)
    app.config |= {"MAIL_DEFAULT_SENDER": ("Shop", "shop@example.org")} | settings
    if catcher is not None:
        app.config |= {"MAIL_SERVER": catcher.host, "MAIL_PORT": catcher.port}
    mail = Mail(app)

    @app.post("/welcome/<address>")
    def welcome(address):
        receipt = mail.send(mail.message("Good to have you.", subject="Welcome", to=address))
        return {"sent": receipt.sent}

    return app, mail


def test_a_view_sends_and_the_session_is_kept(catcher):
    app, _ = application(catcher)
    browser = app.test_client()
    for name in ("ann", "ben"):
        assert browser.post(f"/welcome/{name}@example.org").json == {"sent": [f"{name}@example.org"]}
    first, second = catcher.messages
    assert first.peer == second.peer
    assert first.email["From"] == "Shop <shop@example.org>"


def test_a_refusal_is_raised(catcher):
    app, mail = application(catcher)
    catcher.fault("RCPT", reply=(550, "5.1.1 no such user"))
    with app.app_context():
        message = mail.message("x", subject="x", to="ann@example.org")
        with pytest.raises(rsmtp.SMTPRecipientsRefused, match="no such user"):
            mail.send(message)
        assert mail.send(message, check=False).refused == ["ann@example.org"]


def test_many(catcher):
    app, mail = application(catcher)
    with app.app_context():
        report = mail.send_all(
            mail.message("x", subject="x", to=f"n{number}@example.org") for number in range(50)
        )
    assert (report.sent, catcher.count) == (50, 50)


@pytest.mark.parametrize("settings", [{"TESTING": True}, {"MAIL_SUPPRESS_SEND": True}])
def test_tests_send_nothing(catcher, settings):
    app, mail = application(catcher, **settings)
    with app.app_context(), mail.recorded() as messages:
        app.test_client().post("/welcome/ann@example.org")
        mail.send_all([mail.message("x", subject="Two", to="ben@example.org")])
    assert [message["Subject"] for message in messages] == ["Welcome", "Two"]
    assert catcher.connections == 0
    with app.app_context():
        app.test_client().post("/welcome/ann@example.org")
    assert len(messages) == 2


def test_starttls_and_login():
    with rsmtp.Catcher(tls="starttls", username="ann", password="secret") as catcher:
        app, mail = application(
            catcher, MAIL_USE_TLS=True, MAIL_USERNAME="ann", MAIL_PASSWORD="secret",
            RSMTP_MAILER={"context": rsmtp.TlsConfig(ca_file=catcher.ca_file)},
        )  # fmt: skip
        with app.app_context():
            mail.send(mail.message("x", subject="x", to="ann@example.org"))
        assert catcher.messages[0].username == "ann" and catcher.messages[0].tls


def test_url(catcher):
    app, mail = application(None, RSMTP_MAILER={"url": f"smtp://{catcher.host}:{catcher.port}", "rate": 100})
    with app.app_context():
        mail.send(mail.message("x", subject="x", to="ann@example.org"))
    assert catcher.count == 1


@pytest.mark.parametrize("way", ["url", "provider"])
def test_a_provider(way):
    with rsmtp.Catcher(username="ann@gmail.com", password="app password", require_auth=True) as catcher:
        there = {"host": "localhost", "port": catcher.port}
        there["context"] = rsmtp.TlsConfig(ca_file=catcher.ca_file)
        if way == "url":
            app, mail = application(RSMTP_MAILER={"url": "gmail://ann:app%20password@gmail.com"} | there)
        else:
            login = {"MAIL_USERNAME": "ann@gmail.com", "MAIL_PASSWORD": "app password"}
            app, mail = application(RSMTP_MAILER={"provider": "gmail"} | there, **login)
        with app.app_context():
            mail.send(mail.message("x", subject="x", to="bob@example.org"))
        assert catcher.messages[0].user == "ann@gmail.com"


def test_a_provider_is_where_it_is():
    app, mail = application(
        RSMTP_MAILER={"provider": "gmail"}, MAIL_USERNAME="ann@gmail.com", MAIL_PASSWORD="x"
    )
    with app.app_context():
        assert "smtp.gmail.com:587" in repr(mail.mailer)


def test_two_applications(catcher):
    mail = Mail()
    apps = [Flask(str(number)) for number in range(2)]
    for app in apps:
        app.config |= {"MAIL_SERVER": catcher.host, "MAIL_PORT": catcher.port}
        mail.init_app(app)
    mailers = []
    for app in apps:
        with app.app_context():
            mailers.append(mail.mailer)
    assert mailers[0] is not mailers[1]


def test_what_is_wrong_is_told():
    with pytest.raises(ValueError, match="MAIL_USE_TLS and MAIL_USE_SSL"):
        application(MAIL_USE_TLS=True, MAIL_USE_SSL=True)
    with pytest.raises(TypeError, match="rats"):
        application(RSMTP_MAILER={"rats": 3})
    with Flask("bare").app_context(), pytest.raises(RuntimeError, match="init_app"):
        Mail().send(rsmtp.Message("x"))


def test_an_application_that_is_tested_from_now_on_sends_nothing(catcher):
    """Flask's documentation does this: it makes the application and then sets TESTING."""
    app, mail = application(catcher)
    app.config.update(TESTING=True)
    with app.app_context(), mail.recorded() as outbox:
        assert app.test_client().post("/welcome/ann@example.org").json == {"sent": ["ann@example.org"]}
        assert len(outbox) == 1 and catcher.count == 0
    app.config.update(MAIL_SUPPRESS_SEND=False)
    app.test_client().post("/welcome/ann@example.org")
    assert catcher.count == 1


def test_messages_are_signed(catcher, tmp_path):
    key = tmp_path / "key.pem"
    key.write_text(_new_dkim_key())
    app, mail = application(catcher, RSMTP_MAILER={"dkim": rsmtp.Dkim("example.org", "s", key)})
    with app.app_context():
        assert mail.send(mail.message("x", subject="x", to="ann@example.org")).ok
    assert catcher.messages[-1].email["DKIM-Signature"].startswith("v=1; a=rsa-sha256;")
