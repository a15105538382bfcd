"""Providers that send for programs. A limit is listed only if a source states it, and not if it depends
on the account."""

from __future__ import annotations

from rsmtp.providers.provider import MB, Provider

_READ = "2026-11-27"
_NODEMAILER = "https://github.com/nodemailer/nodemailer/blob/master/lib/well-known/services.json"

#: Names by which people look for Amazon SES.
WITHOUT_REGION = ("ses", "aws", "amazon", "amazon-ses", "aws-ses")
_SES_HOST = "email-smtp.{}.amazonaws.com"
# Others are taken, too: Amazon opens new ones.
_SES_REGIONS = (
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1"),
    *("eu-central-1", "eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1"),
    *("ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-southeast-1", "ap-southeast-2"),
    *("us-gov-east-1", "us-gov-west-1"),
)


def _ses(region: str) -> Provider:
    return Provider(
        f"ses-{region}",
        _SES_HOST.format(region),
        title=f"Amazon SES, {region}",
        login="an SMTP password, which is made from an access key and is not its secret",
        user_is="the SMTP user name, as AKIA...",
        recipients=50,
        size=40 * MB,
        note="Rate and messages a day are the account's: in the sandbox 1 a second and 200 a day.",
        sources=("https://docs.aws.amazon.com/ses/latest/dg/quotas.html", _NODEMAILER),
        read=_READ,
    )


ROWS = (
    Provider(
        "gmail-relay",
        "smtp-relay.gmail.com",
        title="SMTP relay of Google Workspace",
        aliases=("google-relay", "workspace-relay"),
        per_day=10_000,
        per_day_of="recipients",
        note="An administrator says who may send: known addresses of the network, a login with an app "
        "password, or both.",
        sources=("https://support.google.com/a/answer/2956491",),
        read=_READ,
    ),
    *map(_ses, _SES_REGIONS),
    Provider(
        "sendgrid",
        "smtp.sendgrid.net",
        title="Twilio SendGrid",
        login="an API key with the permission to send mail",
        user_is='the word "apikey"',
        username="apikey",
        per_session=5000,
        sources=(
            "https://www.twilio.com/docs/sendgrid/for-developers/sending-email/integrating-with-the-smtp-api",
        ),
        read=_READ,
    ),
    Provider(
        "mailgun",
        "smtp.mailgun.org",
        title="Mailgun, USA",
        login="the SMTP password of the domain",
        user_is="an SMTP user of the domain, as postmaster@mg.example.org",
        size=25 * MB,
        sources=("https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/send-http",),
        read=_READ,
    ),
    Provider(
        "mailgun-eu",
        "smtp.eu.mailgun.org",
        title="Mailgun, Europe",
        login="the SMTP password of the domain",
        user_is="an SMTP user of the domain, as postmaster@mg.example.org",
        size=25 * MB,
        sources=("https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/send-http",),
        read=_READ,
    ),
    Provider(
        "postmark",
        "smtp.postmarkapp.com",
        title="Postmark",
        login="the secret key of an SMTP token, or the server's API token",
        user_is="the access key of the SMTP token, or once more the server's API token",
        recipients=50,
        size=10 * MB,
        note="Newsletters go by smtp-broadcasts.postmarkapp.com (host=).",
        sources=(
            "https://postmarkapp.com/support/article/811-what-are-the-smtp-details-api-tokens-i-should-be-using",
            "https://postmarkapp.com/developer",
        ),
        read=_READ,
    ),
    Provider(
        "mailjet",
        "in-v3.mailjet.com",
        title="Mailjet",
        login="the secret key",
        user_is="the API key",
        sources=("https://docs.cloud.google.com/compute/docs/tutorials/sending-mail/using-mailjet",),
        read=_READ,
    ),
    Provider(
        "brevo",
        "smtp-relay.brevo.com",
        title="Brevo (Sendinblue)",
        login="an SMTP key, which is no API key",
        user_is="the SMTP login that Brevo shows",
        aliases=("sendinblue",),
        sources=("https://developers.brevo.com/docs/smtp-integration", _NODEMAILER),
        read=_READ,
    ),
    Provider(
        "sparkpost",
        "smtp.sparkpostmail.com",
        title="SparkPost (Bird)",
        login='an API key with the permission "Send via SMTP"',
        user_is='the word "SMTP_Injection"',
        username="SMTP_Injection",
        per_session=100,
        sources=("https://developers.sparkpost.com/api/smtp/",),
        read=_READ,
    ),
    Provider(
        "sparkpost-eu",
        "smtp.eu.sparkpostmail.com",
        title="SparkPost (Bird), Europe",
        login='an API key with the permission "Send via SMTP"',
        user_is='the word "SMTP_Injection"',
        username="SMTP_Injection",
        per_session=100,
        sources=("https://developers.sparkpost.com/api/smtp/",),
        read=_READ,
    ),
    Provider(
        "mandrill",
        "smtp.mandrillapp.com",
        title="Mailchimp Transactional (Mandrill)",
        login="an API key",
        user_is="any text; the address of the account, say",
        aliases=("mailchimp",),
        sources=(_NODEMAILER,),
        read=_READ,
    ),
    Provider(
        "resend",
        "smtp.resend.com",
        465,
        title="Resend",
        login="an API key",
        user_is='the word "resend"',
        username="resend",
        sources=("https://resend.com/docs/send-with-smtp",),
        read=_READ,
    ),
    Provider(
        "mailersend",
        "smtp.mailersend.net",
        title="MailerSend",
        login="the password of an SMTP user",
        user_is="the name of an SMTP user of the domain",
        rate=2,
        sources=("https://developers.mailersend.com/general", _NODEMAILER),
        read=_READ,
    ),
    Provider(
        "smtp2go",
        "mail.smtp2go.com",
        title="SMTP2GO",
        login="the password of an SMTP user",
        user_is="the name of an SMTP user",
        note="Regions: mail-us, mail-eu and mail-au.smtp2go.com (host=).",
        sources=("https://developers.smtp2go.com/docs/smtp-relay",),
        read=_READ,
    ),
    Provider(
        "elasticemail",
        "smtp.elasticemail.com",
        465,
        title="Elastic Email",
        login="the password of SMTP credentials",
        user_is="the name of SMTP credentials",
        size=20 * MB,
        sources=("https://elasticemail.com/developers/api-libraries/go", _NODEMAILER),
        read=_READ,
    ),
    Provider(
        "scaleway",
        "smtp.tem.scaleway.com",
        title="Scaleway Transactional Email",
        login="the secret key of an API key",
        user_is="the ID of the project",
        recipients=10,
        size=50 * MB,
        note="Recipients and size are the quotas that a new account has.",
        sources=(
            "https://www.scaleway.com/en/docs/transactional-email/reference-content/smtp-configuration/",
            "https://www.scaleway.com/en/docs/transactional-email/reference-content/tem-capabilities-and-limits/",
        ),
        read=_READ,
    ),
    Provider(
        "forwardemail",
        "smtp.forwardemail.net",
        465,
        title="Forward Email",
        login="a password made for this alias",
        sources=(_NODEMAILER,),
        read=_READ,
    ),
    Provider(
        "mailtrap",
        "live.smtp.mailtrap.io",
        title="Mailtrap",
        login="the API token of the domain",
        user_is='the word "api"',
        username="api",
        sources=(_NODEMAILER,),
        read=_READ,
    ),
)


def of_region(name: str) -> Provider | None:
    """Amazon SES in a region that is not listed."""
    region = name.removeprefix("ses-")
    return _ses(region) if region != name and _is_region(region) else None


def at_host(host: str) -> Provider | None:
    before, behind = _SES_HOST.split("{}")
    region = host.removeprefix(before).removesuffix(behind)
    return _ses(region) if host == _SES_HOST.format(region) and _is_region(region) else None


def _is_region(text: str) -> bool:
    """As "eu-west-1": letters, and a number at the end."""
    *words, number = text.split("-")
    return (
        len(words) >= 2
        and number.isdecimal()
        and number.isascii()
        and all(w.isascii() and w.isalpha() for w in words)
    )
