"""Type checkers accept correct scripts that use rsmtp, and report an error on each wrong line."""

import ast
import enum
import importlib
import inspect
import json
import pkgutil
import re
import subprocess
import sys
import typing
from pathlib import Path

import pytest

import rsmtp
import rsmtp.email

HERE = Path(__file__).parent
RIGHT = [HERE / "public_names.py", HERE / "ported_script.py"]
WRONG = HERE / "refused" / "wrong_uses.py"

EMAIL = [
    module.name
    for module in pkgutil.walk_packages(rsmtp.email.__path__, "rsmtp.email.")
    if not any(part.startswith("_") for part in module.name.split("."))
]
MODULES = [
    *("rsmtp", "rsmtp.aio", "rsmtp.aiosmtplib", "rsmtp.credentials", "rsmtp.errors", "rsmtp.inbox"),
    "rsmtp.outbox_page",
    *("rsmtp.smtplib", "rsmtp.testing", "rsmtp.typing", "rsmtp.email", *EMAIL),
]


@pytest.fixture(scope="module")
def found():
    """Pyright's findings by file name: line, rule and text."""
    pytest.importorskip("pyright", reason="make check installs pyright (requirements/check.txt)")
    by_file = {path.name: [] for path in (*RIGHT, WRONG)}
    for each in findings([*RIGHT, WRONG], cwd=HERE)["generalDiagnostics"]:
        line = each["range"]["start"]["line"] + 1
        by_file[Path(each["file"]).name].append((line, each.get("rule"), each["message"]))
    return by_file


def findings(scripts, cwd):
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson"]
    done = subprocess.run([*command, *scripts], cwd=cwd, capture_output=True, text=True, timeout=240)
    said = json.loads(done.stdout)
    assert said["summary"]["filesAnalyzed"] == len(scripts), done.stdout
    return said


@pytest.mark.timeout(300)
@pytest.mark.parametrize("script", RIGHT, ids=lambda path: path.name)
def test_a_right_use_is_accepted(script, found):
    assert found[script.name] == []


@pytest.mark.timeout(300)
def test_each_wrong_use_is_refused(found):
    lines = WRONG.read_text(encoding="utf-8").splitlines()
    wrong = {number for number, line in enumerate(lines, 1) if line.endswith("# refused")}
    refused = {line for line, _, _ in found[WRONG.name]}
    assert len(wrong) > 70
    assert [lines[number - 1] for number in sorted(wrong - refused)] == [], "accepted"
    assert [each for each in found[WRONG.name] if each[0] not in wrong] == [], "refused"


def test_the_script_uses_every_public_name():
    used = names_used(ast.parse(RIGHT[0].read_text(encoding="utf-8")))
    public = {
        f"{module}.{name}"
        for module in MODULES
        for name in getattr(importlib.import_module(module), "__all__", ())
    }
    assert len(public) > 200
    assert sorted(public - used) == []


@pytest.mark.timeout(300)
def test_names_of_the_standard_library_are_public_names_of_the_mirrors(tmp_path):
    """A checker calls an imported name private unless the module re-exports it explicitly."""
    pytest.importorskip("pyright", reason="make check installs pyright (requirements/check.txt)")
    names = [
        (module, name)
        for module in ("smtplib", *(mirror.removeprefix("rsmtp.") for mirror in ("rsmtp.email", *EMAIL)))
        for name, value in sorted(vars(importlib.import_module(module)).items())
        if not name.startswith("_") and not inspect.ismodule(value)
    ]
    scripts = [tmp_path / "standard.py", tmp_path / "mirror.py"]
    for script, prefix in zip(scripts, ("", "rsmtp."), strict=True):
        script.write_text("".join(f"from {prefix}{module} import {name}\n" for module, name in names))
    refused = [set(), set()]
    for each in findings(scripts, cwd=tmp_path)["generalDiagnostics"]:
        refused[each["file"].endswith("mirror.py")].add(names[each["range"]["start"]["line"]])
    assert len(names) > 200
    assert sorted(refused[1] - refused[0]) == []


def test_strict_mode_is_asked_for():
    for script in (RIGHT[0], WRONG):
        assert re.search(r"^# pyright: strict$", script.read_text(encoding="utf-8"), re.M)


def names_used(script):
    """The full names, such as "rsmtp.errors.words", that the script imports and then uses. If a
    name has two paths, both count as one: "rsmtp.SMTPException" and "rsmtp.errors.SMTPException"."""
    imported = {}
    for node in ast.walk(script):
        if isinstance(node, ast.Import):
            imported |= {(each.asname or each.name): each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported |= {(each.asname or each.name): f"{node.module}.{each.name}" for each in node.names}
    used = set()
    for node in ast.walk(script):
        if isinstance(node, (ast.Name, ast.Attribute)) and (name := dotted(node)):
            first, _, rest = name.partition(".")
            if first in imported:
                parts = (imported[first] + (f".{rest}" if rest else "")).split(".")
                used |= {".".join(parts[:number]) for number in range(1, len(parts) + 1)}
    objects = {id(value) for name in used if (value := look_up(name)) is not None}
    for module in MODULES:
        loaded = importlib.import_module(module)
        for name in getattr(loaded, "__all__", ()):
            if id(getattr(loaded, name, None)) in objects:
                used.add(f"{module}.{name}")
    return used


def dotted(node):
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=inner, attr=name) if outer := dotted(inner):
            return f"{outer}.{name}"
    return None


def look_up(name):
    """The object of this name, or None if no module has the name."""
    module, _, last = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), last) if module else importlib.import_module(name)
    except (ImportError, AttributeError):
        return None


# These follow the standard library's form (parameters of a field) or aiosmtplib's. A reply, a
# template and a merge take `Message`'s own arguments, and changes to an invitation take `Invite`'s.
ANY_NUMBER = {
    "Invite.update",
    *("Message.add_header", "Message.forward", "Message.reply"),
    *("Template", "Template.from_folder", "Template.message", "merge"),
    *("SMTP.execute_command", "SMTP.sendmail_sync", "SMTP.send_message_sync"),
}


@pytest.mark.parametrize(
    "module",
    ["rsmtp", "rsmtp.aiosmtplib", "rsmtp.inbox", "rsmtp.outbox_page", "rsmtp.smtplib", "rsmtp.testing"],
)
def test_public_signatures_name_their_arguments(module):
    loaded, unnamed = importlib.import_module(module), set()
    for name in loaded.__all__:
        public = getattr(loaded, name)
        if typing.get_origin(public):  # the name of a type, which some versions of Python can call
            continue
        functions = {name: public}
        if inspect.isclass(public):
            if issubclass(public, (BaseException, enum.Enum)):
                continue
            functions |= {f"{name}.{key}": getattr(public, key) for key in dir(public) if key[0] != "_"}
        for full_name, function in functions.items():
            try:
                parameters = inspect.signature(function).parameters.values()
            except (TypeError, ValueError):  # no function, or a property of the engine's
                continue
            if any(each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD) for each in parameters):
                unnamed.add(full_name)
    assert unnamed <= ANY_NUMBER


@pytest.mark.parametrize("name", [name for name in rsmtp.__all__ if not name.startswith("__")])
def test_annotations_are_there_at_run_time(name):
    """Frameworks ask for annotations at run time, although no module of types is loaded before that."""
    public = getattr(rsmtp, name)
    if inspect.isclass(public):
        functions = [value for key, value in vars(public).items() if not key.startswith("_")]
    else:
        functions = [public]
    for function in [*functions, getattr(public, "__init__", None)]:
        if inspect.isfunction(function):
            assert typing.get_type_hints(function) is not None
