"""The catcher's messages and connections as JSON."""

from collections.abc import Iterable
from typing import Final

from rsmtp import Catcher, __version__
from rsmtp._rsmtp import ArmedFault, CaughtConversation, CaughtLine, CaughtMessage, CaughtTls
from rsmtp._web import shown
from rsmtp._web.answer import Json
from rsmtp._web.mail import Mail
from rsmtp.display.short import counted
from rsmtp.inbox import trouble
from rsmtp.inbox.snippet import snippet

MOST_LINES: Final = 5_000


def server(catcher: Catcher, *, show_password: bool, may_release: bool) -> Json:
    return {
        "version": __version__,
        "protocol": catcher.protocol,
        "host": catcher.host,
        "port": catcher.port,
        "tls": catcher.tls,
        "ca_file": catcher.ca_file,
        "username": catcher.username,
        "password": catcher.password if show_password else None,
        "snippet": snippet(catcher, show_password=show_password),
        "stages": catcher.stages(),
        "may_release": may_release,
        **news(catcher),
    }


def news(catcher: Catcher) -> Json:
    """What the page wants to know at every change."""
    return {
        "changes": catcher.changes,
        "count": catcher.count,
        "faults": sum(fault.times != 0 for fault in catcher.faults),
    }


def detail(message: CaughtMessage, summary: Json, mail: Mail) -> Json:
    return {
        **summary,
        "queue_id": message.queue_id,
        "peer": message.peer,
        "helo": message.helo,
        "user": message.user,
        "tls": tls(message.tls),
        "chunked": message.chunked,
        "mail_parameters": message.mail_parameters,
        "rcpt_parameters": message.rcpt_parameters,
        **shown.described(mail),
        "conversation": lines(message.conversation.timeline),
    }


def tls(facts: CaughtTls | None) -> Json | None:
    if facts is None:
        return None
    return {"version": facts.version, "cipher": facts.cipher, "server_name": facts.server_name}


def lines(timeline: Iterable[CaughtLine]) -> list[Json]:
    said: list[Json] = [{"at": line.at, "direction": line.direction, "text": line.text} for line in timeline]
    if len(said) > MOST_LINES:
        note: Json = {
            "at": None,
            "direction": "*",
            "text": f"left out here: {counted(len(said) - MOST_LINES, 'line')}",
        }
        said[MOST_LINES // 2 : len(said) - MOST_LINES // 2] = [note]
    return said


def connection(conversation: CaughtConversation, *, with_lines: bool) -> Json:
    described: Json = {
        "number": conversation.number,
        "peer": conversation.peer,
        "helo": conversation.helo,
        "user": conversation.user,
        "tls": tls(conversation.tls),
        "closed": conversation.closed,
    }
    timeline = conversation.timeline
    described["lines"] = len(timeline)
    described["refusal"] = trouble.refusal(timeline)
    described["problem"] = trouble.of(timeline)
    if with_lines:
        described["conversation"] = lines(timeline)
    return described


def fault(fault: ArmedFault) -> Json:
    return {
        "number": fault.number,
        "stage": fault.stage,
        "address": fault.address,
        "skip": fault.skip,
        "times": fault.times,
        "text": fault.text,
    }
