"""The row that is always there: who, when, where from, the line, headquarters' last word, the blue lights. Pure."""

from datetime import datetime, timedelta

from rich.cells import cell_len

from hal.readings import FixMode
from terminal.link import Snapshot
from terminal.screen.cells import Area, Box
from terminal.screen.view import View
from terminal.screen.words import age, clean
from terminal.shown import LineView, PositionView, Trouble

Part = tuple[str, str]
"""(words, tone)."""

SECOND_NS = 1_000_000_000
BARS = "▁▃▅▇"


def row(view: View, area: Area) -> list[Box]:
    """The parts from the right, and the call sign in what is left."""
    snapshot = view.snapshot
    if snapshot is None:
        return [Box(area=area, words=view.say("THE TERMINAL DOES NOT WORK"), tone="bad")]
    parts = [clock(view, snapshot), gnss(view, snapshot.position), bearer(view, snapshot), line(view, snapshot.line)]
    parts = [part for part in (*parts, lights(view, snapshot)) if part[0]]
    boxes, right = [], area.right
    for words, tone in reversed(parts):
        width = cell_len(words)
        boxes.append(Box(area=Area(area.top, right - width, 1, width), words=words, tone=tone))
        right -= width + 1
    unit = snapshot.unit
    name = clean(unit.call_sign or unit.unit)
    left = max(right - area.left, 0)
    shown = name if cell_len(name) <= left else clean(unit.unit)
    return [Box(area=Area(area.top, area.left, 1, left), words=shown[:left], tone="title"), *reversed(boxes)]


def clock(view: View, snapshot: Snapshot) -> Part:
    """The time of day by GNSS; without it the machine's own, with a mark that it is not proved."""
    fix = snapshot.position.last_good
    if fix is None or fix.utc is None:
        return f"{view.local:%H:%M}?", "warn"
    now = fix.utc + timedelta(microseconds=(view.now_ns - fix.mono_ns) // 1000)
    return f"{_local(now, view.local):%H:%M}", "plain"


def _local(utc: datetime, local: datetime) -> datetime:
    return utc.astimezone(local.tzinfo)


def gnss(view: View, position: PositionView) -> Part:
    """What the receiver has: 2D or 3D, or for how long it has had nothing."""
    if position.stale or position.fix is None:
        good = position.last_good
        return (view.say("GPS --") if good is None else f"GPS {age(view.now_ns - good.mono_ns)}"), "warn"
    return ("3D" if position.fix.mode is FixMode.FIX_3D else "2D"), "plain"


def bearer(view: View, snapshot: Snapshot) -> Part:
    """The modem's word: its technology and strength, or that it is not registered."""
    link = snapshot.link
    if link is None:
        return "", "plain"
    if link.registered is False:
        return view.say("NO NET"), "bad"
    strength = link.signal_percent
    bar = "" if strength is None else BARS[min(int(strength) // 25, 3)]
    return f"{clean(link.access_technology or 'NET').upper()[:4]}{bar}", "plain"


def line(view: View, line: LineView) -> Part:
    """How long ago headquarters was heard; red when that is too long ago or it does not store."""
    heard = line.hq_heard_mono_ns
    if not line.connected or line.hq_silent or heard is None:
        since = "--" if heard is None else age(view.now_ns - heard)
        return view.say("HQ {since}", since=since), "bad"
    if not line.storing:
        return view.say("HQ NOT STORING"), "bad"
    seconds = max(view.now_ns - heard, 0) // SECOND_NS
    if line.trouble is Trouble.HQ_DEAF:
        return view.say("HQ {since}", since=f"{seconds} s"), "bad"
    return view.say("HQ {since}", since=f"{seconds} s"), "good" if line.attended else "warn"


def lights(view: View, snapshot: Snapshot) -> Part:
    """The blue lights and the siren while they are on."""
    vehicle = snapshot.vehicle
    words = ("✱" if vehicle.lights_on else "") + ("♪" if vehicle.siren_on else "")
    return words, "chosen"
