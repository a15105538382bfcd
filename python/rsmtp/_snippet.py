"""A script that sends something to a catcher."""

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
    host, password = catcher.host, repr(catcher.password) if show_password else '"..."'
    address, steps = f"{host!r}, {catcher.port}", []
    context = "context=tls" if catcher.tls != "none" else ""
    client, imports = "rsmtp.SmtpClient", "import rsmtp\n"
    if catcher.protocol == "lmtp":
        client, imports = "smtplib.LMTP", "import rsmtp\nfrom rsmtp import smtplib\n"
        if context:
            steps.append(f"    client.starttls({context})")
    elif context:
        address += f', tls="{catcher.tls}", {context}'
    steps.append(f"    client.login({catcher.username!r}, {password})")
    tls = f"tls = rsmtp.TlsConfig(ca_file={catcher.ca_file!r})" if context else ""
    script = SCRIPT.format(imports=imports, tls=tls, client=client, address=address, steps="\n".join(steps))
    return script.replace("\n\n\n", "\n\n")
