"""From an Airflow connection to the arguments of a `Mailer`."""

from __future__ import annotations

import json
from typing import Any

import rsmtp

# In an extra: what is about messages. The rest is for the mailer.
ABOUT_MESSAGES = {"from_email", "subject_template", "html_content_template"}
_TEXTS = {"password", "access_token", "client_id", "client_secret", "tenant_id"}


def mailer_arguments(connection: Any, extra: dict[str, Any], auth_type: str) -> dict[str, Any]:
    """The arguments that the connection tells. `auth_type` is for one of the type `smtp`."""
    # A form that was left empty has stored None or an empty text.
    extra = {
        name: value if name in _TEXTS else _plain(value)
        for name, value in extra.items()
        if value not in (None, "")
    }
    if connection.conn_type == "rsmtp":
        return _of_ours(connection, extra)
    if connection.conn_type == "smtp":
        return _of_smtp_hook(connection, extra, extra.get("auth_type", auth_type))
    raise ValueError(
        f"smtp_conn_id: the connection {connection.conn_id!r} is of the type {connection.conn_type!r}; "
        "rsmtp or smtp is wanted"
    )


def _plain(value: Any) -> Any:
    """A URI can say numbers, true and false only as a text."""
    if isinstance(value, str):
        try:
            found = json.loads(value)
        except ValueError:
            return value
        return found if isinstance(found, (int, float)) else value
    return value


def _of_ours(connection: Any, extra: dict[str, Any]) -> dict[str, Any]:
    told = {
        "host": connection.host,
        "port": connection.port,
        "username": connection.login,
        "password": connection.password,
    }
    found = {name: value for name, value in told.items() if value}
    found |= {name: value for name, value in extra.items() if name not in ABOUT_MESSAGES}
    if "ca_file" in found:
        found["context"] = rsmtp.TlsConfig(ca_file=found.pop("ca_file"))
    # Else the server would be that of the variable RSMTP_URL.
    if found.keys().isdisjoint(("host", "url", "provider")):
        raise ValueError(
            f"the connection {connection.conn_id!r} has no host, nor `url` or `provider` in its extra"
        )
    return found


def _of_smtp_hook(connection: Any, extra: dict[str, Any], auth_type: str) -> dict[str, Any]:
    tls = "none" if extra.get("disable_tls") else "starttls"
    if not extra.get("disable_ssl"):
        tls = "implicit"
    if not connection.host:
        raise ValueError(f"the connection {connection.conn_id!r} has no host")
    found = {
        "host": connection.host,
        "port": connection.port or (465 if tls == "implicit" else 25),
        "tls": tls,
        "timeout": extra.get("timeout", 30),
        "retries": extra.get("retry_limit", 5),
    }
    checks = extra.get("ssl_context", "default")
    if checks not in ("default", "none"):
        raise ValueError(f"ssl_context: 'default' or 'none' is wanted, not {checks!r}")
    if checks == "none" and tls != "none":
        found["context"] = rsmtp.TlsConfig(verify=False)
    if auth_type == "oauth2":
        found |= {"username": connection.login or extra.get("from_email"), "access_token": _token(extra)}
        if not found["username"]:
            raise ValueError("auth_type='oauth2' needs the connection's login, or `from_email` in its extra")
    elif auth_type != "basic":
        raise ValueError(f"auth_type: 'basic' or 'oauth2' is wanted, not {auth_type!r}")
    elif connection.login and connection.password:
        found |= {"username": connection.login, "password": connection.password}
    return found


def _token(extra: dict[str, Any]) -> Any:
    """A token, or what gets one from Microsoft for each new session."""
    if "access_token" in extra:
        return extra["access_token"]
    if not {"client_id", "client_secret"} <= extra.keys():
        raise ValueError(
            "auth_type='oauth2' needs `access_token`, or `client_id` and `client_secret`, in the extra"
        )
    return rsmtp.credentials.microsoft365(
        extra["client_id"],
        tenant=extra.get("tenant_id", "common"),
        client_secret=extra["client_secret"],
        scope=extra.get("scope"),
    )
