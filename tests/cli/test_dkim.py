"""``rsmtp dkim``, and the flags that sign a message."""

import os
import re
import stat

import pytest
from signing.verifiers import assert_verifies, private_key, results, signature

import rsmtp

from .conftest import LETTER


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "key.pem"
    path.write_bytes(private_key(2048))
    return path


def test_a_new_key_signs_what_its_record_verifies(run, tmp_path, plain, to_plain):
    path = tmp_path / "mail.pem"
    done = run("dkim", "new", "Example.com", "--selector", "mail", "--key", path, code=0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    record = rsmtp.Dkim("example.com", "mail", path).dns_record()
    for shown in (record.name, record.value, str(record), str(path)):
        assert shown in done.out
    assert "PRIVATE KEY" not in done.out + done.err
    again = run("dkim", "record", "example.com", "--selector", "mail", "--key", path, code=0)
    assert record.value in again.out
    run(
        *("send", *to_plain, "--from", "ann@example.com", "--to", "bob@example.org", "--text", "Grüße"),
        *("--dkim-key", path, "--dkim-selector", "mail"),
        code=0,
    )
    assert_verifies(bytes(plain.messages[0].data), rsmtp.Dkim("example.com", "mail", path))


@pytest.mark.parametrize(("type_", "bits"), [("rsa", "3072"), ("ed25519", None)])
def test_types_and_the_default_names(run, tmp_path, monkeypatch, type_, bits):
    monkeypatch.chdir(tmp_path)
    done = run("dkim", "new", "bücher.example", "--type", type_, *(["--bits", bits] if bits else []), code=0)
    (path,) = tmp_path.iterdir()
    selector = re.fullmatch(r"(s\d{6})\.xn--bcher-kva\.example\.pem", path.name)[1]
    dkim = rsmtp.Dkim("bücher.example", selector, path)
    assert (dkim.algorithm == "ed25519-sha256") == (type_ == "ed25519")
    assert ("sign with an RSA key as well" in done.out) == (type_ == "ed25519")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["new", "localhost"], 2, "domain: .* one label"),
        (["new", "example.com", "--selector", "a b"], 2, "selector: "),
        (["new", "example.com", "--type", "ed25519", "--bits", "2048"], 2, "--bits is for RSA"),
        (["new", "example.com", "--key", "/nowhere/at/all.pem"], 66, "--key: /nowhere/at/all.pem: No such"),
        (["record", "example.com"], 2, "--selector is missing"),
        (["record", "example.com", "--selector", "s"], 2, "--key is missing"),
        (["record", "example.com", "--selector", "s", "--key", "/nowhere"], 66, "--key: /nowhere: No such"),
        (["record", "example.com", "--selector", "s", "--key", os.devnull], 2, "--key: no PEM key"),
        (["record", "example.com", "--type", "rsa"], 2, "--type is for"),
    ],
)
def test_what_is_wrong_is_told(run, tmp_path, monkeypatch, arguments, code, words):
    monkeypatch.chdir(tmp_path)
    assert re.search(words, run("dkim", *arguments, code=code).err)
    assert [*tmp_path.iterdir()] == []


def test_a_key_in_use_is_not_overwritten(run, key):
    before = key.read_bytes()
    done = run("dkim", "new", "example.com", "--key", key, code=66)
    assert "is there already" in done.err
    assert key.read_bytes() == before


def test_a_ready_message_and_a_dry_run(run, key, tmp_path, plain, to_plain):
    eml = tmp_path / "message.eml"
    eml.write_bytes(b"From: ann@example.com\nTo: bob@example.org\nBcc: eve@example.org\n\nx\n")
    flags = ["--dkim-key", key, "--dkim-selector", "s-2048"]
    shown = run("send", *to_plain, eml, *flags, "--dry-run", code=0).out
    assert "DKIM-Signature: v=1; a=rsa-sha256" in shown
    run("send", *to_plain, eml, *flags, code=0)
    run("send", *to_plain, eml, *flags, "--dkim-domain", "example.net", code=0)
    first, second = (bytes(message.data) for message in plain.messages)
    assert_verifies(first, signature())
    assert b"Bcc" not in first
    assert results(second, signature(domain="example.net", selector="s-2048")) == [True]


def test_an_outbox_is_signed_when_it_is_run(run, key, tmp_path, plain, to_plain):
    path = tmp_path / "mail.db"
    with rsmtp.Outbox(path) as outbox:
        outbox.put(rsmtp.Message("x", from_="ann@example.com", to="bob@example.org"))
    flags = ["--dkim-key", key, "--dkim-selector", "s-2048"]
    assert "--dkim-domain is missing" in run("outbox", "run", path, *to_plain, *flags, code=2).err
    run("outbox", "run", path, *to_plain, *flags, "--dkim-domain", "example.com", code=0)
    assert_verifies(bytes(plain.messages[0].data), signature())


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (["--dkim-selector", "s"], 2, "--dkim-selector goes with --dkim-key"),
        (["--dkim-domain", "example.com"], 2, "--dkim-domain goes with --dkim-key"),
        (["--dkim-key", "KEY"], 2, "--dkim-selector is missing"),
        (["--dkim-key", "/nowhere", "--dkim-selector", "s"], 66, "--dkim-key: /nowhere: No such file"),
        (["--dkim-key", os.devnull, "--dkim-selector", "s"], 2, "--dkim-key: no PEM key"),
        (["--dkim-key", "KEY", "--dkim-selector", "a;b"], 2, "--dkim-selector: "),
        (["--dkim-key", "KEY", "--dkim-selector", "s", "--dkim-domain", "x"], 2, "--dkim-domain: "),
    ],
)
def test_flags_that_can_not_be_meant(run, key, plain, to_plain, flags, code, words):
    flags = [key if flag == "KEY" else flag for flag in flags]
    assert re.search(words, run("send", *to_plain, *LETTER, *flags, code=code).err)
    assert plain.messages == []


def test_flags_are_for_run(run, tmp_path):
    rsmtp.Outbox(tmp_path / "mail.db").close()
    done = run("outbox", "status", tmp_path / "mail.db", "--dkim-key", "x", code=2)
    assert "--dkim-key does not go with status" in done.err
