"""Login with a Kerberos ticket: `mechanism="GSSAPI"` (RFC 4752). The package gssapi calls the machine's
Kerberos library; rsmtp never sees a password or a key."""

from __future__ import annotations

from rsmtp.credentials.base import CredentialError, library, one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Codes of the Kerberos library (krb5.h). Its own messages name files and numbers, but not what to do.
_NO_TICKET = (-1765328189, -1765328243, -1765328242, -1765328203)
_EXPIRED = (-1765328352,)
_NO_SERVICE = (-1765328377,)
_NO_REALM = (-1765328230, -1765328164, -1765328167, -1765328160)
_NO_KDC = (-1765328228,)
_CLOCKS = (-1765328347,)

# The first octet of the client's answer: no security layer (RFC 4752 section 3.3). The layer's maximum
# message size follows: zero.
_NO_LAYER = 1
_ANSWER = bytes([_NO_LAYER, 0, 0, 0])


class Ticket:
    """A ticket for the service `smtp` of this host, requested when the object is created, so that errors
    appear before anything is sent. The login uses the ticket of the user who runs this program (`kinit`,
    KRB5CCNAME), or one that the library gets with a keytab (KRB5_CLIENT_KTNAME)."""

    def __init__(self, host: str) -> None:
        if not host or host.startswith("/"):
            raise CredentialError('mechanism="GSSAPI" needs the name of the server: a ticket is for one host')
        self._library = library("gssapi", "kerberos", 'mechanism="GSSAPI"')
        self._host = host.rstrip(".")
        # The library caches the ticket: later contexts don't ask the KDC again.
        self._step(self._begin(None), None)

    def __repr__(self) -> str:
        return f"<ticket for smtp@{self._host}>"

    def context(self, user: str, binding: bytes | None) -> Context:
        """A context with the server. `binding` ties it to TLS (RFC 5929); servers that don't check it
        ignore it."""
        return Context(self, self._begin(binding), user)

    def _begin(self, binding: bytes | None) -> Any:
        gssapi = self._library
        flags = gssapi.RequirementFlag
        bound = {}
        if binding is not None:
            bound["channel_bindings"] = gssapi.raw.ChannelBindings(application_data=binding)
        try:
            return gssapi.SecurityContext(
                name=gssapi.Name(f"smtp@{self._host}", gssapi.NameType.hostbased_service),
                mech=gssapi.MechType.kerberos,
                flags=flags.mutual_authentication | flags.integrity | flags.out_of_sequence_detection,
                usage="initiate",
                **bound,
            )
        except gssapi.exceptions.GSSError as error:
            raise self._told(error) from None

    def _step(self, security: Any, token: bytes | None) -> bytes:
        try:
            return security.step(token) or b""
        except self._library.exceptions.GSSError as error:
            raise (self._told(error) if token is None else _disagreed(error)) from None

    def _told(self, error: Any) -> CredentialError:
        """The error, and what to do about it."""
        service = f"smtp/{self._host}"
        number = _signed(error.min_code)
        names = self._library.exceptions
        if number in _EXPIRED or isinstance(error, names.ExpiredCredentialsError):
            return CredentialError("the Kerberos ticket has expired: get a new one with kinit")
        if number in _NO_TICKET or isinstance(error, names.MissingCredentialsError):
            return CredentialError(
                "there is no Kerberos ticket: get one with kinit, or name a keytab in KRB5_CLIENT_KTNAME"
            )
        if number in _NO_SERVICE:
            return CredentialError(
                f"the realm of the Kerberos ticket has no service {service}: connect by the name that the "
                "server has in it, or get a ticket of the server's own realm"
            )
        if number in _NO_REALM:
            return CredentialError(
                f"no KDC is known that could give a ticket for {service}: say in krb5.conf which realm the "
                "server belongs to ([domain_realm]), and where its KDC is ([realms])"
            )
        if number in _NO_KDC:
            return CredentialError(f"no KDC answers that could give a ticket for {service}", transient=True)
        if number in _CLOCKS:
            return CredentialError("Kerberos refuses: the clocks of this machine and the KDC differ too much")
        return CredentialError(f"Kerberos gives no way to log in to {service}: {_words(error)}")


class Context:
    """One login exchange with the server."""

    def __init__(self, ticket: Ticket, security: Any, user: str) -> None:
        self._ticket = ticket
        self._security = security
        self._user = user
        self._began = False
        #: The server has proven that it has the service's key, and the exchange is complete.
        self.is_complete = False

    def respond(self, challenge: bytes) -> bytes:
        """The answer to a challenge. The first challenge is empty."""
        if not self._security.complete:
            token = challenge if self._began else None
            self._began = True
            return self._ticket._step(self._security, token)
        if self.is_complete:
            raise CredentialError("the server goes on asking behind the end of GSSAPI (RFC 4752)")
        said = self._agreed(challenge)
        self.is_complete = True
        return said

    def _agreed(self, challenge: bytes) -> bytes:
        """The server lists its security layers (RFC 4752 section 3.1). We choose none, because TLS
        protects the connection."""
        try:
            offer: bytes = self._security.unwrap(challenge).message
            if len(offer) != len(_ANSWER) or not offer[0] & _NO_LAYER:
                raise CredentialError(
                    "the server wants a security layer of GSSAPI's own. Here it is TLS that encrypts"
                )
            answer: bytes = self._security.wrap(_ANSWER + self._user.encode(), False).message
            return answer
        except self._ticket._library.exceptions.GSSError as error:
            raise _disagreed(error) from None


def _disagreed(error: Any) -> CredentialError:
    return CredentialError(
        f"the server does not take the Kerberos ticket, or is not the one that it is for: {_words(error)}"
    )


def _signed(number: int) -> int:
    """The library returns unsigned 32-bit codes."""
    return number - (1 << 32) if number >= 1 << 31 else number


def _words(error: Any) -> str:
    """The library's message, without the prefix that all of them have."""
    said = [one_line(words) for words in error.gen_message().split(": ", 2)] if error else []
    return said[-1] if said else "it gives no reason"
