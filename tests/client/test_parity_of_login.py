"""login and auth send the same commands as the standard library and raise the same exceptions."""

import base64

import pytest

from client.parity import both
from client.scripted import answering

CHALLENGE = base64.b64encode(b"<1896.697170952@postoffice.example.org>").decode()


def offering(*mechanisms, replies=()):
    return answering(dict(replies), extensions=["AUTH " + " ".join(mechanisms)])


def authenticating(mechanisms, challenges=(), verdict="235 welcome"):
    """A server that sends `challenges` one by one and then its verdict."""

    def script(peer):
        peer.say("220 hello")
        while command := peer.line():
            verb = command.split(" ")[0].upper()
            if verb == "EHLO":
                peer.say("250-server", f"250 AUTH {mechanisms}")
            elif verb == "AUTH":
                asked = list(challenges)[command.count(" ") - 1 :] if challenges else []
                for challenge in asked:
                    peer.say(f"334 {challenge}")
                    if not peer.line():
                        return
                peer.say(verdict)
            elif verb == "QUIT":
                peer.say("221 bye")
                break
            else:
                peer.say("250 ok")
        peer.until_closed()

    return script


USER, PASSWORD = "VXNlcm5hbWU6", "UGFzc3dvcmQ6"
MECHANISMS = {
    "PLAIN": authenticating("PLAIN"),
    "LOGIN": authenticating("LOGIN", [USER, PASSWORD]),
    "CRAM-MD5": authenticating("CRAM-MD5", [CHALLENGE]),
    "all": authenticating("LOGIN PLAIN CRAM-MD5", [CHALLENGE]),
    "old style": answering({"EHLO": ["250-server", "250 AUTH=PLAIN"]}),
}


@pytest.mark.parametrize("name", MECHANISMS)
def test_login(name):
    calls = [lambda c: c.login("ann", "hunter2"), lambda c: c.noop(), lambda c: c.quit()]
    standard, ours = both(MECHANISMS[name], calls)
    assert ours == standard
    assert ours[0][1] == ("returned", (235, b"welcome"))


@pytest.mark.parametrize("name", ["PLAIN", "LOGIN"])
def test_login_without_an_initial_response(name):
    challenges = {"PLAIN": [""], "LOGIN": [USER, PASSWORD]}[name]
    script = authenticating(name, challenges)
    standard, ours = both(script, [lambda c: c.login("ann", "x", initial_response_ok=False)])
    assert ours == standard


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_auth_with_the_clients_own_authobjects(mechanism):
    def auth(client):
        client.user, client.password = "ann", "hunter2"
        method = getattr(client, "auth_" + mechanism.lower().replace("-", "_"))
        return client.auth(mechanism, method)

    standard, ours = both(MECHANISMS[mechanism], [lambda c: c.ehlo(), auth])
    assert ours == standard


@pytest.mark.parametrize("verdict", ["535 5.7.8 wrong", "454 later", "503 already"])
def test_a_verdict(verdict):
    calls = [lambda c: c.login("ann", "hunter2"), lambda c: c.noop()]
    standard, ours = both(authenticating("PLAIN", verdict=verdict), calls)
    assert ours == standard


def test_a_421_to_auth_ends_the_session():
    """The standard library continues on a connection that the server has given up."""
    calls = [lambda c: c.login("ann", "hunter2"), lambda c: c.noop()]
    standard, ours = both(authenticating("PLAIN", verdict="421 going down"), calls)
    assert ours[0][1] == standard[0][1]
    assert ours[0][2][:2] == ("raised", "SMTPServerDisconnected")


def test_a_refused_password_is_not_shown_to_a_weaker_mechanism():
    """After 535, the standard library tries the next mechanism. rsmtp stops."""
    calls = [lambda c: c.login("ann", "hunter2")]
    standard, ours = both(authenticating("PLAIN LOGIN", verdict="535 wrong"), calls)
    assert ours[0] == standard[0]
    assert standard[1].count("AUTH") == 2
    assert ours[1].count("AUTH") == 1


@pytest.mark.parametrize("extensions", [[], ["AUTH"], ["AUTH GSSAPI"]])
def test_nothing_in_common(extensions):
    standard, ours = both(answering(extensions=extensions), [lambda c: c.login("ann", "hunter2")])
    assert ours[1] == standard[1]
    assert ours[0] == standard[0]


def test_a_password_beyond_ascii_goes_as_utf_8():
    """The standard library raises UnicodeEncodeError for it (cpython#73936)."""
    standard, ours = both(authenticating("PLAIN"), [lambda c: c.login("ann", "pässwörd")])
    assert standard[0][1][:2] == ("raised", "UnicodeEncodeError")
    assert ours[0][1] == ("returned", (235, b"welcome"))
    words = next(line.split()[2] for line in ours[1].splitlines() if line.startswith("AUTH"))
    assert base64.b64decode(words).decode() == "\0ann\0pässwörd"
