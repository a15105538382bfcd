"""The table of rules: weight, why, what to do, source."""

from __future__ import annotations

from typing import NamedTuple

from rsmtp._lint.finding import Finding, Severity


class Rule(NamedTuple):
    severity: Severity
    why: str
    advice: str
    source: str

    def finding(self, name: str, message: str, where: str) -> Finding:
        """What was found where this rule, which has this name, is broken."""
        return Finding(name, self.severity, message, self.why, self.advice, self.source, where)


_RFC = "https://www.rfc-editor.org/rfc/rfc{}#section-{}"
_GMAIL = "https://support.google.com/mail/answer/81126"
_GMAIL_FILES = "https://support.google.com/mail/answer/6590"
_YAHOO = "https://senders.yahooinc.com/best-practices/"
_OUTLOOK = "https://techcommunity.microsoft.com/blog/microsoftdefenderforoffice365blog/strengthening-email-ecosystem-outlook%E2%80%99s-new-requirements-for-high%E2%80%90volume-senders/4399730"
_WCAG = "https://www.w3.org/WAI/WCAG22/quickref/"
_CANIEMAIL = "https://www.caniemail.com"


def rfc(number: int, section: str) -> str:
    """The address of a section."""
    return _RFC.format(number, section)


RULES: dict[str, Rule] = {
    # -- who and when
    "from-missing": Rule("error", "Every message has a From; receivers refuse one without.", "Set from_.", rfc(5322, "3.6.2")),
    "from-several": Rule("error", "With several authors Sender names the one who sends; Gmail refuses several.", "Name one author, and set sender.", rfc(5322, "3.6.2")),
    "address-invalid": Rule("error", "What can't be read as an address is refused by many receivers.", "Write it as Name <name@example.com>.", rfc(5322, "3.4")),
    "address-local": Rule("warning", "A mailbox without a domain is one of the server itself; most servers on the Internet refuse it.", "Add @ and the domain, unless a server of your own delivers it.", rfc(5321, "2.3.5")),
    "display-name-address": Rule("warning", "A display name that looks like another address is what impostors use; filters count it.", "Show a name, or the same address.", _GMAIL),
    "direction-control": Rule("warning", "Characters that turn the direction of text hide what is said, and filters count them.", "Remove them.", "https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing"),
    "recipients-none": Rule("warning", "A message without To and Cc looks like one that was sent to a hidden list.", "Set to; one message for each recipient is best.", _GMAIL),
    "recipients-twice": Rule("hint", "A recipient who is named twice may get two copies.", "Name each once.", rfc(5322, "3.6.3")),
    "recipients-visible": Rule("warning", "All of them see all the addresses, and reply to all of them.", "Send one message to each, or use bcc.", _GMAIL),
    "bcc-visible": Rule("error", "Bcc is written into what is sent: all recipients read it.", "Leave it out of the octets; rsmtp does so when it sends a Message.", rfc(5322, "3.6.3")),
    "return-path": Rule("warning", "Return-Path is written by the last server; a sender that writes it looks forged.", "Set the sender of the envelope instead.", rfc(5321, "4.4")),
    "date-missing": Rule("error", "Every message has a Date.", "Let rsmtp supply it, or set date.", rfc(5322, "3.6.1")),
    "date-invalid": Rule("error", "The date can't be read.", "Write it by email.utils.format_datetime.", rfc(5322, "3.3")),
    "date-future": Rule("warning", "A message from the future is taken for spam.", "Check the clock, and the time zone.", rfc(5322, "3.6.1")),
    "message-id-missing": Rule("warning", "Gmail refuses some messages without Message-ID, and threads need it.", "Let rsmtp supply it.", _GMAIL),
    "message-id-invalid": Rule("warning", "Replies can't name it.", "Write it as <unique@your.domain>.", rfc(5322, "3.6.4")),
    "field-twice": Rule("error", "A field that may stand once stands twice: Gmail refuses the message.", "Write it once.", rfc(5322, "3.6")),
    "reply-without-thread": Rule("warning", "A subject with Re: that answers nothing is a trick that filters and Gmail's rules name.", "Leave Re: out, or name the message with in_reply_to.", _GMAIL),
    # -- subject
    "subject-missing": Rule("warning", "Readers and filters distrust a message without a subject.", "Set subject.", rfc(5322, "3.6.5")),
    "subject-capitals": Rule("warning", "Subjects in capitals are a sign of spam.", "Write it as a sentence.", "https://spamassassin.apache.org/tests_3_3_x.html"),
    "subject-long": Rule("hint", "Phones show some 40 characters, desktops 70.", "Put what matters first, and shorten it.", _YAHOO),
    # -- octets
    "header-8bit": Rule("error", "Octets beyond ASCII in the header are refused by servers without SMTPUTF8.", "Encode them (RFC 2047); rsmtp.Message does.", rfc(5322, "2.2")),
    "line-long": Rule("error", "A line of over 998 octets is cut or refused.", "Encode the part; rsmtp.Message does.", rfc(5322, "2.1.1")),
    "line-ends": Rule("error", "A CR or LF by itself is refused, because others read it as the end of the message.", "Write CRLF.", rfc(5321, "2.3.8")),
    "nul": Rule("error", "NUL is not allowed in mail.", "Send it as an attachment.", rfc(5322, "4")),
    "encoding-wrong": Rule("error", "The part has octets that its transfer encoding says it has not.", "Encode it, or say 8bit.", rfc(2045, "6.2")),
    "charset-unknown": Rule("error", "Readers don't know the character set.", "Use utf-8.", rfc(2046, "4.1.2")),
    "charset-wrong": Rule("error", "The text is not in the character set that it names: readers see other characters.", "Encode the text in what charset says; utf-8 fits all.", rfc(2046, "4.1.2")),
    "mime-version-missing": Rule("warning", "Without MIME-Version some readers show the source.", "Write MIME-Version: 1.0.", rfc(2045, "4")),
    "structure-broken": Rule("error", "A part ends nowhere, or has content that can't be decoded: readers show what they like.", "Make the message by rsmtp.Message.", rfc(2046, "5.1.1")),
    # -- what there is to read
    "body-empty": Rule("warning", "There is nothing to read.", "Give text or html.", _YAHOO),
    "text-missing": Rule("warning", "HTML without text: some readers show nothing, and filters count it.", 'Give text, or text="auto".', rfc(2046, "5.1.4")),
    "text-differs": Rule("warning", "Text and HTML that say different things are what filters look for.", 'Let text="auto" make the text from the HTML.', rfc(2046, "5.1.4")),
    "alternative-order": Rule("error", "The last form is the best: with HTML first, readers show the text.", "Put the text first, the HTML last.", rfc(2046, "5.1.4")),
    "template-left": Rule("error", "A placeholder was not filled in.", "Fill it in, or give it a default.", "https://jinja.palletsprojects.com/templates/#variables"),
    "greeting-empty": Rule("warning", "The greeting names a value that was missing.", "Give it a default, such as {{ name or 'there' }}.", "https://jinja.palletsprojects.com/templates/#default"),
    "attachment-forgotten": Rule("hint", "The text speaks of an attachment, and there is none.", "Attach it.", "https://support.google.com/mail/answer/6584"),
    # -- attachments and size
    "size-over": Rule("error", "Gmail takes 25 MB, encoded; Outlook.com and many companies less.", "Send a link.", _GMAIL_FILES),
    "size-large": Rule("warning", "Many companies take 10 MB, encoded.", "Make it smaller, or send a link.", "https://learn.microsoft.com/exchange/mail-flow/message-size-limits"),
    "attachment-blocked": Rule("error", "Gmail and Outlook refuse files of this type, also within archives.", "Send a link, or another format.", _GMAIL_FILES),
    "attachment-nameless": Rule("warning", "Readers call it noname, and don't know how to open it.", "Give it a filename.", rfc(2183, "2.3")),
    "attachment-empty": Rule("warning", "The file has no content.", "Attach what was meant; rewind the file object.", rfc(2183, "2.7")),
    "attachment-type": Rule("warning", "Name and content of the file disagree: scanners distrust it.", "Give it the name and the type of what it is.", rfc(2046, "1")),
    "inline-unused": Rule("hint", "A picture for the HTML is not shown by it: readers list it as a file, or hide it.", "Show it by cid:, or attach it.", rfc(2392, "2")),
    # -- bulk
    "unsubscribe-missing": Rule("error", "Gmail and Yahoo refuse bulk mail that can't be unsubscribed in one click.", 'Set unsubscribe="https://...".', _GMAIL),
    "unsubscribe-one-click": Rule("error", "List-Unsubscribe alone is not one click: Gmail and Yahoo want List-Unsubscribe-Post and an https URL.", 'Set unsubscribe="https://...", which writes both.', rfc(8058, "3.1")),
    "unsubscribe-insecure": Rule("error", "Only an https URL is called.", "Use https.", rfc(8058, "3.1")),
    "unsubscribe-unsigned": Rule("error", "The signature does not cover List-Unsubscribe and -Post: receivers don't show the button.", "Sign both; rsmtp.Dkim does.", rfc(8058, "4")),
    "dkim-missing": Rule("warning", "Gmail, Yahoo and Outlook.com refuse bulk mail without DKIM.", "Sign it: Mailer(dkim=...), or let the relay sign.", _OUTLOOK),
    "dkim-other-domain": Rule("warning", "A signature of another domain than From's does not count for DMARC.", "Sign with the domain of From.", "https://www.rfc-editor.org/rfc/rfc9989"),
    # -- HTML
    "html-script": Rule("error", "No mail program runs scripts; filters refuse them.", "Remove it.", _GMAIL),
    "html-form": Rule("warning", "Most mail programs disable forms, or warn of them.", "Link to a page with the form.", f"{_CANIEMAIL}/features/html-form/"),
    "html-frame": Rule("warning", "Frames and plug-ins are removed.", "Link to the page.", f"{_CANIEMAIL}/features/html-object/"),
    "html-handler": Rule("warning", "Event handlers are scripts, and removed.", "Remove them.", _GMAIL),
    "html-refresh": Rule("warning", "A page that goes elsewhere by itself is refused as phishing.", "Link to it.", _GMAIL),
    "html-stylesheet": Rule("warning", "Style sheets outside the message are not loaded.", "Write the style into the message.", f"{_CANIEMAIL}/features/html-link/"),
    "html-style-long": Rule("warning", "Gmail ignores style elements over 16 KB, all of them.", "Write less style.", "https://developers.google.com/workspace/gmail/design/css"),
    "html-clipped": Rule("warning", "Gmail shows the first 102 KB of HTML, and hides the rest, the unsubscribe link as well.", "Make it shorter.", "https://github.com/hteumeuleu/email-bugs/issues/41"),
    "html-language": Rule("hint", "Screen readers read it in the wrong language.", 'Write <html lang="en">, or the language it is in; for Markdown, headers={"Content-Language": "en"}.', f"{_WCAG}#language-of-page"),
    "html-unsupported": Rule("hint", "It is left out, and the layout may fall apart.", "See that the message is readable without it.", f"{_CANIEMAIL}/"),
    # -- pictures
    "image-alt": Rule("warning", "Where pictures are blocked, and for the blind, there is nothing to read.", 'Give the picture alt="what it shows", or alt="" for decoration.', f"{_WCAG}#non-text-content"),
    "image-data": Rule("warning", "Gmail and Outlook don't show data: images.", "Attach it inline, and show it by cid:.", f"{_CANIEMAIL}/features/image-base64/"),
    "image-missing": Rule("error", "The HTML shows a picture that is not in the message.", "Attach it inline with this Content-ID.", rfc(2392, "2")),
    "image-local": Rule("error", "A file name means nothing to the reader's mail program.", "Attach it inline, or use an https URL.", rfc(2557, "5")),
    "image-insecure": Rule("hint", "Some mail programs don't load pictures by http.", "Use https.", _GMAIL),
    "image-only": Rule("warning", "A message that is a picture is taken for spam, and can't be read where pictures are blocked.", "Write the text as text.", _YAHOO),
    # -- links
    "link-lies": Rule("error", "The link shows one address and leads to another: the mark of phishing.", "Show words, or the same address.", _GMAIL),
    "link-shortened": Rule("warning", "Shorteners hide where a link leads; lists of spam name them.", "Link to your own domain.", "https://www.spamhaus.org/faqs/domain-blocklist/"),
    "link-number": Rule("warning", "Links to an IP address are a sign of phishing.", "Use a name.", _GMAIL),
    "link-script": Rule("error", "Scripts don't run in mail.", "Use an https link.", _GMAIL),
    "link-empty": Rule("warning", "The link leads nowhere.", "Give it an address.", f"{_WCAG}#link-purpose-in-context"),
    "link-relative": Rule("error", "There is no page that the link could be relative to.", "Write the whole address.", rfc(3986, "4.2")),
    "link-insecure": Rule("hint", "Browsers warn of http.", "Use https.", _GMAIL),
    "link-login": Rule("warning", "A user name before the host hides where the link leads.", "Leave it out.", rfc(3986, "7.6")),
    "link-lookalike": Rule("warning", "The host mixes alphabets, as lookalikes of other hosts do.", "Use a name in one alphabet.", "https://www.unicode.org/reports/tr39/#Mixed_Script_Detection"),
    "link-mute": Rule("hint", "A link without words or alt text says nothing to a screen reader.", "Give it words.", f"{_WCAG}#link-purpose-in-context"),
    # -- scores of others
    "spam-score": Rule("warning", "A spam filter counts this message as spam.", "See which of its rules count.", "https://rspamd.com/doc/"),
}  # fmt: skip
