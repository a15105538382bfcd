"""Reads the bounces that two other readers have collected, beside what these readers say of them
(`make bounces`): the labels are theirs.

Hardness is compared by what it decides: whether the address gets no more mail. `HARD` has the words
by which a collector says so, and `EITHER` those on which collectors disagree, or which say nothing of
the mailbox: for them the recipients are compared alone.
"""

import json
import os
from pathlib import Path

import pytest

import rsmtp

FOLDER = os.environ.get("RSMTP_BOUNCES")
# Sisimai has a flag of its own. "filtered" is its word for a recipient who was refused after the mail
# data, even with "user unknown"; "suspend" for a mailbox that is switched off.
EITHER = {
    "sisimai": {"filtered", "suspend", "undefined", "onhold"},
    # A relay that is denied may be the receiver's fault: to Sisimai it is not hard.
    "bounceparser": {"unknown", "domain_error"},
}
HARD = {"user_unknown", "user_disabled"}
# Reports of another kind.
OTHERS = {"feedback", "vacation", "delivered"}
LEAST = {"sisimai": (0.95, 0.92), "bounceparser": (0.95, 0.95)}

pytestmark = pytest.mark.skipif(
    FOLDER is None, reason="these are other people's files: `make bounces` fetches them"
)


def is_hard(label):
    return label["hard"] if "hard" in label else label["reason"] in HARD


def read(path):
    """The hardness for each recipient."""
    found = rsmtp.bounce(path)
    if found is None or found.kind != "delivery":
        return {}
    failed = [one for one in found.recipients if one.action in ("failed", "delayed")]
    return {name.lower(): one.hardness for one in failed for name in {one.address, one.sent_to}}, {
        one.address.lower() for one in failed
    }, {one.sent_to.lower() for one in failed}  # fmt: skip


@pytest.mark.parametrize("collector", LEAST)
def test_recipients_and_hardness(collector):
    folder = Path(FOLDER) / collector
    if not folder.exists():
        pytest.skip(f"{collector} was left out: tools/bounces says why")
    all_labels = json.loads((folder / "labels.json").read_text())
    counted = {
        name: labels
        for name, labels in all_labels.items()
        if labels and not any(one["reason"] in OTHERS for one in labels)
    }
    recipients, both = 0, 0
    for name, labels in counted.items():
        wanted = {one["address"].lower() for one in labels}
        found = read(folder / f"{name}.eml")
        if not found or wanted not in found[1:]:
            print(f"{name}: {sorted(wanted)}, not {found and sorted(found[1])}")
            continue
        recipients += 1
        wrong = [
            (one["address"], one["reason"], found[0][one["address"].lower()])
            for one in labels
            if one["reason"] not in EITHER[collector]
            and is_hard(one) != (found[0][one["address"].lower()] == "hard")
        ]
        both += not wrong
        for each in wrong:
            print(f"{name}: {each}")
    right, right_with_hardness = recipients / len(counted), both / len(counted)
    print(f"{collector}: of {len(counted)}, recipients {right:.1%}, and hardness {right_with_hardness:.1%}")
    least, least_with_hardness = LEAST[collector]
    assert right >= least
    assert right_with_hardness >= least_with_hardness
