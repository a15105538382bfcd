"""Reads the bounces of a hundred servers that GNU Mailman's bounce reader has collected (`make
bounces`).

The expected addresses come from that package's own tests. `hardness.txt` has a person's reading of
each bounce: "hard", "soft", "refused" if it says nothing against the mailbox, or "none" if it shows
no address or is not a bounce. `WRONG` lists the bounces that rsmtp reads otherwise.
"""

import ast
import os
from pathlib import Path

import pytest

import rsmtp

FOLDER = os.environ.get("RSMTP_BOUNCES")
HARDNESS = dict(line.split() for line in (Path(__file__).parent / "hardness.txt").read_text().splitlines())
WRONG = {
    "simple_02": "an error without a word about its kind",
    "simple_38": "a filter of the recipient has refused it, by a notice of disposition (RFC 5429)",
    "simple_42": "the address is an abbreviation, which is no address",
}


def test_the_reader_is_allowed_few():
    assert len(HARDNESS) > 110
    assert WRONG.keys() <= HARDNESS.keys()
    assert len(WRONG) / len(HARDNESS) < 0.05


@pytest.fixture(scope="module")
def named():
    """For each file, the addresses that its package's own tests expect."""
    found = {}
    for node in ast.walk(ast.parse((Path(FOLDER) / "flufl" / "test_detectors.py").read_text())):
        if isinstance(node, ast.Tuple) and len(node.elts) == 4:
            try:
                _, name, addresses, is_temporary = ast.literal_eval(node)
            except ValueError:
                continue
            if isinstance(is_temporary, bool):
                found[name.removesuffix(".txt")] = {address.decode() for address in addresses}
    return found


def read(name):
    found = rsmtp.bounce(Path(FOLDER) / "flufl" / f"{name}.txt")
    if found is None or found.kind != "delivery":
        return set(), "none"
    hardness = {one.hardness for one in found.recipients}
    return {one.sent_to for one in found.recipients}, *hardness


@pytest.mark.skipif(FOLDER is None, reason="these are other people's files: `make bounces` fetches them")
def test_right_recipients_and_hardness(named):
    differing = {
        name: (read(name), named.get(name, set()), hardness)
        for name, hardness in HARDNESS.items()
        if read(name) != (named.get(name, set()), hardness)
    }
    right = len(HARDNESS) - len(differing)
    print(f"\n{right} of {len(HARDNESS)} bounces read right: {right / len(HARDNESS):.1%}")
    assert differing.keys() <= WRONG.keys(), differing
    assert right / len(HARDNESS) >= 0.95
