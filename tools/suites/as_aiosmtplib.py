"""A pytest plugin that makes `aiosmtplib` mean `rsmtp.aiosmtplib` in this process."""

import importlib
import pkgutil
import sys
import types

import rsmtp.aiosmtplib as mirror

sys.modules["aiosmtplib"] = mirror
for module in pkgutil.iter_modules(mirror.__path__):
    name = f"rsmtp.aiosmtplib.{module.name}"
    sys.modules[name.removeprefix("rsmtp.")] = importlib.import_module(name)

# test_timeouts.py imports an internal class of aiosmtplib for three of its tests. The other tests
# run, and these three fail.
inside = types.ModuleType("aiosmtplib.protocol")
inside.SMTPProtocol = None
sys.modules["aiosmtplib.protocol"] = inside
