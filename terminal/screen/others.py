"""Alarms of other patrols as headquarters told them: which comes first, how far it is, and in words. Pure."""

from math import atan2, cos, degrees, radians

from terminal.contract.work import LiveAlarm
from terminal.link import Snapshot
from terminal.map.mercator import EQUATOR_M
from terminal.screen.language import Say
from terminal.screen.words import age, clean

OLD_AFTER_MS = 120_000
"""A patrol or an alarm that has not told its position for so long looks old."""

MARK = "!"
"""Stands before an alarm on the map, and on the map's button."""

MS = 1_000_000
"""Nanoseconds."""


def alarms(snapshot: Snapshot | None) -> tuple[LiveAlarm, ...]:
    """All that are open; headquarters tells of no silent one."""
    return () if snapshot is None or snapshot.picture is None else snapshot.picture.picture.alarms


def is_urgent(alarm: LiveAlarm) -> bool:
    """Whether somebody calls for help whom nobody has answered."""
    return alarm.kind != "exercise" and not alarm.acknowledged_by


def first(snapshot: Snapshot | None) -> LiveAlarm | None:
    """The one to be told of: one that calls for an answer, a real one before an exercise, then the nearest."""
    return min(alarms(snapshot), key=lambda one: _order(snapshot, one), default=None)


def _order(snapshot: Snapshot | None, alarm: LiveAlarm) -> tuple[bool, bool, float, int]:
    way = None if snapshot is None else way_to(snapshot, alarm)
    far_m = float("inf") if way is None else way[0]
    return not is_urgent(alarm), alarm.kind == "exercise", far_m, -alarm.raised_ms


def in_words(say: Say, snapshot: Snapshot, alarm: LiveAlarm, now_ns: int) -> str:
    """Whose, whether somebody has taken it, how far and where as the crow flies, and how long ago it was there."""
    kind = say("EXERCISE") if alarm.kind == "exercise" else say("ALARM")
    words = f"{kind} {clean(alarm.unit)}{' (' + say('taken') + ')' if alarm.acknowledged_by else ''}"
    way, aged_ms = way_to(snapshot, alarm), age_ms(snapshot, alarm, now_ns)
    if way is not None:
        is_about = aged_ms is None or aged_ms > OLD_AFTER_MS or snapshot.position.stale
        words += f" {'~' if is_about else ''}{far(way[0])} {wind(say, way[1])}"
    is_old = aged_ms is not None and aged_ms > OLD_AFTER_MS
    return f"{words}, {say('{span} ago', span=age((aged_ms or 0) * MS))}" if is_old else words


def age_ms(snapshot: Snapshot, alarm: LiveAlarm, now_ns: int) -> int | None:
    """How long ago it was where it is shown, or without a place was told of; None of a place without a time."""
    told = snapshot.picture
    at_ms = alarm.position_ms
    if at_ms is None and told is not None and alarm.lat_deg is None:
        at_ms = told.picture.utc_ms
    if told is None or at_ms is None:
        return None
    return (now_ns - told.mono_ns) // MS + told.picture.utc_ms - at_ms


def way_to(snapshot: Snapshot, alarm: LiveAlarm) -> tuple[float, float] | None:
    """(metres, degrees from north) from the car; None while either place is not known."""
    fix = snapshot.position.last_good
    if fix is None or fix.lat_deg is None or fix.lon_deg is None or alarm.lat_deg is None or alarm.lon_deg is None:
        return None
    return distance_and_bearing((fix.lat_deg, fix.lon_deg), (alarm.lat_deg, alarm.lon_deg))


def distance_and_bearing(own: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """(metres, degrees from north) on a plane, which is right within what a patrol drives."""
    north_m = (other[0] - own[0]) / 360 * EQUATOR_M
    east_m = (other[1] - own[1]) / 360 * EQUATOR_M * cos(radians(own[0]))
    return (north_m**2 + east_m**2) ** 0.5, degrees(atan2(east_m, north_m)) % 360


def wind(say: Say, bearing_deg: float) -> str:
    """A bearing in one of eight words."""
    names = (say("N"), say("NE"), say("E"), say("SE"), say("S"), say("SW"), say("W"), say("NW"))
    return names[round(bearing_deg / 45) % 8]


def far(far_m: float) -> str:
    """A distance, in the unit that fits it."""
    return f"{far_m:.0f} m" if far_m < 1000 else f"{far_m / 1000:.1f} km"
