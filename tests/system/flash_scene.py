"""Running `patrola flash board` against a board of tests/system/flash_board.py."""

import contextlib
import io
import json
import time
from collections.abc import Callable
from typing import Any

from terminal.tools import command, flash_line
from tests.system.flash_board import FlashBoard

DEADLINE_S = 60
OLD, NEW = "0123456789ab", "ba9876543210"
"""Commits of the checkout that is flashed from, as the fixture `checkout` sets them."""


class Run:
    """One run of the command."""

    def __init__(self, *arguments: object) -> None:
        out, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            self.code = command.main(["flash", "board", *map(str, arguments)])
        self.out, self.errors = out.getvalue(), errors.getvalue()

    @property
    def result(self) -> dict[str, Any]:
        return json.loads(self.out)


def flash(board: FlashBoard, *arguments: object) -> Run:
    return Run("--port", board.link, *arguments)


def flashed(board: FlashBoard, *arguments: object) -> Run:
    """Flashed, and proved but for the time that its jobs took: a PC with other work is later than a board."""
    done = flash(board, "--json", *arguments)
    assert done.out, done.errors
    failed = {item["item"] for item in done.result["self_test"] if item["result"] == "fail"}
    assert failed <= {"loop-ms", "all"}, done.out
    assert (done.code, done.result["verdict"]) == ((1, "failed") if failed else (0, "ok"))
    return done


def until(true: Callable[[], object]) -> None:
    ends_s = time.monotonic() + DEADLINE_S
    while not true():
        assert time.monotonic() < ends_s, "it did not happen"
        time.sleep(0.005)


def plug(board: FlashBoard) -> None:
    starts = board.count("started")
    board.plug()
    until(lambda: board.count("started") > starts and board.link.exists())


def runs(board: FlashBoard) -> str:
    """The commit of the firmware that a board runs; "none" when it says that it has none, "" when it is silent."""
    found = flash_line.ask(str(board.link))
    return "" if found is None else found.git_hash or found.firmware_version
