"""What a car is shown of the others: patrols of its realm near it, and alarms; never a silent one. Pure."""

from collections.abc import Iterable
from math import cos, hypot, radians

from hq.incidents import Incident
from hq.units import Key, Unit
from terminal.contract.messages import AlarmKind, Position
from terminal.contract.work import MOST_NEIGHBOURS, LiveAlarm, Neighbour, Picture

SHOWN_FOR_MS = 1_800_000
"""A patrol that was not heard for half an hour is no help to anyone; an alarm stays until it is cleared."""

Look = tuple[AlarmKind, str]
"""Which kind of alarm it is, and who has taken it."""

DIGITS = 4
"""Of a degree: 11 m, so that a car that stands sends nothing new to its neighbours."""


def of(key: Key, units: Iterable[Unit], incidents: Iterable[Incident], now_ms: int) -> Picture:
    """The picture for one car."""
    others = [unit for unit in units if unit.last.key != key and unit.last.realm == key[0]]
    own = next((unit.last.position for unit in units if unit.last.key == key), None)
    near = sorted((unit for unit in others if _is_there(unit, now_ms)), key=lambda unit: _distance(own, unit))
    alarms = [one for one in incidents if _is_shown(one, key)]
    return Picture(
        utc_ms=now_ms,
        units=tuple(_neighbour(unit) for unit in near[:MOST_NEIGHBOURS]),
        alarms=tuple(_alarm(one) for one in sorted(alarms, key=lambda one: one.raised_ms)),
    )


def look(incident: Incident) -> Look | None:
    """What of this alarm the others are shown at once; None for one that they are not shown."""
    if not incident.is_open or incident.silent or incident.kind is AlarmKind.TEST:
        return None
    return incident.kind, _taken_by(incident)


def _is_there(unit: Unit, now_ms: int) -> bool:
    return unit.online or (unit.last.position_ms is not None and now_ms - unit.last.position_ms < SHOWN_FOR_MS)


def _is_shown(incident: Incident, key: Key) -> bool:
    own = (incident.realm, incident.unit) == key
    return incident.realm == key[0] and not own and look(incident) is not None


def _distance(own: Position | None, unit: Unit) -> float:
    """In degrees of latitude, for order alone; who has no place comes last."""
    there = unit.last.position
    if own is None or there is None:
        return float("inf")
    return hypot(there.lat_deg - own.lat_deg, (there.lon_deg - own.lon_deg) * cos(radians(own.lat_deg)))


def _neighbour(unit: Unit) -> Neighbour:
    lat_deg, lon_deg = _rounded(unit.last.position)
    return Neighbour(
        unit=unit.last.unit,
        call_sign=unit.last.who.call_sign,
        duty=unit.last.duty,
        online=unit.online,
        lat_deg=lat_deg,
        lon_deg=lon_deg,
        position_ms=unit.last.position_ms,
    )


def _alarm(incident: Incident) -> LiveAlarm:
    lat_deg, lon_deg = _rounded(incident.position)
    return LiveAlarm(
        incident=incident.incident,
        unit=incident.unit,
        call_sign=incident.who.call_sign,
        kind=str(incident.kind),
        raised_ms=incident.raised_ms,
        lat_deg=lat_deg,
        lon_deg=lon_deg,
        position_ms=incident.position_ms,
        acknowledged_by=_taken_by(incident),
    )


def _taken_by(incident: Incident) -> str:
    """Who comes; nobody, if the button was pressed again since."""
    return "" if incident.is_untaken else incident.acknowledged_by


def _rounded(position: Position | None) -> tuple[float | None, float | None]:
    if position is None:
        return None, None
    return round(position.lat_deg, DIGITS), round(position.lon_deg, DIGITS)
