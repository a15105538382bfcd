"""Runs a program as if the import lines of some packages had been changed to rsmtp's.

    RSMTP_PORTED=redmail python ported.py -m pytest ...

In the packages that RSMTP_PORTED names, and in what is under them, `smtplib` and `email`
mean `rsmtp.smtplib` and `rsmtp.email`; the rest of the process keeps the standard library.
Without RSMTP_PORTED nothing is changed.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.abc
import importlib.machinery
import os
import runpy
import sys
from types import ModuleType
from typing import Any

ROOTS = ("smtplib", "email")


def ported_import(
    name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
) -> ModuleType:
    if level or name.partition(".")[0] not in ROOTS:
        return builtins.__import__(name, globals, locals, fromlist, level)
    module = importlib.import_module(f"rsmtp.{name}")
    if not fromlist:
        return importlib.import_module(f"rsmtp.{name.partition('.')[0]}")
    for wanted in fromlist:
        if not hasattr(module, wanted) and hasattr(module, "__path__"):
            importlib.import_module(f"{module.__name__}.{wanted}")
    return module


class Loader(importlib.machinery.SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        code = self.get_code(module.__name__)
        assert code is not None
        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": ported_import}
        exec(code, module.__dict__)


class Finder(importlib.abc.MetaPathFinder):
    def __init__(self, packages: list[str]) -> None:
        self.packages = packages

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if not any(name == package or name.startswith(package + ".") for package in self.packages):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = Loader(spec.loader.name, spec.loader.path)
        return spec


if __name__ == "__main__":
    if packages := os.environ.get("RSMTP_PORTED"):
        sys.meta_path.insert(0, Finder(packages.split(",")))
    sys.argv = sys.argv[1:]
    if sys.argv[0] == "-m":
        sys.argv = sys.argv[1:]
        sys.path[0] = os.getcwd()
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = os.path.dirname(os.path.abspath(sys.argv[0]))
        runpy.run_path(sys.argv[0], run_name="__main__")
