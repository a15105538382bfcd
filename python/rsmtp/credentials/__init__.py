"""Where passwords and access tokens come from, so that none stands in a program.

    import rsmtp
    from rsmtp import credentials

    rsmtp.Mailer(host="smtp.example.org", username="ann", password=credentials.env("MAIL_PASSWORD"))
    rsmtp.Mailer("smtp://ann@smtp.example.org?password=keyring:")

Each function returns a callable for `password=` or `access_token=`. It is asked for each new
session, its `repr` shows no secret, and what it can't give is a CredentialError. Tokens are kept
until shortly before they expire, and fetched anew when a server rejects one.
"""

from rsmtp.credentials.base import Credential, CredentialError
from rsmtp.credentials.google import google
from rsmtp.credentials.local import command, env, file, keyring, netrc
from rsmtp.credentials.microsoft import Microsoft365, microsoft365

__all__ = [
    "Credential",
    "CredentialError",
    "Microsoft365",
    "command",
    "env",
    "file",
    "google",
    "keyring",
    "microsoft365",
    "netrc",
]
