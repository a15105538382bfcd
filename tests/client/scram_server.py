"""An independent SCRAM server: the package scramp over the sockets of `scripted`."""

import base64
import hashlib

from scramp import ScramException, ScramMechanism

ITERATIONS = 4096
ACCOUNTS = {"ann": "s3cret", "a=b,c": "s3cret", "jörg": "pässword"}


class Told(Exception):
    """Replacements for scramp's messages in a server that does it wrong."""


def coded(text):
    return base64.b64encode(text.encode()).decode()


def end_point(pem):
    """`tls-server-end-point` of this certificate (RFC 5929), in scramp's form."""
    import ssl

    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    body = pem.read_text().partition(begin)[2].partition(end)[0]
    der = ssl.PEM_cert_to_DER_cert(f"{begin}{body}{end}\n")
    return ("tls-server-end-point", hashlib.sha256(der).digest())


def scram(
    offered, *, binding=None, secure=None, accounts=ACCOUNTS, iterations=ITERATIONS, first=None, final=None,
    success="235 2.7.0 welcome", quiet=False, seen=None,
):  # fmt: skip
    """A script. `first` and `final` change the server's messages, and `quiet` leaves out the last
    one. `secure` is a context for STARTTLS, and `seen` is a list that records each login."""
    seen = [] if seen is None else seen

    def script(peer):
        peer.say("220 hello")
        is_secure = secure is None
        while command := peer.line():
            verb, _, rest = command.partition(" ")
            match verb.upper():
                case "EHLO":
                    peer.say(
                        "250-server",
                        f"250-AUTH {offered}" if is_secure else "250-STARTTLS",
                        "250 ENHANCEDSTATUSCODES",
                    )
                case "STARTTLS":
                    peer.say("220 go")
                    peer.secure(secure)
                    is_secure = True
                case "AUTH":
                    name, _, initial = rest.partition(" ")
                    seen.append(name)
                    peer.say(log_in(peer, name, initial))
                case "QUIT":
                    peer.say("221 bye")
                    return
                case "DATA":
                    peer.say("354 go on")
                    peer.mail_data()
                    peer.say("250 ok")
                case _:
                    peer.say("250 ok")

    def log_in(peer, name, initial):
        def asked(text):
            peer.say(f"334 {text}".rstrip())
            return base64.b64decode(peer.line())

        if name == "PLAIN":
            response = base64.b64decode(initial) if initial else asked("")
            _, user, password = response.decode().split("\0")
            return "235 welcome" if accounts.get(user) == password else "535 5.7.8 no"
        mechanism = ScramMechanism(name)

        def account(user):
            # The account was made by an independent library, too.
            if user not in accounts:
                raise ScramException("unknown-user")
            return mechanism.make_auth_info(accounts[user], iteration_count=iterations)

        server = mechanism.make_server(account, channel_binding=binding)
        try:
            server.set_client_first((base64.b64decode(initial) if initial else asked("")).decode())
            message = server.get_server_first()
            if first is not None:
                message = first(message)
            server.set_client_final(asked(coded(message)).decode())
        except (ScramException, Told) as error:
            seen.append(str(error))
            return "535 5.7.8 no"
        message = server.get_server_final()
        if final is not None:
            message = final(message)
        if not quiet and asked(coded(message)) != b"":
            return "501 what?"
        return success(message) if callable(success) else success

    return script
