"""A merge compared with Jinja2, EmailMessage and smtplib: the same rows, templates and server, in one run.

    python bench/merge.py [--rows 3000] [--memory 100000]

CPU seconds are those of this process, whatever its number of threads. The sink that accepts the mail
is a separate process.
"""

import argparse
import resource
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import jinja2

import rsmtp

SUBJECT = "Your invoice {{ id }}, {{ name }}"
TEXT = """Dear {{ name }},

please find below what you have ordered on {{ day }}.
{% for item in items %}
- {{ item.name }}: {{ item.price }}{% endfor %}

Total: {{ total }}

-- {{ shop }}
"""
HTML = """<html><body><p>Dear {{ name }},</p><p>please find below what you have ordered on {{ day }}.</p>
<table>{% for item in items %}<tr><td>{{ item.name }}</td><td>{{ item.price }}</td></tr>{% endfor %}</table>
<p><b>Total: {{ total }}</b></p><p>{{ shop }}</p></body></html>
"""


def rows(count: int) -> Iterator[dict[str, object]]:
    for n in range(count):
        items = [{"name": f"Thing {k} & Sons", "price": f"{n % 90 + k}.50"} for k in range(4)]
        yield {
            "id": n, "name": f"Ann {n}", "email": f"ann{n}@bench.test", "day": "2026-11-27",
            "items": items, "total": f"{n % 360}.00", "shop": "Shop",
        }  # fmt: skip


def by_jinja2(count: int) -> Iterator[EmailMessage]:
    plain = jinja2.Environment(undefined=jinja2.StrictUndefined)
    escaped = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=True)
    subject, text, html = plain.from_string(SUBJECT), plain.from_string(TEXT), escaped.from_string(HTML)
    for row in rows(count):
        message = EmailMessage(policy=SMTP)
        message["Subject"] = subject.render(row)
        message["From"] = "shop@bench.test"
        message["To"] = row["email"]
        message.set_content(text.render(row))
        message.add_alternative(html.render(row), subtype="html")
        yield message


def by_rsmtp(count: int) -> rsmtp.Merge:
    template = rsmtp.Template(TEXT, subject=SUBJECT, html=HTML)
    return rsmtp.merge(template, rows(count), from_="shop@bench.test", to="{{ email }}")


def written(messages: Iterator[EmailMessage] | rsmtp.Merge) -> None:
    for message in messages:
        message.as_bytes()


def sent_by_smtplib(count: int, port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port) as client:
        for message in by_jinja2(count):
            client.send_message(message)


def sent_by_rsmtp(count: int, port: int) -> None:
    with rsmtp.Mailer(f"smtp://127.0.0.1:{port}?tls=none") as mailer:
        report = mailer.send_all(by_rsmtp(count))
    assert report.sent == count, report


def timed(work: Callable[[], None]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def compared(what: str, count: int, theirs: Callable[[], None], ours: Callable[[], None]) -> None:
    best = [min((timed(work) for _ in range(3)), key=lambda pair: pair[1]) for work in (theirs, ours)]
    for name, (wall, cpu) in zip(("Jinja2, EmailMessage", "rsmtp"), best, strict=True):
        print(f"{what:8} {name:22} {count / wall:9,.0f}/s {cpu / count * 1e6:9.1f} us of CPU a message")
    print(f"{what:8} {'ratio':22} {best[0][0] / best[1][0]:9.1f}x  {best[0][1] / best[1][1]:9.1f}x of CPU")


def sink() -> tuple[subprocess.Popen[str], int]:
    """A server in a separate process that accepts everything."""
    program = (
        "import rsmtp, sys\nwith rsmtp.Catcher(keep=10) as c:\n print(c.port, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def memory(count: int) -> None:
    """Compares the memory peak of a process that renders this many rows with that of a hundredth of them."""
    folder = str(Path(__file__).parent)
    program = f"import sys; sys.path.insert(0, {folder!r}); import merge; merge.peak(int(sys.argv[1]))"
    for each in (count // 100, count):
        done = subprocess.run(
            [sys.executable, "-c", program, str(each)], capture_output=True, text=True, check=True
        )
        print(f"memory   {each:9,} rows {done.stdout.strip()}")


def peak(count: int) -> None:
    began = time.perf_counter()
    with rsmtp.Mailer("null:") as mailer:
        assert mailer.send_all(by_rsmtp(count)).sent == count
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{most:.1f} MB at most, {count / (time.perf_counter() - began):,.0f}/s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--memory", type=int, default=100_000)
    given = parser.parse_args()
    count = given.rows
    compared("written", count, lambda: written(by_jinja2(count)), lambda: written(by_rsmtp(count)))
    process, port = sink()
    try:
        compared("sent", count, lambda: sent_by_smtplib(count, port), lambda: sent_by_rsmtp(count, port))
    finally:
        process.communicate()
    memory(given.memory)


if __name__ == "__main__":
    main()
