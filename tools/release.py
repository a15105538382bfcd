#!/usr/bin/env python3
"""Builds what is released, and checks it as far as this machine can.

    tools/release.py wheel     a wheel for this platform: built, audited, installed into an
                               empty environment and tried there
    tools/release.py sdist     the source distribution: built, and a wheel of it built by
                               cargo alone, offline, in an environment of its own
    tools/release.py complete  whether dist/ holds every file of a release, and no other

On Linux the wheel is linked by zig against glibc 2.17, so that it installs on every
distribution since 2014 (PEP 599). Beside the files in dist/ are their SHA-256 sums and, for
each wheel, its bill of materials.
"""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
SMOKE_TEST = ROOT / "tools" / "smoke-test.py"
# The oldest platform that the Linux wheels support.
MANYLINUX = "manylinux2014"
# Files that a build of the source distribution needs.
NEEDED = ("Cargo.toml", "Cargo.lock", "pyproject.toml", "README.md", "LICENSE", "PKG-INFO", "src/lib.rs",
          "python/rsmtp/__init__.py", "python/rsmtp/py.typed", "python/rsmtp/_rsmtp.pyi")  # fmt: skip
# The wheels of a release: one for every CPython from 3.11 on, and one for the free-threaded build of
# 3.14, which has no stable ABI (there is one from 3.15 on, PEP 803).
INTERPRETERS = ("cp311-abi3", "cp314-cp314t")
PLATFORMS = (
    "manylinux*_x86_64", "manylinux*_aarch64", "musllinux_*_x86_64", "musllinux_*_aarch64",
    "macosx_*_x86_64", "macosx_*_arm64", "win_amd64", "win_arm64",
)  # fmt: skip
UNWANTED = ("target/", ".venv", ".tools/", "dist/", "__pycache__")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("command", choices=["wheel", "sdist", "complete"])
    parser.add_argument("--python", default=sys.executable, help="the interpreter that the wheel is for")
    arguments = parser.parse_args()
    DIST.mkdir(exist_ok=True)
    match arguments.command:
        case "wheel":
            check_wheel(build_wheel(arguments.python), arguments.python)
        case "sdist":
            check_sdist(build_sdist(), arguments.python)
        case "complete":
            check_complete()
    describe(DIST)


# -- the wheel --------------------------------------------------------------------------------


def build_wheel(python: str) -> Path:
    portable = ("--zig", "--compatibility", MANYLINUX) if platform.libc_ver()[0] == "glibc" else ()
    with tempfile.TemporaryDirectory() as folder:
        maturin("build", "--locked", "--release", "--interpreter", python, "--out", folder, *portable)
        (built,) = Path(folder).glob("*.whl")
        return Path(shutil.move(built, DIST / built.name))


def check_wheel(wheel: Path, python: str) -> None:
    audit(wheel)
    with tempfile.TemporaryDirectory() as folder:
        empty = environment(python, Path(folder) / "empty")
        install(empty, "--no-index", wheel)
        # The working directory is one without the sources.
        run(empty, "-I", SMOKE_TEST, cwd=folder)


def audit(wheel: Path) -> None:
    """Checks that the content of the file conforms to the tags in its name."""
    run(sys.executable, "-m", "twine", "check", "--strict", wheel)
    if "manylinux" in wheel.name:
        told = run(sys.executable, "-m", "auditwheel", "show", wheel)
        if '"manylinux_2_17_' not in told.replace("\n", " "):
            raise SystemExit(f"{wheel.name} is no manylinux_2_17 wheel:\n{told}")
    if "-abi3-" in wheel.name:
        run(sys.executable, "-m", "abi3audit", "--strict", wheel)


# -- the source distribution --------------------------------------------------------------------


def build_sdist() -> Path:
    with tempfile.TemporaryDirectory() as folder:
        maturin("sdist", "--out", folder)
        (built,) = Path(folder).glob("*.tar.gz")
        return Path(shutil.move(built, DIST / built.name))


def check_sdist(sdist: Path, python: str) -> None:
    run(sys.executable, "-m", "twine", "check", "--strict", sdist)
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    missing = [name for name in NEEDED if name not in names]
    unwanted = sorted(name for name in names if name.startswith(UNWANTED) or "__pycache__" in name)
    if missing or unwanted:
        raise SystemExit(f"{sdist.name}: missing {missing}, unwanted {unwanted}")
    with tempfile.TemporaryDirectory() as folder:
        builder = environment(python, Path(folder) / "builder")
        install(builder, f"maturin=={version_of('maturin')}")
        # The crates are those of Cargo.lock, from cargo's cache. Nothing else may be downloaded. A
        # development build proves the same as a release build, in a tenth of the time.
        offline = {
            "CARGO_NET_OFFLINE": "true",
            "CARGO_TARGET_DIR": str(ROOT / "target"),
            "MATURIN_PEP517_ARGS": "--profile dev --locked",
            "PATH": f"{Path(builder).parent}{os.pathsep}{os.environ['PATH']}",
        }
        pip(builder, "wheel", "--no-index", "--no-build-isolation", "--wheel-dir", folder, sdist, env=offline)
        (wheel,) = Path(folder).glob("*.whl")
        empty = environment(python, Path(folder) / "empty")
        install(empty, "--no-index", wheel)
        run(empty, "-I", SMOKE_TEST, cwd=folder)


# -- the complete release ------------------------------------------------------------------------


def check_complete() -> None:
    """One file for each interpreter and platform, and the source distribution."""
    wanted = [f"rsmtp-*-{interpreter}-{tag}.whl" for interpreter in INTERPRETERS for tag in PLATFORMS]
    wanted.append("rsmtp-*.tar.gz")
    left = {path.name for path in DIST.iterdir() if path.suffix in (".whl", ".gz")}
    missing = []
    for pattern in wanted:
        found = fnmatch.filter(left, pattern)
        left -= set(found)
        if len(found) != 1:
            missing.append(f"{pattern}: {found or 'missing'}")
    if missing or left:
        raise SystemExit("\n".join([*missing, *(f"{name}: not expected" for name in sorted(left))]))


# -- files beside them --------------------------------------------------------------------------


def describe(folder: Path) -> None:
    """Writes each wheel's bill of materials (PEP 770, CycloneDX) and the checksums of all files."""
    for wheel in sorted(folder.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            (bill,) = (name for name in archive.namelist() if ".dist-info/sboms/" in name)
            (folder / f"{wheel.stem}.cdx.json").write_bytes(archive.read(bill))
    files = sorted(path for path in folder.iterdir() if path.name.endswith((".whl", ".tar.gz", ".cdx.json")))
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(sums), encoding="ascii")
    print("".join(sums), end="")


# -- running ------------------------------------------------------------------------------------


def maturin(*arguments: object) -> None:
    # maturin looks for `python3 -m ziglang`, so this environment's programs come first.
    here = Path(sys.executable).parent
    program = shutil.which("maturin", path=str(here)) or "maturin"
    run(
        program,
        *arguments,
        env={"PATH": f"{here}{os.pathsep}{os.environ['PATH']}", "VIRTUAL_ENV": str(here.parent)},
    )


def version_of(package: str) -> str:
    from importlib.metadata import version

    return version(package)


def environment(python: str, folder: Path) -> str:
    """Creates an empty virtual environment; returns the path of its interpreter."""
    run(python, "-m", "venv", folder)
    return str(folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def install(python: str, *arguments: object) -> None:
    pip(python, "install", *arguments)


def pip(python: str, *arguments: object, env: dict[str, str] | None = None) -> None:
    run(python, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input", *arguments, env=env)


def run(*command: object, cwd: object = ROOT, env: dict[str, str] | None = None) -> str:
    words: Iterable[str] = list(map(str, command))
    print("$", *words, flush=True)
    unset = {"PYTHONPATH", "PYTHONHOME", "PYO3_PYTHON", "VIRTUAL_ENV"}
    inherited = {name: value for name, value in os.environ.items() if name not in unset}
    done = subprocess.run(words, cwd=str(cwd), env=inherited | (env or {}), text=True, stdout=subprocess.PIPE)
    print(done.stdout, end="", flush=True)
    if done.returncode:
        raise SystemExit(done.returncode)
    return done.stdout


if __name__ == "__main__":
    main()
