"""`aiosmtplib.response`."""

from typing import NamedTuple

__all__ = ("SMTPResponse",)


class SMTPResponse(NamedTuple):
    """A reply: its code and its text, the lines joined by LF.

    What is not UTF-8 in the text is kept by surrogate escapes.
    """

    code: int
    message: str

    def __str__(self) -> str:
        return f"{self.code} {self.message}"


def from_reply(reply: tuple[int, bytes]) -> SMTPResponse:
    code, text = reply
    return SMTPResponse(code, text.decode("utf-8", "surrogateescape"))
