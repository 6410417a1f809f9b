"""What the page says of a snapshot, as words and a class for their colour. Pure."""

from math import isfinite

from hal.readings import Fix, FixMode
from terminal.link import AlarmView, DutyView, LineView, PositionView, Snapshot, Trouble

Said = tuple[str, str]
"""(words, class: good, warn, bad, plain or dim)."""

KMH_PER_MPS = 3.6
MODES = {FixMode.FIX_2D: "2D", FixMode.FIX_3D: "3D"}
NOTHING: Said = ("", "dim")
NO_LINE = {
    Trouble.NO_NETWORK: "no network",
    Trouble.DEAD_ZONE: "known dead zone",
    Trouble.NO_ANSWER: "no answer",
    Trouble.BROKER_GONE: "broker gone",
    Trouble.REFUSED: "it refuses us",
    Trouble.HALF_OPEN: "it went dead",
}
"""Why there is no line, in as many cells as the page has for it."""


def clean(text: str) -> str:
    """Text from elsewhere on one line, without what would move the cursor."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def age(span_ns: int) -> str:
    """A time that has passed, in the unit that fits it."""
    seconds = max(span_ns, 0) // 1_000_000_000
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


def facts(snapshot: Snapshot | None, now_ns: int) -> dict[str, Said]:
    """The page's lines by name; without core there are none."""
    if snapshot is None:
        return {"car": ("THE TERMINAL DOES NOT WORK", "bad"), "speed": NOTHING, "position": NOTHING, "line": NOTHING}
    return {
        "car": car(snapshot),
        "speed": speed(snapshot),
        "position": position(snapshot.position, now_ns),
        "line": line(snapshot.line, now_ns),
    }


def position(view: PositionView, now_ns: int) -> Said:
    """Where the car is, with mode and age; an old position says that it is old, and why there is no newer one."""
    place = None if view.last_good is None else _place(view.last_good)
    if view.last_good is None or place is None:
        return f"NO POSITION  {_why_none(view)}", "warn"
    aged = age(now_ns - view.last_good.mono_ns)
    if view.stale:
        return f"{place}  OLD {aged}  {_why_none(view)}", "warn"
    return f"{place}  {MODES.get(view.last_good.mode, '')}  {aged}", "plain"


def _place(fix: Fix) -> str | None:
    lat_deg, lon_deg = fix.lat_deg, fix.lon_deg
    if lat_deg is None or lon_deg is None or not (isfinite(lat_deg) and isfinite(lon_deg)):
        return None
    return f"{abs(lat_deg):.5f} {'NS'[lat_deg < 0]} {abs(lon_deg):.5f} {'EW'[lon_deg < 0]}"


def _why_none(view: PositionView) -> str:
    searching = view.fix is not None and view.fix.mode < FixMode.FIX_2D
    return "no fix" if searching else "GNSS silent"


def car(snapshot: Snapshot) -> Said:
    """Who this is."""
    unit = snapshot.unit
    return clean(f"{unit.call_sign or unit.unit}  {unit.vehicle}"), "plain"


def speed(snapshot: Snapshot) -> Said:
    """The car's speed and its blue lights, or that its speed is not known."""
    view = snapshot.vehicle
    signals = ("LIGHTS " if view.lights_on else "") + ("SIREN " if view.siren_on else "")
    if view.speed_mps is None:
        return f"{signals}--- km/h", "dim"
    source = " gps" if view.speed_source == "gnss" else ""
    return f"{signals}{view.speed_mps * KMH_PER_MPS:.0f} km/h{source}", "plain"


def line(view: LineView, now_ns: int) -> Said:
    """The line to headquarters, the worst of it first, and what still waits for headquarters' receipt."""
    said, colour = _line(view, now_ns)
    return (f"{said}, {view.pending} wait" if view.pending else said), colour


def _line(view: LineView, now_ns: int) -> Said:
    if not view.connected:
        why = NO_LINE.get(view.trouble, "")
        return f"NO LINE TO HQ{why and ': '}{why}", "bad"
    if view.trouble is Trouble.HALF_OPEN:
        return "LINE DEAD: nothing comes back", "bad"
    if view.trouble is Trouble.HQ_DEAF:
        return "HQ DOES NOT HEAR US, line up", "bad"
    if view.hq_silent:
        heard = view.hq_heard_mono_ns
        return "HQ SILENT" + ("" if heard is None else f" {age(now_ns - heard)}") + ", line up", "bad"
    if not view.storing:
        return "HQ DOES NOT STORE, line up", "bad"
    if not view.attended:
        return "HQ stores, NOBODY AT THE DESK", "warn"
    return "HQ stores, desk attended", "good"


def notice(snapshot: Snapshot, alarm: AlarmView | None, now_ns: int) -> Said:
    """The one line for what the crew must do, or what else is wrong, the worst of it."""
    return _asked(snapshot, now_ns) or _wrong(snapshot, alarm)


def _asked(snapshot: Snapshot, now_ns: int) -> Said | None:
    timer, armed = snapshot.check_in, snapshot.armed
    if timer is not None and timer.due_mono_ns is not None and timer.alarm_mono_ns and now_ns >= timer.due_mono_ns:
        return f"ALL WELL? ANSWER, alarm in {age(timer.alarm_mono_ns - now_ns)}", "urgent"
    if armed is None or now_ns > armed.until_mono_ns:
        return None
    kind = "EXERCISE" if armed.kind == "exercise" else "TEST"
    if not armed.is_open:
        return f"{kind}: WAIT, a press now is real", "warn"
    return f"{kind}: PRESS THE BUTTON, {age(armed.until_mono_ns - now_ns)} left", "warn"


def _wrong(snapshot: Snapshot, alarm: AlarmView | None) -> Said:
    if snapshot.line.disk_problem:
        return f"NOT STORED, disk: {clean(snapshot.line.disk_problem)}", "bad"
    if snapshot.line.trouble not in (Trouble.NONE, Trouble.CONNECTING):
        return f"Line: {snapshot.line.remedy}", "warn"
    if snapshot.line.problem:
        return f"Line: {clean(snapshot.line.problem)}", "warn"
    if alarm is not None and alarm.cleared_by:
        return f"Alarm cleared by {clean(alarm.cleared_by)}: {clean(alarm.reason)}", "good"
    down = [source.name for source in snapshot.sources if not source.up]
    if down:
        return f"Not working: {clean(', '.join(down))}", "warn"
    unproved = snapshot.proved is not None and snapshot.proved.due
    return ("Alarm not proved lately: send a test alarm", "warn") if unproved else NOTHING


def duty(view: DutyView, labels: dict[str, str]) -> Said:
    """The duty status, and whether headquarters has it."""
    words = clean(labels.get(view.status, view.status))
    return (f"DUTY\n{words}\nHQ has it", "good") if view.received else (f"DUTY\n{words}\nHQ not told", "warn")
