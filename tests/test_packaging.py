"""The package's metadata and contents, read from the files that declare them. `make wheel` and
`make sdist` build the package and try it, which takes minutes."""

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CRATE = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["package"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
WORKFLOW = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")


@pytest.fixture
def release(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("release", ROOT / "tools" / "release.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "DIST", tmp_path)
    return module


def test_versions_of_python():
    lowest = tuple(map(int, PROJECT["requires-python"].removeprefix(">=").split(".")))
    told = sorted(
        tuple(map(int, found[1].split(".")))
        for line in PROJECT["classifiers"]
        if (found := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", line))
    )
    assert told[0] == lowest
    assert told == [(3, minor) for minor in range(lowest[1], told[-1][1] + 1)]
    assert told[-1] >= (3, 14)
    assert f"abi3-py3{lowest[1]}" in (ROOT / "Cargo.toml").read_text(encoding="utf-8")


def test_addresses():
    assert PROJECT["urls"].keys() >= {"Homepage", "Documentation", "Changelog", "Issues"}
    assert all(url.startswith("https://") for url in PROJECT["urls"].values())
    assert CRATE["repository"] == PROJECT["urls"]["Homepage"]


def test_links_of_the_readme_hold_on_the_package_index():
    """The index shows the README without the files around it."""
    home = PROJECT["urls"]["Homepage"].removeprefix("https://github.com/")
    targets = re.findall(r"\]\(([^)]+)\)", README)
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []
    for kind in (f"https://github.com/{home}/blob/main/", f"https://raw.githubusercontent.com/{home}/main/"):
        ours = [target.removeprefix(kind).partition("#")[0] for target in targets if target.startswith(kind)]
        assert ours
        assert [path for path in ours if not (ROOT / path).is_file()] == []


def test_the_workflow_uses_exact_versions_of_actions():
    used = re.findall(r"uses: (\S+)", WORKFLOW)
    assert used
    assert [action for action in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action)] == []


def test_a_complete_release(release, tmp_path):
    platforms = ["manylinux_2_17_x86_64.manylinux2014_x86_64", "manylinux_2_17_aarch64.manylinux2014_aarch64",
                 "musllinux_1_2_x86_64", "musllinux_1_2_aarch64", "macosx_10_12_x86_64", "macosx_11_0_arm64",
                 "win_amd64", "win_arm64"]  # fmt: skip
    names = [
        f"rsmtp-1.0-{tag}-{system}.whl" for tag in ("cp311-abi3", "cp314-cp314t") for system in platforms
    ]
    for name in [*names, "rsmtp-1.0.tar.gz"]:
        (tmp_path / name).touch()
    release.check_complete()
    (tmp_path / names[0]).unlink()
    with pytest.raises(SystemExit, match=r"cp311-abi3-manylinux\*_x86_64"):
        release.check_complete()
    (tmp_path / names[0].replace("manylinux_2_17_x86_64.manylinux2014", "linux")).touch()
    with pytest.raises(SystemExit, match="not expected"):
        release.check_complete()


def test_every_system_has_its_build():
    for runner in (
        "ubuntu-24.04,",
        "ubuntu-24.04-arm",
        "macos-15-intel",
        "macos-15,",
        "windows-2025",
        "windows-11-arm",
    ):
        assert f"runner: {runner.rstrip(',')}" in WORKFLOW
    assert "musllinux_1_2_${{ matrix.arch }}" in WORKFLOW


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_an_interpreter_behind_a_shim_is_found(tmp_path):
    """pyenv puts the name of every version on PATH, but only the selected versions run."""
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    (tmp_path / "shims").mkdir()
    shim = tmp_path / "shims" / name
    shim.write_text("#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    versions = tmp_path / "pyenv" / "versions" / "3.x" / "bin"
    environment = {"PATH": f"{tmp_path / 'shims'}:/usr/bin:/bin", "HOME": str(tmp_path)}

    def find():
        return subprocess.run(
            [ROOT / "tools" / "find-python", name],
            env=environment | {"PYENV_ROOT": str(tmp_path / "pyenv")},
            capture_output=True,
            text=True,
        )

    assert find().returncode == 1 and "command not found" in find().stderr
    versions.mkdir(parents=True)
    (versions / name).symlink_to(sys.executable)
    assert find().stdout.strip() == str(versions / name)
