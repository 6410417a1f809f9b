"""After a crash the car follows headquarters: in which incident a press is, and which incidents are open."""

from typing import Any

import pytest
from msgspec.structs import replace

from hal.readings import Press
from terminal.asked import CancelAlarm, RaiseAlarm
from terminal.contract.capsule import tail_of
from terminal.contract.identity import incident_of_press, message_of_call
from terminal.contract.messages import (
    Alarm,
    AlarmKind,
    AlarmRaised,
    AlarmSignalled,
    AlarmStatus,
    DesiredState,
    Heartbeat,
    Trigger,
)
from terminal.core.channels import CLEARED_SHOWN_S
from terminal.core.effects import ConfirmPress, Note, SaveEmergency, SendAlarm, ShowRung, StoreAlarm
from terminal.core.emergency import Emergency
from terminal.core.inputs import Commanded, HeartbeatHeard, Received, Restored, StateDesired, Stored, Tick
from terminal.core.state import snapshot
from terminal.shown import AlarmView
from tests.unit.core_scene import PRESS, RULES, Car, of_type, places

SECOND = replace(PRESS, number=2)
THIRD = replace(PRESS, number=3)


def incident_of(press: Press) -> str:
    return incident_of_press(press.board_id, press.boot_nonce, press.number)


def tails(*presses: Press) -> tuple[str, ...]:
    return tuple(tail_of(message_of_call(incident_of(press), AlarmKind.REAL)).hex() for press in presses)


def status(incident: Press, *presses: Press, **fields: Any) -> AlarmStatus:
    told = {"presses": tails(*presses), "signals": len(presses), "kind": AlarmKind.REAL, "trigger": Trigger.BUTTON}
    return AlarmStatus(incident_of(incident), **(told | fields))


def answer(revision: int, *told: AlarmStatus) -> StateDesired:
    return StateDesired(DesiredState(revision=revision, epoch="E", alarms=told))


def cleared(incident: Press, *presses: Press, **fields: Any) -> AlarmStatus:
    return status(incident, *presses, acknowledged_by="Novak", cleared_by="Novak", reason="over", **fields)


def stored(car: Car) -> Car:
    car.take(Stored(places(*(one for alarm in car.state.emergency.alarms for one in alarm.message_ids))))
    return car


def sent(car: Car) -> list[Alarm]:
    return [effect.message for effect in of_type(car.effects, SendAlarm)]


def shown(car: Car) -> dict[str, AlarmView]:
    return {alarm.incident: alarm for alarm in car.shown.alarms}


def before_and_after(saved: Car) -> tuple[Car, Car]:
    """A car in which the clearance and a press came, and what a power cut left of it, told the press again."""
    after = saved.restarted(2.0)
    saved.take(answer(2, cleared(PRESS, PRESS)), 3.0)
    saved.press(3.0, SECOND)
    after.press(10.0, SECOND)
    return saved, after


@pytest.mark.promise("P-PRESS-18")
def test_a_press_has_one_message_in_whichever_incident_it_is_told() -> None:
    car = Car()
    car.press()
    before, after = before_and_after(stored(car))
    first, again = sent(before)[-1], sent(after)[-1]
    assert (type(first), first.incident) == (AlarmRaised, incident_of(SECOND))
    assert (type(again), again.incident) == (AlarmSignalled, incident_of(PRESS))
    assert first.id == again.id, "headquarters knows it by that"
    assert first.id != sent(before)[0].id


@pytest.mark.promise("P-SHOW-01")
def test_who_took_it_in_a_store_that_is_gone_is_not_shown_beside_an_end_that_names_nobody() -> None:
    car = stored(Car())
    car.press()
    car.take(answer(2, cleared(PRESS, PRESS)), 3.0)
    assert shown(car)[incident_of(PRESS)].acknowledged_by == "Novak"
    ended = status(PRESS, PRESS, cleared_by="headquarters", reason="test")
    car.take(StateDesired(DesiredState(revision=1, epoch="F", alarms=(ended,))), 4.0)
    view = shown(car)[incident_of(PRESS)]
    assert (view.acknowledged_by, view.cleared_by) == ("", "headquarters")


def test_a_test_that_is_told_again_as_a_real_one_is_another_message() -> None:
    incident = incident_of(PRESS)
    assert len({message_of_call(incident, kind) for kind in AlarmKind}) == len(AlarmKind)


@pytest.mark.promise("P-PRESS-18")
def test_a_press_between_a_clearance_and_its_commit_ends_in_the_incident_that_it_began() -> None:
    car = Car()
    car.press()
    _, after = before_and_after(stored(car))
    effects = after.take(answer(3, cleared(PRESS, PRESS), status(SECOND, SECOND)), 11.0)
    assert of_type(effects, SaveEmergency)
    assert {one.incident: one.cleared_by for one in after.shown.alarms} == {
        incident_of(PRESS): "Novak",
        incident_of(SECOND): "",
    }
    assert shown(after)[incident_of(PRESS)].signals == 1
    began = shown(after)[incident_of(SECOND)]
    assert (began.received, began.stored, began.signals) == (True, False, 1)
    message_id = sent(after)[-1].id
    effects = after.take(Stored(places(message_id)), 12.0)
    assert of_type(effects, ConfirmPress) == [ConfirmPress("board", SECOND)]
    assert shown(after)[incident_of(SECOND)].stored


def test_what_waits_for_the_disk_is_tried_again_wherever_it_has_gone() -> None:
    car = Car()
    car.press()
    _, after = before_and_after(stored(car))
    after.take(answer(3, cleared(PRESS, PRESS), status(SECOND, SECOND)), 11.0)
    again = of_type(after.take(Tick(), 20.0), StoreAlarm)
    assert [effect.message.id for effect in again] == [sent(after)[-1].id]


@pytest.mark.promise("P-PRESS-18")
def test_an_incident_whose_only_press_is_in_another_one_is_that_one() -> None:
    car = Car()
    car.press(1.0, SECOND)
    assert set(shown(car)) == {incident_of(SECOND)}
    car.take(answer(1, status(PRESS, PRESS, SECOND)), 2.0)
    (alarm,) = car.shown.alarms
    assert (alarm.incident, alarm.signals, alarm.received) == (incident_of(PRESS), 2, True)
    effects = car.take(Stored(places(sent(car)[-1].id)), 3.0)
    assert of_type(effects, ConfirmPress) == [ConfirmPress("board", SECOND)]
    assert car.shown.alarms[0].stored


def test_so_it_is_when_it_has_been_cleared_there() -> None:
    car = Car()
    car.press(1.0, SECOND)
    car.take(answer(1, cleared(PRESS, PRESS, SECOND)), 2.0)
    (alarm,) = car.shown.alarms
    assert (alarm.incident, alarm.cleared_by) == (incident_of(PRESS), "Novak")


def test_an_incident_with_another_press_keeps_that_one() -> None:
    car = Car()
    car.press(1.0, SECOND)
    car.press(1.5, THIRD)
    car.take(answer(1, status(PRESS, PRESS, SECOND), status(SECOND, THIRD)), 2.0)
    presses = {alarm.incident: alarm.presses for alarm in car.state.emergency.alarms}
    assert presses == {incident_of(SECOND): tails(THIRD), incident_of(PRESS): tails(PRESS, SECOND)}


def test_that_a_press_was_a_mistake_may_be_said_anew_where_it_is() -> None:
    car = Car()
    car.press(1.0, SECOND)
    car.take(Commanded(CancelAlarm(incident=incident_of(SECOND))), 1.5)
    car.take(answer(1, status(PRESS, PRESS, SECOND)), 2.0)
    assert not car.shown.alarms[0].cancelled, "headquarters has not been told of this incident"
    car.take(Commanded(CancelAlarm(incident=incident_of(PRESS))), 2.5)
    assert car.shown.alarms[0].cancelled


def test_a_press_told_again_after_the_answer_is_counted_once() -> None:
    car = Car()
    car.take(answer(1, status(PRESS, PRESS)), 1.0)
    effects = car.press(2.0)
    (told,) = of_type(effects, SendAlarm)
    assert (type(told.message), told.message.incident) == (AlarmRaised, incident_of(PRESS))
    (alarm,) = car.shown.alarms
    assert (alarm.signals, alarm.stored) == (1, False)
    effects = car.take(Stored(places(told.message.id)), 3.0)
    assert of_type(effects, ConfirmPress) == [ConfirmPress("board", PRESS)]
    assert car.shown.alarms[0].stored


def test_so_it_is_in_the_incident_in_which_headquarters_has_it() -> None:
    car = Car()
    car.take(answer(1, status(PRESS, PRESS, SECOND)), 1.0)
    car.press(2.0, SECOND)
    message = sent(car)[-1]
    assert isinstance(message, AlarmSignalled)
    assert (message.incident, message.signal) == (incident_of(PRESS), 2)
    car.take(answer(2, cleared(PRESS, PRESS, SECOND)), 3.0)
    assert car.shown.alarms[0].cleared_by == "Novak", "no press is missing there"


def test_an_incident_is_not_cleared_while_headquarters_lacks_a_press_of_it_whatever_its_number() -> None:
    """Somebody tapped SOS before the crash, too: headquarters counts as many, and not this one."""
    car = Car()
    car.press()
    car.press(1.0, SECOND)
    car.take(answer(1, cleared(PRESS, PRESS, THIRD)), 2.0)
    assert not car.shown.alarms[0].cleared_by
    car.take(answer(2, cleared(PRESS, PRESS, SECOND, THIRD)), 3.0)
    assert (car.shown.alarms[0].cleared_by, car.shown.alarms[0].signals) == ("Novak", 3)


@pytest.mark.promise("P-PRESS-19")
def test_one_that_is_opened_again_is_shown_whenever_that_is() -> None:
    car = Car()
    car.press()
    stored(car).take(answer(1, cleared(PRESS, PRESS)), 1.0)
    car.take(Tick(), CLEARED_SHOWN_S + 2)
    assert car.shown.alarms == ()
    effects = car.take(answer(2, status(PRESS, PRESS, SECOND, age_s=700)), 800.0)
    (alarm,) = car.shown.alarms
    assert (alarm.incident, alarm.signals, alarm.received, alarm.trigger) == (incident_of(PRESS), 2, True, "button")
    assert alarm.pressed_mono_ns == 100 * 1_000_000_000
    assert of_type(effects, SaveEmergency)
    assert of_type(effects, ShowRung) == [ShowRung("received")]
    car.press(801.0, THIRD)
    (one,) = [effect.message for effect in of_type(car.effects, SendAlarm)][-1:]
    assert (one.incident, one.signal) == (incident_of(PRESS), 3), "what comes while it is open is a signal on it"


def test_one_that_has_ended_before_this_car_heard_of_it_is_not_shown() -> None:
    car = Car()
    car.take(answer(1, cleared(PRESS, PRESS)), 1.0)
    assert car.shown.alarms == ()


def test_an_answer_of_an_older_headquarters_shows_nothing_that_this_car_does_not_know() -> None:
    car = Car()
    car.take(answer(1, AlarmStatus(incident_of(PRESS), acknowledged_by="Novak", signals=1)), 1.0)
    assert car.shown.alarms == ()


def test_a_silent_one_is_shown_to_nobody_either() -> None:
    with_it, without_it = Car(), Car()
    effects = with_it.take(answer(1, status(PRESS, PRESS, silent=True, age_s=5)), 7.0)
    without_it.take(answer(1), 7.0)
    seen = snapshot(with_it.state, RULES, 8_000_000_000)
    assert [alarm.silent for alarm in seen.alarms] == [True]
    assert replace(seen, alarms=()) == snapshot(without_it.state, RULES, 8_000_000_000)
    assert [effect for effect in effects if isinstance(effect, Note | ShowRung)] == []


def test_a_disk_that_gives_its_alarms_late_finds_what_headquarters_has_told_of_them() -> None:
    saved = Car()
    saved.press()
    saved.take(Received((saved.state.emergency.alarms[0].raised_id,)), 1.0)
    after = Car(boot="boot-2")
    after.take(answer(4, status(PRESS, PRESS, acknowledged_by="Novak")), 3.0)
    assert [alarm.acknowledged_by for alarm in after.shown.alarms] == ["Novak"]
    after.take(Restored(stored(saved).state.emergency, None), 4.0)
    (alarm,) = after.shown.alarms
    assert (alarm.stored, alarm.received, alarm.acknowledged_by, alarm.signals) == (True, True, "Novak", 1)
    assert after.state.emergency.alarms[0].raised_id == saved.state.emergency.alarms[0].raised_id


@pytest.mark.promise("P-PRESS-19")
def test_what_was_tapped_on_the_screen_and_lost_is_shown_as_headquarters_has_it() -> None:
    before, after = Car(), Car()
    before.take(Commanded(RaiseAlarm()))
    (alarm,) = before.state.emergency.alarms
    after.take(Restored(Emergency(), None))
    told = AlarmStatus(
        alarm.incident, signals=1, presses=alarm.presses, kind=AlarmKind.REAL, trigger=Trigger.SCREEN, age_s=3
    )
    after.take(answer(1, told), 9.0)
    assert [(one.incident, one.trigger) for one in after.shown.alarms] == [(alarm.incident, "screen")]


def test_a_test_that_was_told_again_as_a_real_one_is_shown_as_one_press() -> None:
    car = Car()
    car.press()
    tried = tail_of(message_of_call(incident_of(PRESS), AlarmKind.TEST)).hex()
    car.take(answer(1, status(PRESS, PRESS, signals=1, presses=(*tails(PRESS), tried))), 1.0)
    assert car.shown.alarms[0].signals == 1


def in_store(car: Car, epoch: str) -> Car:
    car.take(HeartbeatHeard(Heartbeat(epoch=epoch, storing=True, attended=True)))
    return car


@pytest.mark.promise("P-PRESS-19")
def test_a_press_that_only_a_store_of_before_knew_of_is_told_again() -> None:
    car = in_store(Car(), "E")
    car.take(answer(1, status(PRESS, PRESS)))
    assert shown(car)[incident_of(PRESS)].received
    in_store(car, "F")
    assert not shown(car)[incident_of(PRESS)].received
    (message,) = sent(car)
    assert isinstance(message, AlarmRaised)
    assert (message.id, message.incident) == (message_of_call(incident_of(PRESS), AlarmKind.REAL), incident_of(PRESS))
    car.take(Received((message.id,)))
    assert shown(car)[incident_of(PRESS)].received


def test_one_of_which_nothing_can_be_told_any_more_does_not_keep_its_incident_open() -> None:
    car = in_store(Car(), "E")
    car.press()
    car.take(answer(1, status(PRESS, PRESS, SECOND)))
    in_store(car, "F")
    assert {message.id for message in sent(car)} == {message_of_call(incident_of(PRESS), AlarmKind.REAL)}
    car.take(StateDesired(DesiredState(revision=1, epoch="F", alarms=(cleared(PRESS, PRESS),))))
    assert shown(car)[incident_of(PRESS)].cleared_by == "Novak"


def test_an_incident_of_which_nothing_can_be_told_any_more_is_not_shown_until_headquarters_tells_of_it() -> None:
    car = in_store(Car(), "E")
    car.take(answer(1, status(PRESS, SECOND)))
    in_store(car, "F")
    assert (shown(car), sent(car)) == ({}, [])
    car.take(StateDesired(DesiredState(revision=1, epoch="F", alarms=(status(PRESS, SECOND),))))
    assert incident_of(PRESS) in shown(car)


@pytest.mark.promise("P-BEARER-07")
def test_an_answer_that_counts_no_press_proves_none_and_ends_nothing() -> None:
    car = Car()
    car.press()
    for told in (status(PRESS, signals=0, acknowledged_by="Novak"), cleared(PRESS, signals=0)):
        car.take(answer(1, told))
        alarm = shown(car)[incident_of(PRESS)]
        assert (alarm.received, alarm.taken, alarm.cleared_by) == (False, False, "")


def test_what_another_store_opens_again_is_received_by_that_one_only_as_far_as_it_says() -> None:
    car = in_store(Car(), "E")
    car.press()
    car.press(1.0, SECOND)
    stored(car).take(answer(1, cleared(PRESS, PRESS, SECOND)))
    car.take(Received(tuple(one.id for alarm in car.state.emergency.alarms for one in alarm.told)))
    assert shown(car)[incident_of(PRESS)].received
    in_store(car, "F")
    car.take(StateDesired(DesiredState(revision=1, epoch="F", alarms=(status(PRESS, PRESS),))))
    alarm = shown(car)[incident_of(PRESS)]
    assert (alarm.cleared_by, alarm.received) == ("", False)
