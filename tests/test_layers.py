"""The layering rules, read off the sources: what a folder may not name."""

import re
from pathlib import Path

import pytest

SRC = Path(__file__).parent.parent / "src"

FORBIDDEN = {
    "protocol": r"crate::(tls|driver|bulk|catcher|binding|message)\b"
    r"|std::(net|thread|fs|io)\b|\b(Instant|SystemTime)\b|\b(mio|rustls|socket2|log|pyo3)::",
    "message": r"crate::(protocol|tls|driver|bulk|catcher|binding)\b|std::(net|thread)\b|pyo3",
    "tls": r"crate::(driver|bulk|catcher|binding|message)\b|std::(net|thread)\b|pyo3",
    "driver": r"crate::(bulk|catcher|binding|message)\b|pyo3",
    "catcher": r"crate::(bulk|binding|message)\b|pyo3",
    "bulk": r"crate::(catcher|binding|message)\b|pyo3",
    "envelope.rs": r"crate::|std::(net|thread)\b|\b(Instant|SystemTime)\b|pyo3",
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
