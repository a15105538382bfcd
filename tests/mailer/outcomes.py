"""Messages, faults and result descriptions for the tests of equal outcomes."""

from rsmtp import errors

CONTENT = b"Subject: x\r\n\r\nhello\r\n"
MESSAGES = [("a@example.org", [f"b{number}@example.org"], CONTENT) for number in range(3)]
# The server's reply instead of a positive one. None means that it hangs up.
FAULTS = {
    "transient": "451 4.3.0 later",
    "permanent": "550 5.7.1 no",
    "goodbye": "421 4.3.2 going down",
    "no reply": "what?",
    "hang up": None,
}


def sent_all(mailer):
    """Each message's fate, attempts, code and error, and the exception."""
    try:
        report, raised = mailer.send_all(MESSAGES), None
    except errors.SMTPException as error:
        report, raised = error.report, error
    told = sorted(
        (one.index, one.attempts, one.recipients[0].fate, one.recipients[0].code, type(one.error).__name__)
        for one in report.receipts
    )
    return told, type(raised).__name__
