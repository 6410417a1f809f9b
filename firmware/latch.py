"""The press latch: which presses nobody has confirmed as stored, and how they outlive a reset and a power cut; pure.

A record of 16 bytes holds it all. It stands in two memories:

    fast    written at once, at every press and release of the latch; outlives a reset by the watchdog
    kept    flash, written right after; outlives a power cut. Only then does the lamp show the press

    board                  fast                                kept
    Pico, Pico 2           watchdog scratch registers 0 to 3   a file of the board's littlefs
    ESP32                  NVS                                 the same NVS

After a reset the fast memory is right, after a power cut (it is then not valid) the kept one. The worst that an old
kept record can do is to report a press again that is stored already, under the same name: core knows it.

A press costs two writes of flash, one when it is latched and one when it is stored: ten a day are 75,000 in ten years,
spread by littlefs over more than a hundred blocks of 100,000 erasures each.
"""

import struct

from firmware.frame import MOST_LATCHED, crc16

SIZE = 16
_RECORD, _CRC, _MAGIC = "<IIHHH", "<H", 0x5072
WINDOW = 16
"""A latched press is at most so many numbers old: the record holds a bit for each."""

LAST = 0xFFFFFFFF
SILENT = 1
"""A flag of the record: the board shows and sounds nothing, also before core has spoken after a reset."""


class Latch:
    """Counts presses under one boot nonce and holds those that are not stored."""

    def __init__(self, boot_nonce: int, pressed: int = 0, mask: int = 0, flags: int = 0) -> None:
        self.boot_nonce = boot_nonce
        self.pressed = pressed
        self.flags = flags
        self._mask = mask

    def press(self) -> int:
        """The button went down: the number under which this press is latched, which may be a waiting one's."""
        if self._mask and not self._has_room():
            return self.numbers()[-1]
        self.pressed += 1
        self._mask = self._mask << 1 | 1
        return self.pressed

    def _has_room(self) -> bool:
        return len(self.numbers()) < MOST_LATCHED and not self._mask >> WINDOW - 1 and self.pressed < LAST

    def stored(self, number: int) -> bool:
        """This press is on disk; True when it was latched until now."""
        bit = 1 << (self.pressed - number) if 0 <= self.pressed - number < WINDOW else 0
        if not self._mask & bit:
            return False
        self._mask ^= bit
        return True

    @property
    def used_up(self) -> bool:
        """Whether the next press needs a new boot nonce, since its number would wrap."""
        return self.pressed >= LAST and not self._mask

    @property
    def latched(self) -> bool:
        """Whether any press waits."""
        return self._mask != 0

    def numbers(self) -> "list[int]":
        """The presses that wait, the oldest first."""
        return [self.pressed - age for age in range(WINDOW - 1, -1, -1) if self._mask >> age & 1]

    def record(self) -> bytes:
        """All of it, as the memories hold it."""
        held = struct.pack(_RECORD, self.boot_nonce, self.pressed, self._mask, self.flags, _MAGIC)
        return held + struct.pack(_CRC, crc16(held))


def from_record(record: "bytes | None") -> "Latch | None":
    """The latch that a memory holds, or None when it holds none."""
    if record is None or len(record) != SIZE or record[14:] != struct.pack(_CRC, crc16(record[:14])):
        return None
    boot_nonce, pressed, mask, flags, magic = struct.unpack(_RECORD, record[:14])
    return Latch(boot_nonce, pressed, mask, flags) if magic == _MAGIC else None
