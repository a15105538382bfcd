"""A stand-in for an OAuth 2.0 token endpoint that counts requests, and an SMTP server that accepts
the endpoint's valid tokens.

The endpoint speaks HTTP. Independent mail servers ask it at /introspect whether a token is valid
(RFC 7662). Every valid token belongs to ann. With certificates the endpoint is also a proxy that
answers for every HTTPS server, so libraries that contact Google or Microsoft reach it.
"""

import base64
import contextlib
import json
import ssl
import threading
import time
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from client.scripted import serve

from servers import certificates

#: The server's explanation for a refused token (XOAUTH2, RFC 7628 section 3.2.2).
FAULT = {"status": "invalid_token", "scope": "https://mail.example.org/", "schemes": "bearer"}


_OF_A_USER = ("urn:ietf:params:oauth:grant-type:device_code", "device_code", "refresh_token")


def _encoded(fields):
    return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")


def _user(client):
    now = int(time.time())
    return {
        "aud": client, "iss": "https://login.microsoftonline.com/contoso.com/v2.0", "sub": "user",
        "iat": now, "nbf": now - 5, "exp": now + 3600, "preferred_username": "ann@contoso.com",
        "tid": "tenant",
    }  # fmt: skip


class Endpoint:
    """Issues tokens by POST. `asked` has the received forms, `good` the tokens that a mail server
    accepts."""

    def __init__(self, lifetime=3600, context=None):
        self.lifetime = lifetime
        self.context = context
        self.asked = []
        self.issued = []
        #: The tokens that a mail server has asked about.
        self.inquired = []
        self.good = set()
        self.scope = ""
        #: The one token to issue, if it is always the same.
        self.fixed = None
        #: Answers to give instead, each once: (status, JSON).
        self.answers = []
        self._lock = threading.Lock()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            host = ""

            def do_CONNECT(self):
                self.host = self.path.partition(":")[0]
                self.send_response(200)
                self.end_headers()
                self.connection = endpoint.context.wrap_socket(self.connection, server_side=True)
                self.rfile = self.connection.makefile("rb")
                self.wfile = self.connection.makefile("wb", 0)
                self.close_connection = False

            def do_GET(self):
                self._answer(*endpoint.facts(f"https://{self.host}", self.path.partition("?")[0]))

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self._answer(*endpoint.answer(self.host + self.path, dict(urllib.parse.parse_qsl(body))))

            def _answer(self, status, answer):
                octets = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(octets)))
                self.end_headers()
                self.wfile.write(octets)

            def finish(self):
                super().finish()
                self.connection.close()

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def facts(self, origin, path):
        """OpenID Connect's discovery document, in the form of Microsoft's tenants."""
        if path.startswith("/common/discovery/"):
            name = origin.removeprefix("https://")
            return 200, {
                "metadata": [{"preferred_network": name, "preferred_cache": name, "aliases": [name]}]
            }
        tenant = f"{origin}/{path.strip('/').partition('/')[0]}"
        return 200, {
            "issuer": f"{tenant}/v2.0",
            "authorization_endpoint": f"{tenant}/oauth2/v2.0/authorize",
            "token_endpoint": f"{tenant}/oauth2/v2.0/token",
            "device_authorization_endpoint": f"{tenant}/oauth2/v2.0/devicecode",
        }

    def answer(self, path, form):
        if path.endswith("/introspect"):
            with self._lock:
                self.inquired.append(form["token"])
                active = form["token"] in self.good
            return 200, {"active": True, "username": "ann"} if active else {"active": False}
        with self._lock:
            self.asked.append({"path": path, **form})
            if self.answers:
                return self.answers.pop(0)
            if path.endswith("/devicecode"):
                self.scope = form["scope"]
                return 200, {
                    "user_code": "ABCD1234",
                    "device_code": "device",
                    "verification_uri": "https://microsoft.com/devicelogin",
                    "message": "open https://microsoft.com/devicelogin and type ABCD1234",
                    "expires_in": 900,
                    "interval": 0,
                }
            token = self.fixed or f"ya29.token-{len(self.issued)}"
            self.issued.append(token)
            self.good.add(token)
        told = {"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime}
        if "SMTP.Send" in form.get("scope", "") or form["grant_type"] in _OF_A_USER:
            # Microsoft issues a new refresh token at each use.
            told |= {"refresh_token": f"refresh-{len(self.issued)}", "scope": form.get("scope", self.scope)}
            told |= {"client_info": _encoded({"uid": "user", "utid": "tenant"})}
            told |= {"id_token": f"{_encoded({})}.{_encoded(_user(form['client_id']))}."}
        return 200, told

    def revoke(self):
        """Makes all tokens issued so far invalid."""
        with self._lock:
            self.good.clear()

    def token(self, path="/token"):
        """Gets a token and its expiry, as a program without a library does."""
        form = urllib.parse.urlencode({"grant_type": "client_credentials"}).encode()
        with urllib.request.urlopen(self.url + path, form) as answer:
            told = json.load(answer)
        return told["access_token"], time.time() + told["expires_in"]

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *raised):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


@contextlib.contextmanager
def everywhere(folder):
    """An endpoint, and the environment in which programs reach it wherever they ask for tokens."""
    made = folder / "certificates"
    if not made.exists():
        certificates.make(made, ("login.microsoftonline.com", "oauth2.googleapis.com", "login.example.org"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made / "server.pem")
    with Endpoint(context=context) as endpoint:
        yield (
            endpoint,
            {
                "HTTPS_PROXY": endpoint.url,
                "https_proxy": endpoint.url,
                "NO_PROXY": "",
                "no_proxy": "",
                "REQUESTS_CA_BUNDLE": str(made / "ca.pem"),
            },
        )


class MailServer:
    """An SMTP server with XOAUTH2 and OAUTHBEARER that accepts an endpoint's valid tokens. `at`
    maps a number of messages to the function that is called after them."""

    def __init__(self, endpoint, extensions=("PIPELINING", "AUTH XOAUTH2 OAUTHBEARER"), at=()):
        self.endpoint = endpoint
        self.extensions = extensions
        self.at = dict(at)
        self.logins, self.rejected, self.messages = [], [], []
        self._lock = threading.Lock()
        self._server = serve(self._converse)
        self.host, self.port = self._server.host, self._server.port

    def _converse(self, peer):
        peer.say("220 mail.example.org")
        while command := peer.line():
            verb = command.split(" ")[0].upper()
            if verb == "EHLO":
                peer.say("250-mail.example.org", *(f"250-{e}" for e in self.extensions), "250 HELP")
            elif verb == "AUTH":
                self._log_in(peer, *command.split(" ")[1:])
            elif verb == "DATA":
                peer.say("354 go on")
                with self._lock:
                    self.messages.append(peer.mail_data())
                    act = self.at.pop(len(self.messages), None)
                if act is not None:
                    act()
                peer.say("250 ok")
            elif verb == "QUIT":
                peer.say("221 bye")
                return
            else:
                peer.say("250 ok")

    def _log_in(self, peer, mechanism, initial=None):
        if initial is None:
            peer.say("334 ")
            initial = peer.line()
        fields = base64.b64decode(initial).decode().split("\1")
        token = next(field for field in fields if field.startswith("auth=Bearer ")).removeprefix(
            "auth=Bearer "
        )
        if token in self.endpoint.good:
            self.logins.append((mechanism, token))
            peer.say("235 2.7.0 welcome")
            return
        self.rejected.append((mechanism, token))
        peer.say("334 " + base64.b64encode(json.dumps(FAULT).encode()).decode())
        assert peer.line() == ("AQ==" if mechanism == "OAUTHBEARER" else "")
        peer.say("535 5.7.8 not accepted")

    def __enter__(self):
        self._server.__enter__()
        return self

    def __exit__(self, *raised):
        self._server.__exit__(*raised)
