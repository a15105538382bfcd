"""The Catcher's signature, as `help()` and editors show it."""

import inspect

import rsmtp


def test_every_default_is_shown_as_it_is():
    shown = inspect.signature(rsmtp.Catcher).parameters
    assert [name for name, parameter in shown.items() if parameter.default is ...] == []
    defaults = {name: shown[name].default for name in ("host", "tls", "protocol", "hostname", "without")}
    assert defaults == {
        "host": "127.0.0.1",
        "tls": "starttls",
        "protocol": "smtp",
        "hostname": "localhost",
        "without": None,
    }
