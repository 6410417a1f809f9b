"""What was saved and what happened since become one emergency, in which nothing that is open is taken for ended."""

from typing import Any

from msgspec.structs import replace

from terminal.asked import CancelAlarm
from terminal.core.alarm import Alarm, Pressed
from terminal.core.emergency import Emergency
from terminal.core.inputs import Commanded
from terminal.core.ladder import Phase
from terminal.core.restoring import merged
from terminal.core.state import State
from tests.unit.core_scene import PRESS, RULES, Car

LATER = replace(PRESS, number=2)


def pressed() -> tuple[Car, Alarm]:
    car = Car()
    car.press()
    return car, car.state.emergency.alarms[0]


def joined(car: Car, now: Alarm, saved: Alarm) -> Alarm:
    (alarm,) = merged(Emergency(alarms=(now,)), Emergency(alarms=(saved,)), car.moment(0.0), RULES).alarms
    return alarm


def proved(alarm: Alarm, **facts: Any) -> Alarm:
    """The alarm, or its only press, with these facts."""
    (press,) = alarm.told
    of_press = {name: value for name, value in facts.items() if name in Pressed.__struct_fields__}
    others = {name: value for name, value in facts.items() if name not in of_press}
    return replace(alarm, told=(replace(press, **of_press),), **others)


def phase_of(car: Car, now: Alarm, saved: Alarm) -> Phase:
    return joined(car, now, saved).phase


def cancelled(car: Car) -> Alarm:
    (alarm,) = car.state.emergency.alarms
    car.take(Commanded(CancelAlarm(incident=alarm.incident)), 2.0)
    return car.state.emergency.alarms[0]


def test_the_one_that_came_further_counts() -> None:
    car, alarm = pressed()
    assert phase_of(car, alarm, replace(alarm, phase=Phase.RECEIVED)) is Phase.RECEIVED
    assert phase_of(car, replace(alarm, phase=Phase.ACKNOWLEDGED), alarm) is Phase.ACKNOWLEDGED


def test_a_press_told_again_after_its_clearance_is_no_new_one() -> None:
    car, alarm = pressed()
    assert phase_of(car, alarm, replace(alarm, phase=Phase.CLEARED)) is Phase.CLEARED


def test_a_press_that_came_after_the_clearance_opens_the_alarm() -> None:
    car, saved = pressed()
    car.press(1.0, LATER)
    (now,) = car.state.emergency.alarms
    cleared = proved(saved, phase=Phase.CLEARED, received_by=("mqtt",))
    alarm = joined(car, now, cleared)
    assert (alarm.phase, alarm.signals, alarm.received) == (Phase.RAISED, 2, False)


def test_what_headquarters_has_said_since_is_newer_than_what_was_saved() -> None:
    car, alarm = pressed()
    for saved in (Phase.ACKNOWLEDGED, Phase.CLEARED):
        told = proved(alarm, phase=Phase.RECEIVED, received_by=("mqtt",), answered=True)
        assert phase_of(car, told, replace(alarm, phase=saved)) is Phase.RECEIVED


def test_what_only_one_of_them_proves_is_proved() -> None:
    car, alarm = pressed()
    sent = proved(alarm, sent_by=("mqtt",), pressed_mono_ns=5, mono_ns=5)
    received = proved(alarm, received_by=("sms",), stored=True)
    both = joined(car, sent, received)
    assert (both.stored, both.sent, both.received, both.pressed_mono_ns) == (True, True, True, 0)
    (one,) = both.told
    assert (one.sent_by, one.received_by, one.mono_ns) == (("mqtt",), ("sms",), 0)


def test_a_cancellation_outlives_the_press_told_again_and_not_a_later_one() -> None:
    car, now = pressed()
    saved = cancelled(car)
    assert joined(car, now, saved).cancelled
    again = Car()
    again.press()
    again.press(1.0, LATER)
    alarm = joined(again, again.state.emergency.alarms[0], saved)
    assert (alarm.signals, alarm.cancelled) == (2, False)
    restored = Car(State(duty=again.state.duty, emergency=Emergency(alarms=(alarm,))))
    assert cancelled(restored).cancelled_signals == 2, "the crew may say so anew"


def test_a_cancellation_speaks_of_no_press_that_only_the_disk_knew() -> None:
    car, _alarm = pressed()
    car.press(1.0, LATER)
    (saved,) = car.state.emergency.alarms
    again, _ = pressed()
    both = joined(car, cancelled(again), saved)
    assert (both.signals, both.cancelled_signals, both.cancelled) == (2, 1, False), "as at headquarters"
    assert len({message.id for message in both.unstored}) == 3


def test_presses_that_were_given_one_number_are_two() -> None:
    saved, now = Car(), Car()
    for car, later in ((saved, LATER), (now, replace(LATER, number=3))):
        car.press()
        car.press(1.0, later)
    alarm = joined(now, now.state.emergency.alarms[0], saved.state.emergency.alarms[0])
    assert (len(alarm.presses), alarm.signals) == (3, 3)
