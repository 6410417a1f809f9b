"""The map: own car, other patrols, jobs and alarms on what lies around; old positions look old. Pure but for tiles."""

from collections.abc import Iterator
from functools import lru_cache

from msgspec import Struct

from terminal.contract.work import ENDED
from terminal.link import Snapshot
from terminal.map.drawing import Name, Tiles, Window, drawn
from terminal.map.features import Kind
from terminal.screen import others
from terminal.screen.cells import LEAST_HEIGHT, Area, Box, Run, target
from terminal.screen.others import OLD_AFTER_MS
from terminal.screen.state import SCALES_M
from terminal.screen.view import View
from terminal.screen.words import age, clean, on_one_line

ON_MAP = "on-map"
"""A tap on the map; `placed` makes a place of its cell."""

SIDE = 11
TONES = {
    0: "plain",
    Kind.LAKE: "map-water",
    Kind.RIVER: "map-water",
    Kind.RAIL: "map-rail",
    Kind.STREET: "map-street",
    Kind.ROAD: "map-road",
    Kind.MOTORWAY: "map-motorway",
    Kind.BORDER: "map-border",
}
ARROWS = "↑↗→↘↓↙←↖"


class Mark(Struct, frozen=True):
    """Something on the map; the urgent ones are drawn last."""

    lat_deg: float
    lon_deg: float
    words: str
    tone: str


def boxes(view: View, area: Area) -> list[Box]:
    """The map at the left, its controls at the right, the alarm to be told of beneath."""
    if view.snapshot is None:
        return []
    field, side = area.columns(0, SIDE, gap=1)
    window = window_of(view, view.snapshot, field)
    controls_there = controls(view, side)
    if window is None:
        return [Box(area=field, words=view.say("No position yet."), tone="dim", middle=True), *controls_there]
    rows, names = base(window, view.maps)
    found = [Box(area=field, rows=rows, code=ON_MAP, located=True, main=True)]
    found += [Box(area=_at(field, one), words=one.text, tone="map-place") for one in names]
    found += [box for mark in marks(view, view.snapshot) if (box := marked(field, window, mark)) is not None]
    return [*found, *alarm_line(view, view.snapshot, field), *controls_there]


def window_of(view: View, snapshot: Snapshot, field: Area) -> Window | None:
    """What is to be seen: around the car, or where the crew has tapped."""
    fix, chart = snapshot.position.last_good, view.state.chart
    middle = chart.middle
    if middle is None and fix is not None and fix.lat_deg is not None and fix.lon_deg is not None:
        middle = (round(fix.lat_deg, 4), round(fix.lon_deg, 4))
    if middle is None:
        return None
    course = 0.0 if chart.is_north_up or fix is None or fix.track_deg is None else round(fix.track_deg / 15) * 15.0
    return Window(*middle, SCALES_M[chart.scale], field.height, field.width, course)


@lru_cache(maxsize=4)
def base(window: Window, maps: tuple[Tiles, ...]) -> tuple[tuple[tuple[Run, ...], ...], tuple[Name, ...]]:
    """What lies there, in tones, and its names; drawn once as long as nothing moves."""
    rows, names = drawn(window, maps)
    return tuple(tuple((text, TONES[kind]) for text, kind in row) for row in rows), tuple(names)


def _at(field: Area, name: Name) -> Area:
    return Area(field.top + name.row, field.left + name.column, 1, len(name.text))


def marks(view: View, snapshot: Snapshot) -> Iterator[Mark]:
    """Patrols, jobs, alarms, and the car itself, in the order in which they are drawn."""
    if snapshot.picture is not None:
        picture = snapshot.picture.picture
        told_ms = (view.now_ns - snapshot.picture.mono_ns) // 1_000_000
        for one in picture.units:
            if one.lat_deg is not None and one.lon_deg is not None:
                aged_ms = told_ms + picture.utc_ms - (one.position_ms or 0)
                old = not one.online or aged_ms > OLD_AFTER_MS
                words = f"{clean(one.unit)} {age(aged_ms * 1_000_000)}" if old else clean(one.unit)
                yield Mark(one.lat_deg, one.lon_deg, words, "old" if old else "other")
    for number, there in enumerate(snapshot.jobs, 1):
        job = there.job
        if job.lat_deg is not None and job.lon_deg is not None and there.step not in ENDED:
            yield Mark(job.lat_deg, job.lon_deg, f"#{number}", "job")
    if snapshot.picture is not None:
        for alarm in snapshot.picture.picture.alarms:
            if alarm.lat_deg is not None and alarm.lon_deg is not None:
                yield Mark(alarm.lat_deg, alarm.lon_deg, f"{others.MARK}{clean(alarm.unit)}", "urgent")
    fix = snapshot.position.last_good
    if fix is not None and fix.lat_deg is not None and fix.lon_deg is not None:
        yield Mark(fix.lat_deg, fix.lon_deg, heading(view, snapshot), "old" if snapshot.position.stale else "own")


def heading(view: View, snapshot: Snapshot) -> str:
    """The car: an arrow over ground while it moves."""
    fix = snapshot.position.last_good
    if fix is None or fix.track_deg is None or snapshot.position.stale:
        return "◉"
    up_deg = 0.0 if view.state.chart.is_north_up else fix.track_deg
    return ARROWS[round((fix.track_deg - up_deg) / 45) % 8]


def marked(field: Area, window: Window, mark: Mark) -> Box | None:
    """A mark where its place is; None when that is not to be seen."""
    cell = window.cell_of(mark.lat_deg, mark.lon_deg)
    if cell is None:
        return None
    width = min(len(mark.words), field.width)
    left = min(field.left + cell[1], field.right - width)
    return Box(area=Area(field.top + cell[0], left, 1, width), words=mark.words[:width], tone=mark.tone)


def alarm_line(view: View, snapshot: Snapshot, field: Area) -> list[Box]:
    """The alarm to be told of, how far and in which direction."""
    alarm = others.first(snapshot)
    if alarm is None:
        return []
    words = others.in_words(view.say, snapshot, alarm, view.now_ns)
    line = Area(field.bottom - 1, field.left, 1, field.width)
    tone = "urgent" if others.is_urgent(alarm) else "warn"
    return [Box(area=line, words=on_one_line(words, field.width), tone=tone)]


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
