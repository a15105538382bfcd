"""A real HTTPS server on loopback, with a policy of MTA-STS for each fault (RFC 8461 section 3.3)."""

import contextlib
import http.server
import ssl
import threading

from servers import certificates

WEB_SERVER = "127.0.0.90"
GOOD = "version: STSv1\nmode: enforce\nmx: mail.good.test\nmax_age: 604800\n"


class _Answer:
    def __init__(self, body=GOOD, status=200, media_type="text/plain; charset=utf-8", slowly=False, **fields):
        self.octets, self.status, self.slowly = body.encode(), status, slowly
        self.fields = {"Content-Type": media_type, **fields} if media_type else fields


POLICIES = {
    "policy": _Answer(GOOD.replace("\n", "\r\n") + "mx: *.other.test\r\n"),
    "wildcard": _Answer(GOOD.replace("mail.good.test", "*.good.test")),
    "nomode": _Answer("version: STSv1\nmode: none\nmax_age: 604800\n"),
    "lostpolicy": _Answer("not here", 404),
    "moved": _Answer("", 301, Location="https://mta-sts.policy.test/.well-known/mta-sts.txt"),
    "long": _Answer(GOOD + "x: y\n" * 20_000),
    "slow": _Answer(slowly=True),
    "html": _Answer(media_type="text/html"),
    "untyped": _Answer(media_type=None),
    "page": _Answer("<!doctype html>"),
    "unserved": _Answer("version: STSv1\nmode: enforce\nmax_age: 604800\n"),
    "elsewhere": _Answer(GOOD.replace("mail.good.test", "*.mail.good.test")),
    "testing": _Answer("version: STSv1\nmode: testing\nmx: mx.other.test\nmax_age: 604800\n"),
    "past": _Answer(GOOD.replace("604800", "0")),
    "forever": _Answer(GOOD.replace("604800", "31557601")),
    "twice": _Answer(GOOD + "mode: none\n"),
    "wrongname": _Answer(),
    "stranger": _Answer(),
}


class Policies:
    """The server. `asked` has the host and path of each request."""

    def __init__(self, folder):
        names = [f"mta-sts.{name}.test" for name in POLICIES]
        certificates.make(folder, tuple(name for name in names if "wrongname" not in name))
        certificates.make(folder.with_name("strangers"), tuple(names))
        self.ca_file = str(folder / "ca.pem")
        self.asked = []
        self._tls = _context(folder)
        self._strangers = _context(folder.with_name("strangers"))
        self._tls.sni_callback = self._choose
        self._over = threading.Event()
        self._server = http.server.ThreadingHTTPServer((WEB_SERVER, 443), self._handler())
        # The handshake belongs to the thread of its connection.
        self._server.socket = self._tls.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._server.handle_error = lambda *_: None  # clients leave when they have seen enough
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def _choose(self, connection, name, _):
        if name == "mta-sts.stranger.test":
            connection.context = self._strangers

    def _handler(policies):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                host = self.headers["Host"]
                policies.asked.append(host + self.path)
                answer = POLICIES[host.removeprefix("mta-sts.").removesuffix(".test")]
                self.send_response(answer.status)
                for field in answer.fields.items():
                    self.send_header(*field)
                self.end_headers()
                if not answer.slowly:
                    self.wfile.write(answer.octets)
                    return
                with contextlib.suppress(OSError):
                    # Each octet comes in time.
                    for octet in answer.octets:
                        if policies._over.wait(0.3):
                            break
                        self.wfile.write(bytes([octet]))

            def log_message(self, *_):
                pass

        return Handler

    def close(self):
        self._over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _context(folder):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context
