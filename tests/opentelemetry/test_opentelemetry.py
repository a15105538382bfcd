"""`rsmtp.opentelemetry` with the real SDK: what its exporters get from clients, mailers and
outboxes."""

import asyncio
import importlib.metadata
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from client import facade as clients
from mailer import facade as mailers
from opentelemetry import trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import rsmtp
from rsmtp import aiosmtplib, smtplib
from rsmtp._common import observing
from rsmtp.opentelemetry import RsmtpInstrumentor

OPENING = ["look-up", "connect", "greeting", "hello", "tls", "hello", "login"]
TALK = ["mail", "data", "answer"]


class Kept:
    """Records the exported data."""

    def __init__(self, sampler=None):
        self.spans = InMemorySpanExporter()
        self.tracer_provider = TracerProvider(sampler=sampler)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.spans))
        self.reader = InMemoryMetricReader()
        self.meter_provider = MeterProvider([self.reader])

    def tops(self):
        """The spans without a parent, in the order of their start."""
        return self.within(None)

    def within(self, span):
        found = [each for each in self.spans.get_finished_spans() if is_within(each, span)]
        return sorted(found, key=lambda each: (each.start_time, each.end_time))

    def phases(self, span):
        """The names of the phases, which follow each other within the span."""
        found = self.within(span)
        times = [time for phase in found for time in (phase.start_time, phase.end_time)]
        assert times == sorted(times)
        if times:
            # The engine's clock and the system's clock are read one after the other.
            assert span.start_time - 20_000_000 <= times[0]
            assert times[-1] <= span.end_time + 20_000_000
        return [phase.name for phase in found]

    def points(self, name):
        data = self.reader.get_metrics_data()
        metrics = [] if data is None else data.resource_metrics[0].scope_metrics[0].metrics
        return [point for metric in metrics if metric.name == name for point in metric.data.data_points]


def is_within(span, other):
    return span.parent is None if other is None else span.parent == other.context


@pytest.fixture
def kept():
    kept = Kept()
    instrumentor = RsmtpInstrumentor()
    instrumentor.instrument(tracer_provider=kept.tracer_provider, meter_provider=kept.meter_provider)
    yield kept
    instrumentor.uninstrument()
    clients.close_loop()
    mailers.close_loops()


@pytest.fixture
def catcher():
    with rsmtp.Catcher(require_auth=True) as catcher:
        yield catcher


def message(to="bob@example.org", **more):
    return rsmtp.Message("Secret text.", subject="Secret", from_="ann@example.org", to=to, **more)


def where(catcher):
    return {"server.address": "localhost", "server.port": catcher.port}


@pytest.fixture(params=[rsmtp.Mailer, mailers.Mailer], ids=["Mailer", "AsyncMailer"])
def mailer(request, catcher):
    context = rsmtp.TlsConfig(ca_file=catcher.ca_file)
    login = {"username": catcher.username, "password": catcher.password}
    with request.param(host="localhost", port=catcher.port, context=context, retries=0, **login) as mailer:
        yield mailer


@pytest.mark.parametrize("kind", [rsmtp.SmtpClient, clients.Client], ids=["SmtpClient", "AsyncSmtpClient"])
def test_a_client(kept, catcher, kind):
    context = rsmtp.TlsConfig(ca_file=catcher.ca_file)
    with kind("localhost", catcher.port, tls="starttls", context=context) as client:
        client.login(catcher.username, catcher.password)
        client.send_message(message())
        client.sendmail("ann@example.org", ["bob@example.org"], "Subject: x\n\nhi\n")
    connect, login, *sends = kept.tops()
    port = catcher.port
    assert connect.name == f"connect localhost:{port}"
    assert kept.phases(connect) == OPENING[:-1]
    assert kept.phases(login) == ["login"]
    assert [send.name for send in sends] == [f"send localhost:{port}"] * 2
    for span in (connect, login, *sends):
        assert span.kind is trace.SpanKind.CLIENT
        facts = {"network.protocol.name": "smtp", "network.transport": "tcp", "tls.protocol.name": "tls"}
        assert (where(catcher) | facts).items() <= span.attributes.items()
        assert span.attributes["tls.protocol.version"] == "1.3"
    for send in sends:
        assert kept.phases(send) == TALK
        assert send.attributes["messaging.system"] == "smtp"
        assert send.attributes["messaging.operation.name"] == "send"
    (sent,) = kept.points("messaging.client.sent.messages")
    assert (sent.value, sent.attributes["server.port"]) == (2, port)
    (connected,) = kept.points("smtp.client.connect.duration")
    assert (connected.count, dict(connected.attributes)) == (1, where(catcher))


def test_the_mirrors(kept):
    async def ported(port):
        await aiosmtplib.send("Subject: x\n\nhi\n", sender="a@b.org", recipients=["c@d.org"], port=port)

    with rsmtp.Catcher(tls="none") as server:
        with smtplib.SMTP("localhost", server.port) as client:
            client.sendmail("a@b.org", "c@d.org", "hi")
        asyncio.run(ported(server.port))
    names = [span.name.partition(" ")[0] for span in kept.tops()]
    assert names == ["connect", "send"] * 2


def test_a_mailer(kept, catcher, mailer):
    first, second = mailer.send(message()), mailer.send(message(to=["bob@example.org", "carol@example.org"]))
    opened, reused = kept.tops()
    assert kept.phases(opened) == [*OPENING, *TALK]
    assert kept.phases(reused) == TALK
    for span, receipt in ((opened, first), (reused, second)):
        assert where(catcher).items() <= span.attributes.items()
        assert span.attributes["messaging.message.id"] == receipt.message_id
        assert span.attributes["smtp.queue_id"] == receipt.queue_id
        assert span.attributes["smtp.status_code"] == 250
        assert span.attributes["smtp.recipient.count"] == len(receipt.recipients)
        assert span.status.status_code is trace.StatusCode.UNSET
    (connected,) = kept.points("smtp.client.connect.duration")
    (duration,) = kept.points("messaging.client.operation.duration")
    assert (connected.count, duration.count) == (1, 2)


def test_many(kept, catcher, mailer):
    tracer = kept.tracer_provider.get_tracer("a program")
    with tracer.start_as_current_span("a request"):
        report = mailer.send_all([message() for _ in range(5)])
    assert report.sent == 5
    (request,) = kept.tops()
    (whole,) = kept.within(request)
    assert whole.name == f"send_all localhost:{catcher.port}"
    assert whole.attributes["messaging.batch.message_count"] == 5
    sends = kept.within(whole)
    assert [send.name for send in sends] == [f"send localhost:{catcher.port}"] * 5
    # The opening of a session belongs to its first message.
    assert sorted(map(kept.phases, sends)) == [[]] * 4 + [OPENING]
    (sent,) = kept.points("messaging.client.sent.messages")
    assert sent.value == 5


def test_a_stream_and_one_that_is_left(kept, catcher):
    with rsmtp.Mailer(f"smtp://localhost:{catcher.port}?tls=none") as mailer:
        receipts = mailer.send_all([message() for _ in range(3)], stream=True)
        assert kept.tops() == []
        next(receipts)
        receipts.close()
        (whole,) = kept.tops()
    assert whole.status.status_code is trace.StatusCode.UNSET


def test_a_refusal(kept, catcher, mailer):
    catcher.fault("RCPT", reply=(550, "5.1.1 secret words"), address="bob@example.org")
    with pytest.raises(rsmtp.SMTPRecipientsRefused):
        mailer.send(message())
    mailer.send(message(to=["bob@example.org", "carol@example.org"]))
    mailer.send_all([message()])
    spans = [*kept.tops(), *kept.within(kept.tops()[-1])]
    refused, partly, whole, one = spans
    for span in (refused, partly, one):
        assert span.status.status_code is trace.StatusCode.ERROR
        assert span.attributes["error.type"] == "rsmtp.errors.SMTPRecipientsRefused"
        assert span.attributes["smtp.recipient.refused_count"] == 1
    assert (refused.attributes["smtp.status_code"], one.attributes["smtp.status_code"]) == (550, 550)
    assert whole.status.status_code is trace.StatusCode.UNSET
    (point,) = kept.points("messaging.client.sent.messages")
    assert (point.value, point.attributes["error.type"]) == (3, "rsmtp.errors.SMTPRecipientsRefused")
    # No recipient, no subject, and no text from the server.
    everything = "".join(span.to_json() for span in kept.spans.get_finished_spans())
    for secret in ("bob@", "carol@", "Secret", "secret words", catcher.password):
        assert secret not in everything


def test_what_fails(kept, mailer):
    with rsmtp.Catcher(tls="none") as gone:
        port = gone.port
    with pytest.raises(ConnectionRefusedError):
        rsmtp.SmtpClient("localhost", port)
    with type(mailer)(f"smtp://localhost:{port}?tls=none", retries=0) as unreachable:
        with pytest.raises(rsmtp.SMTPUnreachable):
            unreachable.send(message())
        with pytest.raises(rsmtp.SMTPUnreachable):
            unreachable.send_all([message()])
    with pytest.raises(ValueError, match="no To"):
        mailer.send(rsmtp.Message("x", from_="a@b.org"))
    spans = kept.tops()
    assert [span.name.partition(" ")[0] for span in spans] == ["connect", "send", "send_all", "send"]
    assert all(span.status.status_code is trace.StatusCode.ERROR for span in spans)
    assert spans[0].attributes["error.type"] == "rsmtp.errors.SMTPConnectionRefused"
    assert spans[-1].attributes["error.type"] == "ValueError"
    (failed,) = kept.points("smtp.client.connect.duration")
    assert "error.type" in failed.attributes


def test_an_outbox(kept, catcher, mailer, tmp_path):
    outbox = rsmtp.Outbox(tmp_path / "mail.db")
    for number in range(3):
        outbox.put(message(), key=f"{number}")
    assert kept.tops() == []
    if isinstance(mailer, rsmtp.Mailer):
        assert outbox.run(mailer).sent == 3
        outbox.run(mailer)
    else:
        asked = mailer._mailer
        assert mailer._runner.run(outbox.run(asked)).sent == 3
        mailer._runner.run(outbox.run(asked))
    # A run that finds nothing to send is not recorded.
    (run,) = kept.tops()
    assert run.name.startswith("outbox run ")
    assert len(kept.within(run)) == 3


def test_a_folder(kept, tmp_path):
    rsmtp.Mailer(f"file://{tmp_path}").send(message())
    (span,) = kept.tops()
    assert span.name == f"send file:{tmp_path}"
    assert "server.port" not in span.attributes


def test_rules_of_a_mailer(kept):
    receipts = []
    with rsmtp.Mailer("null:", suppression=["bob@example.org"], after_send=receipts.append) as mailer:
        mailer.send(message())
        mailer.send_all([message(), message("carol@example.org")])
    assert len(receipts) == 3
    assert len(kept.tops()) == 2
    # A message that all rules suppress was sent to no server.
    (sent,) = kept.points("messaging.client.sent.messages")
    assert sent.value == 1


def test_it_can_be_turned_off(kept):
    with suppress_instrumentation(), rsmtp.Mailer("null:") as mailer:
        mailer.send(message())
        mailer.send_all([message()])
    RsmtpInstrumentor().uninstrument()
    assert observing.observer is None
    rsmtp.Mailer("null:").send(message())
    assert kept.tops() == []
    RsmtpInstrumentor().instrument(tracer_provider=kept.tracer_provider)
    rsmtp.Mailer("null:").send(message())
    assert len(kept.tops()) == 1


def test_metrics_do_not_hang_on_sampling(kept):
    unsampled = Kept(ALWAYS_OFF)
    RsmtpInstrumentor().uninstrument()
    RsmtpInstrumentor().instrument(
        tracer_provider=unsampled.tracer_provider, meter_provider=unsampled.meter_provider
    )
    rsmtp.Mailer("null:").send(message())
    assert unsampled.tops() == []
    assert unsampled.points("messaging.client.sent.messages")[0].value == 1


def test_opentelemetry_instrument_finds_it():
    group = "opentelemetry_instrumentor"
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    value = project["entry-points"][group]["rsmtp"]
    assert importlib.metadata.EntryPoint("rsmtp", value, group).load() is RsmtpInstrumentor


def test_nothing_is_loaded_without_it():
    program = """
import sys, rsmtp
rsmtp.Mailer("null:").send(("a@b.org", "c@d.org", b"hi"))
rsmtp.SmtpClient(), rsmtp.AsyncSmtpClient, rsmtp.AsyncMailer, rsmtp.Outbox
print([name for name in sys.modules if "opentelemetry" in name])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50)
    assert done.stdout.strip() == "[]", done
