"""The lone officer's timer: who does not answer in time is missed, and an alarm is raised. Pure.

Its time is this boot's monotonic clock. After a restart of the machine nobody knows how long it was off: the crew is
asked at once.
"""

from typing import Annotated

import msgspec
from msgspec import Struct

from terminal.core.moment import Moment
from terminal.shown import CheckInView

LongerThanNothing = Annotated[float, msgspec.Meta(gt=0)]
"""Seconds in which somebody can answer: a timer without any is an alarm as soon as it begins."""


class CheckInRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether there is such a timer, how often an answer is due, and how long the crew is then reminded of it."""

    enabled: bool = False
    period_s: LongerThanNothing = 1200.0
    grace_s: LongerThanNothing = 120.0


class CheckIn(Struct, frozen=True, kw_only=True):
    """A running timer; its incident is named beforehand, so that a crash as it runs out leads to no second one."""

    incident: str
    boot: str
    due_ns: int
    alarm_ns: int


def begun(moment: Moment, rules: CheckInRules) -> CheckIn:
    """The timer from now on."""
    return _due(moment.new_incident(), moment, rules.period_s, rules)


def restored(check_in: CheckIn, moment: Moment, rules: CheckInRules) -> CheckIn:
    """The timer as it was on disk, in this boot."""
    return check_in if check_in.boot == moment.boot else _due(check_in.incident, moment, 0.0, rules)


def ran_out(check_in: CheckIn, now_ns: int) -> bool:
    """Whether the crew is missed."""
    return now_ns >= check_in.alarm_ns


def view(check_in: CheckIn | None, rules: CheckInRules, saved: str) -> CheckInView | None:
    """What the screen may show; `saved` is the incident of the timer on disk."""
    if check_in is None:
        return CheckInView() if rules.enabled else None
    return CheckInView(due_mono_ns=check_in.due_ns, alarm_mono_ns=check_in.alarm_ns, stored=saved == check_in.incident)


def _due(incident: str, moment: Moment, after_s: float, rules: CheckInRules) -> CheckIn:
    due_ns = moment.mono_ns + round(after_s * 1e9)
    alarm_ns = due_ns + round(rules.grace_s * 1e9)
    return CheckIn(incident=incident, boot=moment.boot, due_ns=due_ns, alarm_ns=alarm_ns)
