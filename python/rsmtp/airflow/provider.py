"""What Airflow asks a provider for: the connection type, and the fields of its form."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """For the entry point `apache_airflow_provider`."""
    return {
        "package-name": "rsmtp",
        "name": "rsmtp",
        "description": "Email by rsmtp",
        "connection-types": [
            {
                "connection-type": "rsmtp",
                "hook-class-name": "rsmtp.airflow.RsmtpHook",
                "hook-name": "Email (rsmtp)",
                "conn-fields": {
                    "from_email": _field("From", "string"),
                    "provider": _field("Provider, instead of a host: gmail, ...", "string"),
                    "tls": _field("TLS", "string", enum=["starttls", "implicit", "none"]),
                    "ca_file": _field("Authorities that are trusted, a PEM file", "string"),
                    "timeout": _field("Timeout in seconds", "number"),
                    "retries": _field("Attempts after the first one", "integer"),
                    "rate": _field("Messages per second, at most", "number"),
                    "subject_template": _field("File with the default subject", "string"),
                    "html_content_template": _field("File with the default HTML", "string"),
                },
                "ui-field-behaviour": {
                    "hidden-fields": ["schema"],
                    "relabeling": {},
                    "placeholders": {
                        "host": "smtp.example.com",
                        "port": "587, or 465 for TLS from the start",
                        "extra": '{"pipelining": false}: further arguments of rsmtp.Mailer',
                    },
                },
            }
        ],
    }


def _field(label: str, kind: str, **schema: Any) -> dict[str, Any]:
    return {"label": label, "schema": {"type": [kind, "null"]} | schema}
