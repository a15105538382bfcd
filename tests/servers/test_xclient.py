"""XCLIENT with a real Postfix: which client Postfix sees behind a gateway."""

import pytest
from client.facade import Client, close_loop

import rsmtp


@pytest.mark.parametrize("kind", [rsmtp.SmtpClient, Client], ids=["SmtpClient", "AsyncSmtpClient"])
@pytest.mark.parametrize("tls", ["none", "starttls"])
def test_postfix_takes_it_for_the_other_client(bed, trusting, kind, tls):
    bed.empty()
    server = bed.host, bed.ports["gateway"]
    settings = {
        "tls": tls,
        "context": trusting if tls == "starttls" else None,
        "local_hostname": "gw.example",
    }
    with kind(*server, **settings) as client:
        client.xclient("192.0.2.7", port=40001, name="spike.example", login="eve+1")
        assert client.state == "greeted"
        client.sendmail("alice@bed.test", ["bob@bed.test"], f"Subject: for another, {tls}\n\nhi\n")
        # The client that the gateway now speaks for must not use XCLIENT itself.
        with pytest.raises(rsmtp.SMTPNotSupportedError, match="does not offer XCLIENT"):
            client.xclient("192.0.2.8")
    with kind(*server, **settings) as client:
        client.xclient("2001:db8::1", name="[UNAVAILABLE]", helo="other.example")
        client.sendmail("alice@bed.test", ["bob@bed.test"], f"Subject: for a third, {tls}\n\nhi\n")
    close_loop()
    first = bed.delivered("bob", f"Subject: for another, {tls}")
    assert b"Received: from gw.example (spike.example [192.0.2.7])" in first
    second = bed.delivered("bob", f"Subject: for a third, {tls}")
    assert b"[IPv6:2001:db8::1])" in second
    assert "sasl_username=eve+1" in bed.log()


def test_postfix_offers_it_to_no_one_else(bed):
    with rsmtp.SmtpClient(bed.host, bed.ports["relay"]) as client:
        with pytest.raises(rsmtp.SMTPNotSupportedError, match="does not offer XCLIENT"):
            client.xclient("192.0.2.7")
