"""A script that sends something to a catcher."""

import json

from rsmtp import Catcher

SCRIPT = """\
{imports}
{tls}
with {client}({address}) as client:
{steps}
    client.sendmail("me@example.org", "you@example.org", "Subject: Hello\\n\\nIt works.\\n")
"""


def snippet(catcher: Catcher, *, show_password: bool) -> str:
    """The script, ready to run where the password may be shown."""
    password = _literal(catcher.password if show_password else "...")
    address, steps = f"{_literal(catcher.host)}, {catcher.port}", []
    context = "context=tls" if catcher.tls != "none" else ""
    client, imports = "rsmtp.SmtpClient", "import rsmtp\n"
    if catcher.protocol == "lmtp":
        client, imports = "smtplib.LMTP", "import rsmtp\nfrom rsmtp import smtplib\n"
        if context:
            steps.append(f"    client.starttls({context})")
    elif context:
        address += f', tls="{catcher.tls}", {context}'
    steps.append(f"    client.login({_literal(catcher.username)}, {password})")
    tls = f"tls = rsmtp.TlsConfig(ca_file={_literal(catcher.ca_file or '')})" if context else ""
    script = SCRIPT.format(imports=imports, tls=tls, client=client, address=address, steps="\n".join(steps))
    return script.replace("\n\n\n", "\n\n")


def _literal(text: str) -> str:
    """A Python literal in double quotes, as everything around it has."""
    return json.dumps(text, ensure_ascii=False)
