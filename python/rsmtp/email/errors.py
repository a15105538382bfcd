"""The exceptions and defects of `email.errors`, which they are.

Handlers written for the standard library catch what is raised here.
"""

from email.errors import *  # noqa: F403
from email.errors import MessageError

try:
    from email.errors import HeaderWriteError
except ImportError:  # before Python 3.13

    class HeaderWriteError(MessageError):  # type: ignore[no-redef]
        """A folded header would be read as more than one header."""
