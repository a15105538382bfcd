"""A pytest plugin: in this process `aiosmtplib` means `rsmtp.aiosmtplib`."""

import importlib
import pkgutil
import sys
import types

import rsmtp.aiosmtplib as mirror

sys.modules["aiosmtplib"] = mirror
for module in pkgutil.iter_modules(mirror.__path__):
    name = f"rsmtp.aiosmtplib.{module.name}"
    sys.modules[name.removeprefix("rsmtp.")] = importlib.import_module(name)

# test_timeouts.py imports a class of aiosmtplib's inside for three of its tests: the others
# run, and these three fail.
inside = types.ModuleType("aiosmtplib.protocol")
inside.SMTPProtocol = None
sys.modules["aiosmtplib.protocol"] = inside
