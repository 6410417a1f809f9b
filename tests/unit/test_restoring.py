"""What was saved and what happened since become one emergency, in which nothing that is open is taken for ended."""

from msgspec.structs import replace

from terminal.core.alarm import Alarm
from terminal.core.emergency import Emergency
from terminal.core.ladder import Phase
from terminal.core.restoring import merged
from tests.unit.core_scene import RULES, Car


def pressed() -> tuple[Car, Alarm]:
    car = Car()
    car.press()
    return car, car.state.emergency.alarms[0]


def phase_of(car: Car, now: Alarm, saved: Alarm) -> Phase:
    (alarm,) = merged(Emergency(alarms=(now,)), Emergency(alarms=(saved,)), car.moment(0.0), RULES).alarms
    return alarm.phase


def test_the_one_that_came_further_counts() -> None:
    car, alarm = pressed()
    assert phase_of(car, alarm, replace(alarm, phase=Phase.RECEIVED)) is Phase.RECEIVED
    assert phase_of(car, replace(alarm, phase=Phase.ACKNOWLEDGED), alarm) is Phase.ACKNOWLEDGED


def test_the_same_press_told_again_after_its_clearance_is_open() -> None:
    car, alarm = pressed()
    assert phase_of(car, alarm, replace(alarm, phase=Phase.CLEARED)) is Phase.RAISED
