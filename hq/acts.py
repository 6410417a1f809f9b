"""What persons do with an incident, and headquarters by itself: take it, and end it. Pure."""

from msgspec.structs import replace

from hq import people
from hq.incidents import Incident, NotPossible
from terminal.contract.messages import AlarmKind


def acknowledged(incident: Incident, by: str, now_ms: int) -> Incident:
    """Taken by a named person; the first who takes it keeps it, until the car signals again.

    Who says so twice has done it once. Raises NotPossible or NoName.
    """
    name = people.person(by)
    if not incident.is_open:
        raise NotPossible(f"{incident.incident} was cleared by {incident.cleared_by}; there is nothing to take")
    if not incident.is_untaken:
        if people.is_same(name, incident.acknowledged_by):
            return incident
        raise NotPossible(f"{incident.incident} was taken by {incident.acknowledged_by} already")
    return replace(incident, acknowledged_by=name, acknowledged_ms=now_ms, acknowledged_signals=incident.signals)


def cleared(incident: Incident, by: str, reason: str, now_ms: int, seen: int | None = None) -> Incident:
    """Ended by a named person with a reason; if nobody had taken it, that person does.

    `seen` are the presses that this person knew of, or else those that whoever took it knew of (all, if nobody has);
    one more came meanwhile, and it is not over. Raises NotPossible or NoName.
    """
    name = people.person(by)
    if not reason.strip():
        raise NotPossible("why is it over? a reason is needed")
    if not incident.is_open:
        if people.is_same(name, incident.cleared_by) and reason.strip() == incident.reason:
            return incident
        raise NotPossible(f"{incident.incident} was cleared by {incident.cleared_by} already")
    known = incident.taken_signals if seen is None else seen
    if incident.signals > known:
        raise NotPossible(
            f"{incident.incident}: it was pressed again, {incident.signals} times by now and not {known}; look at it,"
            " and take it again before you end it"
        )
    if incident.is_untaken:
        incident = acknowledged(incident, name, now_ms)
    return replace(incident, cleared_by=name, cleared_ms=now_ms, reason=reason.strip())


def found_elsewhere(incident: Incident, now_ms: int) -> Incident:
    """What was shown before the disk could say that its press is in another incident: nobody need take it."""
    reason = "its press is in an earlier incident"
    return replace(incident, cleared_by=people.HEADQUARTERS, cleared_ms=now_ms, reason=reason)


def closed_test(incident: Incident, now_ms: int) -> Incident:
    """A test that headquarters ends by itself, under its own name; raises NotPossible for anything else."""
    if incident.kind is not AlarmKind.TEST:
        raise NotPossible(f"{incident.incident} is no test; a person ends it")
    if not incident.is_open:
        raise NotPossible(f"{incident.incident} was cleared by {incident.cleared_by} already")
    return replace(incident, cleared_by=people.HEADQUARTERS, cleared_ms=now_ms, reason="test")
