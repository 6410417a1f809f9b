"""Pixels as sixels: six rows a band, a band colour by colour (VT330/VT340 Programmer Reference, chapter 14). Pure."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from terminal.map.raster import GROUND

BAND = 6
"""Rows of pixels in one row of sixels."""

FIRST = 63
"""A sixel is a letter: this, and a bit for each of its six pixels, the topmost the least."""

LETTERS = bytes((FIRST + pixels) & 0xFF for pixels in range(256))
FULL = chr(FIRST + 0b111111)
EMPTY = bytes((FIRST,))
REPEATED = re.compile(rb"(.)\1{3,}")
"""Four and more of the same are shorter as a number and the letter."""


def sixels(rows: Sequence[bytes | bytearray]) -> str:
    """The rows, but for those that make no whole band: such would paint beyond what they are for."""
    bands = range(0, len(rows) - len(rows) % BAND, BAND)
    return "-".join("$".join(_band(rows[top : top + BAND])) for top in bands)


def _band(rows: Sequence[bytes | bytearray]) -> Iterator[str]:
    """Each colour of six rows; the ground first and everywhere, since the others cover it."""
    yield f"#{GROUND}!{len(rows[0])}{FULL}"
    for colour in sorted(set().union(*rows) - {GROUND}):
        pixels = 0
        for number, row in enumerate(rows):
            pixels |= int.from_bytes(row.translate(_bit(colour, number)), "big")
        letters = pixels.to_bytes(len(rows[0]), "big").translate(LETTERS).rstrip(EMPTY)
        yield f"#{colour}{REPEATED.sub(_counted, letters).decode('ascii')}"


@lru_cache(maxsize=256 * BAND)
def _bit(colour: int, number: int) -> bytes:
    """A table that makes this row's bit of this colour, and nothing of the others."""
    table = bytearray(256)
    table[colour] = 1 << number
    return bytes(table)


def _counted(found: "re.Match[bytes]") -> bytes:
    return b"!%d%c" % (len(found[0]), found[0][0])
