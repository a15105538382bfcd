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


def test_lettre_is_a_part_of_the_tests_alone():
    """Before 0.11.24 it has published faults in its SMTP transport (mail data with dots after a bare line
    end, and the reader of EHLO) and in its message builder (display names). It is the second client of
    tests/catcher."""
    listing = ["cargo", "tree", "--locked", "--prefix", "none", "--format", "{p}", "--features", "python"]
    assert not re.search(r"^lettre ", run(*listing, "--edges", "normal,build"), re.M)
    assert re.search(r"^lettre ", run(*listing, "--edges", "normal,build,dev"), re.M)


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
    assert bill["bomFormat"] == "CycloneDX"
    crates = {component["name"]: component["version"] for component in bill["components"]}
    assert {"rustls", "pyo3", "mail-builder"} <= crates.keys()
    assert not {"proptest", "lettre"} & crates.keys()
