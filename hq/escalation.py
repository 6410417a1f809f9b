"""What is due for an alarm that nobody has taken, and when. Pure.

A real alarm rings again and again, is called out at all desks, then told outside headquarters in every way that is
configured; an exercise rings and is called out only, and a test alarm, which headquarters ends by itself, does neither.
"""

from collections.abc import Iterator
from enum import StrEnum
from math import inf

from msgspec import Struct
from msgspec.structs import replace

from hq.incidents import Incident
from hq.moment import Moment, waited_ms
from terminal.contract.messages import AlarmKind


class Step(StrEnum):
    """One thing that is done about an alarm that waits."""

    RING = "ring"
    ALL_DESKS = "all-desks"
    COMMAND = "command"
    WEBHOOK = "webhook"
    MAIL = "mail"


AT_DESKS = (Step.RING, Step.ALL_DESKS)
"""What goes on until a person takes the alarm; after a restart anew, since whoever watches then has not heard it."""


class Rules(Struct, frozen=True):
    """After how long it rings again, all desks are called, the outside is told, and in which ways."""

    ring_after_s: float
    all_desks_after_s: float
    outside_after_s: float
    outside: tuple[Step, ...] = ()


def begun(before: Incident | None, after: Incident, now: Moment) -> Incident:
    """The incident after its car's message: if it waits for a person from now on, the steps begin anew."""
    if after.is_untaken and not (before is not None and before.is_untaken):
        return replace(after, since=now, escalated=())
    return after


def is_test(incident: Incident) -> bool:
    """Whether all that its car told of it was a test."""
    return incident.kind is AlarmKind.TEST


def due(incident: Incident, now: Moment, rules: Rules) -> list[Step]:
    """The steps whose time has come, done or not; none once somebody has taken it."""
    if not incident.is_untaken:
        return []
    waited_s = waited_ms(begin_of(incident), now) / 1000
    return [step for after_s, step in _steps(incident, rules) if after_s <= waited_s]


def next_s(incident: Incident, now: Moment, rules: Rules) -> float:
    """In how many seconds another step is due; infinite if none is to come."""
    if not incident.is_untaken:
        return inf
    waited_s = waited_ms(begin_of(incident), now) / 1000
    return min((after_s - waited_s for after_s, _ in _steps(incident, rules) if after_s > waited_s), default=inf)


def begin_of(incident: Incident) -> Moment:
    """Since when it waits; an incident of an older store knows only the wall's time."""
    return incident.since or Moment("", 0, incident.raised_ms)


def done(incident: Incident, begin: Moment, step: Step) -> Incident:
    """The step was done, for what has waited since then; what has been opened again meanwhile has its own."""
    if begin_of(incident) != begin or step in incident.escalated:
        return incident
    return replace(incident, escalated=(*incident.escalated, step))


def _steps(incident: Incident, rules: Rules) -> Iterator[tuple[float, Step]]:
    if is_test(incident):
        return
    yield rules.ring_after_s, Step.RING
    yield rules.all_desks_after_s, Step.ALL_DESKS
    if incident.kind is not AlarmKind.EXERCISE:
        for step in rules.outside:
            yield rules.outside_after_s, step
