"""Each envelope option, with a server that offers it and with one that doesn't, by every client and
both mailers: the commands that the server gets, the refusal before anything is sent, and the
receipt."""

import datetime

import pytest
from client import facade as clients
from mailer import facade as mailers

import rsmtp
from rsmtp import DeliverBy, Dsn, Envelope, Rcpt

WHEN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
FROM, TO = "ann@example.org", "bob@example.org"

# The option, its extension, the parameters of MAIL and RCPT, and whether a server without the
# extension may get the message without the option.
OPTIONS = {
    "ret": ({"dsn": Dsn(ret="full")}, "DSN", {"RET": "FULL"}, {}, True),
    "envid": ({"dsn": Dsn(envid="a=b")}, "DSN", {"ENVID": "a+3Db"}, {}, True),
    "notify": ({"dsn": Dsn(notify=["delay", "success"])}, "DSN", {}, {"NOTIFY": "SUCCESS,DELAY"}, True),
    "own notify": ({"own": {"dsn": Dsn(notify="never")}}, "DSN", {}, {"NOTIFY": "NEVER"}, True),
    "own orcpt": ({"own": {"dsn": Dsn(orcpt="a@b.org")}}, "DSN", {}, {"ORCPT": "rfc822;a@b.org"}, True),
    "require_tls": ({"require_tls": True}, "REQUIRETLS", {"REQUIRETLS": None}, {}, False),
    "hold_for": ({"hold_for": 60}, "FUTURERELEASE", {"HOLDFOR": "60"}, {}, False),
    "hold_until": ({"hold_until": WHEN}, "FUTURERELEASE", {"HOLDUNTIL": "2026-01-01T00:00:00Z"}, {}, False),
    "deliver_by": ({"deliver_by": 60}, "DELIVERBY", {"BY": "60;N"}, {}, True),
    "or return": ({"deliver_by": DeliverBy(60, "return")}, "DELIVERBY", {"BY": "60;R"}, {}, False),
    "priority": ({"priority": 4}, "MT-PRIORITY", {"MT-PRIORITY": "4"}, {}, True),
    "binary": ({"binary": True}, "BINARYMIME", {"BODY": "BINARYMIME"}, {}, True),
    "xverp": ({"xverp": "-="}, "XVERP", {"XVERP": "-="}, {}, True),
    "valid_since": ({"own": {"valid_since": WHEN}}, "RRVS", {}, {"RRVS": "2026-01-01T00:00:00Z"}, True),
}


class StepByStep(rsmtp.SmtpClient):
    def rcpt(self, recip, options=()):
        return super().rcpt(recip, options)


class AsyncStepByStep(rsmtp.AsyncSmtpClient):
    async def rcpt(self, recip, options=()):
        return await super().rcpt(recip, options)


class SteppingFacade(clients.Client):
    _kind = AsyncStepByStep


CLIENTS = {"SmtpClient": rsmtp.SmtpClient, "AsyncSmtpClient": clients.Client}
STEPPING = {"SmtpClient": StepByStep, "AsyncSmtpClient": SteppingFacade}
MAILERS = {"Mailer": rsmtp.Mailer, "AsyncMailer": mailers.Mailer}
WAYS = [
    *(f"{client} {verb}" for client in CLIENTS for verb in ("send_message", "sendmail", "step by step")),
    *(f"{mailer} {verb}" for mailer in MAILERS for verb in ("send", "send_all", "outbox")),
    "send",
]


@pytest.fixture(autouse=True)
def tidy():
    yield
    clients.close_loop()
    mailers.close_loops()


def message():
    return rsmtp.Message("Hello", subject="Hello", from_=FROM, to=[TO, "carol@example.org"])


def by(way, catcher, envelope, folder):
    """Sends the message. Returns the receipt, if there is one."""
    kind, _, verb = way.partition(" ")
    context = rsmtp.TlsConfig(ca_file=catcher.ca_file)
    server = {"host": "localhost", "port": catcher.port, "context": context}
    if way == "send":
        return rsmtp.send(message(), **server, envelope=envelope)
    if kind in CLIENTS:
        with (STEPPING if verb == "step by step" else CLIENTS)[kind](**server, tls="starttls") as client:
            if verb == "sendmail":
                client.sendmail(None, None, message(), envelope=envelope)
            else:
                client.send_message(message(), envelope=envelope)
        return None
    with MAILERS[kind](**server, outbox=rsmtp.Outbox(folder / "mail.db")) as mailer:
        if verb == "send":
            return mailer.send(message(), envelope=envelope)
        if verb == "outbox":
            return mailer.send(message(), envelope=envelope, key="a")
        (receipt,) = mailer.send_all([(message(), envelope)]).receipts
        if receipt.error is not None:
            raise receipt.error
        return receipt


def envelope_of(asked, **options):
    asked = dict(asked)
    own = asked.pop("own", {})
    return Envelope(FROM, [Rcpt(TO, **own), "carol@example.org"], **asked, **options)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", OPTIONS)
def test_what_is_offered_is_said(name, way, tmp_path):
    asked, _, mail, rcpt, _ = OPTIONS[name]
    with rsmtp.Catcher() as catcher:
        if name == "binary" and "step" in way:
            with pytest.raises(rsmtp.SMTPNotSupportedError, match="goes by BDAT alone"):
                by(way, catcher, envelope_of(asked), tmp_path)
            return
        receipt = by(way, catcher, envelope_of(asked), tmp_path)
        (caught,) = catcher.messages
    said = {key: value for key, value in caught.mail_parameters.items() if key in mail}
    assert said == mail
    own, other = caught.rcpt_parameters
    if "RRVS" in rcpt:
        rcpt = {"RRVS": f"{rcpt['RRVS']};R"}
    assert own == rcpt
    assert other == (rcpt if name == "notify" else {})
    if receipt is not None:
        assert receipt.options == [key if value is None else f"{key}={value}" for key, value in mail.items()]
        assert receipt.recipients[0].options == [f"{key}={value}" for key, value in rcpt.items()]
        assert receipt.options_left_out == []
        assert rsmtp.Receipt.from_dict(receipt.to_dict()).to_dict() == receipt.to_dict()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", OPTIONS)
def test_what_is_not_offered_is_refused_and_nothing_is_sent(name, way, tmp_path):
    asked, keyword, *_ = OPTIONS[name]
    with rsmtp.Catcher(without=[keyword]) as catcher:
        if "outbox" in way:
            # The outbox keeps the result.
            receipt_of = by_outbox(way, catcher, envelope_of(asked), tmp_path)
            assert not receipt_of.ok
            assert keyword in str(receipt_of.error)
        else:
            with pytest.raises(rsmtp.SMTPNotSupportedError, match=keyword):
                by(way, catcher, envelope_of(asked), tmp_path)
        assert not any(line.startswith("C: MAIL") for talk in catcher.conversations for line in talk)


def by_outbox(way, catcher, envelope, folder):
    context = rsmtp.TlsConfig(ca_file=catcher.ca_file)
    server = {"host": "localhost", "port": catcher.port, "context": context}
    with MAILERS[way.partition(" ")[0]](**server, outbox=rsmtp.Outbox(folder / "mail.db")) as mailer:
        return mailer.send(message(), envelope=envelope, key="a", check=False)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", OPTIONS)
def test_if_offered(name, way, tmp_path):
    asked, keyword, _, _, may_be_left_out = OPTIONS[name]
    envelope = envelope_of(asked, if_offered=True)
    with rsmtp.Catcher(without=[keyword]) as catcher:
        if not may_be_left_out and "outbox" in way:
            assert keyword in str(by_outbox(way, catcher, envelope, tmp_path).error)
            assert catcher.messages == []
            return
        if not may_be_left_out:
            with pytest.raises(rsmtp.SMTPNotSupportedError, match=keyword):
                by(way, catcher, envelope, tmp_path)
            assert catcher.messages == []
            return
        receipt = by(way, catcher, envelope, tmp_path)
        (caught,) = catcher.messages
    assert set(caught.mail_parameters) <= {"SIZE"}
    assert caught.rcpt_parameters == [{}, {}]
    if receipt is not None:
        assert (receipt.options, receipt.options_left_out) == ([], [keyword])
        assert receipt.recipients[0].options == []


def test_valid_since_goes_on_where_it_may_be_left_out(tmp_path):
    with rsmtp.Catcher() as catcher:
        by("send", catcher, envelope_of({"own": {"valid_since": WHEN}}, if_offered=True), tmp_path)
        assert catcher.messages[0].rcpt_parameters[0] == {"RRVS": "2026-01-01T00:00:00Z;C"}


@pytest.mark.parametrize("way", [way for way in WAYS if "sendmail" not in way])
def test_the_headers_name_whom_the_envelope_does_not(way, tmp_path):
    with rsmtp.Catcher() as catcher:
        by(way, catcher, Envelope(dsn=Dsn(notify="failure"), tls_optional=True), tmp_path)
        (caught,) = catcher.messages
    assert (caught.mail_from, caught.rcpt_tos) == (FROM, [TO, "carol@example.org"])
    assert caught.rcpt_parameters == [{"NOTIFY": "FAILURE"}] * 2
    assert caught.email["TLS-Required"] == "No"
