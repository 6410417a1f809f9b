"""What an officer must read and tap on each page, as numbers; `python -m tests.screen.glance` prints the table."""

import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from gallery import NOW_NS, SIZES, in_scene, scenes, snapshot, view
from msgspec import Struct

from terminal.screen import frame
from terminal.screen.cells import EDGED
from terminal.screen.feed import Seen
from terminal.screen.language import Language
from terminal.screen.palettes import COLOURS, Palette, contrast
from terminal.screen.state import Page, ScreenState
from terminal.screen.tapping import tapped
from terminal.screen.view import View

MOST_WORDS = 55
"""On a page, its status row and buttons included; a target's own words are one."""

MOST_TAPS = {
    "page": 2,
    "duty": 1,
    "dark": 1,
    "answer": 4,
    "ready": 2,
    "say": 5,
    "file": 6,
    "send": 2,
    "test": 2,
    "shift": 2,
}
"""From the page of statuses to the tap that does it: a report is two pages on the way, and then four taps."""


class Glance(Struct, frozen=True):
    """The numbers of one page at 50 x 15."""

    page: str
    words: int
    words_driving: int
    targets: int
    smallest: tuple[int, int]
    contrasts: dict[Palette, float]


def words_of(one: View) -> int:
    """What is to be read: the words that stand there, and one for each target."""
    boxes = frame.boxes(one)
    return sum(1 if box.code else len(box.words.split()) for box in boxes)


def glance(name: str) -> Glance:
    """The numbers of a scene."""
    parked = in_scene(name, Language.ENGLISH, *SIZES[0])
    driving = in_scene(name, Language.ENGLISH, *SIZES[0], moving=True)
    boxes = frame.boxes(parked)
    areas = [(box.area.width, box.area.height) for box in boxes if box.code]
    tones = {box.tone.removesuffix(EDGED) for box in boxes if box.words}
    contrasts = {
        palette: min((contrast(COLOURS[palette][tone]) for tone in tones), default=21.0) for palette in Palette
    }
    smallest = min(areas, key=lambda area: area[0] * area[1])
    return Glance(name, words_of(parked), words_of(driving), len(areas), smallest, contrasts)


def taps() -> dict[str, int]:
    """The fewest taps from the page of statuses to each code that can be tapped, by its first word."""
    seen = Seen(snapshot=snapshot("border"))
    found: dict[str, int] = {}
    waiting: deque[tuple[ScreenState, int]] = deque([(ScreenState(), 0)])
    known = {repr(ScreenState())}
    while waiting:
        state, count = waiting.popleft()
        for code in codes(view(seen, state, *SIZES[0])):
            found.setdefault(code, count + 1)
            after, _ = tapped(state, code, seen.snapshot, NOW_NS)
            if count < max(MOST_TAPS.values()) and repr(after) not in known:
                known.add(repr(after))
                waiting.append((after, count + 1))
    return found


def codes(one: View) -> Iterator[str]:
    """What can be tapped, but the keyboard's keys."""
    return (box.code for box in frame.boxes(one) if box.code and not box.code.startswith(("key:", "layout:", "on-map")))


def table() -> str:
    """All pages, as the documentation has them."""
    lines = ["| page | words parked / driving | targets | smallest, cells | least contrast day / night / red |"]
    lines.append("|---|---|---|---|---|")
    for name in (*Page, "one-job", "alarm", "armed", "core-gone"):
        one = glance(str(name))
        width, height = one.smallest
        ratios = " / ".join(f"{one.contrasts[palette]:.1f}" for palette in Palette)
        lines.append(
            f"| {one.page} | {one.words} / {one.words_driving} | {one.targets} | {width} x {height} | {ratios} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    assert list(scenes())
    print(table())
    for code, count in sorted(taps().items(), key=lambda one: one[1]):
        print(count, code)
