"""Sixels as a terminal reads them (VT330/VT340 Programmer Reference, chapter 14), as far as ours uses them."""

import re

from msgspec import Struct

STEP = re.compile(
    r'"1;1;(?P<across>\d+);(?P<down>\d+)|#(?P<define>\d+);2;(?P<red>\d+);(?P<green>\d+);(?P<blue>\d+)|#(?P<take>\d+)'
    r"|!(?P<times>\d+)(?P<repeated>[?-~])|(?P<letter>[?-~])|(?P<back>\$)|(?P<down_a_band>-)"
)


class Read(Struct):
    """A picture: its colours as #rrggbb by number, its size as it says itself, and its pixels, None where unset."""

    colours: dict[int, str]
    size: tuple[int, int]
    rows: list[list[int | None]]


def read(sixels: str) -> Read:
    """The picture; raises ValueError at what is no part of one."""
    found, place, colour, left, top = Read({}, (0, 0), []), 0, 0, 0, 0
    while place < len(sixels):
        step = STEP.match(sixels, place)
        if step is None:
            raise ValueError(f"no sixel: {sixels[place : place + 20]!r}")
        place = step.end()
        if step["across"]:
            found.size = int(step["down"]), int(step["across"])
        elif step["define"]:
            shares = (int(step[name]) for name in ("red", "green", "blue"))
            found.colours[int(step["define"])] = "#" + "".join(f"{round(share * 2.55):02x}" for share in shares)
        elif step["take"]:
            colour = int(step["take"])
        elif step["back"]:
            left = 0
        elif step["down_a_band"]:
            left, top = 0, top + 6
        else:
            times = int(step["times"] or 1)
            _paint(found.rows, top, left, times, ord(step["repeated"] or step["letter"]) - 63, colour)
            left += times
    return found


def _paint(rows: list[list[int | None]], top: int, left: int, times: int, bits: int, colour: int) -> None:
    for number in range(6):
        if bits >> number & 1:
            while len(rows) <= top + number:
                rows.append([])
            row = rows[top + number]
            row += [None] * (left + times - len(row))
            row[left : left + times] = [colour] * times
