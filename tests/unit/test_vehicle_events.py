"""An airbag calls for help once: not by a glitch, not again while it is so, not again after a restart."""

import pytest
from msgspec.structs import replace

from hal.readings import VehicleSignals
from terminal.contract.messages import AlarmRaised, AlarmSignalled, Trigger
from terminal.core.alarm import AlarmRules
from terminal.core.effects import Effect, SaveEmergency, SendAlarm
from terminal.core.inputs import Restored, Tick
from tests.unit.core_scene import RULES, Car, of_type

AIRBAG = "Vehicle.Cabin.Seat.Row1.DriverSide.Airbag.IsDeployed"
ROLLOVER = "Vehicle.Police.Rollover.IsDetected"
WATCHED = replace(RULES, alarms=AlarmRules(vehicle_events=(AIRBAG, ROLLOVER), vehicle_event_for_s=0.2))


def told(car: Car, at_s: float, value: object = True, path: str = AIRBAG) -> list[Effect]:
    reading = VehicleSignals(source="can", mono_ns=round(at_s * 1e9), signals={path: value})  # type: ignore[dict-item]
    return car.take(reading, at_s)


def sent(effects: list[Effect]) -> list:
    return [effect.message for effect in of_type(effects, SendAlarm)]


def deployed(car: Car | None = None, at_s: float = 10.0, path: str = AIRBAG) -> tuple[Car, list]:
    car = car or Car(rules=WATCHED)
    effects = [*told(car, at_s, path=path), *told(car, at_s + 0.1, path=path), *told(car, at_s + 0.2, path=path)]
    return car, sent(effects)


@pytest.mark.promise("P-PRESS-16")
def test_it_is_off_unless_a_signal_is_named() -> None:
    assert deployed(Car())[1] == []


@pytest.mark.promise("P-PRESS-16")
def test_a_signal_that_stays_true_raises_one_alarm_that_says_which_it_was() -> None:
    car, (raised,) = deployed()
    assert isinstance(raised, AlarmRaised)
    assert (raised.trigger, raised.vehicle_event, raised.kind) == (Trigger.VEHICLE, AIRBAG, "real")
    assert [sent(told(car, at_s)) for at_s in (11.0, 600.0)] == [[], []]
    assert car.shown.alarms[0].vehicle_event == AIRBAG


@pytest.mark.parametrize(
    "values", [[True], [True, False, True, False, True], [False] * 5, [1, 1, 1, 1], ["true"] * 4], ids=repr
)
def test_a_glitch_or_a_value_that_is_neither_true_nor_false_raises_nothing(values: list[object]) -> None:
    car = Car(rules=WATCHED)
    assert [sent(told(car, 10.0 + 0.1 * number, value)) for number, value in enumerate(values)] == [[]] * len(values)


def test_a_bus_that_a_crash_has_silenced_right_after_its_word_calls_all_the_same() -> None:
    car = Car(rules=WATCHED)
    told(car, 10.0)
    assert [sent(car.take(Tick(), at_s)) for at_s in (10.5, 14.9)] == [[], []], "its next word may come as seldom"
    (raised,) = sent(car.take(Tick(), 15.1))
    assert (raised.trigger, raised.vehicle_event) == (Trigger.VEHICLE, AIRBAG)
    assert [sent(car.take(Tick(), at_s)) for at_s in (16.1, 600.0)] == [[], []], "once"
    assert sent(told(car, 601.0)) == []


def test_a_word_that_was_taken_back_calls_no_more_however_long_it_is_quiet_then() -> None:
    car = Car(rules=WATCHED)
    told(car, 10.0)
    told(car, 10.1, False)
    assert sent(car.take(Tick(), 600.0)) == []
    deployed(car, 700.0)
    told(car, 800.0, False)
    assert sent(car.take(Tick(), 900.0)) == []
    assert deployed(car, 901.0)[1] == [], "one word that it is over, and silence, is no end"


def test_without_a_time_to_stay_true_the_first_word_calls() -> None:
    car = Car(rules=replace(RULES, alarms=AlarmRules(vehicle_events=(AIRBAG,), vehicle_event_for_s=0)))
    assert len(sent(told(car, 10.0))) == 1


def test_it_calls_again_only_after_it_was_false_for_as_long() -> None:
    car, _ = deployed()
    for at_s, value in ((20.0, False), (20.1, True), (20.4, True)):
        assert sent(told(car, at_s, value)) == []
    told(car, 30.0, False)
    told(car, 30.2, False)
    (again,) = deployed(car, 40.0)[1]
    assert isinstance(again, AlarmSignalled), "the incident is still open"


def test_a_second_signal_of_the_same_crash_is_a_signal_on_its_incident() -> None:
    car, (raised,) = deployed()
    (signal,) = deployed(car, 11.0, ROLLOVER)[1]
    assert isinstance(signal, AlarmSignalled)
    assert (signal.incident, signal.vehicle_event) == (raised.incident, ROLLOVER)


def test_after_a_restart_an_airbag_that_has_called_calls_no_more() -> None:
    for boot in (None, "boot-2"):
        car = deployed()[0].restarted(50.0, boot)
        assert deployed(car, 60.0)[1] == []


def test_a_crash_of_core_as_it_calls_leads_to_the_same_incident() -> None:
    car = Car(rules=WATCHED)
    assert of_type(told(car, 10.0), SaveEmergency)
    before = car.restarted(10.1)
    told(car, 10.1)
    (raised,) = sent(told(car, 10.2))
    (again,) = deployed(before, 12.0)[1]
    assert again.incident == raised.incident


def test_a_flickering_signal_costs_one_commit() -> None:
    car = Car(rules=WATCHED)
    effects = [one for number in range(100) for one in told(car, 10.0 + number / 10, number % 2 == 0)]
    assert len(of_type(effects, SaveEmergency)) == 1


def test_what_the_disk_gives_late_counts_too() -> None:
    saved = deployed()[0].state.emergency
    car = Car(rules=WATCHED)
    told(car, 50.0)
    car.take(Restored(saved, None), 50.1)
    assert sent(told(car, 50.3)) == []
