"""Exit codes, taken from sysexits.h where one of its codes fits, and the errors that
end a command."""

import rsmtp

OK = 0
PROBLEMS = 1
USAGE = 2  # the exit code of argparse
DATA = 65
NO_INPUT = 66
NO_USER = 67
NO_HOST = 68
UNAVAILABLE = 69
UNKNOWN_FATE = 74
TRY_AGAIN = 75
PROTOCOL = 76
NO_PERMISSION = 77
TLS = 78
INTERRUPTED = 130
BROKEN_PIPE = 141

TABLE = """\
exit codes:
  0    done                              74   lost after the end of the message: it may have arrived
  2    wrong arguments                   75   refused for now, or no answer in time: try again later
  65   message or sender was refused     76   the server broke the protocol, or lacks an extension
  66   a file can't be read              77   login refused, or no password
  67   a recipient was refused           78   TLS failed, or the certificate can't be trusted
  68   host not found                    130  Ctrl-C
  69   there is no server, or it refuses this client
"""


class Stop(Exception):
    """Ends the command with an exit code and a message that says what is wrong and what to do."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def of(error: BaseException) -> int:
    """The exit code for an error that a client has raised."""
    if "unknown" in getattr(error, "fates", {}).values():
        return UNKNOWN_FATE
    errors = rsmtp.errors
    if getattr(error, "transient", False) and not isinstance(error, errors.SMTPUnreachable):
        return TRY_AGAIN
    # The first matching class decides.
    codes: tuple[tuple[type[BaseException], int], ...] = (
        (errors.SMTPTimeoutError, TRY_AGAIN),
        (errors.SMTPHostNotFound, NO_HOST),
        (errors.SMTPUnreachable, UNAVAILABLE),
        (errors.SMTPTLSError, TLS),
        (errors.SMTPAuthenticationError, NO_PERMISSION),
        (errors.SMTPRecipientsRefused, NO_USER),
        (errors.SMTPSenderRefused, DATA),
        (errors.SMTPDataError, DATA),
        (errors.SMTPProtocolError, PROTOCOL),
        (errors.SMTPNotSupportedError, PROTOCOL),
        (errors.SMTPNonASCIIAddress, PROTOCOL),
        (errors.SMTPHeloError, PROTOCOL),
        (ValueError, DATA),
    )
    return next((code for cls, code in codes if isinstance(error, cls)), UNAVAILABLE)
