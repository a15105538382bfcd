"""People with OpenPGP keys, for whom GnuPG reads."""

import contextlib

import pytest

import rsmtp

from .gpg import Gpg, ago


@pytest.fixture(scope="package")
def gpg():
    with contextlib.closing(Gpg()) as gpg:
        for name in ("bob", "carol", "dan"):
            gpg.person(f"{name}@example.com")
        gpg.person("ann@example.org")
        gpg.person("rsa@example.com", main="rsa2048", sub="rsa2048")
        gpg.person("locked@example.org", passphrase="hunter two")
        gpg.person("eve@example.com", sub=None)
        gpg.person("old@example.com", at=ago(30), days="10")
        gpg.person("oldsub@example.com", at=ago(30), sub_days="10")
        gpg.revoke(gpg.person("revoked@example.com"))
        gpg.revoke_subkey(gpg.person("revokedsub@example.com"))
        yield gpg


@pytest.fixture(scope="package")
def ann(gpg):
    return gpg.secret("ann@example.org")


@pytest.fixture
def pgp(gpg, ann, tmp_path):
    (tmp_path / "ring.gpg").write_bytes(gpg.public())
    return rsmtp.OpenPgp(ann, recipients=tmp_path / "ring.gpg")
