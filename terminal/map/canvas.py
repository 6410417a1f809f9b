"""Dots in Unicode's braille patterns, two by four in a cell; a cell is of the greatest kind in it. Pure."""

from array import array

BRAILLE = 0x2800
"""The pattern without a dot (Unicode 15, Braille Patterns)."""

DOTS_ACROSS, DOTS_DOWN = 2, 4
BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""By row and column of a cell."""


class Canvas:
    """A field of cells; lines are cut at its edges."""

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        self._dots = array("B", bytes(height * width))
        self._kinds = array("B", bytes(height * width))

    def dot(self, x: int, y: int, kind: int) -> None:
        """One dot; the cell's kind is the greatest of its dots."""
        if 0 <= x < self.width * DOTS_ACROSS and 0 <= y < self.height * DOTS_DOWN:
            cell = y // DOTS_DOWN * self.width + x // DOTS_ACROSS
            self._dots[cell] |= BITS[y % DOTS_DOWN][x % DOTS_ACROSS]
            self._kinds[cell] = max(self._kinds[cell], kind)

    def line(self, start: tuple[float, float], end: tuple[float, float], kind: int) -> None:
        """Every dot between two points, as they are given in dots."""
        inside = clipped(start, end, self.width * DOTS_ACROSS - 1, self.height * DOTS_DOWN - 1)
        if inside is None:
            return
        (x, y), (to_x, to_y) = inside
        steps = max(abs(to_x - x), abs(to_y - y), 1)
        across, down = (to_x - x) / steps, (to_y - y) / steps
        for step in range(int(steps) + 1):
            self.dot(round(x + across * step), round(y + down * step), kind)

    def rows(self) -> list[list[tuple[str, int]]]:
        """Each row as runs of (braille, kind)."""
        found = []
        for row in range(self.height):
            first = row * self.width
            runs: list[tuple[str, int]] = []
            for dots, kind in zip(
                self._dots[first : first + self.width], self._kinds[first : first + self.width], strict=True
            ):
                letter = chr(BRAILLE + dots) if dots else " "
                if runs and runs[-1][1] == kind:
                    runs[-1] = (runs[-1][0] + letter, kind)
                else:
                    runs.append((letter, kind))
            found.append(runs)
        return found


Ends = tuple[tuple[float, float], tuple[float, float]]


def clipped(start: tuple[float, float], end: tuple[float, float], right: float, bottom: float) -> Ends | None:
    """The part of a segment within (0, 0) to (right, bottom), by Liang and Barsky, 1984; None when none is."""
    across, down = end[0] - start[0], end[1] - start[1]
    first, last = 0.0, 1.0
    for step, room in (
        (-across, start[0]),
        (across, right - start[0]),
        (-down, start[1]),
        (down, bottom - start[1]),
    ):
        if step == 0:
            if room < 0:
                return None
            continue
        share = room / step
        if step < 0:
            first = max(first, share)
        else:
            last = min(last, share)
    if first > last:
        return None
    return (
        (start[0] + first * across, start[1] + first * down),
        (start[0] + last * across, start[1] + last * down),
    )
