"""Runs tests in a pytest of their own and counts what became of each function."""

import sys
from collections.abc import Sequence

import pytest
from msgspec import Struct

from tests.prove.page import ROOT


class Outcome(Struct):
    """Of one test function, with all its parameters."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0


class Outcomes:
    """A plugin that counts."""

    def __init__(self) -> None:
        self.of: dict[str, Outcome] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        one = self.of.setdefault(function_of(report.nodeid), Outcome())
        one.failed += report.failed
        one.skipped += report.skipped
        one.passed += report.passed and report.when == "call"


def function_of(nodeid: str) -> str:
    """`path::function` of `path::function[parameters]`."""
    return nodeid.partition("[")[0]


def run_tests(tests: Sequence[str], long: bool) -> dict[str, Outcome]:
    """What became of these functions; what could not even be collected counts as failed."""
    if not tests:
        return {}
    outcomes, chosen = Outcomes(), sorted(set(tests))
    options = ["-q", "--no-header", f"--rootdir={ROOT}", *(["--long"] if long else [])]
    code = pytest.main([*options, *(str(ROOT / test) for test in chosen)], plugins=[outcomes])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        print(f"prove: pytest ended with {code!r}", file=sys.stderr)
        return {test: outcomes.of.get(test, Outcome(failed=1)) for test in chosen}
    return outcomes.of
