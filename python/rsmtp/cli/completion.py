"""``rsmtp completion``: a script that completes commands and options in a shell.

The scripts are generated in advance by tools/completions, so that users do not need the generator."""

import argparse
import sys
from importlib import resources

from rsmtp.cli.help_text import HelpText

SHELLS = ("bash", "zsh", "fish")

INSTALLING = """\
for this session, or permanently:
  bash   eval "$(rsmtp completion bash)"
         rsmtp completion bash > ~/.local/share/bash-completion/completions/rsmtp
  zsh    eval "$(rsmtp completion zsh)"       (after compinit)
         rsmtp completion zsh > DIRECTORY-OF-YOUR-FPATH/_rsmtp
  fish   rsmtp completion fish | source
         rsmtp completion fish > ~/.config/fish/completions/rsmtp.fish
"""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    parser = commands.add_parser(
        "completion",
        help=summary,
        description="Print a script that lets a shell complete rsmtp's commands and options.",
        epilog=INSTALLING,
        formatter_class=HelpText,
    )
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    sys.stdout.write(script(given.shell))
    return 0


def script(shell: str) -> str:
    return (resources.files("rsmtp.cli") / "completions" / f"rsmtp.{shell}").read_text(encoding="utf-8")
