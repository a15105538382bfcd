"""EHLO and HELO: what each client knows after each pair of answers, compared with the client that
its interface follows."""

import asyncio

import aiosmtplib
import pytest
from client.scripted import answering, serve

import rsmtp
from rsmtp import aiosmtplib as mirror

NAME = "client.example.org"
TO_EHLO = [
    "250 me",
    "250-me\r\n250 SIZE 10",
    "500 what?",
    "501 no",
    "502 no",
    "504 no",
    "550 no",
    "450 later",
]
TO_HELO = ["250 me", "500 what?", "550 no", "450 later"]
PAIRS = [(to_ehlo, to_helo) for to_ehlo in TO_EHLO for to_helo in TO_HELO]


def script(to_ehlo, to_helo):
    return answering({"EHLO": to_ehlo.split("\r\n"), "HELO": to_helo.split("\r\n")})


@pytest.mark.parametrize(("to_ehlo", "to_helo"), PAIRS)
@pytest.mark.parametrize("verb", ["noop", "vrfy", "mail", "login", "ehlo", "helo"])
def test_the_mirror_knows_what_aiosmtplib_knows(verb, to_ehlo, to_helo):
    async def outcome(smtp, arguments):
        try:
            reply = await getattr(smtp, verb)(*arguments)
        except aiosmtplib.SMTPResponseException as error:
            return type(error).__name__, error.code, error.message
        except aiosmtplib.SMTPException:
            return "there is no AUTH"  # in words, and by a subclass, of each library's own
        return "returned", *reply

    async def main(library, port):
        smtp = library.SMTP(hostname="127.0.0.1", port=port, start_tls=False, timeout=20, local_hostname=NAME)
        await smtp.connect()
        arguments = {"vrfy": ("ann",), "mail": ("a@example.org",), "login": ("ann", "secret")}.get(verb, ())
        came = []
        for _ in range(2):
            came.append(await outcome(smtp, arguments))
            came.append((smtp.last_ehlo_response, smtp.last_helo_response))
            came.append((smtp.is_ehlo_or_helo_needed, smtp.supports_esmtp, smtp.esmtp_extensions))
        smtp.close()
        return came

    found = []
    for library in (aiosmtplib, mirror):
        with serve(script(to_ehlo, to_helo)) as server:
            came = asyncio.run(main(library, server.port))
            server.wait_for_end()
            found.append((came, server.heard.lower()))
    assert found[1] == found[0]


@pytest.mark.parametrize(("to_ehlo", "to_helo"), PAIRS)
def test_the_asyncio_client_knows_what_the_blocking_one_knows(to_ehlo, to_helo):
    def known(client):
        return client.ehlo_resp, client.helo_resp, client.does_esmtp, client.esmtp_features, client.state

    async def awaited(host, port):
        async with rsmtp.AsyncSmtpClient(host, port, local_hostname=NAME, timeout=20) as client:
            try:
                await client.ehlo_or_helo_if_needed()
            except rsmtp.SMTPHeloError as error:
                return error.args, known(client)
            return None, known(client)

    def waited_for(host, port):
        with rsmtp.SmtpClient(host, port, local_hostname=NAME, timeout=20) as client:
            try:
                client.ehlo_or_helo_if_needed()
            except rsmtp.SMTPHeloError as error:
                return error.args, known(client)
            return None, known(client)

    found = []
    for run in (waited_for, lambda host, port: asyncio.run(awaited(host, port))):
        with serve(script(to_ehlo, to_helo)) as server:
            found.append((run(server.host, server.port), server.heard))
    assert found[1] == found[0]
