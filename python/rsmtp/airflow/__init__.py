"""Airflow's mail: a hook, with a connection type of its own. `pip install 'rsmtp[airflow]'`.

with RsmtpHook("my_server") as hook:
    hook.send_email_smtp(to="friend@example.com", subject="Done", html_content="<p>It is done.</p>")
"""

from rsmtp.airflow.hook import RsmtpHook
from rsmtp.airflow.provider import get_provider_info

__all__ = ["RsmtpHook", "get_provider_info"]
