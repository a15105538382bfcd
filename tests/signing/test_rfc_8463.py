"""The example of RFC 8463 appendix A: one message, signed with both algorithms."""

import base64
import re

import dkim
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding

import rsmtp

# Appendices A.1 and A.2. The RSA key has 1024 bits, so only a function may sign with it.
SEED = base64.b64decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
RSA = b"""-----BEGIN RSA PRIVATE KEY-----
MIICXQIBAAKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi
Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqM
KrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB
AoGAH0cxOhFZDgzXWhDhnAJDw5s4roOXN4OhjiXa8W7Y3rhX3FJqmJSPuC8N9vQm
6SVbaLAE4SG5mLMueHlh4KXffEpuLEiNp9Ss3O4YfLiQpbRqE7Tm5SxKjvvQoZZe
zHorimOaChRL2it47iuWxzxSiRMv4c+j70GiWdxXnxe4UoECQQDzJB/0U58W7RZy
6enGVj2kWF732CoWFZWzi1FicudrBFoy63QwcowpoCazKtvZGMNlPWnC7x/6o8Gc
uSe0ga2xAkEA8C7PipPm1/1fTRQvj1o/dDmZp243044ZNyxjg+/OPN0oWCbXIGxy
WvmZbXriOWoSALJTjExEgraHEgnXssuk7QJBALl5ICsYMu6hMxO73gnfNayNgPxd
WFV6Z7ULnKyV7HSVYF0hgYOHjeYe9gaMtiJYoo0zGN+L3AAtNP9huqkWlzECQE1a
licIeVlo1e+qJ6Mgqr0Q7Aa7falZ448ccbSFYEPD6oFxiOl9Y9se9iYHZKKfIcst
o7DUw1/hz2Ck4N5JrgUCQQCyKveNvjzkkd8HjYs0SwM0fPjK16//5qDZ2UiDGnOe
uEzxBDAr518Z8VFbR41in3W4Y3yCDgQlLlcETrS+zYcL
-----END RSA PRIVATE KEY-----
"""

MESSAGE = """\
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
""".replace("\n", "\r\n").encode()

# Appendix A.3: the text that both sign. A verifier reads these fields.
SIGNED = """\
DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
""".replace("\n", "\r\n").encode()


def _ed25519():
    key = ed25519.Ed25519PrivateKey.from_private_bytes(SEED)
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _rsa():
    key = serialization.load_pem_private_key(RSA, None)
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    public = key.public_key().public_bytes(serialization.Encoding.PEM, spki)
    return lambda octets: key.sign(octets, padding.PKCS1v15(), hashes.SHA256()), public


FIELDS = ["from", "to", "subject", "date", "message-id"]


def signatures():
    sign, public = _rsa()
    options = {"fields": FIELDS, "identity": "@football.example.com"}
    return [
        rsmtp.Dkim("football.example.com", "brisbane", _ed25519(), **options),
        rsmtp.Dkim("football.example.com", "test", sign, public_key=public, **options),
    ]


def lookup(name, timeout=5):
    records = {each.dns_record().name: each.dns_record().value for each in signatures()}
    return records[name.decode().rstrip(".")].encode()


def test_the_records_are_those_of_the_example():
    brisbane, test = (each.dns_record() for each in signatures())
    assert brisbane.name == "brisbane._domainkey.football.example.com"
    assert brisbane.value == "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    assert test.value.startswith("v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR")


def test_the_example_is_verified_by_our_public_keys():
    verifier = dkim.DKIM(SIGNED + MESSAGE, minkey=1024)
    assert [verifier.verify(idx=index, dnsfunc=lookup) for index in range(2)] == [True, True]


def test_ours_of_the_same_message_hold_and_hash_the_same_body():
    signed = bytes(rsmtp.email.message_from_bytes(MESSAGE).sign(signatures()))
    assert signed.endswith(MESSAGE)
    assert re.findall(rb"bh=([^;]+);", signed) == [b"2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="] * 2
    verifier = dkim.DKIM(signed, minkey=1024)
    assert [verifier.verify(idx=index, dnsfunc=lookup) for index in range(2)] == [True, True]


def test_what_is_signed_is_what_the_example_signs():
    """Ed25519 is deterministic. With the same octets, our field has the example's signature."""
    hashed = []

    def sign(octets):
        hashed.append(octets)
        return b"x"

    rsmtp.Dkim("football.example.com", "brisbane", sign, algorithm="ed25519-sha256", fields=FIELDS).sign(
        MESSAGE
    )
    assert len(hashed[0]) == 32, "the SHA-256 digest of the header's hash input (RFC 8463 section 3)"
