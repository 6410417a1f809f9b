"""MicroPython for a board that has none: a UF2 file, copied to the drive that the board's bootloader shows."""

import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from hal.errors import SourceLost, SourceMissing, SourceRefused

INFO = "INFO_UF2.TXT"
CHIPS = {"RPI-RP2": "RP2040", "RP2350": "RP2350"}
"""By what the drive's INFO_UF2.TXT has as Board-ID: data sheets of RP2040 (2.8.4) and RP2350 (5.5)."""

FAMILIES = {0xE48BFF56: "RP2040", 0xE48BFF59: "RP2350", 0xE48BFF5A: "RP2350"}
ABSOLUTE = 0xE48BFF57
"""Family ids of pico-sdk's boot/uf2.h, the third that of the RP2350's RISC-V cores; an absolute block may lead a file
for the RP2350 (its erratum E10)."""

BLOCK = struct.Struct("<8I476sI")
MAGIC_0, MAGIC_1, MAGIC_END = 0x0A324655, 0x9E5D5157, 0x0AB16F30
FAMILY_PRESENT = 0x2000
COPY_BYTES = 64 * 1024

FROM = "take the one for this board from micropython.org/download"


def chip_of_file(path: Path) -> str:
    """The chip that a UF2 file is for; SourceRefused when it is none of ours, or not whole."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceMissing("board", f"{path} cannot be read: {error.strerror}", FROM) from error
    if not data or len(data) % BLOCK.size:
        raise SourceRefused("board", f"{path} is no whole UF2 file: {len(data)} bytes are no number of blocks", FROM)
    families = set(_families(path, data)) - {ABSOLUTE}
    chips = {FAMILIES.get(family, f"family 0x{family:08X}") for family in families}
    if len(chips) != 1 or not chips <= set(FAMILIES.values()):
        raise SourceRefused("board", f"{path} is for {', '.join(sorted(chips)) or 'no chip'}, not for a Pico", FROM)
    return chips.pop()


def _families(path: Path, data: bytes) -> Iterator[int]:
    """The family of each block; blocks of one family are numbered without a gap, so a file cut short is seen."""
    seen: dict[int, int] = {}
    totals: dict[int, int] = {}
    for number, block in enumerate(BLOCK.iter_unpack(data)):
        first, second, flags, _address, _size, index, total, family, _payload, last = block
        if (first, second, last) != (MAGIC_0, MAGIC_1, MAGIC_END) or not flags & FAMILY_PRESENT:
            raise SourceRefused("board", f"{path} is no UF2 file: block {number} is broken", FROM)
        if index != seen.get(family, 0):
            raise SourceRefused("board", f"{path} is not whole: block {number} is out of order", FROM)
        seen[family], totals[family] = index + 1, total
        yield family
    for family, total in totals.items():
        # The absolute block of erratum E10 claims a length that it does not have.
        if family != ABSOLUTE and seen[family] != total:
            raise SourceRefused("board", f"{path} is not whole: {seen[family]} of {total} blocks", FROM)


def chip_of_drive(drive: Path) -> str:
    """The chip behind a bootloader's drive, "" when this is no such drive."""
    try:
        lines = (drive / INFO).read_text(errors="replace").splitlines()
    except OSError:
        return ""
    ids = [line.partition(":")[2].strip() for line in lines if line.startswith("Board-ID:")]
    return CHIPS.get(ids[0], "") if ids else ""


def drives(mounts: Path = Path("/proc/self/mounts")) -> list[Path]:
    """The bootloader drives that are mounted; the kernel writes a blank in a path as \\040."""
    paths = [Path(line.split(" ")[1].replace("\\040", " ")) for line in mounts.read_text().splitlines()]
    return [path for path in paths if chip_of_drive(path)]


def check(file: Path, drive: Path) -> None:
    """SourceMissing when this is no bootloader's drive, SourceRefused when the file is not for the board behind it."""
    wanted = chip_of_drive(drive)
    if not wanted:
        remedy = "hold BOOTSEL while plugging the board in, and mount its drive"
        raise SourceMissing("board", f"{drive} is no drive of a Pico's bootloader: it has no {INFO} of one", remedy)
    found = chip_of_file(file)
    if wanted != found:
        raise SourceRefused("board", f"{file} is for an {found}, the board at {drive} is an {wanted}", FROM)


def copy(file: Path, drive: Path, progress: Callable[[int, int], None]) -> None:
    """Copy what `check` lets pass. The board restarts by itself with the last block, and the drive is gone.

    So an error at the very end is none; whether it worked is seen by MicroPython answering.
    """
    check(file, drive)
    data = file.read_bytes()
    written = 0
    try:
        with (drive / file.name).open("wb", buffering=0) as target:
            while written < len(data):
                written += target.write(data[written : written + COPY_BYTES])
                progress(written, len(data))
            os.fsync(target.fileno())
    except OSError as error:
        if written < len(data):
            problem = f"{drive} took {written} of {len(data)} bytes: {error.strerror}"
            raise SourceLost("board", problem, "hold BOOTSEL, plug the board in, mount its drive, try again") from error
