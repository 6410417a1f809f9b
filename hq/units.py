"""Which cars there are: what presence says, what their messages told last, and headquarters' own timer. Pure.

A Will can die with its broker node, so a car that says nothing for too long counts as gone.
"""

from collections.abc import Collection

from msgspec import Struct
from msgspec.structs import replace

from hq.arrivals import Publication
from hq.incidents import MOST_AHEAD_MS
from terminal.contract.messages import DutyChanged, OfIncident, Place, Point, Position, Presence, Who

Key = tuple[str, str]
"""(realm, unit)."""


CLOCK_SLACK_MS = 300_000
"""So far headquarters' clock may be set back without making a fresh proof doubtful."""


class LastKnown(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a car's messages told last, a silent alarm's apart; it outlives headquarters' process.

    `position_ms` is headquarters' time.
    """

    realm: str
    unit: str
    who: Who
    duty: str = ""
    duty_place: Place | None = None
    position: Position | None = None
    position_ms: int | None = None

    @property
    def key(self) -> Key:
        """Its name in headquarters' store."""
        return (self.realm, self.unit)


class Unit(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One car as headquarters sees it now; `heard_s` and `placed_s` are headquarters' monotonic time.

    `mono_ms` is the car's clock in its newest presence; `silence` is why nothing is heard of it, "" while it is there
    and while nothing was heard of it since headquarters started.
    One that `signs` has shown a certificate that its alarms are checked with.
    `proved_ms` is when its newest alarm came that went all the way and back, by headquarters' wall clock.
    """

    last: LastKnown
    online: bool = False
    incarnation: str = ""
    heard_s: float = 0.0
    outbox: str = ""
    pending: int = 0
    mono_ms: int = 0
    ignition_on: bool | None = None
    signal_percent: int | None = None
    goodbye: bool = False
    placed_s: float | None = None
    silence: str = ""
    silent_since_ms: int | None = None
    signs: bool = False
    proved_ms: int | None = None


def unknown(key: Key) -> Unit:
    """A car of which nothing is known but its name."""
    return Unit(last=LastKnown(realm=key[0], unit=key[1], who=Who(unit=key[1])))


def heard(unit: Unit, now_s: float) -> Unit:
    """A message of this car came: it is there, whatever its presence said."""
    return replace(unit, online=True, heard_s=now_s)


def present(unit: Unit, presence: Presence, now_s: float) -> Unit:
    """A presence came; one that speaks of an earlier connection's end says nothing of this one."""
    if presence.incarnation == unit.incarnation and presence.mono_ms < unit.mono_ms and presence.online:
        return heard(unit, now_s)
    if not presence.online:
        ended = replace(unit, online=False, goodbye=presence.goodbye)
        return ended if presence.incarnation == unit.incarnation else unit
    # A bus that sleeps with the ignition says nothing more of it: what it said last on this line still holds.
    said = unit.ignition_on if presence.incarnation == unit.incarnation else None
    return replace(
        unit,
        online=True,
        incarnation=presence.incarnation,
        heard_s=now_s,
        outbox=presence.outbox,
        pending=presence.pending,
        mono_ms=presence.mono_ms,
        ignition_on=said if presence.ignition_on is None else presence.ignition_on,
        signal_percent=presence.signal_percent,
        goodbye=False,
        last=replace(unit.last, who=presence.who or unit.last.who),
    )


def is_silent(unit: Unit, now_s: float, silent_after_s: float) -> bool:
    """Whether it counts as there although nothing was heard for too long."""
    return unit.online and now_s - unit.heard_s > silent_after_s


def is_proved(unit: Unit, now_ms: int, within_ms: int) -> bool:
    """Whether its alarm chain was proved lately; what a clock that was set back makes of the future is no proof."""
    return unit.proved_ms is not None and -CLOCK_SLACK_MS <= now_ms - unit.proved_ms <= within_ms


def is_on_duty(unit: Unit, off_duty: Collection[str]) -> bool:
    """Whether it is there, and its crew says that it works."""
    return unit.online and unit.last.duty not in ("", *off_duty)


def told(last: LastKnown, publication: Publication, now_ms: int) -> LastKnown:
    """What is known of the car after this publication, which may be a repeat or come late."""
    message = publication.message
    if isinstance(message, DutyChanged) and _is_newer(message.place, last.duty_place):
        last = replace(last, duty=message.status, duty_place=message.place, who=message.who)
    position = getattr(message, "position", None)
    # Where a silent alarm is, is its incident's alone: what stands here the neighbours are shown.
    is_hidden = isinstance(message, OfIncident) and message.silent
    if isinstance(position, Position) and not is_hidden:
        last = _placed(last, position, now_ms)
    for one in publication.arrivals:
        if one.point is not None and not (one.late and one.point.utc_ms is None):
            last = _placed(last, _position(one.point), now_ms)
    return last


def _is_newer(place: Place | None, known: Place | None) -> bool:
    return place is None or known is None or place.outbox != known.outbox or place.seq > known.seq


def _placed(last: LastKnown, position: Position, now_ms: int) -> LastKnown:
    known = last.position
    if known is not None and (position.utc_ms or 0) < (known.utc_ms or 0) < now_ms + MOST_AHEAD_MS:
        return last
    return replace(last, position=position, position_ms=now_ms)


def _position(point: Point) -> Position:
    return Position(
        lat_deg=point.lat_e7 / 1e7,
        lon_deg=point.lon_e7 / 1e7,
        utc_ms=point.utc_ms,
        speed_mps=None if point.speed_cmps is None else point.speed_cmps / 100,
        track_deg=None if point.track_cdeg is None else point.track_cdeg / 100,
    )
