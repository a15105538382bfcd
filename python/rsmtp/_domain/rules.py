"""The table of rules: weight, why, what to do, source."""

from __future__ import annotations

from rsmtp._lint.rules import Rule, rfc

_GMAIL = "https://support.google.com/mail/answer/81126"
_BLOCKLISTS = "https://www.spamhaus.org/faqs/general-questions/"


RULES: dict[str, Rule] = {
    "dns-failed": Rule("error", "Receivers that can't look a name up put the mail off.", "See that the domain's name servers answer.", rfc(1034, "4.3.1")),
    "domain-missing": Rule("error", "Receivers refuse mail of a domain that does not exist.", "Check the spelling, or register it.", _GMAIL),
    # -- who may send
    "spf-missing": Rule("error", "Gmail, Yahoo and Outlook.com want SPF or DKIM of all senders, and both of bulk senders.", "Publish a TXT record: v=spf1 include:YOUR-RELAY -all", _GMAIL),
    "spf-several": Rule("error", "With several records SPF fails for all mail.", "Put all of it into one record.", rfc(7208, "3.2")),
    "spf-invalid": Rule("error", "A record that can't be read makes SPF fail for all mail.", "Mend the record.", rfc(7208, "4.6")),
    "spf-lookups": Rule("error", "Over ten look-ups SPF fails for all mail.", "Leave out includes that nothing sends by, or name addresses.", rfc(7208, "4.6.4")),
    "spf-void": Rule("error", "Over two look-ups without an answer SPF fails for all mail.", "Leave out names that don't exist any more.", rfc(7208, "4.6.4")),
    "spf-loop": Rule("error", "Records that include one another make SPF fail for all mail.", "Take the loop out.", rfc(7208, "4.6.4")),
    "spf-all": Rule("error", "+all lets every machine send as this domain.", "End the record with -all or ~all.", rfc(7208, "5.1")),
    "spf-neutral": Rule("warning", "?all, or no all, says nothing about other machines.", "End the record with -all or ~all.", rfc(7208, "5.1")),
    "spf-other": Rule("warning", "The record has something in it that is discouraged.", "See what checkdmarc says of it.", rfc(7208, "5")),
    "spf-address": Rule("error", "The record does not let this address send: SPF fails.", "Add the address, or the relay's include, to the record.", rfc(7208, "2.6.4")),
    # -- what receivers are to do
    "dmarc-missing": Rule("error", "Gmail, Yahoo and Outlook.com want DMARC of bulk senders.", "Publish a TXT record at _dmarc: v=DMARC1; p=none; rua=mailto:...", _GMAIL),
    "dmarc-several": Rule("error", "With several records there is no policy.", "Keep one.", "https://www.rfc-editor.org/rfc/rfc9989"),
    "dmarc-invalid": Rule("error", "A record that can't be read is no policy.", "Mend the record.", "https://www.rfc-editor.org/rfc/rfc9989"),
    "dmarc-none": Rule("hint", "p=none lets others send as this domain; it is enough for Gmail's rules.", "Read the reports, then publish p=quarantine or p=reject.", "https://www.rfc-editor.org/rfc/rfc9989"),
    "dmarc-reports": Rule("hint", "Without rua= no report tells what fails.", "Add rua=mailto:... to the record.", "https://www.rfc-editor.org/rfc/rfc9989"),
    "dmarc-other": Rule("warning", "The record has something in it that is discouraged.", "See what checkdmarc says of it.", "https://www.rfc-editor.org/rfc/rfc9989"),
    "not-aligned": Rule("error", "From is of another domain: neither SPF nor DKIM of this domain counts for DMARC.", "Sign and send with the domain of From.", "https://www.rfc-editor.org/rfc/rfc9989"),
    # -- keys
    "dkim-missing": Rule("error", "Signatures with this selector fail.", "Publish the record: rsmtp dkim record prints it.", rfc(6376, "3.6.2")),
    "dkim-several": Rule("error", "With several records at one selector signatures may fail.", "Keep one.", rfc(6376, "3.6.2.2")),
    "dkim-revoked": Rule("error", "An empty p= says that the key is revoked: signatures fail.", "Sign with another selector.", rfc(6376, "3.6.1")),
    "dkim-invalid": Rule("error", "The key can't be read: signatures fail.", "Publish the record as rsmtp dkim record prints it.", rfc(6376, "3.6.1")),
    "dkim-short": Rule("warning", "Keys under 2048 bits are not recommended, under 1024 not accepted.", "Make a new key: rsmtp dkim new", rfc(8301, "3.2")),
    "dkim-testing": Rule("warning", "t=y asks receivers to treat signatures as a test.", "Take it out once signing works.", rfc(6376, "3.6.1")),
    "dkim-hash": Rule("error", "The record allows SHA-1 alone, which receivers don't accept.", "Take h= out.", rfc(8301, "3.1")),
    # -- servers that take mail
    "mx-missing": Rule("warning", "Replies and bounces have no server to go to; some receivers refuse such mail.", "Publish MX records.", rfc(5321, "5.1")),
    "mx-null": Rule("warning", "The null MX says that the domain takes no mail: replies and bounces are lost.", "Send from a domain that takes mail.", rfc(7505, "4.2")),
    "mx-unresolved": Rule("error", "A server without an address takes no mail.", "Give the host an address, or take it out.", rfc(5321, "5.1")),
    "mx-alias": Rule("warning", "An MX that is an alias is not allowed.", "Name the host itself.", rfc(2181, "10.3")),
    "mta-sts-missing": Rule("hint", "Without MTA-STS or DANE others may read what is sent to this domain.", "Publish a policy: https://www.rfc-editor.org/rfc/rfc8461", rfc(8461, "3")),
    "mta-sts-invalid": Rule("warning", "The policy can't be used.", "Mend the record or the policy.", rfc(8461, "3.2")),
    "mta-sts-mx": Rule("error", "Senders that know the policy bring no mail to this server, and none at all if it is the only one.", "Name the host in the policy, and publish a new id.", rfc(8461, "4.1")),
    "mta-sts-other": Rule("warning", "Some senders take no such policy.", "Mend the record or the policy.", rfc(8461, "3.2")),
    "tls-rpt-missing": Rule("hint", "No report tells when TLS to this domain fails.", "Publish a TXT record at _smtp._tls: v=TLSRPTv1; rua=mailto:...", rfc(8460, "3")),
    "tls-rpt-invalid": Rule("warning", "The record can't be used.", "Mend the record.", rfc(8460, "3")),
    "dane-unsigned": Rule("warning", "TLSA records without DNSSEC are not used.", "Sign the zone.", rfc(7672, "2.2")),
    # -- the address that sends
    "ptr-missing": Rule("error", "Gmail and others refuse mail from an address without a name.", "Ask the provider of the address for a PTR record.", _GMAIL),
    "ptr-unconfirmed": Rule("error", "The name of the address does not lead back to it.", "Publish an address record for the name.", _GMAIL),
    "helo-invalid": Rule("warning", "EHLO with a name that is no host name counts as spam.", "Set local_hostname to the name of the address.", rfc(5321, "4.1.4")),
    "helo-unresolved": Rule("warning", "The name in EHLO has no address.", "Use the name of the address.", rfc(5321, "4.1.4")),
    "helo-elsewhere": Rule("hint", "The name in EHLO leads to another address.", "Use the name of the address.", rfc(5321, "4.1.4")),
    "blocklisted": Rule("error", "Receivers that ask this list refuse the mail.", "See the list's page for why, and how to be taken off.", _BLOCKLISTS),
}  # fmt: skip
