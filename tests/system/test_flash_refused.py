"""What is wrong with a board, a port or a file is found by `patrola flash board` before it does harm, and named."""

import contextlib
import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import serial

from drivers.board_conversation import Conversation
from drivers.simulated_board import micropython
from firmware.latch import SILENT, Latch
from hal.errors import SourceRefused
from terminal.tools import command, flash_image, flash_uf2
from terminal.tools.flash_image import BoardFile
from terminal.tools.flash_prompt import Prompt
from tests.system.flash_board import FlashBoard, Line
from tests.system.flash_scene import DEADLINE_S, NEW, OLD, Run, flash, flashed, plug, runs, until

pytestmark = [
    pytest.mark.skipif(micropython() is None, reason="there is no MicroPython for this machine"),
    pytest.mark.usefixtures("checkout"),
]


def patch_flash(board: FlashBoard, data: bytes) -> None:
    """Flip a bit in every copy of these bytes on the flash chip of a board without power."""
    held = board.flash.read_bytes()
    assert data in held
    board.flash.write_bytes(held.replace(data, bytes([data[0] ^ 1]) + data[1:]))


def part_of(name: str) -> bytes:
    """Bytes of one of the firmware's files that stand nowhere else, and in one piece on the flash."""
    image = flash_image.build("RP2040", None)
    return next(file.data for file in image.files if file.path == name)[300:340]


def test_a_bit_that_does_not_stick_is_found_by_hash_and_written_again(flash_boards: Callable[..., FlashBoard]) -> None:
    board = flash_boards()
    board.rot = part_of("firmware/frame.mpy")
    plug(board)
    flashed(board)
    assert runs(board) == NEW


def test_a_worn_flash_is_named_and_the_firmware_before_still_runs(
    flash_boards: Callable[..., FlashBoard], checkout: Callable[[str], None]
) -> None:
    board = flash_boards()
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
    flash_boards: Callable[..., FlashBoard], checkout: Callable[[str], None]
) -> None:
    board = flash_boards()
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


def test_a_silent_board_without_firmware_shows_nothing(flash_boards: Callable[..., FlashBoard]) -> None:
    board = flash_boards()
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
    flash_boards: Callable[..., FlashBoard], settings: dict[str, object], attributes: dict[str, object], words: str
) -> None:
    board = flash_boards(**settings)
    for name, value in attributes.items():
        setattr(board, name, value)
    plug(board)
    before = board.flash.read_bytes()
    done = flash(board)
    assert done.code == command.BAD_USE
    assert words in done.errors
    assert board.flash.read_bytes() == before


def test_a_flash_that_fills_up_is_named(flash_boards: Callable[..., FlashBoard]) -> None:
    board = flash_boards(blocks=12)
    plug(board)
    with (
        contextlib.closing(Prompt(str(board.link))) as prompt,
        pytest.raises(SourceRefused, match="the board's flash is full"),
    ):
        prompt.write(BoardFile("big", bytes(64 * 1024)), lambda _done: None)


def test_a_port_that_another_program_holds_is_named(flash_boards: Callable[..., FlashBoard]) -> None:
    board = flash_boards()
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


def test_a_board_in_its_bootloader_gets_micropython(flash_boards: Callable[..., FlashBoard], tmp_path: Path) -> None:
    board = flash_boards()
    drive = tmp_path / "drive"
    drive.mkdir()
    (drive / "INFO_UF2.TXT").write_text("UF2 Bootloader v3.0\nModel: Raspberry Pi RP2\nBoard-ID: RPI-RP2\n")
    file = uf2(tmp_path / "micropython.uf2", RP2040)
    dry = flash(board, "--uf2", file, "--drive", drive, "--dry-run")
    assert dry.code == 0
    assert not (drive / file.name).exists()
    rom = threading.Thread(target=start_when_copied, args=(board, drive, file))
    rom.start()
    flashed(board, "--uf2", file, "--drive", drive)
    rom.join()
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
