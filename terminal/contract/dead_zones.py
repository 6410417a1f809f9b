"""Places where a line is lost and comes back by itself, learnt from a record of losses; the car and headquarters. Pure.

What is forgotten is forgotten by what happens there, not by a clock: a line that holds in a place speaks against it.
"""

from math import floor

import msgspec
from msgspec import Struct
from msgspec.structs import replace

CELL_LAT_DEG, CELL_LON_DEG = 0.005, 0.0075
"""About 560 m by 580 m at 45 degrees: at 50 km/h a car reports its place every 420 m."""

KNOWN_AFTER = 2
"""One loss may have any cause; two in one place are the place's."""

HELD_FOR_ONE = 4
"""So many passes without a loss outweigh one loss."""

MOST_COUNTED = 32
"""From there on both counts are halved, so that what is new counts for more."""

MOST_CELLS = 5000
"""The least proved give way; about 300 kB on the disk."""

LONGER = 2.0
AT_LEAST_S = 120.0
"""How much longer than any absence before a place may still explain one."""

Cell = tuple[int, int]


class Zone(Struct, frozen=True, array_like=True):
    """What happened in one cell: losses that ended by themselves, passes without one, the longest absence."""

    lost: int = 0
    held: int = 0
    longest_s: float = 0.0

    @property
    def is_known(self) -> bool:
        """Whether a line that is lost here is lost because of the place."""
        return self.lost >= KNOWN_AFTER and self.lost * HELD_FOR_ONE >= self.held

    def explains(self, absent_s: float) -> bool:
        """Whether an absence of this length is still the place's doing."""
        return self.is_known and absent_s <= max(self.longest_s * LONGER, AT_LEAST_S)


class DeadZones(Struct, frozen=True):
    """The cells in which a line was ever lost; the one that was lost in last stands last."""

    cells: dict[Cell, Zone] = {}

    def at(self, cell: Cell | None) -> Zone:
        """What is known of a cell."""
        return Zone() if cell is None else self.cells.get(cell, Zone())

    def lost_and_back(self, cell: Cell, absent_s: float) -> "DeadZones":
        """A line was lost there and came back by itself."""
        before = self.at(cell)
        after = Zone(before.lost + 1, before.held, max(before.longest_s, round(absent_s, 1)))
        others = {other: zone for other, zone in self.cells.items() if other != cell}
        if len(others) >= MOST_CELLS:
            del others[min(others, key=lambda other: others[other].lost)]
        return DeadZones({**others, cell: _halved(after)})

    def held(self, cell: Cell) -> "DeadZones":
        """A car came through with its line up."""
        before = self.at(cell)
        return DeadZones({**self.cells, cell: _halved(replace(before, held=before.held + 1))})


def cell_of(lat_deg: float, lon_deg: float) -> Cell:
    """The cell of a position, WGS 84."""
    return floor(lat_deg / CELL_LAT_DEG), floor(lon_deg / CELL_LON_DEG)


def encode(zones: DeadZones) -> bytes:
    """As it is kept on a disk."""
    return msgspec.msgpack.encode(zones)


def decode(kept: bytes | None) -> DeadZones:
    """What was kept; what cannot be read is learnt anew."""
    try:
        return DeadZones() if kept is None else msgspec.msgpack.decode(kept, type=DeadZones)
    except msgspec.DecodeError:
        return DeadZones()


def _halved(zone: Zone) -> Zone:
    if max(zone.lost, zone.held) < MOST_COUNTED:
        return zone
    return replace(zone, lost=zone.lost // 2, held=zone.held // 2)
