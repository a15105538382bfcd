"""The exceptions: their base classes, their attributes, and that they can be pickled and copied."""

import copy
import pickle
import smtplib
import socket
import ssl

import pytest

import rsmtp
from client.scripted import answering, serve
from rsmtp import errors

pytestmark = pytest.mark.usefixtures("either_driver")

A, B, C = "a@example.org", "b@example.org", "c@example.org"


def caught(replies=(), work=lambda client: client.sendmail(A, [B, C], "x"), extensions=()):
    with serve(answering(dict(replies), extensions=extensions)) as server:
        client = rsmtp.SmtpClient(timeout=20)
        try:
            client.connect(server.host, server.port)
            client.ehlo()
            work(client)
        except Exception as error:
            client.close()
            return error
    raise AssertionError("nothing was raised")


def unconnected():
    with pytest.raises(OSError) as raised:
        rsmtp.SmtpClient("127.0.0.1", 1, timeout=20)
    return raised.value


def unresolved():
    with pytest.raises(OSError) as raised:
        rsmtp.SmtpClient("no-such-host.invalid", 25, timeout=20)
    return raised.value


def untrusted():
    with rsmtp.Catcher() as catcher, pytest.raises(OSError) as raised:
        rsmtp.SmtpClient("localhost", catcher.port, tls="starttls", timeout=20)
    return raised.value


def timed_out():
    with serve(lambda peer: peer.until_closed()) as server, pytest.raises(OSError) as raised:
        rsmtp.SmtpClient(server.host, server.port, timeout=0.1)
    return raised.value


MADE = {
    "SMTPRecipientsRefused": lambda: caught({"RCPT": "550 5.1.1 no"}),
    "SMTPSenderRefused": lambda: caught({"MAIL": "451 4.3.0 later"}),
    "SMTPDataError": lambda: caught({".": "554 5.7.1 spam"}),
    "SMTPAuthenticationError": lambda: caught(
        {"AUTH": "535 5.7.8 no"}, lambda c: c.login("ann", "x"), ["AUTH PLAIN"]
    ),
    "SMTPNotSupportedError": lambda: caught(work=lambda c: c.starttls()),
    "SMTPServerDisconnected": lambda: caught({".": None}),
    "SMTPProtocolError": lambda: caught({"MAIL": "oh"}),
    "SMTPNonASCIIAddress": lambda: caught(work=lambda c: c.sendmail("j\u00fc@example.org", B, "x")),
    "SMTPStateError": lambda: caught(work=lambda c: (c.putcmd("NOOP"), c.rset())),
    "SMTPConnectionRefused": unconnected,
    "SMTPHostNotFound": unresolved,
    "SMTPCertificateError": untrusted,
    "SMTPTimeoutError": timed_out,
}
NAMES = ("stage", "code", "enhanced_code", "address", "transient", "fates", "errno")
SMTPLIBS = ("smtp_code", "smtp_error", "sender", "recipients")


def told(error):
    found = {name: getattr(error, name) for name in (*NAMES, *SMTPLIBS) if hasattr(error, name)}
    return type(error), str(error), error.args, found


@pytest.mark.parametrize("name", MADE)
def test_each_is_of_its_class_pickles_and_copies(name):
    error = MADE[name]()
    assert type(error) is getattr(errors, name)
    assert str(error)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert told(pickle.loads(pickle.dumps(error, protocol))) == told(error)
    assert told(copy.copy(error)) == told(error)
    assert told(copy.deepcopy(error)) == told(error)


def test_what_a_caller_acts_on():
    error = MADE["SMTPSenderRefused"]()
    assert (error.stage, error.code, error.enhanced_code) == ("mail", 451, "4.3.0")
    assert (error.address, error.transient) == (A, True)
    assert dict(error.fates) == {B: "not sent", C: "not sent"}
    error = MADE["SMTPRecipientsRefused"]()
    assert (error.stage, error.code, error.enhanced_code) == ("rcpt", 550, "5.1.1")
    assert not error.transient
    assert dict(error.fates) == {B: "refused", C: "refused"}
    error = MADE["SMTPDataError"]()
    assert (error.stage, error.code, error.enhanced_code) == ("end of data", 554, "5.7.1")
    assert dict(error.fates) == {B: "refused", C: "refused"}
    error = MADE["SMTPAuthenticationError"]()
    assert (error.stage, error.code, error.transient) == ("auth", 535, False)
    error = MADE["SMTPServerDisconnected"]()
    assert (error.stage, error.code, error.transient) == ("end of data", None, True)
    assert dict(error.fates) == {B: "unknown", C: "unknown"}
    error = caught({"STARTTLS": "454 4.7.0 not now"}, lambda c: c.starttls(), ["STARTTLS"])
    assert (error.stage, error.code, error.enhanced_code, error.transient) == ("starttls", 454, "4.7.0", True)
    error = MADE["SMTPConnectionRefused"]()
    assert error.stage == "connect"
    assert error.errno


def test_a_refused_greeting_tells_the_same():
    with serve(lambda peer: (peer.say("554 5.7.1 not you"), peer.until_closed())) as server:
        with pytest.raises(errors.SMTPConnectError) as raised:
            rsmtp.SmtpClient(server.host, server.port, timeout=20)
    error = raised.value
    assert (error.stage, error.code, error.enhanced_code) == ("greeting", 554, "5.7.1")


def test_a_refused_introduction_tells_the_same():
    with serve(answering({"EHLO": "554 5.7.1 not you", "HELO": "554 5.7.1 not you"})) as server:
        client = rsmtp.SmtpClient(server.host, server.port, timeout=20)
        with pytest.raises(errors.SMTPHeloError) as raised:
            client.sendmail(A, B, "x")
        client.close()
    error = raised.value
    assert (error.stage, error.code, error.enhanced_code) == ("hello", 554, "5.7.1")


def test_refusals_that_differ_have_no_code_in_common():
    error = caught({"RCPT": ("550 5.1.1 no", "450 4.2.1 later")})
    assert (error.stage, error.code, error.enhanced_code) == ("rcpt", None, None)
    error = errors.SMTPRecipientsRefused({B: (550, "5.1.1 in text")})
    assert error.enhanced_code == "5.1.1"


def test_recipients_refused_for_different_reasons_have_no_reason_in_common():
    with rsmtp.Catcher(tls="none") as catcher:
        catcher.fault("RCPT", address=B, reply=(550, "5.1.1 no such user"))
        catcher.fault("RCPT", address=C, reply=(550, "5.7.1 not for you"))
        with rsmtp.SmtpClient("localhost", catcher.port) as client:
            with pytest.raises(rsmtp.SMTPRecipientsRefused) as by_client:
                client.sendmail(A, [B, C], "x")
        with rsmtp.Mailer(f"smtp://localhost:{catcher.port}?tls=none") as mailer:
            with pytest.raises(rsmtp.SMTPRecipientsRefused) as by_mailer:
                mailer.send((A, [B, C], "x")).raise_for_refused()
    for error in (by_client.value, by_mailer.value):
        assert (error.code, error.enhanced_code) == (550, None)


def test_python_own_classes_catch_too():
    assert isinstance(MADE["SMTPConnectionRefused"](), ConnectionRefusedError)
    assert isinstance(MADE["SMTPHostNotFound"](), socket.gaierror)
    assert isinstance(MADE["SMTPCertificateError"](), ssl.SSLCertVerificationError)
    assert isinstance(MADE["SMTPTimeoutError"](), TimeoutError)
    assert isinstance(MADE["SMTPNonASCIIAddress"](), UnicodeEncodeError)


@pytest.mark.parametrize("name", errors.__all__)
def test_every_class_stands_under_the_standard_librarys_and_in_rsmtp(name):
    cls = getattr(errors, name)
    assert getattr(rsmtp, name) is cls
    if hasattr(smtplib, name):
        assert issubclass(cls, getattr(smtplib, name))
    elif name != "SMTPNonASCIIAddress":
        assert issubclass(cls, smtplib.SMTPException)
