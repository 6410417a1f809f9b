"""Which facts of the audit log a car's message or a person's act leaves. Pure."""

from collections.abc import Iterator, Sequence

from hq import audit
from hq.arrivals import Publication
from hq.audit import Fact, What
from hq.calls import called_by
from hq.incidents import Incident
from hq.marks import Mark
from terminal.contract.messages import AlarmCancelled, AlarmRaised, AlarmSignalled
from terminal.contract.topics import MQTT

OF_MESSAGE = {
    AlarmRaised: What.ALARM_RAISED,
    AlarmSignalled: What.ALARM_SIGNALLED,
    AlarmCancelled: What.ALARM_CANCELLED,
}


def of_message(
    publication: Publication, stored_as: Sequence[str], before: Incident | None, after: Incident, now_ms: int
) -> Iterator[Fact]:
    """What a car's message about an incident tells, and whether it opened the incident again."""
    message = publication.message
    what = OF_MESSAGE.get(type(message))  # type: ignore[arg-type]
    if message is None or what is None:
        return
    body = publication.arrivals[0].body
    marked = "" if publication.mark is Mark.UNCHECKED else f", signature {publication.mark}"
    by = called_by(message) if isinstance(message, AlarmRaised | AlarmSignalled) else str(after.trigger)
    bearer = "" if publication.bearer == MQTT else f", by {publication.bearer}"
    text = f"{_kind(after)}, {by}{marked}{bearer}"
    yield _fact(after, what, now_ms, text=text, message=stored_as[0], digest=audit.digest(body))
    if before is not None and after.is_open and not before.is_open:
        yield _fact(after, What.ALARM_OPENED_AGAIN, now_ms, text=f"{before.cleared_by} had cleared it")


def of_act(before: Incident, after: Incident, now_ms: int) -> Iterator[Fact]:
    """What somebody at headquarters did to an incident."""
    if after.acknowledged_ms != before.acknowledged_ms:
        yield _fact(after, What.ALARM_ACKNOWLEDGED, now_ms, by=after.acknowledged_by)
    for step in after.escalated[len(before.escalated) :]:
        yield _fact(after, What.ALARM_ESCALATED, now_ms, text=step)
    if after.cleared_by and not before.cleared_by:
        yield _fact(after, What.ALARM_CLEARED, now_ms, by=after.cleared_by, text=after.reason)


def not_escalated(incident: Incident, step: str, problem: str, now_ms: int) -> Fact:
    """A step was tried, and failed."""
    return _fact(incident, What.ESCALATION_FAILED, now_ms, text=f"{step}: {problem}")


def shown(incident: Incident, by: str, how: str, now_ms: int) -> Fact:
    """The incident was written to the connection of somebody who watches under this name."""
    return _fact(incident, What.ALARM_SHOWN, now_ms, by=by, text=how)


def _kind(incident: Incident) -> str:
    return f"{incident.kind}{', silent' if incident.silent else ''}"


def _fact(incident: Incident, what: What, now_ms: int, **told: str) -> Fact:
    return Fact(what=what, utc_ms=now_ms, realm=incident.realm, unit=incident.unit, incident=incident.incident, **told)
