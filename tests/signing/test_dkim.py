"""The contents of a signature, and that independent libraries can verify it."""

import base64
import copy
import email.message
import email.policy
import hashlib
import pickle
import re
import time

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

import rsmtp

from .verifiers import assert_verifies, mail_dkim, opendkim, pem_of, private_key, results, signature

FORMS = ["relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple"]


def letter(text="Grüße", **fields):
    given = {"subject": "Hällo", "from_": "ann@example.com", "to": "bob@example.org"} | fields
    return rsmtp.Message(text, **given)


def tags(octets):
    """The tags of the first signature."""
    field = re.search(rb"(?ims)^dkim-signature:(.*?)\r\n(?![ \t])", octets)[1]
    text = re.sub(rb"\s+", b"", field).decode()
    return dict(tag.split("=", 1) for tag in text.split(";"))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", [2048, 4096, "ed25519"])
def test_dkimpy_verifies_it(kind, form):
    dkim = signature(kind, canonicalization=form)
    octets = bytes(letter("Hello\n").sign(dkim))
    assert_verifies(octets, dkim)
    assert results(octets.replace(b"Hello", b"hello"), dkim) == [False]
    assert results(octets.replace(b"bob@", b"eve@"), dkim) == [False]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", [2048, "ed25519"])
def test_opendkim_verifies_it(kind, form):
    # Debian's OpenDKIM 2.11 is built without Ed25519. It passes two signatures of which it knows one.
    dkim = [signature(canonicalization=form), *([signature(kind, canonicalization=form)] * (kind != 2048))]
    octets = bytes(letter("one\n..two\n\n  three  \n\n\n").sign(dkim))
    assert opendkim(octets, *dkim) == ""
    assert opendkim(octets.replace(b"three", b"four"), *dkim) != ""


@pytest.mark.parametrize("form", FORMS)
def test_mail_dkim_verifies_it(form):
    both = [signature(canonicalization=form), signature("ed25519", canonicalization=form)]
    octets = bytes(letter("one\n..two\n\n  three  \n\n\n").sign(both))
    assert mail_dkim(octets, *both) == ["pass"]
    assert mail_dkim(octets.replace(b"three", b"four"), *both) == ["fail"]


def test_ed25519_and_rsa_stand_in_the_order_in_which_they_were_given():
    both = [signature("ed25519"), signature()]
    octets = bytes(letter().sign(both))
    assert_verifies(octets, *both)
    assert re.findall(rb"a=(\S+);", octets) == [b"ed25519-sha256", b"rsa-sha256"]


def test_it_says_what_the_rfc_wants_and_no_more():
    octets = bytes(letter().sign(signature()))
    said = tags(octets)
    assert list(said) == ["v", "a", "c", "d", "s", "t", "h", "bh", "b"]
    assert (said["v"], said["a"], said["c"]) == ("1", "rsa-sha256", "relaxed/relaxed")
    assert (said["d"], said["s"]) == ("example.com", "s-2048")
    assert abs(int(said["t"]) - time.time()) < 60
    field = octets.partition(b"\r\nMIME")[0].partition(b"\r\nSubject")[0]
    assert max(map(len, field.split(b"\r\n"))) <= 78


def test_each_field_that_is_there_is_signed_and_some_once_more():
    message = letter(
        cc="eve@example.org",
        headers={
            "List-Unsubscribe": "<https://example.com/u/1>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "X-Other": "no",
        },
    )
    named = tags(bytes(message.sign(signature())))["h"].split(":")
    assert named == [name.lower() for name in named]
    twice = {"from", "to", "cc", "subject", "date", "message-id"}
    assert {name for name in named if named.count(name) == 2} == twice
    assert "reply-to" in named, "an added one would break it"
    once = {
        "mime-version",
        "content-type",
        "content-transfer-encoding",
        "list-unsubscribe",
        "list-unsubscribe-post",
    }
    assert once <= set(named)
    assert not {"x-other", "bcc", "received", "return-path", "dkim-signature", "sender"} & set(named)


@pytest.mark.parametrize(
    "added", ["From: eve@evil.example", "Subject: other", "Reply-To: eve@evil.example", "Cc: x@y.example"]
)
def test_a_field_that_is_added_breaks_it(added):
    dkim = signature()
    octets = bytes(letter().sign(dkim))
    assert results(added.encode() + b"\r\n" + octets, dkim) == [False]
    # Some programs add fields at the end of the header.
    assert results(octets.replace(b"\r\n\r\n", f"\r\n{added}\r\n\r\n".encode(), 1), dkim) == [False]


def test_what_is_signed_is_chosen():
    dkim = signature(fields=["From", "X-Campaign", "subject", "From"], oversign=["from"])
    octets = bytes(letter(headers={"X-Campaign": "summer"}).sign(dkim))
    assert tags(octets)["h"] == "from:from:x-campaign:subject"
    assert_verifies(octets, dkim)


def test_a_server_may_add_what_is_missing():
    """A server may add Date and Message-ID to octets that lack them (RFC 6409 section 8)."""
    dkim = signature()
    signed = bytes(dkim.sign(b"From: a@example.com\r\nSubject: x\r\n\r\nx\r\n"))
    added = b"Date: Fri, 27 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@x.example>\r\n"
    assert_verifies(added + signed, dkim)
    strict = signature(oversign=["from", "date"])
    signed = bytes(strict.sign(b"From: a@example.com\r\n\r\nx\r\n"))
    assert results(added + signed, strict) == [False]


def test_several_fields_of_one_name_are_signed_from_the_bottom():
    dkim = signature(fields=["from", "comments"])
    octets = b"From: a@example.com\r\nComments: 1\r\nComments: 2\r\n\r\nx\r\n"
    signed = bytes(dkim.sign(octets))
    assert tags(signed)["h"] == "from:from:comments:comments"
    assert_verifies(signed, dkim)
    assert results(signed.replace(b"Comments: 1\r\nComments: 2", b"Comments: 2\r\nComments: 1"), dkim) == [
        False
    ]


def test_identity_and_expiry():
    dkim = signature(identity="news@mail.example.com", expires=3600)
    said = tags(octets := bytes(letter().sign(dkim)))
    assert said["i"] == "news@mail.example.com"
    assert int(said["x"]) - int(said["t"]) == 3600
    assert_verifies(octets, dkim)


def test_domains_are_written_as_a_labels():
    dkim = rsmtp.Dkim("Bücher.Example", "März", private_key(2048))
    assert (dkim.domain, dkim.selector) == ("xn--bcher-kva.example", "xn--mrz-qla")
    assert dkim.dns_record().name == "xn--mrz-qla._domainkey.xn--bcher-kva.example"
    assert_verifies(bytes(letter(from_="ann@bücher.example").sign(dkim)), dkim)


# -- the message is settled before it is signed ------------------------------------------------


def test_text_is_re_encoded_before_it_is_signed():
    message = rsmtp.email.message_from_bytes(
        b"From: ann@example.com\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
        b"Content-Transfer-Encoding: 8bit\n\nGr\xc3\xbc\xc3\x9fe\n"
    )
    octets = bytes(message.sign(signature()))
    assert octets.isascii() and b"Content-Transfer-Encoding: base64" in octets
    assert_verifies(octets, signature())
    assert not bytes(message.sign(signature(seven_bit=False))).isascii()
    both = [signature(seven_bit=False), signature("ed25519")]
    assert bytes(message.sign(both)).isascii()
    assert_verifies(bytes(message.sign(signature(seven_bit=False))), signature())


def test_a_message_of_the_standard_library_is_signed_too():
    message = email.message.EmailMessage(policy=email.policy.SMTP.clone(cte_type="8bit"))
    message["From"], message["To"], message["Subject"] = "ann@example.com", "bob@example.org", "Grüße"
    message.set_content("Grüße\n")
    octets = bytes(signature().sign(message))
    assert octets.isascii()
    assert_verifies(octets, signature())


def test_given_octets_go_out_as_they_are():
    given = b"From: ann@example.com\r\nSubject: x\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n"
    for octets in (given, bytearray(given), memoryview(given)):
        signed = bytes(signature().sign(octets))
        assert signed.endswith(given)
        assert_verifies(signed, signature())


def test_utf8_fields_are_signed_as_they_are():
    message = letter(from_="jürgen@example.com")
    with pytest.raises(ValueError, match="jürgen"):
        message.sign(signature())
    octets = bytes(message.sign(signature(), utf8=True))
    assert "Hällo".encode() in octets
    assert_verifies(octets, signature())


def test_dots_are_not_doubled():
    octets = bytes(letter(".\n..\n.x\n").sign(signature()))
    assert octets.endswith(b"\r\n.\r\n..\r\n.x\r\n")
    assert_verifies(octets, signature())


@pytest.mark.parametrize(
    "body", [b"", b"\r\n", b"\r\n\r\n", b" \r\n", b"x", b"x\r\n\r\n\r\n", b"x \t\r\n\t\r\n"]
)
@pytest.mark.parametrize("form", FORMS)
def test_ends_of_bodies(body, form):
    dkim = signature("ed25519", canonicalization=form)
    assert_verifies(bytes(dkim.sign(b"From: a@example.com\r\n\r\n" + body)), dkim)


def test_a_header_without_a_body():
    dkim = signature("ed25519")
    for octets in (b"From: a@example.com\r\nSubject: x\r\n", b"From: a@example.com\r\nSubject: x"):
        assert_verifies(bytes(dkim.sign(octets)) + b"\r\n\r\n", dkim)


def test_a_second_signature_by_the_same_key_is_not_made():
    dkim = signature()
    once = bytes(letter().sign(dkim))
    assert bytes(dkim.sign(once)) == once
    large = letter("x" * 10_000).sign(dkim)
    assert_verifies(bytes(signature("ed25519").sign(large)), signature("ed25519"), dkim)
    other = signature(selector="other")
    twice = bytes(other.sign(once))
    assert twice.endswith(once) and twice != once
    assert_verifies(twice, other, dkim)


# -- what can't be signed ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"Subject: x\r\n\r\n", "no From field"),
        (b"\r\nFrom: a@example.com\r\n", "no From field"),
        (b"From ann Thu Nov 26\r\nFrom: a@example.com\r\n\r\n", "is no field"),
        (b"From: a@example.com\r\nnonsense\r\n\r\n", "'nonsense' of its header is no field|\"nonsense\""),
    ],
)
def test_octets_that_no_verifier_would_read_alike(octets, words):
    with pytest.raises(ValueError, match=words):
        signature().sign(octets)


@pytest.mark.parametrize("given", [None, "From: a@example.com", 5, ["x"]])
def test_what_is_no_message(given):
    with pytest.raises(TypeError, match="message"):
        signature().sign(given)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"domain": "example"}, "domain: .* one label"),
        ({"domain": "example.com; b=x"}, "domain: "),
        ({"domain": ""}, "domain: "),
        ({"domain": "a..example"}, "domain: "),
        ({"domain": "exa\r\nmple.com"}, "domain: "),
        ({"selector": "x;y"}, "selector: "),
        ({"selector": ""}, "selector: "),
        ({"selector": "x" * 64}, "selector: "),
        ({"canonicalization": "relaxed"}, "canonicalization: "),
        ({"canonicalization": "nowsp/simple"}, "canonicalization: "),
        ({"fields": ["to"]}, "fields: .From. is missing"),
        ({"fields": ["from", "Bcc"]}, "fields: .Bcc. can't be signed"),
        ({"fields": ["from", "a:b"]}, "fields: "),
        ({"oversign": ["X-Other"]}, "oversign: "),
        ({"identity": "ann@example.org"}, "identity: .* is not in example.com"),
        ({"identity": "example.com"}, "identity: .* no @"),
        ({"identity": "a;b@example.com"}, "identity: "),
        ({"expires": 0}, "expires: "),
        ({"expires": 1.5}, "expires: "),
        ({"algorithm": "rsa-sha256"}, "algorithm: is for a key that is a callable"),
    ],
)
def test_what_can_not_stand_in_a_signature(arguments, words):
    given = {"domain": "example.com", "selector": "s", "key": private_key(2048)} | arguments
    with pytest.raises(ValueError, match=words):
        rsmtp.Dkim(given.pop("domain"), given.pop("selector"), given.pop("key"), **given)


@pytest.mark.parametrize(
    "arguments",
    [
        {"domain": 1},
        {"selector": None},
        {"fields": "from"},
        {"expires": "1 h"},
        {"key": 5},
        {"key": None},
        {"key": ["x"]},
    ],
)
def test_what_is_of_another_type(arguments):
    given = {"domain": "example.com", "selector": "s", "key": private_key(2048)} | arguments
    with pytest.raises(TypeError, match=f"{next(iter(arguments))}: "):
        rsmtp.Dkim(given.pop("domain"), given.pop("selector"), given.pop("key"), **given)


# -- keys --------------------------------------------------------------------------------------


def test_keys_as_people_have_them(tmp_path):
    pem = private_key(2048)
    key = serialization.load_pem_private_key(pem, None)
    path = tmp_path / "key.pem"
    path.write_bytes(pem)
    pkcs1 = pem_of(key, serialization.PrivateFormat.TraditionalOpenSSL)
    given = [
        path,
        str(path),
        pem,
        pem.decode(),
        bytearray(pem),
        pkcs1,
        b"\n# mine\n" + pem.replace(b"\n", b"\r\n"),
    ]
    records = {rsmtp.Dkim("example.com", "s", each).dns_record().value for each in given}
    assert len(records) == 1


def _keys_that_can_not_sign():
    key = rsa.generate_private_key(65537, 1024)
    long = serialization.load_pem_private_key(private_key(2048), None)
    secret = serialization.BestAvailableEncryption(b"secret")
    public = long.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return {
        "shorter than 2048 bits": pem_of(key),
        "is encrypted": pem_of(long, encryption=secret),
        "encrypted: decrypt": pem_of(long, serialization.PrivateFormat.TraditionalOpenSSL, secret),
        "a public key": public,
        "OpenSSH": pem_of(long, serialization.PrivateFormat.OpenSSH),
        "of this type": pem_of(ec.generate_private_key(ec.SECP256R1())),
        "can't be read": private_key(2048)[:400],
        "no PEM key": b"hello",
        "neither a PEM key nor": "hello\nworld",
        "no such file, and a key": base64.b64encode(bytes(32)).decode(),
    }


@pytest.mark.parametrize("words", _keys_that_can_not_sign())
def test_a_bad_key_raises_when_it_is_configured(words):
    bad = _keys_that_can_not_sign()[words]
    with pytest.raises(ValueError, match=f"key: .*{words}") as raised:
        rsmtp.Dkim("example.com", "s", bad)
    lines = (bad if isinstance(bad, str) else bad.decode()).splitlines()
    assert not [line for line in lines if len(line) > 35 and line in str(raised.value)]


def test_a_file_that_can_not_be_read(tmp_path):
    with pytest.raises(FileNotFoundError, match="key: No such file") as raised:
        rsmtp.Dkim("example.com", "s", tmp_path / "none.pem")
    assert raised.value.filename == str(tmp_path / "none.pem")
    with pytest.raises(IsADirectoryError):
        rsmtp.Dkim("example.com", "s", tmp_path)


def test_a_key_is_not_shown_and_does_not_travel():
    dkim = signature()
    assert repr(dkim) == "<Dkim example.com, selector s-2048, rsa-sha256, 2048 bits>"
    assert repr(signature("ed25519")) == "<Dkim example.com, selector s-ed25519, ed25519-sha256>"
    with pytest.raises(TypeError, match="can't be pickled: a private key"):
        pickle.dumps(dkim)
    assert copy.copy(dkim) is dkim and copy.deepcopy(dkim) is dkim


def test_the_record_says_what_openssl_says():
    record = signature().dns_record()
    key = serialization.load_pem_private_key(private_key(2048), None).public_key()
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert record.name == "s-2048._domainkey.example.com"
    assert record.value == f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"
    assert all(len(string) <= 255 for string in re.findall(r'"([^"]*)"', str(record)))
    assert "".join(re.findall(r'"([^"]*)"', str(record))) == record.value
    raw = serialization.load_pem_private_key(private_key("ed25519"), None).public_key()
    raw = raw.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    assert (
        signature("ed25519").dns_record().value == f"v=DKIM1; k=ed25519; p={base64.b64encode(raw).decode()}"
    )


# -- keys that are somewhere else --------------------------------------------------------------


def remote(key):
    """Signs as a KMS would."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign
    return lambda octets: key.sign(octets, padding.PKCS1v15(), hashes.SHA256())


def public_pem(key):
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form)


@pytest.mark.parametrize(("kind", "algorithm"), [(2048, None), ("ed25519", "ed25519-sha256")])
def test_a_function_signs_what_it_is_given(kind, algorithm):
    key = serialization.load_pem_private_key(private_key(kind), None)
    dkim = rsmtp.Dkim("example.com", "s", remote(key), algorithm=algorithm, public_key=public_pem(key))
    assert_verifies(bytes(letter().sign(dkim)), dkim)
    assert dkim.dns_record().value == signature(kind).dns_record().value


def test_a_function_may_sign_by_a_key_of_1024_bits():
    key = rsa.generate_private_key(65537, 1024)
    dkim = rsmtp.Dkim("example.com", "s", remote(key), public_key=public_pem(key))
    assert_verifies(bytes(letter().sign(dkim)), dkim)


def test_what_a_function_raises_is_raised():
    def gone(octets):
        raise ConnectionError("the KMS is away")

    with pytest.raises(ConnectionError, match="the KMS is away"):
        letter().sign(rsmtp.Dkim("example.com", "s", gone))


def test_what_a_function_gets_wrong():
    key = serialization.load_pem_private_key(private_key(2048), None)
    with pytest.raises(TypeError, match="has to return bytes"):
        letter().sign(rsmtp.Dkim("example.com", "s", lambda octets: "signature"))
    digested = lambda octets: remote(key)(hashlib.sha256(octets).digest())  # noqa: E731
    with pytest.raises(ValueError, match="no signature by the public_key"):
        letter().sign(rsmtp.Dkim("example.com", "s", digested, public_key=public_pem(key)))

    async def later(octets):
        return b""

    with pytest.raises(TypeError, match="asynchronous"):
        rsmtp.Dkim("example.com", "s", later)
    with pytest.raises(ValueError, match="algorithm: "):
        rsmtp.Dkim("example.com", "s", remote(key), algorithm="rsa-sha1")
    with pytest.raises(ValueError, match="public_key: .*private key"):
        rsmtp.Dkim("example.com", "s", remote(key), public_key=private_key(2048))
    with pytest.raises(ValueError, match="public_key: is missing"):
        rsmtp.Dkim("example.com", "s", remote(key)).dns_record()
