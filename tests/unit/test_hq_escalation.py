"""What is due for an alarm that nobody has taken, by clocks that may say anything."""

from math import inf
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from hq import acts, escalation, incidents
from hq.escalation import Rules, Step
from hq.incidents import Incident
from hq.moment import Moment, waited_ms
from hq.notice import notice
from terminal.contract.identity import new_id, new_incident
from terminal.contract.messages import Alarm, AlarmCancelled, AlarmKind, AlarmMoved, AlarmRaised, AlarmSignalled, Who
from tests.unit.hq_scene import LJUBLJANA, NOW, REALM, UNIT

RULES = Rules(5.0, 30.0, 60.0, (Step.COMMAND, Step.MAIL))
INCIDENT = new_incident()
AT_DESKS = [Step.RING, Step.ALL_DESKS]
EVERYTHING = [Step.RING, Step.ALL_DESKS, Step.COMMAND, Step.MAIL]


def later(seconds: float, now: Moment = NOW) -> Moment:
    milliseconds = round(seconds * 1000)
    return replace(now, mono_ms=now.mono_ms + milliseconds, wall_ms=now.wall_ms + milliseconds)


def said(message: type, **fields: Any) -> Any:
    return message(id=new_id(), who=Who(unit=UNIT, call_sign="Sava 1"), incident=INCIDENT, **fields)


def after(message: Alarm, incident: Incident | None = None, now: Moment = NOW) -> Incident:
    told = incidents.told(incident, REALM, UNIT, message, now.wall_ms)
    assert told is not None
    return escalation.begun(incident, told, now)


def raised(**fields: Any) -> Incident:
    return after(said(AlarmRaised, **fields))


def taken(incident: Incident) -> Incident:
    return acts.acknowledged(incident, "Dispatcher 7", NOW.wall_ms)


@pytest.mark.promise("P-HQ-04")
@pytest.mark.parametrize(
    ("seconds", "steps", "next_s"),
    [
        (0, [], 5),
        (5, [Step.RING], 25),
        (29.9, [Step.RING], 0.1),
        (30, AT_DESKS, 30),
        (59, AT_DESKS, 1),
        (60, EVERYTHING, inf),
    ],
)
def test_it_rings_then_all_desks_are_called_then_the_outside(seconds: float, steps: list[Step], next_s: float) -> None:
    incident = raised()
    assert escalation.due(incident, later(seconds), RULES) == steps
    assert escalation.next_s(incident, later(seconds), RULES) == pytest.approx(next_s)


def test_nothing_is_due_once_a_person_has_taken_or_ended_it() -> None:
    ended = acts.cleared(raised(), "Dispatcher 7", "over", NOW.wall_ms)
    for incident in (taken(raised()), ended):
        assert escalation.due(incident, later(1000), RULES) == []
        assert escalation.next_s(incident, NOW, RULES) == inf


def test_a_silent_or_cancelled_alarm_waits_as_any_other() -> None:
    assert escalation.due(raised(silent=True), later(60), RULES) == EVERYTHING
    assert escalation.due(after(said(AlarmCancelled), raised()), later(60), RULES) == EVERYTHING


def test_a_test_goes_nowhere_unless_a_press_on_it_is_real() -> None:
    test = raised(kind=AlarmKind.TEST)
    assert escalation.due(test, later(1000), RULES) == []
    assert escalation.is_test(after(said(AlarmSignalled, signal=2, kind=AlarmKind.TEST), test))
    pressed = after(said(AlarmSignalled, signal=2), test)
    assert not escalation.is_test(pressed)
    assert escalation.due(pressed, later(60), RULES) == EVERYTHING


def test_an_exercise_goes_as_far_as_all_desks() -> None:
    exercise = raised(kind=AlarmKind.EXERCISE)
    assert escalation.due(exercise, later(1000), RULES) == AT_DESKS
    assert escalation.next_s(exercise, later(30), RULES) == inf


def test_what_counts_as_real_until_the_car_says_that_it_is_a_test_waits() -> None:
    assert escalation.due(after(said(AlarmCancelled)), later(60), RULES) == EVERYTHING


def test_positions_and_further_presses_do_not_begin_the_waiting_again() -> None:
    incident = after(said(AlarmMoved, position=LJUBLJANA), raised(), later(20))
    incident = after(said(AlarmSignalled, signal=2), incident, later(25))
    assert escalation.due(incident, later(30), RULES) == AT_DESKS


@pytest.mark.parametrize("how", ["taken", "ended"])
def test_a_press_after_a_person_dealt_with_it_begins_every_step_again(how: str) -> None:
    incident = escalation.done(raised(), NOW, Step.ALL_DESKS)
    incident = taken(incident)
    if how == "ended":
        incident = acts.cleared(incident, "Dispatcher 7", "over", NOW.wall_ms)
    again = after(said(AlarmSignalled, signal=2), incident, later(500))
    assert again.escalated == ()
    assert escalation.due(again, later(504), RULES) == []
    assert escalation.due(again, later(530), RULES) == AT_DESKS


def test_a_step_is_done_once_and_for_its_own_waiting() -> None:
    incident = escalation.done(raised(), NOW, Step.ALL_DESKS)
    assert incident.escalated == (Step.ALL_DESKS,)
    assert escalation.done(incident, NOW, Step.ALL_DESKS) == incident
    assert escalation.done(incident, later(1), Step.MAIL) == incident
    assert escalation.done(taken(incident), NOW, Step.MAIL).escalated == (Step.ALL_DESKS, Step.MAIL)


@pytest.mark.promise("P-HQ-04")
def test_the_walls_clock_may_be_stepped_while_an_alarm_waits() -> None:
    for step_ms in (-20 * 365 * 86_400_000, 20 * 365 * 86_400_000):
        stepped = replace(later(10), wall_ms=NOW.wall_ms + step_ms)
        assert escalation.due(raised(), stepped, RULES) == [Step.RING]
        assert escalation.due(raised(), later(60, stepped), RULES) == EVERYTHING


def test_across_a_boot_the_walls_clock_counts_and_an_impossible_one_means_too_long() -> None:
    rebooted = replace(later(31), boot="another", mono_ms=5)
    assert escalation.due(raised(), rebooted, RULES) == AT_DESKS
    assert escalation.due(raised(), replace(rebooted, wall_ms=NOW.wall_ms - 1), RULES) == EVERYTHING


def test_an_alarm_of_an_older_store_waits_since_it_was_raised() -> None:
    older = replace(raised(), since=None)
    assert escalation.due(older, later(30), RULES) == AT_DESKS


MOMENTS = st.builds(Moment, st.sampled_from(["a", "b"]), st.integers(0, 10**9), st.integers(0, 10**13))


@given(MOMENTS, MOMENTS)
def test_whatever_the_clocks_say_everything_is_due_within_its_time(since: Moment, now: Moment) -> None:
    assume(since.boot != now.boot or since.mono_ms <= now.mono_ms)
    incident = replace(raised(), since=since)
    assert waited_ms(since, now) >= 0
    at_once = escalation.due(incident, now, RULES)
    assert {*at_once, *escalation.due(incident, later(60, now), RULES)} == set(EVERYTHING)


def test_who_is_told_outside_hears_what_matters_and_no_crews_name() -> None:
    incident = raised(silent=True, position=LJUBLJANA)
    incident = replace(incident, who=replace(incident.who, crew=("Novak",)))
    told = notice(incident, Step.MAIL, 61)
    assert told.text == "Alarm of LJ-101 (Sava 1): nobody has taken it for 61 s; SILENT: do not call the crew"
    assert (told.lat_deg, told.silent, told.incident) == (LJUBLJANA.lat_deg, True, INCIDENT)
    assert "Novak" not in str(told)
    assert told.id == notice(incident, Step.MAIL, 99).id != notice(incident, Step.COMMAND, 61).id
