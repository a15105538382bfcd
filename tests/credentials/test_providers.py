"""The real msal and google-auth, with a stand-in for their endpoints."""

import asyncio
import base64
import json
import os
import pickle
import stat
import sys
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import rsmtp
from credentials.endpoint import MailServer
from rsmtp import credentials
from rsmtp.credentials import CredentialError
from servers import certificates as made

MESSAGE = ("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhi\r\n")
SECRET = "sEcrEt77mArk"


def settings(server, **more):
    return {"host": server.host, "port": server.port, "tls": "none", "allow_plaintext_auth": True} | more


@pytest.fixture(scope="module")
def key():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def account(key):
    return {
        "type": "service_account",
        "client_email": "mailer@project.iam.gserviceaccount.com",
        "private_key": key,
        "private_key_id": "1",
        "token_uri": "https://oauth2.googleapis.com/token",
    }


def application(**more):
    return credentials.microsoft365("the-client", tenant="contoso.com", client_secret=SECRET, **more)


@pytest.fixture(params=["microsoft365", "google, service account", "google, user"])
def either_provider(request, providers, key):
    match request.param:
        case "microsoft365":
            return application()
        case "google, service account":
            return credentials.google(service_account=account(key), subject="ann@example.org")
        case _:
            return credentials.google(client_id="id", client_secret=SECRET, refresh_token=SECRET)


def test_a_token_is_kept_until_it_is_rejected(either_mailer, either_provider, providers):
    """Both the library and the sessions keep a token. A rejected one is fetched again, once."""
    with MailServer(providers) as server:
        given = settings(server, username="ann@example.org", access_token=either_provider, keep_idle=0)
        with rsmtp.Mailer(**given) as mailer:
            for _ in range(3):
                assert mailer.send(MESSAGE).ok
            assert len(providers.issued) == 1
            providers.revoke()
            for _ in range(3):
                assert mailer.send(MESSAGE).ok
    assert len(providers.issued) == 2 and len(server.rejected) == 1


def test_a_list_of_ten_thousand_costs_one_refresh(either_mailer, providers):
    with MailServer(providers, at={5000: providers.revoke}) as server:
        given = settings(server, username="ann@contoso.com", access_token=application())
        with rsmtp.Mailer(**given, connections=4, max_messages=1000, window=50, retries=0) as mailer:
            report = mailer.send_all([MESSAGE] * 10_000)
    assert report.ok and report.sent == 10_000 and len(providers.issued) == 2


def test_what_microsoft_is_asked(providers, tmp_path):
    token, expires_at = application()()
    (asked,) = providers.asked
    assert asked["path"] == "login.microsoftonline.com/contoso.com/oauth2/v2.0/token"
    assert asked["grant_type"] == "client_credentials" and asked["client_secret"] == SECRET
    assert asked["scope"] == "https://outlook.office365.com/.default"
    assert token == providers.issued[0] and abs(expires_at - time.time() - 3600) < 60
    made.make(tmp_path / "certificate")
    by_certificate = credentials.microsoft365(
        "the-client", tenant="contoso.com", certificate=tmp_path / "certificate" / "server.pem"
    )
    # An elliptic-curve key, although RSA is required.
    with pytest.raises(CredentialError, match="no token from Microsoft: .*Key type"):
        by_certificate()


def test_a_certificate_instead_of_a_secret(providers, tmp_path, key):
    made.make(tmp_path / "certificate")
    certificate = (tmp_path / "certificate" / "server.pem").read_text()
    certificate = certificate[certificate.index("-----BEGIN CERTIFICATE") :]
    (tmp_path / "both.pem").write_text(key + certificate)
    asks = credentials.microsoft365("the-client", tenant="contoso.com", certificate=tmp_path / "both.pem")
    assert asks()[0] in providers.good
    (asked,) = providers.asked
    header, _, _ = asked["client_assertion"].partition(".")
    assert json.loads(base64.urlsafe_b64decode(header + "=="))["typ"] == "JWT"
    assert "PRIVATE" not in repr(asks) and "client_secret" not in asked
    for missing, text in (("private key", certificate), ("certificate", key)):
        (tmp_path / "half.pem").write_text(text)
        with pytest.raises(ValueError, match=f"holds no {missing}"):
            credentials.microsoft365("c", tenant="contoso.com", certificate=tmp_path / "half.pem")


def test_another_authority(providers):
    asks = credentials.microsoft365(
        "c",
        tenant="contoso.com",
        client_secret=SECRET,
        authority="https://login.example.org",
        scope="s/.default",
    )
    assert asks()[0] in providers.good
    assert (
        providers.asked[0]["path"].startswith("login.example.org/")
        and providers.asked[0]["scope"] == "s/.default"
    )


def test_a_user_logs_in_by_a_code_once(providers, tmp_path):
    cache = tmp_path / "tokens.json"

    def user():
        return credentials.microsoft365("c", tenant="contoso.com", username="ann@contoso.com", cache=cache)

    with pytest.raises(CredentialError, match=r"ann@contoso\.com has not logged in: call log_in"):
        user()()
    shown = []
    user().log_in(shown.append)
    assert "ABCD1234" in shown[0] and len(providers.issued) == 1
    assert stat.S_IMODE(cache.stat().st_mode) == 0o600
    # Another program, or a later run of the same one, has the token from the file.
    later = user()
    assert later()[0] == providers.issued[0] and len(providers.issued) == 1
    assert later(force=True)[0] == providers.issued[1]
    asked = providers.asked[-1]
    assert (asked["grant_type"], asked["refresh_token"]) == ("refresh_token", "refresh-1")
    # The refresh token changes at each use, and the file has the latest.
    assert user()(force=True)[0] == providers.issued[2]
    assert providers.asked[-1]["refresh_token"] == "refresh-2"
    assert user()(force=True) and providers.asked[-1]["refresh_token"] == "refresh-3"
    assert "SMTP.Send" in providers.asked[-1]["scope"]
    assert os.listdir(tmp_path) == ["tokens.json"]


def test_a_prompt_in_the_program_itself(providers):
    shown = []
    asks = credentials.microsoft365("c", tenant="contoso.com", prompt=shown.append)
    assert asks()[0] in providers.good and len(shown) == 1
    assert asks()[0] in providers.good and len(shown) == 1


def test_a_broken_cache_is_not_shown(providers, tmp_path):
    cache = tmp_path / "tokens.json"
    cache.write_text("{" + SECRET)
    with pytest.raises(CredentialError, match="not a cache of tokens") as raised:
        credentials.microsoft365("c", tenant="contoso.com", cache=cache)()
    assert raised.value.__context__ is None and raised.value.__cause__ is None


REFUSALS = [
    (
        "invalid_client",
        f"AADSTS7000215: Invalid client secret {SECRET}.\nTrace ID: 1",
        "secret's value, not its ID",
    ),
    ("unauthorized_client", "AADSTS700016: Application not found", "does not know the application"),
    ("temporarily_unavailable", "AADSTS90033: A transient error", "temporarily_unavailable"),
]


@pytest.mark.parametrize(("error", "words", "advice"), REFUSALS)
def test_a_refusal_of_microsofts_says_what_to_do(providers, error, words, advice):
    providers.answers += [(400, {"error": error, "error_description": words})] * 3
    with pytest.raises(CredentialError, match=advice) as raised:
        application()()
    assert SECRET not in str(raised.value) and "Trace" not in str(raised.value)
    assert raised.value.transient is (error == "temporarily_unavailable")
    with MailServer(providers) as server:
        with rsmtp.Mailer(
            **settings(server, username="ann", access_token=application(), retries=0)
        ) as mailer:
            with pytest.raises(CredentialError, match=advice):
                mailer.send(MESSAGE)
    assert server.messages == [] and server.logins == []


@pytest.mark.parametrize(
    ("error", "advice"),
    [("unauthorized_client", "domain-wide delegation"), ("invalid_grant", "consent once more")],
)
def test_a_refusal_of_googles_says_what_to_do(providers, key, error, advice):
    providers.answers += [(401, {"error": error, "error_description": "it may not"})]
    with pytest.raises(CredentialError, match=advice) as raised:
        credentials.google(service_account=account(key), subject="ann@example.org")()
    assert not raised.value.transient and raised.value.__cause__ is None


def test_an_endpoint_out_of_reach_is_an_error_that_may_pass(providers, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    with pytest.raises(CredentialError, match="can't be reached") as raised:
        credentials.google(client_id="id", client_secret=SECRET, refresh_token=SECRET)()
    assert raised.value.transient
    with pytest.raises(CredentialError, match="can't be reached") as raised:
        application()()
    assert raised.value.transient


def test_what_google_is_asked(providers, key, tmp_path):
    (tmp_path / "key.json").write_text(json.dumps(account(key)))
    asks = credentials.google(service_account=tmp_path / "key.json", subject="ann@example.org")
    text, expiry = asks()
    assert text in providers.good and abs(expiry.timestamp() - time.time() - 3600) < 60
    (asked,) = providers.asked
    claims = json.loads(base64.urlsafe_b64decode(asked["assertion"].split(".")[1] + "=="))
    assert (claims["sub"], claims["scope"]) == ("ann@example.org", "https://mail.google.com/")
    (tmp_path / "user.json").write_text(
        json.dumps({"client_id": "id", "client_secret": SECRET, "refresh_token": "refresh"})
    )
    assert credentials.google(authorized_user=tmp_path / "user.json")()[0] in providers.good
    assert providers.asked[-1]["refresh_token"] == "refresh"


WRONG = [
    (lambda: credentials.google(), TypeError, "takes service_account"),
    (lambda: credentials.google(client_id="id"), TypeError, "client_secret: a text is wanted"),
    (lambda: credentials.google(service_account={"type": SECRET}), TypeError, "subject"),
    (
        lambda: credentials.google(service_account={"private_key": SECRET}, subject="a"),
        ValueError,
        "not the key",
    ),
    (lambda: credentials.google(service_account={}, authorized_user={}), TypeError, "takes service_account"),
    (lambda: credentials.microsoft365(""), ValueError, "client_id: it is empty"),
    (lambda: credentials.microsoft365("c", client_secret=SECRET), ValueError, "tenant"),
    (lambda: credentials.microsoft365("c", tenant="t", client_secret=7), TypeError, "client_secret"),
    (
        lambda: credentials.microsoft365("c", tenant="t", client_secret=SECRET, certificate="x"),
        TypeError,
        "certificate",
    ),
    (lambda: application(prompt=print), TypeError, "prompt"),
    (lambda: application().log_in(), TypeError, "no user"),
]


@pytest.mark.parametrize(("call", "error", "why"), WRONG)
def test_wrong_arguments(call, error, why):
    with pytest.raises(error, match=why) as raised:
        call()
    assert SECRET not in str(raised.value) and SECRET not in str(raised.value.__context__)


def test_nothing_of_them_is_shown(either_provider):
    text, _ = either_provider()
    for shown in (repr(either_provider), str(either_provider), f"{either_provider!r}"):
        assert SECRET not in shown and text not in shown and "PRIVATE" not in shown
        assert shown.startswith(("<rsmtp.credentials.google ", "<rsmtp.credentials.microsoft365 "))
    with pytest.raises(TypeError, match="is not pickled"):
        pickle.dumps(either_provider)
    with rsmtp.Mailer(host="localhost", username="a", access_token=either_provider) as mailer:
        assert SECRET not in repr(mailer) + str(mailer._repr_mimebundle_())


@pytest.mark.parametrize(
    ("missing", "make"),
    [
        ("msal", application),
        (
            "google.oauth2.credentials",
            lambda: credentials.google(client_id="i", client_secret="s", refresh_token="r"),
        ),
    ],
)
def test_a_missing_library_names_its_extra(monkeypatch, missing, make):
    monkeypatch.setitem(sys.modules, missing, None)
    extra = "microsoft365" if missing == "msal" else "google"
    with pytest.raises(CredentialError, match=rf"pip install 'rsmtp\[{extra}\]'"):
        make()


def test_asyncio_is_not_blocked(providers):
    async def main():
        ticks = 0
        with MailServer(providers) as server:
            given = settings(server, username="ann", access_token=application(), connections=4)
            async with rsmtp.AsyncMailer(**given) as mailer:
                sending = asyncio.ensure_future(mailer.send(MESSAGE))
                while not sending.done():
                    await asyncio.sleep(0.001)
                    ticks += 1
                assert (await sending).ok
        return ticks

    assert asyncio.run(main()) > 1 and len(providers.issued) == 1
