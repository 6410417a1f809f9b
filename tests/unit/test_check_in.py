"""Who does not answer is missed once; the timer outlives core, needs no wall clock, and stops only before its end."""

import pytest
from msgspec.structs import replace

from terminal.asked import AnswerCheckIn, RaiseAlarm, Refusal, StartCheckIn, StopCheckIn
from terminal.contract.messages import AlarmRaised, AlarmSignalled, Trigger
from terminal.core.check_in import CheckInRules
from terminal.core.commands import refusal
from terminal.core.effects import Effect, SaveEmergency, SendAlarm, StoreAlarm
from terminal.core.inputs import Commanded, Restored, Tick, TimerSaved
from terminal.shown import CheckInView
from tests.unit.core_scene import RULES, Car, of_type

ON = replace(RULES, check_in=CheckInRules(enabled=True, period_s=600, grace_s=60))
START, ANSWER, STOP = Commanded(StartCheckIn()), Commanded(AnswerCheckIn()), Commanded(StopCheckIn())


def started(at_s: float = 100.0) -> Car:
    car = Car(rules=ON)
    assert of_type(car.take(START, at_s), SaveEmergency)
    return car


def sent(effects: list[Effect]) -> list:
    return [effect.message for effect in of_type(effects, SendAlarm)]


def seconds(view: CheckInView | None) -> tuple[float | None, float | None]:
    assert view is not None
    assert (view.due_mono_ns is None) is (view.alarm_mono_ns is None)
    return tuple(None if one is None else one / 1e9 for one in (view.due_mono_ns, view.alarm_mono_ns))  # type: ignore[return-value]


def test_no_car_has_the_timer_unless_it_is_configured() -> None:
    car = Car()
    assert car.take(START, 1.0) == []
    assert car.shown.check_in is None
    assert refusal(car.state, StartCheckIn(), RULES, 0) is Refusal.NO_TIMER


@pytest.mark.promise("P-PRESS-15")
def test_who_does_not_answer_in_time_is_missed_once() -> None:
    car = started()
    assert seconds(car.shown.check_in) == (700.0, 760.0)
    assert car.take(Tick(), 759.9) == []
    (raised,) = sent(car.take(Tick(), 760.0))
    assert isinstance(raised, AlarmRaised)
    assert (raised.trigger, raised.kind, raised.silent) == (Trigger.CHECK_IN, "real", False)
    assert [sent(car.take(Tick(), at_s)) for at_s in (761.0, 5000.0)] == [[], []]
    assert seconds(car.shown.check_in) == (None, None)


def test_an_answer_begins_the_time_anew_and_so_does_starting_again() -> None:
    car = started()
    for told in (ANSWER, START):
        assert of_type(car.take(told, 750.0), SaveEmergency)
        assert seconds(car.shown.check_in) == (1350.0, 1410.0)
    assert car.take(Tick(), 1409.0) == []
    assert sent(car.take(Tick(), 1410.0))


def test_it_can_be_stopped_until_it_ran_out_and_no_later() -> None:
    car = started()
    assert of_type(car.take(STOP, 759.9), SaveEmergency)
    assert car.take(Tick(), 800.0) == []
    for late in (STOP, ANSWER, START):
        car = started()
        (raised,) = sent(car.take(late, 760.0))
        assert raised.trigger is Trigger.CHECK_IN
        assert refusal(car.state, StopCheckIn(), ON, round(760.0 * 1e9)) is Refusal.NONE_RUNS


def test_nothing_that_does_not_run_can_be_answered_or_stopped() -> None:
    car = Car(rules=ON)
    assert [car.take(told, 1.0) for told in (ANSWER, STOP)] == [[], []]
    assert car.shown.check_in == CheckInView()


@pytest.mark.promise("P-PRESS-15")
def test_it_goes_on_over_a_restart_of_core_as_if_there_had_been_none() -> None:
    car = started().restarted(500.0)
    assert seconds(car.shown.check_in) == (700.0, 760.0)
    assert sent(car.take(Tick(), 760.0))
    late = started().restarted(2000.0)
    assert sent(late.take(Tick(), 2001.0)), "it ran out while core was away"


def test_after_a_restart_of_the_machine_the_crew_is_asked_at_once() -> None:
    car = started().restarted(5.0, boot="boot-2")
    assert seconds(car.shown.check_in) == (5.0, 65.0)
    assert car.take(Tick(), 64.0) == []
    assert sent(car.take(Tick(), 65.0))


def test_a_crash_as_it_runs_out_leads_to_the_same_incident() -> None:
    car = started()
    before = car.restarted(750.0)
    (first,) = sent(car.take(Tick(), 760.0))
    (again,) = sent(before.take(Tick(), 762.0))
    assert (again.incident, again.id) == (first.incident, first.id), "headquarters counts it once"


def test_its_alarm_and_its_end_are_in_one_commit() -> None:
    car = started()
    effects = car.take(Tick(), 760.0)
    assert of_type(effects, StoreAlarm)
    assert car.state.emergency.check_in is None


def test_the_disk_gives_it_late_and_the_crew_has_begun_another_since() -> None:
    saved = started().state.emergency
    car = Car(rules=ON)
    car.take(START, 300.0)
    car.take(Restored(saved, None), 301.0)
    assert seconds(car.shown.check_in) == (900.0, 960.0)


def test_while_help_is_called_for_already_it_is_a_signal_on_that_incident() -> None:
    car = started()
    car.take(Commanded(RaiseAlarm()), 200.0)
    (signal,) = sent(car.take(Tick(), 760.0))
    assert isinstance(signal, AlarmSignalled)
    assert (signal.trigger, signal.signal) == (Trigger.CHECK_IN, 2)


def test_it_is_said_to_be_stored_once_it_is() -> None:
    car = started()
    timer = car.state.emergency.check_in
    assert timer is not None
    for told, stored in (("", False), (timer.incident, True)):
        car.take(TimerSaved(told), 101.0)
        assert car.shown.check_in is not None
        assert car.shown.check_in.stored is stored
    car.take(ANSWER, 102.0)
    assert car.shown.check_in is not None
    assert not car.shown.check_in.stored, "what is on disk is the timer before"
