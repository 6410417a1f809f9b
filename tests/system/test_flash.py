"""`patrola flash board` with the real mpremote and mpy-cross against MicroPython with littlefs, at every step of it."""

import contextlib
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import serial

from drivers.simulated_board import micropython
from firmware import frame
from firmware.simulated import CUT_PERMILLE, PRESSED_PERMILLE
from terminal.tools import command, flash_image, flash_line
from terminal.tools.flash_image import BoardFile
from terminal.tools.flash_prompt import Prompt
from tests.system.flash_board import FlashBoard
from tests.system.flash_scene import DEADLINE_S, NEW, OLD, flash, flashed, plug, runs, until

pytestmark = [
    pytest.mark.skipif(micropython() is None, reason="there is no MicroPython for this machine"),
    pytest.mark.usefixtures("checkout"),
]

SAMPLES = 4
"""How many of the steps at which a board can be unplugged are tried in a short run; the long one tries them all."""


@pytest.mark.parametrize("chip", ["RP2040", "RP2350", "ESP32"])
def test_a_fresh_board_gets_the_firmware_and_proves_itself(flash_boards: Callable[..., FlashBoard], chip: str) -> None:
    board = flash_boards(chip=chip)
    plug(board)
    done = flashed(board)
    image = flash_image.build(chip, None)
    assert done.result["git_hash"] == NEW
    assert done.result["before"] == "no firmware"
    assert done.result["board_id"] == "E6614104037E2B21"
    assert done.result["sums_sha256"] == image.sums.sha256
    assert done.result["files"] == {file.path: file.sha256 for file in (image.loader, *image.files)}
    assert done.result["written"] == [
        *(f"a/{file.path}" for file in image.files),
        "a/SHA256SUMS",
        "main.py",
        "current",
    ]
    assert done.result["self_test"][-1]["item"] == "all"
    assert done.result["missing"] == ["unittest"]
    assert runs(board) == NEW


def test_a_board_that_has_the_firmware_is_verified_and_not_written(flash_boards: Callable[..., FlashBoard]) -> None:
    board = flash_boards()
    plug(board)
    flashed(board)
    again = flashed(board)
    assert again.result["written"] == []
    assert again.result["before"] == f"firmware {again.result['firmware_version']} {NEW}"
    assert again.result["self_test"]


def test_the_result_for_a_person_ends_with_the_verdict(flash_boards: Callable[..., FlashBoard]) -> None:
    board = flash_boards()
    plug(board)
    done = flash(board)
    assert done.out.splitlines()[-1].split() == ["verdict", "OK" if done.code == 0 else "FAILED"]
    assert NEW in done.out


def test_a_dry_run_writes_nothing(flash_boards: Callable[..., FlashBoard], checkout: Callable[[str], None]) -> None:
    board = flash_boards()
    plug(board)
    before = board.flash.read_bytes()
    done = flash(board, "--dry-run")
    assert done.code == 0
    assert "would write a/firmware/frame.mpy" in done.out
    assert board.flash.read_bytes() == before
    checkout(OLD)
    flashed(board)
    checkout(NEW)
    before, starts = board.flash.read_bytes(), board.count("started")
    done = flash(board, "--dry-run")
    assert f"{OLD} runs; would stop it and flash" in done.out
    assert board.flash.read_bytes() == before
    assert board.count("started") == starts


def test_micropython_lib_goes_onto_the_board_where_there_is_one(
    flash_boards: Callable[..., FlashBoard], tmp_path: Path
) -> None:
    package = tmp_path / "lib" / "python-stdlib" / "unittest"
    (package / "unittest").mkdir(parents=True)
    (package / "manifest.py").write_text('metadata(version="0.11.0")\n\npackage("unittest")\n')
    (package / "unittest" / "__init__.py").write_text("def main():\n    return 1\n")
    board = flash_boards()
    plug(board)
    done = flashed(board, "--lib", tmp_path / "lib")
    assert done.result["missing"] == []
    assert "a/unittest/__init__.mpy" in done.result["written"]
    assert flashed(board).result["missing"] == ["unittest"]
    assert flash(board, "--lib", tmp_path).code == command.BAD_USE


def test_a_firmware_that_does_not_prove_itself_is_not_called_good(flash_boards: Callable[..., FlashBoard]) -> None:
    board = flash_boards()
    board.adc["26"] = CUT_PERMILLE
    plug(board)
    done = flash(board, "--json")
    assert done.code == 1
    assert done.result["verdict"] == "failed"
    assert "self-test: button" in str(done.result["remedy"])


@pytest.mark.promise("P-PRESS-05")
def test_a_press_that_waits_is_not_lost_by_flashing(
    flash_boards: Callable[..., FlashBoard], checkout: Callable[[str], None]
) -> None:
    board = flash_boards()
    plug(board)
    checkout(OLD)
    flashed(board)
    board.unplug()
    board.adc["26"] = PRESSED_PERMILLE
    plug(board)
    before = press(board)
    checkout(NEW)
    flash(board)
    assert runs(board) == NEW
    assert press(board) == before


def press(board: FlashBoard) -> list[str]:
    """Nonce and number of the press that the board tells."""
    reader, ends_s = frame.LineReader(), time.monotonic() + DEADLINE_S
    with serial.Serial(str(board.link), timeout=0.05, exclusive=True) as port:
        while time.monotonic() < ends_s:
            for word, fields in reader.feed(port.read(256)):
                if word == "PRESS":
                    return fields[:2]
    raise AssertionError("no press")


def steps_of(board: FlashBoard, what: str) -> int:
    """How many writes or commands it takes to flash this board; it is as before afterwards."""
    before, told = board.flash.read_bytes(), board.count(what)
    flashed(board)
    total = board.count(what) - told
    board.unplug()
    board.flash.write_bytes(before)
    plug(board)
    return total


def samples(total: int, request: pytest.FixtureRequest) -> list[int]:
    if request.config.getoption("--long"):
        return list(range(total))
    return sorted(random.Random(5).sample(range(total), SAMPLES))


def is_unplugged_and_mended(board: FlashBoard, what: str, step: int, allowed: set[str]) -> None:
    """Unplugged at one step of flashing, the board runs something whole or says that it has nothing."""
    board.unplug()
    setattr(board, what, step)
    plug(board)
    done = flash(board)
    board.wait_unplugged()
    assert done.code == 1, f"step {step}: {done.errors}{done.out}"
    assert "start again" in done.errors
    setattr(board, what, -1)
    plug(board)
    assert runs(board) in allowed, f"step {step}"
    flashed(board)
    assert runs(board) == NEW


@pytest.mark.parametrize("what", ["cut_after", "unplug_after"])
@pytest.mark.parametrize("has_firmware", [False, True])
@pytest.mark.long
def test_a_board_unplugged_at_any_step_is_mended_by_flashing_again(
    flash_boards: Callable[..., FlashBoard],
    checkout: Callable[[str], None],
    request: pytest.FixtureRequest,
    what: str,
    has_firmware: bool,
) -> None:
    interrupted(flash_boards, checkout, request, what, has_firmware)


@pytest.mark.parametrize(("what", "has_firmware"), [("cut_after", True), ("unplug_after", False)])
def test_a_board_unplugged_at_some_steps_is_mended_by_flashing_again(
    flash_boards: Callable[..., FlashBoard],
    checkout: Callable[[str], None],
    request: pytest.FixtureRequest,
    what: str,
    has_firmware: bool,
) -> None:
    if request.config.getoption("--long"):
        pytest.skip("the long run takes every step")
    interrupted(flash_boards, checkout, request, what, has_firmware)


def interrupted(
    flash_boards: Callable[..., FlashBoard],
    checkout: Callable[[str], None],
    request: pytest.FixtureRequest,
    what: str,
    has_firmware: bool,
) -> None:
    """What flashing writes is counted first, then it is cut short at each or some of these steps."""
    board = flash_boards()
    plug(board)
    if has_firmware:
        checkout(OLD)
        flashed(board)
        checkout(NEW)
        board.unplug()
        plug(board)
    before = board.flash.read_bytes()
    total = steps_of(board, {"cut_after": "write", "unplug_after": "command"}[what])
    assert total > 30
    for step in samples(total, request):
        board.unplug()
        board.flash.write_bytes(before)
        is_unplugged_and_mended(board, what, step, {OLD, NEW} if has_firmware else {"", "none", NEW})


def test_a_board_that_restarts_meanwhile_and_speaks_of_other_things_is_not_waited_for(
    flash_boards: Callable[..., FlashBoard], checkout: Callable[[str], None]
) -> None:
    board = flash_boards(chip="ESP32")
    plug(board)
    checkout(OLD)
    flashed(board)
    checkout(NEW)
    board.reset_after = 12
    done = flash(board)
    assert done.code == 1
    assert "start again" in done.errors
    assert runs(board) == OLD
    flashed(board)


def test_a_board_that_went_away_leaves_its_port_free(flash_boards: Callable[..., FlashBoard]) -> None:
    board = flash_boards()
    plug(board)
    prompt = Prompt(str(board.link))
    board.unplug()
    prompt.close()
    assert not prompt._transport.serial.is_open


def test_a_board_that_loses_power_before_its_prompt_runs_its_program(
    flash_boards: Callable[..., FlashBoard],
) -> None:
    board = flash_boards()
    plug(board)
    flashed(board)
    flash_line.stop(str(board.link))
    until(board.link.exists)
    with contextlib.closing(Prompt(str(board.link))) as prompt:
        prompt.write(BoardFile("service", b"once\n"), lambda _done: None)
    board.unplug()
    plug(board)
    assert runs(board) == NEW
