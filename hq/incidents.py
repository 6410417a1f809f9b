"""Incidents: what cars told of an emergency and what people did about it, folded into one value. Pure."""

from msgspec import Struct
from msgspec.structs import replace

from hq.calls import called_by, digest_of, signal_of
from hq.marks import Mark, weight
from hq.moment import Moment
from terminal.contract.capsule import MOST_SIGNALS, tail_of
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
from terminal.contract.topics import MQTT


class Incident(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One emergency of one unit; times are headquarters' own, Unix milliseconds, but for `pressed_utc_ms`.

    That is the car's time of the first press, where the car trusted a clock.

    `bearers` are the ways on which it was told, the first that brought it first; `presses` the tails of the
    messages that told of one, and `also_by` what the further ones came from: a trigger, or the vehicle's signal.
    `bare` are digests of those that were told without proof.

    `signature` is that of the messages that it was made of; `doubted` others, signed less well, spoke of it too.
    One message that says "real" makes it real for good, and one that says "silent" silent: the car may have lost, in a
    crash, what it knew when it said otherwise. Of its first `cancelled_signals` presses the crew said that they were a
    mistake. It waits for a person `since` then, and the steps of its escalation that were done for that are
    `escalated`. `told_revision` is that of what its car was told when a person last acted on it.
    """

    incident: str
    realm: str
    unit: str
    who: Who
    kind: AlarmKind = AlarmKind.REAL
    trigger: Trigger = Trigger.BUTTON
    silent: bool = False
    raised_ms: int = 0
    pressed_utc_ms: int | None = None
    signals: int = 0
    position: Position | None = None
    position_ms: int | None = None
    track: tuple[tuple[int, float, float], ...] = ()
    vehicle_event: str = ""
    speed_mps: float | None = None
    lights_on: bool | None = None
    siren_on: bool | None = None
    door_open: bool | None = None
    cancelled_signals: int = 0
    bearers: tuple[str, ...] = ()
    presses: tuple[str, ...] = ()
    also_by: tuple[str, ...] = ()
    bare: tuple[str, ...] = ()
    signature: Mark = Mark.UNCHECKED
    doubted: int = 0
    acknowledged_by: str = ""
    acknowledged_ms: int | None = None
    acknowledged_signals: int | None = None
    cleared_by: str = ""
    cleared_ms: int | None = None
    reason: str = ""
    told_revision: int = 0
    since: Moment | None = None
    escalated: tuple[str, ...] = ()

    @property
    def key(self) -> "Key":
        """Its name in headquarters' store."""
        return (self.realm, self.unit, self.incident)

    @property
    def is_open(self) -> bool:
        """Whether nobody has cleared it."""
        return not self.cleared_by

    @property
    def cancelled(self) -> bool:
        """Whether the crew says that it was a mistake, and has not pressed again since."""
        return self.cancelled_signals >= max(self.signals, 1)

    @property
    def late_s(self) -> int | None:
        """How long after its press it came here, as far as the car knew the time."""
        return None if self.pressed_utc_ms is None else max(self.raised_ms - self.pressed_utc_ms, 0) // 1000

    @property
    def is_untaken(self) -> bool:
        """Whether it waits for a person: nobody has taken it, or the car has signalled again since."""
        return self.is_open and (not self.acknowledged_by or self.is_pressed_again)

    @property
    def taken_signals(self) -> int:
        """How many presses whoever took it knew of."""
        return self.signals if self.acknowledged_signals is None else self.acknowledged_signals

    @property
    def is_pressed_again(self) -> bool:
        """Whether the car has signalled since somebody took it."""
        return bool(self.acknowledged_by) and self.signals > self.taken_signals


Key = tuple[str, str, str]
"""(realm, unit, incident): what one car says touches no other car's incident."""


GRAVITY = (AlarmKind.REAL, AlarmKind.EXERCISE, AlarmKind.TEST)
"""Gravest first."""


MOST_AHEAD_MS = 86_400_000
"""A position dated further ahead of headquarters' clock than a day is no reason to refuse later ones."""

MOST_PRESSES = 100
"""Of one incident; a repeat by another bearer of one that found no room counts as a press of its own."""


MOST_ALSO_BY = 20
"""More than a car has kinds of calls."""


class NotPossible(ValueError):
    """What a dispatcher asked for does not fit the incident; the text says why and what to do."""


def told(
    incident: Incident | None,
    realm: str,
    unit: str,
    message: Alarm,
    now_ms: int,
    mark: Mark = Mark.UNCHECKED,
    *,
    credible: bool = True,
    bearer: str = MQTT,
) -> Incident | None:
    """The incident after a message of its car that had not come before; messages may come in any order.

    A press always counts: one that comes after the clearance opens the incident again, unless it has come before by
    another bearer. A cancellation that overtook its press begins the incident too; a position alone begins none. What
    is signed well takes the place of what was not; what is signed less well than the incident changes nothing in it,
    but a press opens it again all the same, and counts if its car's key signed it, on whatever day.
    """
    if incident is not None and weight(mark) < weight(incident.signature):
        return _doubted(incident, message, counts=credible and bool(weight(mark)))
    if incident is not None and weight(mark) > weight(incident.signature):
        incident = _proved(incident, message)
    if incident is None:
        if isinstance(message, AlarmMoved):
            return None
        incident = _begun(realm, unit, message, now_ms)
    # A test is left alone by everybody: whoever says so has to be believed.
    kind = _graver(incident.kind, message.kind) if credible else AlarmKind.REAL
    bearers = tuple(dict.fromkeys((*incident.bearers, bearer)))
    silent = incident.silent or message.silent
    incident = replace(incident, kind=kind, silent=silent, signature=mark, bearers=bearers)
    match message:
        case AlarmRaised() | AlarmSignalled():
            after = _pressed(incident, message, bearer)
            after = after if weight(mark) or mark is Mark.UNCHECKED else _told_bare(after, message)
            return _placed(after, message.position, now_ms)
        case AlarmCancelled():
            return replace(incident, cancelled_signals=max(incident.cancelled_signals, _spoken_of(message)))
        case AlarmMoved():
            return _placed(incident, message.position, now_ms)


def _doubted(incident: Incident, message: Alarm, *, counts: bool) -> Incident:
    """The incident after a message that is signed less well than it is."""
    if isinstance(message, AlarmMoved):
        return incident
    incident = replace(incident, doubted=incident.doubted + 1)
    if isinstance(message, AlarmCancelled) or knows(incident, message):
        return incident
    incident = _opened(incident)
    return _counted(incident, message) if counts else _told_bare(incident, message)


def _proved(incident: Incident, message: Alarm) -> Incident:
    """The incident without what messages told of it that were not signed as well as this one; what people did stays.

    So does a press that its car's key signed, though on a day when its certificate did not hold.
    """
    after = replace(
        _begun(incident.realm, incident.unit, message, incident.raised_ms),
        doubted=incident.doubted + 1,
        bare=incident.bare,
        acknowledged_by=incident.acknowledged_by,
        acknowledged_ms=incident.acknowledged_ms,
        # Presses that were not proved to be the car's count no more, also where a person knew of them.
        acknowledged_signals=incident.acknowledged_signals and min(incident.acknowledged_signals, 1),
        cleared_by=incident.cleared_by,
        cleared_ms=incident.cleared_ms,
        reason=incident.reason,
        told_revision=incident.told_revision,
        since=incident.since,
        escalated=incident.escalated,
    )
    if not weight(incident.signature):
        return after
    return replace(
        after,
        signals=incident.signals,
        presses=incident.presses,
        also_by=incident.also_by,
        pressed_utc_ms=incident.pressed_utc_ms,
        acknowledged_signals=incident.acknowledged_signals,
    )


def _told_bare(incident: Incident, message: AlarmRaised | AlarmSignalled) -> Incident:
    """The incident that knows what this press said without proof: signed word for word, it is the press that it was."""
    return replace(incident, bare=tuple(sorted({*incident.bare, digest_of(message)})[:MOST_PRESSES]))


def _opened(incident: Incident) -> Incident:
    if incident.is_open:
        return incident
    return replace(
        incident,
        acknowledged_by="",
        acknowledged_ms=None,
        acknowledged_signals=None,
        cleared_by="",
        cleared_ms=None,
        reason="",
    )


def knows(incident: Incident | None, message: Alarm) -> bool:
    """Whether this press, or that it was a mistake, has come before, by another bearer or with less in it."""
    if incident is None:
        return False
    if isinstance(message, AlarmCancelled):
        return incident.cancelled_signals >= _spoken_of(message)
    return _tail(message) in incident.presses


def _spoken_of(message: AlarmCancelled) -> int:
    return message.signals or MOST_SIGNALS


def _tail(message: Alarm) -> str:
    return press_of(message.id)


def press_of(message_id: str) -> str:
    """By what a press is known: the tail (hex) of its message's id, over every bearer the same."""
    return tail_of(message_id).hex()


def _begun(realm: str, unit: str, message: Alarm, now_ms: int) -> Incident:
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


def _pressed(incident: Incident, message: AlarmRaised | AlarmSignalled, bearer: str) -> Incident:
    was_known = incident.signals
    incident = _counted(incident, message)
    if isinstance(message, AlarmSignalled):
        return incident
    if bearer != MQTT and was_known:
        # What comes in a capsule is less than what the message itself has told.
        return incident
    return replace(
        incident,
        who=message.who,
        trigger=message.trigger,
        track=message.track,
        vehicle_event=signal_of(message),
        speed_mps=message.speed_mps,
        lights_on=message.lights_on,
        siren_on=message.siren_on,
        door_open=message.door_open,
    )


def _counted(incident: Incident, message: AlarmRaised | AlarmSignalled) -> Incident:
    """The incident with this press among those that there were."""
    if not knows(incident, message):
        presses = sorted((*incident.presses, _tail(message)))[:MOST_PRESSES]
        told_ms = [at_ms for at_ms in (incident.pressed_utc_ms, message.utc_ms) if at_ms is not None]
        # What a person ended who had read the same without a signature has not come anew with it.
        incident = incident if digest_of(message) in incident.bare else _opened(incident)
        incident = replace(incident, presses=tuple(presses), pressed_utc_ms=min(told_ms, default=None))
    if isinstance(message, AlarmRaised):
        return replace(incident, signals=max(incident.signals, 1))
    also_by = sorted({*incident.also_by, called_by(message)})[:MOST_ALSO_BY]
    # After a crash its car may give one number twice.
    signals = max(incident.signals, message.signal, len(incident.presses))
    return replace(incident, signals=signals, also_by=tuple(also_by))


def _placed(incident: Incident, position: Position | None, now_ms: int) -> Incident:
    """The incident with this position, unless a newer one is known."""
    if position is None:
        return incident
    known = incident.position
    if known is not None and position.utc_ms and position.utc_ms < (known.utc_ms or 0) < now_ms + MOST_AHEAD_MS:
        return incident
    return replace(incident, position=position, position_ms=now_ms)


def named(incident: Incident) -> dict[str, str | bool | int | None]:
    """How an event names an incident, with what nobody who hears of it may overlook."""
    return {
        "incident": incident.incident,
        "unit": incident.unit,
        "realm": incident.realm,
        "kind": str(incident.kind),
        "silent": incident.silent,
        "cancelled": incident.cancelled,
        "signals": incident.signals,
        "late_s": incident.late_s,
    }


def status(incident: Incident, now_ms: int) -> AlarmStatus:
    """What the car is told of it; presses of which some are not named here are told by their number alone."""
    return AlarmStatus(
        incident.incident,
        incident.acknowledged_by,
        incident.cleared_by,
        incident.reason,
        incident.signals,
        presses=incident.presses if len(incident.presses) < MOST_PRESSES else (),
        kind=incident.kind,
        trigger=incident.trigger,
        silent=incident.silent,
        age_s=max(now_ms - incident.raised_ms, 0) // 1000,
        untaken=incident.is_pressed_again,
    )


def in_full(incident: Incident, signals: int) -> int:
    """So many presses, as a number that names none of them may say: 0 while one that its car has counted is missing."""
    return signals if len(incident.presses) >= min(incident.signals, MOST_PRESSES) else 0
