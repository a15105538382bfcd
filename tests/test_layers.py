"""The layering rules: the names that a folder's sources may not use."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src"
PACKAGE = ROOT / "python" / "rsmtp"

FORBIDDEN = {
    "protocol": r"crate::(tls|driver|bulk|catcher|binding|message|sign)\b"
    r"|std::(net|thread|fs|io)\b|\b(Instant|SystemTime)\b|\b(mio|rustls|socket2|log|pyo3)::",
    "message": r"crate::(protocol|sign|tls|driver|bulk|catcher|binding)\b|std::(net|thread)\b|pyo3",
    # This reproduces `email` and does not depend on how rsmtp renders a message.
    "message/stdlib": r"crate::message::(field|field_fold|render|rope|head|downgrade|written|identity)\b",
    "sign": r"crate::(protocol|message|tls|driver|bulk|catcher|binding)\b"
    r"|std::(net|thread|fs|io)\b|\b(Instant|SystemTime)\b|pyo3",
    "render": r"crate::(?!render\b)|std::(net|thread|fs|io)\b|pyo3",
    "tls": r"crate::(driver|bulk|catcher|binding|message)\b|std::(net|thread)\b|pyo3",
    "driver": r"crate::(bulk|catcher|binding|message)\b|pyo3",
    "catcher": r"crate::(bulk|binding|message)\b|pyo3",
    # It has threads: a program is written to, and listened to, at the same time.
    "local.rs": r"crate::(?!(address|protocol)\b)|std::net\b|pyo3",
    "bulk": r"crate::(catcher|binding|message|sign)\b|pyo3",
    "escape.rs": r"crate::|std::(net|thread|fs|io)\b|pyo3",
    "address": r"crate::(?!address\b)|std::(net|thread|fs|io)\b|\b(Instant|SystemTime)\b|pyo3",
}


def code(path: Path) -> list[tuple[int, str]]:
    """The lines of a Rust file without its comments, each with its number."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [(number, line.split("//")[0]) for number, line in enumerate(lines, start=1)]


@pytest.mark.parametrize("layer", FORBIDDEN)
def test_layer_names_nothing_above_it(layer):
    root = SRC / layer
    files = [root] if root.suffix else sorted(root.rglob("*.rs"))
    assert files, f"src/{layer} has moved: tell this test"
    found = [
        f"{path.relative_to(SRC)}:{number}: {line.strip()}"
        for path in files
        for number, line in code(path)
        if re.search(FORBIDDEN[layer], line)
    ]
    assert found == []


def test_engine_has_no_unsafe_code():
    assert "#![forbid(unsafe_code)]" in (SRC / "lib.rs").read_text(encoding="utf-8")


# -- one loop --------------------------------------------------------------------------------

# Modules that ask a session and its TLS for output, and give them the input.
STEPS = re.compile(r"\.(next_move|received_eof|step|unsent)\(|\bMove::")
# Modules that move octets for an operation, in Rust and in Python.
PUMPS = re.compile(r"\.(try_read|try_write)\(|\.advance\((slf\.py\(\)|py),")
PYTHON_PUMPS = re.compile(r"\bself\.output\(")


def test_one_loop_moves_octets_between_a_session_its_tls_and_a_connection():
    found = {
        str(path.relative_to(SRC))
        for path in rust_files("driver", "bulk", "binding", "tls")
        if STEPS.search(without_tests(path))
    }
    assert found == {"driver/operation.rs", "tls/conversation.rs"}
    pumps = {str(path.relative_to(SRC)) for path in rust_files(".") if PUMPS.search(without_tests(path))}
    assert pumps == {"driver/blocking.rs", "binding/transport_pump.rs"}
    in_python = {
        path.name for path in python_files() if PYTHON_PUMPS.search(path.read_text(encoding="utf-8"))
    }
    assert in_python == {"socket_connection.py"}


# -- Python's words ------------------------------------------------------------------------

# Modules that never address a Python programmer: errors travel as kinds, and `binding/` has the words.
ENGINE = ("address", "escape.rs", "protocol", "sign", "tls", "driver", "local.rs", "bulk")
STRING = re.compile(r"""//[^\n]*|b?"((?:[^"\\]|\\.)*)"|'(?:[^'\\]|\\.[^']*)'""", re.DOTALL)
PYTHONS_WORDS = re.compile(
    r"connect\(\)|\b[a-z_]+\(\)|\bTlsConfig\b|\bSSLContext\b|\bSMTP_SSL\b|\b(Async)?(SmtpClient|Mailer)\b"
    r"|=(True|False|None)\b|\b(None|True|False)\b"
    r"|\b(context|tls|chunking|pipelining|allow_plaintext_auth|local_hostname|timeout|deadline|proxy|sock"
    r"|ca_file|server_name|minimum_version|client_certificate|retries)=",
)


def rust_files(*places: str) -> Iterator[Path]:
    for place in places:
        yield from [SRC / place] if place.endswith(".rs") else sorted((SRC / place).rglob("*.rs"))


def without_tests(path: Path) -> str:
    """A Rust file without the tests at its end."""
    if path.name == "tests.rs" or "tests" in path.relative_to(SRC).parts:
        return ""
    return re.split(r"#\[(?:cfg\((?:all\()?)?test\b", path.read_text(encoding="utf-8"), maxsplit=1)[0]


def test_tests_are_known_as_such():
    """Whatever features they are compiled with, and in a folder of their own too."""
    found = [path for path in rust_files(".") if re.search(r"\bproptest!|\bassert_eq!", without_tests(path))]
    assert found == []


def test_engine_speaks_no_python():
    found = [
        f"{path.relative_to(SRC)}: {said}"
        for path in rust_files(*ENGINE)
        for said in STRING.findall(without_tests(path))
        if PYTHONS_WORDS.search(said)
    ]
    assert found == []


# -- reply codes -----------------------------------------------------------------------------

# `src/protocol/code.rs` is the table of reply codes. The catcher sends codes, because it is a server.
REPLY_CODE = re.compile(r"(?<![\w.])[2-5]\d\d(?![\w.]*\d|\w)")
DECIDES = re.compile(r"\bcode\b|\breply\b|\bReply::new\b", re.IGNORECASE)


def test_reply_codes_stand_in_the_protocols_table_alone():
    found = [
        f"{path.relative_to(SRC)}: {line.strip()}"
        for path in rust_files("protocol", "driver", "local.rs", "bulk", "tls", "binding")
        if path != SRC / "protocol" / "code.rs" and "catcher" not in path.parts
        for line in without_tests(path).splitlines()
        if REPLY_CODE.search(without_strings(line)) and DECIDES.search(line)
    ]
    assert found == []


def without_strings(line: str) -> str:
    return STRING.sub('""', line)


def python_files() -> Iterator[Path]:
    return (path for path in sorted(PACKAGE.rglob("*.py")))


def test_python_decides_by_no_reply_code_of_its_own():
    """Finds comparisons with numbers from 200 to 599. Ports are not reply codes."""
    ports = {465, 587}
    found = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}: {ast.unparse(node)}"
        for path in python_files()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.Compare, ast.MatchValue))
        for number in ast.walk(node)
        if isinstance(number, ast.Constant) and type(number.value) is int
        if 200 <= number.value <= 599 and number.value not in ports
    ]
    assert found == []


# -- Python's layers -------------------------------------------------------------------------

# Each layer has its contents and the layers that it may import. A private package (such as
# `_client/`) is in one layer as a whole, so its files are imported from its own layer and from
# those above, never from below. All may import the engine (`_rsmtp`), `rsmtp` itself, which is a
# table of names, and `typing`, for annotations.
LAYERS: dict[str, tuple[set[str], set[str]]] = {
    "ground": ({"_bounces", "_common", "advice", "errors", "display", "providers"}, set()),
    "messages": ({"message", "email", "_content", "_protect", "invite"}, {"ground"}),
    "lint": ({"_lint"}, {"ground", "messages"}),
    "domain": ({"_domain"}, {"ground", "lint"}),
    "transport": ({"_transport"}, {"ground"}),
    "credentials": ({"credentials"}, {"ground"}),
    "clients": (
        {"_client", "_tokens", "client", "aio", "smtplib", "aiosmtplib", "envelope"},
        {"ground", "transport", "credentials"},
    ),
    # This names types of all layers, so that annotations everywhere may use it.
    "annotations": ({"typing"}, {"ground", "messages", "clients"}),
    "mailers": (
        {"_mailer", "_aio", "mailer"},
        {"ground", "lint", "transport", "credentials", "clients"},
    ),
    "outbox": ({"outbox"}, {"ground", "messages", "clients", "mailers"}),
    "merge": ({"_merge"}, {"ground", "messages", "clients", "mailers"}),
    "testing": ({"testing", "pytest_plugin"}, {"ground", "lint"}),
    "programs": (
        {"cli", "__main__", "inbox", "outbox_page", "demo", "_web"},
        {
            *("ground", "messages", "lint", "domain", "transport", "credentials"),
            *("clients", "mailers", "outbox", "merge", "testing"),
        },
    ),
    "frameworks": (
        {"airflow", "celery", "django", "fastapi", "flask", "logging", "opentelemetry", "tasks"},
        {"ground", "messages", "clients", "mailers", "outbox", "programs"},
    ),
}


def part(name: str) -> str:
    """The part of the package that a module belongs to: "_client" for "rsmtp._client.script"."""
    return name.removeprefix("rsmtp").strip(".").partition(".")[0]


def imports(path: Path) -> Iterator[str]:
    """The parts of the package that a file imports, anywhere in the file."""
    parents = ["rsmtp", *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(parents[: len(parents) - node.level + 1]) if node.level else ""
            names = [".".join(filter(None, (base, node.module, alias.name))) for alias in node.names]
        else:
            continue
        yield from (part(name) for name in names if name.partition(".")[0] == "rsmtp")


def test_every_python_module_has_its_layer():
    known = set().union(*(inside for inside, _ in LAYERS.values()))
    there = {part(".".join(path.relative_to(PACKAGE).with_suffix("").parts)) for path in python_files()}
    assert there - {"__init__"} == known


@pytest.mark.parametrize("layer", LAYERS)
def test_python_layer_imports_nothing_above_it(layer):
    inside, others = LAYERS[layer]
    allowed = inside.union(*(LAYERS[other][0] for other in others), {"_rsmtp", "typing"})
    known = set().union(*(inside for inside, _ in LAYERS.values()))
    found = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in python_files()
        if part(".".join(path.relative_to(PACKAGE).with_suffix("").parts)) in inside
        for name in imports(path)
        if name in known and name not in allowed
    ]
    assert found == []


# The modules that users import. Other modules belong in a private package.
PUBLIC = {
    *("advice", "aio", "aiosmtplib", "celery", "cli", "client", "credentials", "demo", "display", "django"),
    *(
        "email",
        "envelope",
        "errors",
        "fastapi",
        "flask",
        "inbox",
        "invite",
        "logging",
        "mailer",
        "message",
        "opentelemetry",
        "outbox",
        "outbox_page",
        "providers",
        "pytest_plugin",
        "smtplib",
    ),
    *("airflow", "tasks", "testing", "typing"),
}


def test_top_level_is_the_index_of_what_is_public():
    modules = [path for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    assert {path.stem for path in modules if not path.name.startswith("_")} == PUBLIC
    assert all(path.is_dir() for path in modules if path.stem.startswith("_") and "__" not in path.stem)
