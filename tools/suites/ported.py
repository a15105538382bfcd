"""Runs a program as if the import lines of some packages had been changed to rsmtp's.

    RSMTP_PORTED=redmail python ported.py -m pytest ...

In the packages that RSMTP_PORTED names, and in their subpackages, `smtplib` and `email` mean
`rsmtp.smtplib` and `rsmtp.email`. All other code keeps the standard library. RSMTP_PORTED_ROOTS
names other modules than these two. A name given to `patch()` or `setattr()` as a string
("smtplib.SMTP") is changed together with the imports. RSMTP_PORTED=a.B=c.D replaces the class a.B
by c.D, and changes no import. Without RSMTP_PORTED nothing is changed.
the class D of c where B of a was, and changes no import. Without RSMTP_PORTED nothing is changed.
"""

from __future__ import annotations

import ast
import importlib
import importlib.abc
import importlib.machinery
import os
import runpy
import sys
from types import CodeType
from typing import Any

ROOTS = tuple(os.environ.get("RSMTP_PORTED_ROOTS", "smtplib,email").split(","))


def is_ported(name: str) -> bool:
    return name.partition(".")[0] in ROOTS


class Imports(ast.NodeTransformer):
    """The file as a developer would port it: the import statements are changed, and names given as
    strings, for example in `patch("smtplib.SMTP")`."""

    def visit_Import(self, node: ast.Import) -> list[ast.stmt]:
        return [ast.copy_location(statement, node) for name in node.names for statement in self.ported(name)]

    def ported(self, name: ast.alias) -> list[ast.stmt]:
        if not is_ported(name.name):
            return [ast.Import([name])]
        root, _, below = name.name.partition(".")
        if below and name.asname:
            return [ast.Import([ast.alias(f"rsmtp.{name.name}", name.asname)])]
        top: ast.stmt = ast.ImportFrom("rsmtp", [ast.alias(root, name.asname)], 0)
        return [ast.Import([ast.alias(f"rsmtp.{name.name}", root)]), top] if below else [top]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt:
        if not node.level and node.module and is_ported(node.module):
            node.module = f"rsmtp.{node.module}"
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if called in ("patch", "setattr", "import_module") and node.args:
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str) and is_ported(name.value):
                name.value = f"rsmtp.{name.value}"
        return node


class Loader(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)  # not the compiled file, which has the old imports
        tree = Imports().visit(ast.parse(self.get_data(path), path))
        return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)


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


def replace(name: str, by: str) -> None:
    """Replaces a class by another one, for tests that look it up by name."""
    module, _, attribute = by.rpartition(".")
    found = getattr(importlib.import_module(module), attribute)
    module, _, attribute = name.rpartition(".")
    setattr(importlib.import_module(module), attribute, found)


if __name__ == "__main__":
    if "RSMTP_OUTCOMES" in os.environ:
        import outcomes

        outcomes.of_unittest()
    ported = os.environ.get("RSMTP_PORTED", "")
    if "=" in ported:
        replace(*ported.split("="))
    elif ported:
        sys.meta_path.insert(0, Finder(ported.split(",")))
    sys.argv = sys.argv[1:]
    if sys.argv[0] == "-m":
        sys.argv = sys.argv[1:]
        sys.path[0] = os.getcwd()
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = os.path.dirname(os.path.abspath(sys.argv[0]))
        runpy.run_path(sys.argv[0], run_name="__main__")
