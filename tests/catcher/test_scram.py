"""The catcher's SCRAM, tested with an independent client and with wrong messages."""

import base64
import hashlib
import re

import pytest
from scramp import ScramClient

import rsmtp

SCRAM = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1"]


class ByScramp:
    """Both steps of a login by the package scramp. Tests may change the messages on the way."""

    def __init__(self, raw, mechanism, user="ann", password="s3cret", binding=None):
        self.client = ScramClient([mechanism], user, password, channel_binding=binding)
        self.raw, self.mechanism = raw, mechanism

    def say(self, line, text):
        self.raw.send(f"{line}{base64.b64encode(text.encode()).decode()}\r\n".encode())
        code, [said] = self.raw.reply()
        return code, base64.b64decode(said).decode() if code == 334 else said

    def log_in(self, first=lambda said: said, final=lambda said: said):
        code, said = self.say(f"AUTH {self.mechanism} ", first(self.client.get_client_first()))
        if code != 334:
            return code, said
        self.client.set_server_first(said)
        code, said = self.say("", final(self.client.get_client_final()))
        if code != 334:
            return code, said
        self.client.set_server_final(said)
        return self.say("", "")


@pytest.mark.parametrize("mechanism", SCRAM[2:])
def test_scramp_logs_in(line, mechanism):
    with rsmtp.Catcher(tls="none", username="ann", password="s3cret") as catcher, line(catcher) as raw:
        raw.say("EHLO me")
        assert ByScramp(raw, mechanism).log_in()[0] == 235


@pytest.mark.parametrize("mechanism", SCRAM[:2])
def test_scramp_logs_in_bound_by_the_certificate(line, trust, mechanism):
    with rsmtp.Catcher(username="ann", password="s3cret") as catcher, line(catcher) as raw:
        raw.say("EHLO me")
        raw.starttls(trust(catcher))
        raw.say("EHLO me")
        binding = hashlib.sha256(raw.socket.getpeercert(True)).digest()
        right = ("tls-server-end-point", binding)
        code, said = ByScramp(raw, mechanism, binding=("tls-server-end-point", binding[::-1])).log_in()
        assert (code, "channel-bindings-dont-match" in said) == (535, True)
        code, said = ByScramp(raw, mechanism, binding=("tls-unique", binding)).log_in()
        assert (code, "unsupported-channel-binding-type" in said) == (535, True)
        # A client that supports channel binding says that the server did not offer it.
        unbound = mechanism.removesuffix("-PLUS")
        code, said = ByScramp(raw, unbound).log_in(first=lambda said: said.replace("n,,", "y,,"))
        assert (code, "server-does-support-channel-binding" in said) == (535, True)
        code, said = ByScramp(raw, mechanism, binding=right).log_in(
            first=lambda said: said.replace("p=tls-server-end-point,,", "n,,")
        )
        assert (code, "channel-binding-not-supported" in said) == (535, True)
        assert ByScramp(raw, mechanism, binding=right).log_in()[0] == 235


WRONG = {
    "no header": (lambda said: said.removeprefix("n,,"), None, 501),
    "an extension that must be known": (lambda said: said.replace("n,,", "n,,m=x,"), None, 501),
    "no nonce": (lambda said: re.sub("r=.*", "r=", said), None, 501),
    "as another": (lambda said: said.replace("n,,", "n,a=eve,"), None, 535),
    "another nonce": (None, lambda said: re.sub("r=[^,]*", "r=x", said), 501),
    "another header": (None, lambda said: said.replace("c=biws", "c=eSws"), 535),
    "no proof": (None, lambda said: said.split(",p=")[0], 501),
    "an empty proof": (None, lambda said: said.split("p=")[0] + "p=", 535),
    "a wrong proof": (None, lambda said: said.split("p=")[0] + "p=" + "A" * 43 + "=", 535),
    "nothing": (None, lambda said: "", 501),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_steps_are_refused(line, wrong):
    first, final, code = WRONG[wrong]
    changes = {name: change for name, change in (("first", first), ("final", final)) if change}
    with rsmtp.Catcher(tls="none", username="ann", password="s3cret") as catcher, line(catcher) as raw:
        raw.say("EHLO me")
        assert ByScramp(raw, "SCRAM-SHA-256").log_in(**changes)[0] == code
        assert raw.say("NOOP") == [250]


def test_what_follows_the_signature_must_be_nothing(line):
    with rsmtp.Catcher(tls="none", username="ann", password="s3cret") as catcher, line(catcher) as raw:
        raw.say("EHLO me")
        ours = ByScramp(raw, "SCRAM-SHA-256")
        _, said = ours.say("AUTH SCRAM-SHA-256 ", ours.client.get_client_first())
        ours.client.set_server_first(said)
        assert ours.say("", ours.client.get_client_final())[0] == 334
        assert ours.say("", "more")[0] == 501
        assert raw.say("MAIL FROM:<a@b.example>") == [250] and catcher.messages == []


def test_a_password_that_can_not_be_prepared_is_refused(line):
    with rsmtp.Catcher(tls="none", username="ann", password="p\N{GRINNING FACE}") as catcher:
        with line(catcher) as raw:
            raw.say("EHLO me")
            assert ByScramp(raw, "SCRAM-SHA-256").log_in()[0] == 535
