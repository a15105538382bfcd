"""``rsmtp send`` with the flags for delivery options."""

import re

import pytest
from signing.verifiers import assert_verifies, private_key

import rsmtp

from .conftest import LETTER

# The flags, and the parameters of MAIL and RCPT.
SAID = {
    "--notify success,failure": ({}, {"NOTIFY": "SUCCESS,FAILURE"}),
    "--notify never": ({}, {"NOTIFY": "NEVER"}),
    "--ret full --envid invoice/7": ({"RET": "FULL", "ENVID": "invoice/7"}, {}),
    "--orcpt old@example.org --notify delay": ({}, {"NOTIFY": "DELAY", "ORCPT": "rfc822;old@example.org"}),
    "--hold-for 90": ({"HOLDFOR": "90"}, {}),
    "--hold-for 1.5h": ({"HOLDFOR": "5400"}, {}),
    "--hold-until 2026-12-24T08:00+01:00": ({"HOLDUNTIL": "2026-12-24T07:00:00Z"}, {}),
    "--hold-until 2026-12-24": ({"HOLDUNTIL": "2026-12-24T05:00:00Z"}, {}),
    "--deliver-by 30m": ({"BY": "1800;N"}, {}),
    "--deliver-by 2h --or-return": ({"BY": "7200;R"}, {}),
    "--priority -3": ({"MT-PRIORITY": "-3"}, {}),
    "--priority 9": ({"MT-PRIORITY": "9"}, {}),
    "--valid-since 2026-01-01T00:00Z": ({}, {"RRVS": "2026-01-01T00:00:00Z;R"}),
    "--xverp +=": ({"XVERP": "+="}, {}),
    "--binary": ({"BODY": "BINARYMIME"}, {}),
}


@pytest.mark.parametrize("flags", SAID)
def test_what_the_server_is_told(run, plain, to_plain, flags):
    # A time zone five hours behind UTC, whatever the machine uses.
    run("send", *to_plain, *LETTER, *flags.split(), code=0, TZ="XXX5")
    (caught,) = plain.messages
    mail, rcpt = SAID[flags]
    assert {key: value for key, value in caught.mail_parameters.items() if key not in ("SIZE", "BODY")} == {
        key: value for key, value in mail.items() if key != "BODY"
    }
    assert mail.get("BODY") in (None, caught.mail_parameters.get("BODY"))
    assert caught.rcpt_parameters == [rcpt]


def test_all_recipients_and_a_ready_message(run, plain, to_plain, tmp_path):
    eml = tmp_path / "message.eml"
    eml.write_bytes(b"From: ann@example.org\nTo: bob@example.org, carol@example.org\n\nx\n")
    run("send", *to_plain, eml, "--notify", "failure", "--valid-since", "2026-01-01T00:00Z", code=0)
    run("send", *to_plain, eml, "--envelope-to", "dora@example.org", "--notify", "failure, delay", code=0)
    first, second = plain.messages
    both = {"NOTIFY": "FAILURE", "RRVS": "2026-01-01T00:00:00Z;R"}
    assert (first.rcpt_tos, first.rcpt_parameters) == (["bob@example.org", "carol@example.org"], [both] * 2)
    assert (second.rcpt_tos, second.rcpt_parameters) == (["dora@example.org"], [{"NOTIFY": "FAILURE,DELAY"}])


def test_tls(run, catcher, plain, to_plain):
    server = ("--server", f"smtp://catcher@localhost:{catcher.port}", "--ca-file", catcher.ca_file)
    run("send", *server, *LETTER, "--require-tls", code=0, RSMTP_PASSWORD=catcher.password)
    assert "REQUIRETLS" in catcher.messages[0].mail_parameters
    done = run("send", *to_plain, *LETTER, "--require-tls", code=76)
    assert "leave out --require-tls" in done.err
    assert plain.messages == []


def test_a_field_is_signed_with_the_rest(run, plain, to_plain, tmp_path):
    key = tmp_path / "key.pem"
    key.write_bytes(private_key(2048))
    run(
        *("send", *to_plain, *LETTER, "--tls-optional", "--notify", "never"),
        *("--dkim-key", key, "--dkim-selector", "mail"),
        code=0,
    )
    (caught,) = plain.messages
    assert caught.email["TLS-Required"] == "No"
    assert caught.rcpt_parameters == [{"NOTIFY": "NEVER"}]
    assert_verifies(bytes(caught.data), rsmtp.Dkim("example.org", "mail", key))


def test_what_is_not_offered(run):
    with rsmtp.Catcher(tls="none", without=["DSN", "FUTURERELEASE"]) as server:
        url = ("--server", f"smtp://{server.host}:{server.port}?tls=none")
        done = run("send", *url, *LETTER, "--notify", "never", code=76)
        assert "does not offer DSN" in done.err
        assert "--if-offered" in done.err
        done = run("send", *url, *LETTER, "--hold-for", "60", "--if-offered", code=76)
        assert "does not offer FUTURERELEASE" in done.err
        assert server.messages == []
        done = run("send", *url, *LETTER, "--notify", "never", "--if-offered", code=0)
        assert done.out.splitlines()[-1] == "left out DSN: the server does not offer it"
        assert server.messages[0].rcpt_parameters == [{}]


def test_a_dry_run_shows_what_is_asked(run):
    done = run(
        *("send", *LETTER, "--dry-run", "--ret", "headers", "--notify", "never", "--cc", "carol@example.org"),
        code=0,
    )
    assert done.out.splitlines()[:3] == [
        "from    ann@example.org RET=HDRS",
        "to      bob@example.org NOTIFY=NEVER",
        "to      carol@example.org NOTIFY=NEVER",
    ]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--notify succes", "--notify: .*succes.* is not success, failure, delay or never"),
        ("--notify never,delay", "--notify: .*stands alone"),
        ("--notify ,", "--notify: .*never"),
        ("--ret all", "--ret"),
        ("--envid ü", "--envid: "),
        ("--hold-for soon", "--hold-for: 'soon' is no time such as"),
        ("--hold-for -5", "--hold-for"),
        ("--hold-until tomorrow", "--hold-until: 'tomorrow' is no date such as"),
        ("--hold-for 2h --hold-until 2026-12-24", "--hold-until: --hold-for is given, too"),
        ("--hold-for 2h --deliver-by 1h", "--deliver-by: "),
        ("--deliver-by 99999999d", "--deliver-by: "),
        ("--or-return", "--or-return goes with --deliver-by"),
        ("--priority 10", "--priority: 10 is not"),
        ("--priority high", "--priority"),
        ("--require-tls --tls-optional", "--tls-optional: --require-tls asks for the opposite"),
        ("--orcpt a@b.org --cc c@d.org", "--orcpt is of one recipient"),
    ],
)
def test_what_can_not_be_asked(run, plain, to_plain, flags, words):
    assert re.search(words, run("send", *to_plain, *LETTER, *flags.split(), code=2).err)
    assert plain.messages == []


def test_a_ready_message_gets_no_field(run, plain, to_plain, tmp_path):
    (tmp_path / "message.eml").write_bytes(b"From: a@b.org\nTo: c@d.org\n\nx\n")
    done = run("send", *to_plain, tmp_path / "message.eml", "--tls-optional", code=2)
    assert "write the field there" in done.err
    assert plain.messages == []
