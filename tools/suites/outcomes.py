"""Writes each test's name and outcome, one per line, to the file that RSMTP_OUTCOMES names.

This is a pytest plugin (`-p outcomes`). For unittest there is `of_unittest()`, which is called before
the tests run. A test can have several lines (set-up, subtests, tear-down): the worst outcome counts.
"""

from __future__ import annotations

import os
import unittest
from typing import Any


def keep(name: str, outcome: str) -> None:
    with open(os.environ["RSMTP_OUTCOMES"], "a") as file:
        file.write(f"{outcome}\t{name.encode('unicode_escape').decode()}\n")


def pytest_runtest_logreport(report: Any) -> None:
    if report.failed or report.when == "call" or report.skipped:
        keep(report.nodeid, report.outcome)


def of_unittest() -> None:
    for method, outcome in (
        ("addSuccess", "passed"), ("addExpectedFailure", "passed"), ("addSkip", "skipped"),
        ("addFailure", "failed"), ("addError", "failed"), ("addUnexpectedSuccess", "failed"),
    ):  # fmt: skip
        setattr(unittest.TestResult, method, keeping(getattr(unittest.TestResult, method), outcome))
    unittest.TestResult.addSubTest = keeping_subtest(unittest.TestResult.addSubTest)


def keeping(method: Any, outcome: str) -> Any:
    def add(self: Any, test: Any, *arguments: Any) -> None:
        keep(test.id(), outcome)
        method(self, test, *arguments)

    return add


def keeping_subtest(method: Any) -> Any:
    def add(self: Any, test: Any, subtest: Any, error: Any) -> None:
        if error is not None:
            keep(test.id(), "failed")
        method(self, test, subtest, error)

    return add
