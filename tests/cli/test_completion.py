"""The completion scripts, run in real shells."""

import importlib.machinery
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rsmtp.cli import completion

ROOT = Path(__file__).parent.parent.parent
# `rsmtp` itself is not run, because the scripts contain everything.
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

BASH = """
source /dev/stdin <<<"$(rsmtp completion bash)"
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMP_LINE="{words}"; COMP_POINT=${{#COMP_LINE}}
$(complete -p rsmtp | sed 's/.*-F \\([^ ]*\\).*/\\1/') rsmtp "${{COMP_WORDS[-1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""

# zsh completes only at a prompt, so the test asks its functions what they would offer.
ZSH = """
autoload -Uz compinit && compinit -u -d "$ZDOTDIR/dump"
eval "$(rsmtp completion zsh)"
print -r -- ${_comps[rsmtp]}
functions ${_comps[rsmtp]} >/dev/null && print defined
"""


def shell(name, script):
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    environment = os.environ | {"PATH": PATH}
    done = subprocess.run([name, "-c", script], capture_output=True, text=True, env=environment, timeout=30)
    assert done.stderr == "", done.stderr
    return done.stdout.split("\n")


@pytest.mark.parametrize(
    "words, expected",
    [
        ("rsmtp ", {"send", "check", "catch", "demo", "completion"}),
        ("rsmtp ch", {"check"}),
        ("rsmtp send --dry", {"--dry-run"}),
        ("rsmtp check --tls st", {"starttls"}),
        ("rsmtp completion ", {"bash", "zsh", "fish"}),
    ],
)
def test_bash(words, expected):
    quoted = f"{words}''" if words.endswith(" ") else words
    assert expected <= set(shell("bash", BASH.format(words=quoted)))


@pytest.mark.parametrize(
    "words, expected",
    [
        ("rsmtp ", {"send", "check", "catch", "demo", "completion"}),
        ("rsmtp send --dry", {"--dry-run"}),
        ("rsmtp completion ", {"bash", "zsh", "fish"}),
    ],
)
def test_fish(words, expected):
    lines = shell("fish", f"rsmtp completion fish | source; complete -C '{words}'")
    assert expected <= {line.split("\t")[0] for line in lines}


def test_zsh(tmp_path, monkeypatch):
    monkeypatch.setenv("ZDOTDIR", str(tmp_path))
    lines = shell("zsh", ZSH)
    assert "defined" in lines


def test_the_scripts_are_those_of_the_present_command_line():
    path = ROOT / "tools" / "completions"
    loader = importlib.machinery.SourceFileLoader("completions", str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("completions", loader))
    loader.exec_module(module)
    for name, text in module.scripts().items():
        assert completion.script(name) == text, "run tools/completions"
