"""A login by a Kerberos ticket: what `mechanism="GSSAPI"` says (RFC 4752). The package gssapi speaks
to the Kerberos library of this machine; rsmtp never sees a password or a key."""

from __future__ import annotations

from rsmtp.credentials.base import CredentialError, library, one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# What the Kerberos library says when there is no ticket, and so on (krb5.h): its own words name
# files and numbers, and not what to do.
_NO_TICKET = (-1765328189, -1765328243, -1765328242, -1765328203)
_EXPIRED = (-1765328352,)
_NO_SERVICE = (-1765328377,)
_NO_REALM = (-1765328230, -1765328164, -1765328167, -1765328160)
_NO_KDC = (-1765328228,)
_CLOCKS = (-1765328347,)

# The first octet of what the client answers: no security layer (RFC 4752 3.3). Behind it comes the
# size of messages that the layer may have: none.
_NO_LAYER = 1
_ANSWER = bytes([_NO_LAYER, 0, 0, 0])


class Ticket:
    """A ticket for the service `smtp` of this host, asked for when it is made: whatever is missing is
    told before anything is sent. What logs in is the ticket of the user who runs this program (`kinit`,
    KRB5CCNAME), or one that the library gets by itself with a keytab (KRB5_CLIENT_KTNAME)."""

    def __init__(self, host: str) -> None:
        if not host or host.startswith("/"):
            raise CredentialError('mechanism="GSSAPI" needs the name of the server: a ticket is for one host')
        self._library = library("gssapi", "kerberos", 'mechanism="GSSAPI"')
        self._host = host.rstrip(".")
        # The library keeps it in the cache: contexts that follow ask the KDC no more.
        self._step(self._begin(None), None)

    def __repr__(self) -> str:
        return f"<ticket for smtp@{self._host}>"

    def context(self, user: str, binding: bytes | None) -> Context:
        """A context with the server, `binding` being what ties it to TLS (RFC 5929): servers that do
        not ask for it take no notice."""
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
        """What is missing, and what to do."""
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
    """One exchange with the server."""

    def __init__(self, ticket: Ticket, security: Any, user: str) -> None:
        self._ticket = ticket
        self._security = security
        self._user = user
        self._began = False
        #: The server has proven that it has the key of the service, and all is said.
        self.is_complete = False

    def respond(self, challenge: bytes) -> bytes:
        """What answers this challenge; the first is empty."""
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
        """RFC 4752 3.1: the server says which security layers it bears, we take none: TLS is one."""
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
    """The library gives 32 bits without a sign."""
    return number - (1 << 32) if number >= 1 << 31 else number


def _words(error: Any) -> str:
    """The library's own, without the words that stand before all of them."""
    said = [one_line(words) for words in error.gen_message().split(": ", 2)] if error else []
    return said[-1] if said else "it gives no reason"
