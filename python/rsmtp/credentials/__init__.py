"""Sources of passwords and access tokens, to keep secrets out of programs.

    import rsmtp
    from rsmtp import credentials

    rsmtp.Mailer(host="smtp.example.org", username="ann", password=credentials.env("MAIL_PASSWORD"))
    rsmtp.Mailer("smtp://ann@smtp.example.org?password=keyring:")

Each function returns a callable for `password=` or `access_token=`. It is called for each new session,
its `repr` shows no secret, and it raises CredentialError when it has no secret to give. Tokens are
cached until shortly before they expire, and fetched again when a server rejects one.
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
