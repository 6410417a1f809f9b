"""A silent alarm goes the whole way, and nothing in the car but its own view shows that there is one."""

import pytest

from hal.readings import ButtonHealth, ButtonState, Press
from terminal.contract.messages import AlarmSignalled, AlarmStatus, DesiredState, StateConfirmed
from terminal.core.channels import MOST_CLEARED_SHOWN
from terminal.core.effects import ConfirmPress, Effect, Note, SendAlarm, ShowRung, StoreEvent
from terminal.core.inputs import Published, StateDesired, Stored, StoreFailed
from tests.unit.core_scene import Car, of_type, places
from tests.unit.silent_scene import HIDDEN, SHIFTS, Told, hidden, silent_alarm, twins, without_silent


def outward(effects: list[Effect]) -> list[Effect]:
    """What is seen, heard or read in the car: lamps, boards, journal, the events that the crew knows to wait."""
    seen = [effect for effect in effects if isinstance(effect, ShowRung | Note | StoreEvent | ConfirmPress)]
    seen = [effect for effect in seen if not (isinstance(effect, ConfirmPress) and effect.source == "hidden")]
    return [one for one in seen if not (isinstance(one, StoreEvent) and isinstance(one.message, StateConfirmed))]


@pytest.mark.promise("P-KIND-05", "P-KIND-06")
@pytest.mark.parametrize("shift", SHIFTS.values(), ids=SHIFTS.keys())
def test_from_raising_to_closing_the_car_shows_and_does_what_it_would_without_it(shift: list[Told]) -> None:
    raised = False
    for seen in twins(shift):
        raised = raised or seen.with_it != seen.without_it
        assert without_silent(seen.with_it) == seen.without_it
        kinds = [[type(effect) for effect in outward(one)] for one in (seen.effects_with, seen.effects_without)]
        assert kinds[0] == kinds[1]
    assert raised, "the crew can look after it"


def test_it_has_every_rung_of_its_own() -> None:
    *_, last = twins(SHIFTS["on a good line"])
    first, second = [alarm for alarm in last.with_it.alarms if alarm.silent]
    assert (first.stored, first.sent, first.received, first.signals, first.cancelled) == (True, True, True, 2, True)
    assert (first.acknowledged_by, first.cleared_by, first.reason) == ("Novak", "Kos", "spoken to")
    assert (second.signals, second.cleared_by) == (1, ""), "a press after the clearance"


def test_a_silent_and_a_loud_alarm_are_two_incidents_that_are_both_alive() -> None:
    car = Car()
    car.press(1.0)
    car.press(2.0, HIDDEN[0], "hidden", hidden=True)
    (again,) = of_type(car.press(3.0, HIDDEN[1], "hidden", hidden=True), SendAlarm)
    loud, silent = car.state.emergency.alarms
    assert (loud.silent, silent.silent, loud.signals, silent.signals) == (False, True, 1, 2)
    assert isinstance(again.message, AlarmSignalled)
    assert (again.message.incident, again.message.silent) == (silent.incident, True)


def test_its_board_is_told_that_it_is_stored_and_let_go_of() -> None:
    car = Car()
    car.take(hidden(1, HIDDEN[0]), 1)
    told = car.take(Stored(places(*silent_alarm(car).message_ids)), 2)
    assert told == [ConfirmPress("hidden", HIDDEN[0])]


def test_troubles_of_others_are_shown_as_before() -> None:
    car = Car()
    car.take(hidden(1, HIDDEN[0]), 1)
    car.press(2.0)
    ids = tuple(one for alarm in car.state.emergency.alarms for one in alarm.message_ids)
    car.take(StoreFailed(ids, "the disk is full"), 3)
    assert car.shown.line.disk_problem == "the disk is full"
    car.take(Published(ids[:1]), 4)
    car.take(Stored(places(ids[0])), 4)
    assert car.shown.line.disk_problem, "a silent alarm that was stored does not take the words away"
    car.take(Stored(places(ids[1])), 5)
    assert not car.shown.line.disk_problem


def test_cleared_silent_ones_push_no_loud_one_out_of_sight() -> None:
    car = Car()
    for number in range(MOST_CLEARED_SHOWN + 2):
        for silent in (False, True):
            raised_and_cleared(car, number, silent=silent)
    assert [alarm.silent for alarm in car.shown.alarms].count(False) >= MOST_CLEARED_SHOWN


def test_a_disk_that_refuses_keeps_what_is_cleared_and_shows_only_the_last() -> None:
    car = Car()
    for number in range(MOST_CLEARED_SHOWN + 3):
        raised_and_cleared(car, number, silent=False, stored=False)
    kept = [alarm.incident for alarm in car.state.emergency.alarms]
    assert len(kept) == MOST_CLEARED_SHOWN + 3, "what is not on disk is not forgotten"
    assert [alarm.incident for alarm in car.shown.alarms] == kept[-MOST_CLEARED_SHOWN:]


def raised_and_cleared(car: Car, number: int, *, silent: bool, stored: bool = True) -> None:
    car.press(number + 1.0, Press("b", int(silent), number), "hidden" if silent else "board", hidden=silent)
    alarm = car.state.emergency.alarms[-1]
    if stored:
        car.take(Stored(places(*alarm.message_ids)), number + 1.0)
    status = AlarmStatus(alarm.incident, cleared_by="Kos", reason="over")
    car.take(StateDesired(DesiredState(revision=2 * number + silent, alarms=(status,))), number + 1.0)


def test_a_fault_of_the_hidden_button_that_no_press_explains_is_told() -> None:
    car = Car()
    car.rest(1.0, "hidden", hidden=True)
    cut = ButtonState(source="hidden", mono_ns=0, health=ButtonHealth.CUT, hidden=True)
    assert of_type(car.take(cut, 2.0), StoreEvent)
    assert [source.up for source in car.shown.sources] == [False]
