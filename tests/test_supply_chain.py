"""Which dependencies are shipped, and which are not."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# As in the Makefile, so that nothing is built twice.
ENVIRONMENT = os.environ | {
    "VIRTUAL_ENV": sys.prefix,
    "PYO3_PYTHON": sys.executable,
    "PYO3_BUILD_EXTENSION_MODULE": "1",
}


def run(*command):
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


# lettre before 0.11.24 has published faults in its SMTP transport (mail data with dots after a bare
# line end, and the reader of EHLO) and in its message builder (display names). rsmtp.bulk uses its
# Transport trait and its sendmail transport, which contain none of that.
FAULTY = {"smtp-transport", "builder"}


def test_no_faulty_part_of_lettre_is_compiled_in():
    listing = ["cargo", "tree", "--locked", "--prefix", "none", "--format", "{p} {f}", "--features", "python"]

    def parts(edges):
        (found,) = set(re.findall(r"^lettre v[\d.]+ (\S+)", run(*listing, "--edges", edges), re.M))
        return set(found.split(","))

    shipped, tested = parts("normal,build"), parts("normal,build,dev")
    assert {"sendmail-transport"} <= shipped and not shipped & FAULTY
    assert "smtp-transport" in tested  # the second client of tests/catcher: there it would be seen


@pytest.mark.parametrize("file", sorted((ROOT / "requirements").rglob("*.txt")), ids=lambda file: file.stem)
def test_python_tools_have_exact_versions(file):
    for line in file.read_text(encoding="utf-8").splitlines():
        line = line.split("#")[0].split(";")[0].strip()
        assert not line or line.startswith("-r ") or re.fullmatch(r"[\w.-]+(\[\w+\])?==[\w.]+", line), line


def test_rust_crates_have_exact_versions():
    with (ROOT / "Cargo.lock").open("rb") as lock:
        packages = tomllib.load(lock)["package"]
    for package in packages:
        assert package["name"] == "rsmtp" or "checksum" in package, package["name"]


@pytest.mark.timeout(300)
def test_wheel_holds_its_bill_of_materials(tmp_path):
    """PEP 770: .dist-info/sboms/ has a CycloneDX file with every crate and its version."""
    maturin = Path(sys.executable).with_name("maturin")
    run(str(maturin), "build", "--quiet", "--locked", "--interpreter", sys.executable, "--out", str(tmp_path))
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/sboms/" in name]
        assert len(names) == 1, archive.namelist()
        bill = json.loads(archive.read(names[0]))
        (library,) = (name for name in archive.namelist() if Path(name).suffix in (".so", ".pyd"))
        compiled = archive.read(library)
    assert bill["bomFormat"] == "CycloneDX"
    crates = {component["name"]: component["version"] for component in bill["components"]}
    assert {"rustls", "pyo3", "mail-builder"} <= crates.keys()
    assert "proptest" not in crates
    if sys.platform == "linux":  # where a development build has its symbols in the library
        modules = set(re.findall(rb"lettre(?:9transport)?\d+([a-z]+)", compiled))
        assert {b"sendmail"} <= modules and not modules & {b"smtp", b"message"}
