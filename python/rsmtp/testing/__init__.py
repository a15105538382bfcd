"""A mail server for tests and the messages it has received: the types of the pytest fixtures
`smtp_server` and `sent_messages` (`rsmtp.pytest_plugin`). They work without pytest, too.
"""

from rsmtp.testing.findings import assert_no_findings
from rsmtp.testing.messages import SentMessage, SentMessages
from rsmtp.testing.server import SmtpServer

__all__ = ["SentMessage", "SentMessages", "SmtpServer", "assert_no_findings"]
