"""Each press of an incident is proved by itself: on which disk, by whom received, and of which store."""

from typing import Any

import msgspec
import pytest

from hal.readings import Press
from terminal.asked import CancelAlarm, RaiseAlarm
from terminal.contract.identity import message_of_call
from terminal.contract.messages import AlarmRaised, AlarmSignalled, AlarmStatus, DesiredState, Heartbeat
from terminal.core import emergency
from terminal.core.alarm import rung
from terminal.core.effects import SaveEmergency, SendAlarm, StoreAlarm
from terminal.core.emergency import Emergency
from terminal.core.inputs import (
    Commanded,
    HeartbeatHeard,
    OutboxRepaired,
    Published,
    Received,
    Restored,
    StateDesired,
    Stored,
    Tick,
    Unreceipted,
)
from terminal.shown import PressView, Urgency
from tests.unit.core_scene import Car, fix, of_type, places


def raised_id(car: Car) -> str:
    return car.state.emergency.alarms[0].raised_id


def answered(incident: str, revision: int = 1, **answer: Any) -> StateDesired:
    return StateDesired(DesiredState(revision=revision, alarms=(AlarmStatus(incident, **answer),)))


@pytest.mark.promise("P-DISK-07")
def test_what_a_damaged_outbox_lost_goes_to_the_new_one_and_is_not_called_stored_until_it_is_there() -> None:
    car = Car()
    car.press()
    (alarm,) = car.state.emergency.alarms
    car.take(Stored(places(raised_id(car))), 1.0)
    car.take(Commanded(CancelAlarm(incident=alarm.incident)), 2.0)
    effects = car.take(OutboxRepaired("it was damaged"), 3.0)
    ids = [raised_id(car), car.state.emergency.alarms[0].message_ids[1]]
    assert sorted(effect.message.id for effect in of_type(effects, StoreAlarm)) == sorted(ids)
    assert sorted(effect.message.id for effect in of_type(effects, SendAlarm)) == sorted(ids)
    assert not car.shown.alarms[0].stored
    assert car.take(OutboxRepaired("it was damaged"), 3.5) == [], "told twice, done once"
    assert len(of_type(car.take(Tick(), 5.0), StoreAlarm)) == 2, "until the disk has them"
    car.take(Stored(places(*ids)), 6.0)
    assert car.shown.alarms[0].stored
    assert of_type(car.take(Tick(), 9.0), StoreAlarm) == []


def test_after_a_repair_and_a_restart_the_alarm_goes_out_and_to_the_disk() -> None:
    car = Car()
    car.press()
    car.take(Stored(places(raised_id(car))), 1.0)
    car.take(OutboxRepaired("it was damaged"), 2.0)
    after = Car(boot="boot-2")
    effects = after.take(Restored(car.state.emergency, None), 1.0) + after.take(Tick(), 3.0)
    for kind in (SendAlarm, StoreAlarm):
        assert [effect.message.id for effect in of_type(effects, kind)] == [raised_id(car)]


def under_way() -> tuple[Car, AlarmRaised]:
    """A car that has come some way, and its alarm, which is on disk."""
    car = Car()
    for second in range(30):
        car.take(fix(second, 46.05 + second / 1000), second)
    car.press(30.0)
    (told,) = of_type(car.effects, SendAlarm)
    car.take(Stored(places(told.message.id)), 30.1)
    assert isinstance(told.message, AlarmRaised)
    assert told.message.track
    return car, told.message


def on_disk_again(car: Car, at_s: float) -> list[Any]:
    return [effect.message for effect in of_type(car.take(OutboxRepaired("it was damaged"), at_s), StoreAlarm)]


@pytest.mark.promise("P-DISK-07")
def test_after_a_repair_the_alarm_is_on_disk_with_the_way_that_it_told() -> None:
    car, raised = under_way()
    assert on_disk_again(car, 31.0) == [raised]


def test_after_a_restart_and_a_repair_too() -> None:
    car, raised = under_way()
    saved = emergency.to_save(car.state.emergency, ())
    assert [message.track for message in saved.alarms[0].owed] == [()], "the outbox has it in full"
    after = Car(boot="boot-2")
    after.take(Restored(saved, None, owed=(raised,)), 1.0)
    assert on_disk_again(after, 2.0) == [raised]


def test_what_headquarters_has_is_not_told_again_after_a_repair_and_not_called_stored() -> None:
    car = Car()
    car.press()
    car.take(Stored(places(raised_id(car))), 1.0)
    car.take(Received((raised_id(car),)), 1.0)
    assert of_type(car.take(OutboxRepaired("it was damaged"), 2.0), StoreAlarm) == []
    assert (car.shown.alarms[0].stored, car.shown.alarms[0].received) == (False, True)


TAP = "0198c0de-0000-4000-8000-000000000001"


@pytest.mark.promise("P-PRESS-02", "P-PRESS-14")
def test_one_tap_is_one_press_however_often_it_is_given() -> None:
    car = Car()
    (sent,) = of_type(car.take(Commanded(RaiseAlarm(incident=TAP))), SendAlarm)
    assert sent.message.incident == TAP
    assert car.take(Commanded(RaiseAlarm(incident=TAP))) == []
    assert car.restarted(1.0).take(Commanded(RaiseAlarm(incident=TAP)), 2.0) == []
    other = TAP.replace("1", "2")
    (signal,) = of_type(car.take(Commanded(RaiseAlarm(incident=other))), SendAlarm)
    assert isinstance(signal.message, AlarmSignalled)
    assert car.take(Commanded(RaiseAlarm(incident=other))) == []
    assert [alarm.signals for alarm in car.shown.alarms] == [2]


def test_a_tap_that_a_core_forgot_is_the_same_message_when_it_is_given_again() -> None:
    sent = [of_type(Car().take(Commanded(RaiseAlarm(incident=TAP))), SendAlarm)[0].message for _ in range(2)]
    assert sent[0].id == sent[1].id, "headquarters knows it by that"


@pytest.mark.promise("P-PRESS-14")
@pytest.mark.parametrize("proof", ["disk", "headquarters"])
def test_a_press_is_kept_once_it_is_on_a_disk_here_or_there_and_not_before(proof: str) -> None:
    car = Car()
    car.take(Commanded(RaiseAlarm(incident=TAP)))
    (message_id,) = car.state.emergency.alarms[0].message_ids
    car.take(Published((message_id,)))
    assert car.shown.alarms[0].presses == (PressView(message_id, kept=False),)
    assert message_id == message_of_call(TAP, "real")
    car.take(Stored(places(message_id)) if proof == "disk" else Received((message_id,)))
    assert car.shown.alarms[0].presses == (PressView(message_id, kept=True),)


def beat(epoch: str, *, storing: bool = True) -> HeartbeatHeard:
    return HeartbeatHeard(Heartbeat(epoch=epoch, storing=storing, attended=True))


def received_and_taken() -> Car:
    """An alarm that is on disk, and at headquarters in the store "a"."""
    car = Car()
    car.take(beat("a"), 0.5)
    car.press(1.0)
    ids = car.state.emergency.alarms[0].message_ids
    for told in (Stored(places(*ids)), Published(ids), Received(ids)):
        car.take(told, 1.5)
    car.take(answered(car.state.emergency.alarms[0].incident, acknowledged_by="Novak", signals=1), 2.0)
    return car


@pytest.mark.promise("P-RECEIPT-07", "P-SHOW-02")
def test_what_another_store_had_is_not_called_received_of_the_one_that_is_there_now() -> None:
    car = received_and_taken()
    assert car.take(beat("a"), 50.0) == []
    car.take(beat("b", storing=False), 100.0)
    shown = [car.shown_at(at_s).alarms[0] for at_s in (104.9, 105.0, 120.0)]
    assert [(one.received, one.taken, one.received_by) for one in shown] == [(False, False, ())] * 3
    assert [one.urgency for one in shown] == [Urgency.NONE, Urgency.NOT_CONFIRMED, Urgency.USE_THE_RADIO]
    assert rung(car.state.emergency.alarms) == "sent"
    car.take(Received((raised_id(car),)), 121.0)
    assert (car.shown.alarms[0].received, car.shown.alarms[0].urgency) == (True, Urgency.NONE)


def test_so_it_is_when_core_learns_of_it_after_a_restart_before_or_after_the_disk_has_spoken() -> None:
    saved = msgspec.json.decode(msgspec.json.encode(received_and_taken().state.emergency), type=Emergency)
    for inputs in ([Restored(saved, None), beat("b")], [beat("b"), Restored(saved, None)]):
        after = Car(boot="boot-2")
        for told in inputs:
            after.take(told, 3.0)
        assert not after.shown.alarms[0].received
    same = Car(boot="boot-2")
    for told in (beat("a"), Restored(saved, None)):
        same.take(told, 3.0)
    assert same.shown.alarms[0].received


@pytest.mark.promise("P-RECEIPT-07")
def test_what_the_new_store_has_no_receipt_of_is_owed_again_over_every_bearer() -> None:
    car = received_and_taken()
    sent = of_type(car.effects, SendAlarm)[0].message
    assert car.state.emergency.alarms[0].owed == ()
    car.take(beat("b"), 100.0)
    assert of_type(car.take(Unreceipted((sent,)), 100.1), SaveEmergency)
    assert [message.id for message in car.state.emergency.alarms[0].owed] == [sent.id]
    assert car.take(Unreceipted((sent,)), 100.2) == []
    car.take(Received((sent.id,)), 101.0)
    car.take(Unreceipted((sent,)), 101.1)
    assert car.state.emergency.alarms[0].owed == (), "it has come meanwhile"


SECOND = Press("board-1", 7, 2)


def taken_and_pressed_again() -> Car:
    """An alarm that is on disk, at headquarters and taken, and a press at 200 s that is neither yet."""
    car = Car()
    car.press(1.0)
    ids = car.state.emergency.alarms[0].message_ids
    for told in (Stored(places(*ids)), Published(ids), Received(ids)):
        car.take(told, 1.5)
    car.take(answered(car.state.emergency.alarms[0].incident, acknowledged_by="Novak", signals=1), 2.0)
    assert rung(car.state.emergency.alarms) == "acknowledged"
    car.press(200.0, SECOND)
    return car


@pytest.mark.promise("P-SHOW-01")
def test_what_was_proved_of_one_press_is_not_shown_of_the_next() -> None:
    car = taken_and_pressed_again()
    car.take(Tick(), 201.5)
    shown = car.shown_at(204.9).alarms[0]
    assert (shown.stored, shown.store_failed, shown.sent, shown.received, shown.taken) == (False, True, *[False] * 3)
    assert (shown.sent_by, shown.received_by, shown.acknowledged_by) == ((), (), "Novak")
    assert rung(car.state.emergency.alarms) == "pressed"
    told = [car.shown_at(at_s).alarms[0].urgency for at_s in (204.9, 205.0, 219.9, 220.0)]
    assert told == [Urgency.NONE, Urgency.NOT_CONFIRMED, Urgency.NOT_CONFIRMED, Urgency.USE_THE_RADIO]


@pytest.mark.promise("P-SHOW-01")
def test_each_press_comes_up_the_ladder_by_itself() -> None:
    car = taken_and_pressed_again()
    (alarm,) = car.state.emergency.alarms
    signal = (alarm.told[1].id,)
    seen = []
    for told in (
        Stored(places(*signal)),
        Published(signal),
        Received(signal),
        answered(alarm.incident, 2, acknowledged_by="Novak", signals=2, untaken=True),
        answered(alarm.incident, 3, acknowledged_by="Novak", signals=2),
    ):
        car.take(told, 201.0)
        seen.append((rung(car.state.emergency.alarms), car.shown.alarms[0].taken))
    assert seen == [
        ("stored", False),
        ("sent", False),
        ("received", False),
        ("received", False),
        ("acknowledged", True),
    ]


@pytest.mark.promise("P-SHOW-01")
def test_the_first_press_is_waited_for_also_when_a_later_one_has_come_through() -> None:
    car = Car()
    car.press(100.0)
    car.press(117.0, SECOND)
    assert car.shown_at(120.0).alarms[0].urgency is Urgency.USE_THE_RADIO
    car.take(Received((car.state.emergency.alarms[0].told[1].id,)), 118.0)
    shown = car.shown_at(120.0).alarms[0]
    assert (shown.received, shown.urgency) == (False, Urgency.USE_THE_RADIO)


@pytest.mark.promise("P-RECEIPT-14")
def test_who_takes_it_knew_of_the_presses_that_headquarters_names_and_of_no_other() -> None:
    car = Car()
    car.press(1.0)
    car.press(2.0, SECOND)
    (alarm,) = car.state.emergency.alarms
    car.take(answered(alarm.incident, acknowledged_by="Novak", signals=2, presses=alarm.presses[1:]), 3.0)
    assert [one.known for one in car.state.emergency.alarms[0].told] == [False, True]
    assert not car.shown.alarms[0].received
    car.take(answered(alarm.incident, 2, acknowledged_by="Novak", signals=2, presses=alarm.presses), 4.0)
    assert (car.shown.alarms[0].received, car.shown.alarms[0].taken) == (True, True)


@pytest.mark.promise("P-SHOW-09")
def test_a_bearer_that_brought_one_press_is_not_said_to_have_brought_all() -> None:
    car = Car()
    car.press(1.0)
    car.press(2.0, SECOND)
    first, second = (one.id for one in car.state.emergency.alarms[0].told)
    car.take(Received((first,)), 3.0)
    assert car.shown.alarms[0].received_by == ()
    car.take(Received((second,), "sms"), 4.0)
    assert (car.shown.alarms[0].received, car.shown.alarms[0].received_by) == (True, ("sms",))


def test_after_another_boot_a_press_that_waits_is_long_ago() -> None:
    car = taken_and_pressed_again().restarted(3.0, "boot-2")
    assert car.shown_at(3.0).alarms[0].urgency is Urgency.USE_THE_RADIO
