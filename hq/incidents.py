"""Incidents: what cars told of an emergency and what people did about it, folded into one value. Pure."""

from msgspec import Struct
from msgspec.structs import replace

from terminal.contract.messages import (
    Alarm,
    AlarmCancelled,
    AlarmKind,
    AlarmMoved,
    AlarmRaised,
    AlarmSignalled,
    AlarmStatus,
    Position,
    Trigger,
    Who,
)


class Incident(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One emergency of one unit; times are headquarters' own, Unix milliseconds.

    One message that says "real" makes it real for good, and one that says "silent" silent: the car may have lost, in a
    crash, what it knew when it said otherwise.
    """

    incident: str
    realm: str
    unit: str
    who: Who
    kind: AlarmKind = AlarmKind.REAL
    trigger: Trigger = Trigger.BUTTON
    silent: bool = False
    raised_ms: int = 0
    signals: int = 0
    position: Position | None = None
    position_ms: int | None = None
    track: tuple[tuple[int, float, float], ...] = ()
    cancelled: bool = False
    acknowledged_by: str = ""
    acknowledged_ms: int | None = None
    cleared_by: str = ""
    cleared_ms: int | None = None
    reason: str = ""

    @property
    def key(self) -> "Key":
        """Its name in headquarters' store."""
        return (self.realm, self.unit, self.incident)

    @property
    def is_open(self) -> bool:
        """Whether nobody has cleared it."""
        return not self.cleared_by


Key = tuple[str, str, str]
"""(realm, unit, incident): what one car says touches no other car's incident."""


GRAVITY = (AlarmKind.REAL, AlarmKind.EXERCISE, AlarmKind.TEST)
"""Gravest first."""


class NotPossible(ValueError):
    """What a dispatcher asked for does not fit the incident; the text says why and what to do."""


def told(incident: Incident | None, realm: str, unit: str, message: Alarm, now_ms: int) -> Incident | None:
    """The incident after a message of its car that had not come before; messages may come in any order.

    A press always counts: one that comes after the clearance opens the incident again. A cancellation that overtook
    its press begins the incident too; a position alone begins none.
    """
    if incident is None:
        if isinstance(message, AlarmMoved):
            return None
        incident = _begun(realm, unit, message, now_ms)
    incident = replace(incident, kind=_graver(incident.kind, message.kind), silent=incident.silent or message.silent)
    match message:
        case AlarmRaised() | AlarmSignalled():
            return _placed(_pressed(incident, message), message.position, now_ms)
        case AlarmCancelled():
            return replace(incident, cancelled=True)
        case AlarmMoved():
            return _placed(incident, message.position, now_ms)


def _begun(realm: str, unit: str, message: AlarmRaised | AlarmSignalled | AlarmCancelled, now_ms: int) -> Incident:
    return Incident(
        incident=message.incident,
        realm=realm,
        unit=unit,
        who=message.who,
        kind=message.kind,
        silent=message.silent,
        raised_ms=now_ms,
    )


def _graver(one: AlarmKind, other: AlarmKind) -> AlarmKind:
    return min(one, other, key=GRAVITY.index)


def _pressed(incident: Incident, message: AlarmRaised | AlarmSignalled) -> Incident:
    if not incident.is_open:
        incident = replace(incident, acknowledged_by="", acknowledged_ms=None, cleared_by="", cleared_ms=None)
    if isinstance(message, AlarmSignalled):
        return replace(incident, signals=max(incident.signals, message.signal))
    return replace(
        incident,
        who=message.who,
        trigger=message.trigger,
        track=message.track,
        signals=max(incident.signals, 1),
    )


def _placed(incident: Incident, position: Position | None, now_ms: int) -> Incident:
    """The incident with this position, unless a newer one is known."""
    if position is None:
        return incident
    known = incident.position
    if known is not None and known.utc_ms and position.utc_ms and position.utc_ms < known.utc_ms:
        return incident
    return replace(incident, position=position, position_ms=now_ms)


def acknowledged(incident: Incident, by: str, now_ms: int) -> Incident:
    """Taken by a named person; the first who takes it keeps it. Raises NotPossible."""
    if not by.strip():
        raise NotPossible("who takes it? a name is needed")
    if not incident.is_open:
        raise NotPossible(f"{incident.incident} was cleared by {incident.cleared_by}; there is nothing to take")
    if incident.acknowledged_by:
        raise NotPossible(f"{incident.incident} was taken by {incident.acknowledged_by} already")
    return replace(incident, acknowledged_by=by.strip(), acknowledged_ms=now_ms)


def cleared(incident: Incident, by: str, reason: str, now_ms: int) -> Incident:
    """Ended by a named person with a reason. Raises NotPossible."""
    if not by.strip() or not reason.strip():
        raise NotPossible("who clears it, and why? a name and a reason are needed")
    if not incident.is_open:
        raise NotPossible(f"{incident.incident} was cleared by {incident.cleared_by} already")
    return replace(incident, cleared_by=by.strip(), cleared_ms=now_ms, reason=reason.strip())


def status(incident: Incident) -> AlarmStatus:
    """What the car is told of it."""
    return AlarmStatus(
        incident.incident, incident.acknowledged_by, incident.cleared_by, incident.reason, incident.signals
    )
