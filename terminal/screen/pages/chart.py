"""The map: own car, other patrols, jobs and alarms on what lies around; old positions look old. Pure but for tiles."""

from collections.abc import Iterable
from functools import lru_cache

from msgspec.structs import replace

from terminal.link import Snapshot
from terminal.map.drawing import Tiles, Window, drawn
from terminal.map.names import Name
from terminal.screen import others
from terminal.screen.cells import LEAST_HEIGHT, Area, Box, Run, target
from terminal.screen.language import Language
from terminal.screen.pages import plot
from terminal.screen.pages.marks import Mark, marks
from terminal.screen.state import SCALES_M
from terminal.screen.view import View
from terminal.screen.words import on_one_line

ON_MAP = "on-map"
"""A tap on the map; `placed` makes a place of its cell."""

SIDE = 11
SIGNS = "!#"
"""What an alarm and a job begin with, and what stands at the place."""

ARROWS = "↑↗→↘↓↙←↖"


def boxes(view: View, area: Area) -> list[Box]:
    """The map at the left, its controls at the right, the alarm to be told of beneath."""
    if view.snapshot is None:
        return []
    field, side = area.columns(0, SIDE, gap=1)
    window = window_of(view, view.snapshot, field)
    controls_there = controls(view, side)
    if window is None:
        return [Box(area=field, words=view.say("No position yet."), tone="dim", middle=True), *controls_there]
    there = marks(view, view.snapshot)
    if view.cell is None:
        ground, *above = in_cells(window, view.maps, field, there)
    else:
        ground, *above = plot.boxes(window, view.maps, view.cell, field, there)
    target_there = replace(ground, code=ON_MAP, located=True, main=True)
    return [target_there, *above, *alarm_line(view, view.snapshot, field), *controls_there]


def in_cells(window: Window, maps: tuple[Tiles, ...], field: Area, there: Iterable[Mark]) -> list[Box]:
    """The map of braille, names of places, and marks as words where they are."""
    rows, names = base(window, maps)
    marked_there = (marked(field, window, mark) for mark in there)
    return [Box(area=field, rows=rows), *plot.named(field, names), *(box for box in marked_there if box is not None)]


def window_of(view: View, snapshot: Snapshot, field: Area) -> Window | None:
    """What is to be seen: around the car, or where the crew has tapped."""
    fix, chart = snapshot.position.last_good, view.state.chart
    middle = chart.middle
    if middle is None and fix is not None and fix.lat_deg is not None and fix.lon_deg is not None:
        middle = (round(fix.lat_deg, 4), round(fix.lon_deg, 4))
    if middle is None:
        return None
    course = 0.0 if chart.is_north_up or fix is None or fix.track_deg is None else round(fix.track_deg / 15) * 15.0
    in_cyrillic = view.say.language is Language.SERBIAN_CYRILLIC
    return Window(*middle, SCALES_M[chart.scale], field.height, field.width, course, in_cyrillic)


@lru_cache(maxsize=4)
def base(window: Window, maps: tuple[Tiles, ...]) -> tuple[tuple[tuple[Run, ...], ...], tuple[Name, ...]]:
    """What lies there, in tones, and its names; drawn once as long as nothing moves."""
    rows, names = drawn(window, maps)
    return tuple(tuple((text, plot.TONES[kind]) for text, kind in row) for row in rows), tuple(names)


def marked(field: Area, window: Window, mark: Mark) -> Box | None:
    """A mark that begins where its place is, or ends there if it has no room; None when that is not to be seen."""
    cell = window.cell_of(mark.lat_deg, mark.lon_deg)
    if cell is None:
        return None
    words = mark.words or heading(window, mark)
    row, column = cell
    if column + len(words) > field.width:
        words = words[1:][:column] + words[0] if words[0] in SIGNS else words[: column + 1]
        column -= len(words) - 1
    return Box(area=Area(field.top + row, field.left + column, 1, len(words)), words=words, tone=mark.tone)


def heading(window: Window, car: Mark) -> str:
    """The car: an arrow over ground while it moves."""
    return "◉" if car.course_deg is None else ARROWS[round((car.course_deg - window.up_deg) / 45) % 8]


def alarm_line(view: View, snapshot: Snapshot, field: Area) -> list[Box]:
    """The alarm to be told of, how far and in which direction."""
    alarm = others.first(snapshot)
    if alarm is None:
        return []
    words = others.in_words(view.say, snapshot, alarm, view.now_ns)
    line = Area(field.bottom - 1, field.left, 1, field.width)
    tone = "urgent" if others.is_urgent(alarm) else "warn"
    return [Box(area=line, words=on_one_line(words, field.width), tone=tone, edged=True)]


def controls(view: View, area: Area) -> list[Box]:
    """Nearer, farther, back to the car, which way is up."""
    rows = max(min(area.height // LEAST_HEIGHT, 2), 1)
    fields = area.grid(rows, 2)
    up = view.say("North up") if view.state.chart.is_north_up else view.say("Way up")
    found = [("+", "zoom:in"), ("−", "zoom:out"), (view.say("Own car"), "follow"), (up, "up")]
    follows = view.state.chart.middle is None
    return [
        target(field, words, code, "chosen" if code == "follow" and follows else "button")
        for (words, code), field in zip(found, fields, strict=False)
    ]


def placed(view: View, code: str, field: Area) -> str:
    """The code of a tap on the map, with the place of its cell as the new middle."""
    _, row, column = code.split(":")
    window = None if view.snapshot is None else window_of(view, view.snapshot, field)
    if window is None:
        return "follow:"
    return _centre(window, int(row), int(column))


def moved(view: View, field: Area, rows: float, columns: float) -> str:
    """The code of a finger that drags the map by so many cells: what it is on stays under it."""
    window = None if view.snapshot is None else window_of(view, view.snapshot, field)
    if window is None:
        return "follow:"
    return _centre(window, (field.height - 1) / 2 - rows, (field.width - 1) / 2 - columns)


def _centre(window: Window, row: float, column: float) -> str:
    # To a centimetre: a drag is a hundred steps, whose errors would add up.
    lat_deg, lon_deg = window.place_at(row, column)
    return f"centre:{lat_deg:.7f}:{lon_deg:.7f}"
