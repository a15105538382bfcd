"""Every block in docs/pytest.md is a test file that passes."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parent.parent.parent / "docs" / "pytest.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)


def test_there_are_blocks():
    assert len(BLOCKS) == 6


def test_a_failure_looks_as_it_is_shown(project):
    result = project(BLOCKS[0].replace('assert "Hello Ann"', 'assert "Hello Bob"'))
    result.assert_outcomes(failed=1)
    [shown] = re.findall(r"^```text\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    output = map(without_chance, result.stdout.lines)
    for line in shown.splitlines():
        assert line == "..." or without_chance(line) in output, line


def without_chance(line):
    """Removes what varies: ports, smtplib's name in EHLO, its capitals, and the spaces that pytest
    leaves at line ends."""
    line = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:N", re.sub(r"ehlo .*", "ehlo", line.rstrip()))
    return re.sub(r"mail from:|rcpt to:", lambda verb: verb[0].lower(), line.strip("-"), flags=re.I)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_block(project, block):
    # Django 6.1 says that the settings of 5.2 will go.
    project(block, "-W", "ignore:The EMAIL_").assert_outcomes(passed=block.count("def test_"))
