"""The transcript of a conversation."""

from __future__ import annotations

from rsmtp._rsmtp import TranscriptLine


class Transcript(tuple[TranscriptLine, ...]):
    """What was said so far, line by line, with secrets masked. Prints readably."""

    def __str__(self) -> str:
        return "\n".join(str(line) for line in self)

    def __repr__(self) -> str:
        from rsmtp.display import short

        return short.transcript(self)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """For notebooks: a sequence diagram, and where the time went."""
        from rsmtp.display import transcript

        return transcript.bundle(self)
