"""A real press is never taken for a test: whatever is not surely pressed in the armed window is real."""

from collections.abc import Callable
from itertools import count

import pytest

from hal.readings import Press, SourceHealth
from terminal.asked import ArmButton, RaiseAlarm
from terminal.contract.messages import AlarmKind, AlarmRaised
from terminal.core.channels import ASKED_WITHIN_S
from terminal.core.effects import SendAlarm
from terminal.core.inputs import Commanded, Restored, Tick
from terminal.shown import ArmedView
from tests.unit.core_scene import RULES, Car, of_type

TEST, REAL, EXERCISE = AlarmKind.TEST, AlarmKind.REAL, AlarmKind.EXERCISE
ENDS_S = 10.0 + RULES.alarms.armed_for_s
NUMBERS = count(1)


def arm(at_s: float = 10.0, asked_s: float | None = None, **fields: object) -> Commanded:
    asked_ns = round((at_s if asked_s is None else asked_s) * 1e9)
    return Commanded(ArmButton(asked_mono_ns=asked_ns, **fields))  # type: ignore[arg-type]


def tick(car: Car, *at_s: float) -> None:
    for one in at_s:
        car.take(Tick(), one)


def armed(car: Car | None = None, **fields: object) -> Car:
    """A car whose window is open since 12 s."""
    car = car or Car()
    car.rest(1.0)
    car.take(arm(**fields), 10.0)
    tick(car, 11.0, 12.0)
    return car


def kind_of(car: Car, at_s: float = 12.5, **press: object) -> AlarmKind:
    """What a press that there has not been before is taken for."""
    (sent,) = of_type(car.press(at_s, Press("board-1", 7, next(NUMBERS)), **press), SendAlarm)  # type: ignore[arg-type]
    return AlarmKind(sent.message.kind)


@pytest.mark.promise("P-KIND-02")
def test_a_press_in_the_open_window_is_what_it_was_armed_for_and_the_next_one_is_real() -> None:
    for kind in ("test", "exercise"):
        car = armed(kind=kind)
        assert car.shown.armed == ArmedView(kind=kind, silent=False, is_open=True, until_mono_ns=round(ENDS_S * 1e9))
        assert kind_of(car) == kind
        assert car.shown.armed is None
        assert kind_of(car, 12.6) is REAL


def test_a_board_that_tells_its_test_press_again_has_not_been_pressed_again() -> None:
    car = armed()
    press = Press("board-1", 7, 1)
    car.press(12.5, press)
    assert car.press(12.7, press) == []
    assert [alarm.kind for alarm in car.state.emergency.alarms] == [TEST]


def gone_and_back(car: Car) -> None:
    car.take(SourceHealth(source="board", mono_ns=0, up=False, problem="gone"), 12.1)
    car.rest(12.2)


NOT_ARMED: dict[str, tuple[Callable[[], Car], float]] = {
    "nobody armed it": (Car, 1.0),
    "before the window opens": (lambda: _ticked(11.0), 11.5),
    "after its end, before a tick": (
        lambda: _ticked(11.0, 12.0, 13.4, 14.8, 16.2, 17.6, 19, 20.4, 21.8, 23.2, 24.6),
        25.1,
    ),
    "core was away while it opened": (lambda: _ticked(11.0, 13.0), 13.1),
    "core was away before the press": (lambda: _ticked(11.0, 12.0), 13.6),
    "the board went and came back": (lambda: _after(gone_and_back), 12.5),
    "core restarted": (lambda: armed().restarted(12.2), 12.5),
    "it held a press when it was armed": (lambda: _pressed_before(), 12.5),
    "its board was not there": (lambda: _without_board(), 12.5),
    "the hidden button was armed": (lambda: _hidden_armed(), 12.5),
    "the tap came late": (lambda: armed(asked_s=10.0 - ASKED_WITHIN_S - 0.1), 12.5),
    "the tap came from the future": (lambda: armed(asked_s=10.1), 12.5),
}


def _ticked(*at_s: float) -> Car:
    car = Car()
    car.rest(1.0)
    car.take(arm(), 10.0)
    tick(car, *at_s)
    return car


def _after(happened: Callable[[Car], None]) -> Car:
    car = armed()
    happened(car)
    return car


def _pressed_before() -> Car:
    car = Car()
    car.rest(1.0)
    car.press(9.9, Press("board-1", 7, 1000))
    car.take(arm(), 10.0)
    tick(car, 11.0, 12.0)
    return car


def _without_board() -> Car:
    car = Car()
    car.rest(1.0)
    car.take(SourceHealth(source="board", mono_ns=0, up=False, problem="gone"), 9.0)
    car.take(arm(), 10.0)
    car.rest(10.5)
    tick(car, 11.0, 12.0)
    return car


def _hidden_armed() -> Car:
    car = Car()
    car.rest(1.0, "hidden", hidden=True)
    return armed(car, silent=True)


@pytest.mark.promise("P-KIND-02")
@pytest.mark.parametrize(("car", "at_s"), NOT_ARMED.values(), ids=NOT_ARMED.keys())
def test_whatever_is_in_doubt_is_real(car: Callable[[], Car], at_s: float) -> None:
    assert kind_of(car(), at_s) is REAL


def test_a_real_press_that_is_told_while_the_window_opens_closes_it() -> None:
    car = _ticked(11.0)
    assert kind_of(car, 11.5) is REAL
    tick(car, 12.0)
    assert kind_of(car, 12.5) is REAL


@pytest.mark.promise("P-KIND-04")
def test_a_test_press_that_a_crash_made_core_forget_is_told_again_as_real_and_the_incident_is_real_everywhere() -> None:
    before = armed()
    press = Press("board-1", 7, 1)
    before.press(12.5, press)
    late = Car(rules=before.rules)
    late._numbers = before._numbers
    late.press(20.0, press)
    late.take(Restored(before.state.emergency, None), 21.0)
    (alarm,) = late.state.emergency.alarms
    assert alarm.kind is REAL
    assert [type(message) for message in alarm.unstored] == [AlarmRaised, AlarmRaised]


@pytest.mark.promise("P-KIND-03")
def test_tests_and_exercises_are_incidents_of_their_own_beside_a_real_one_in_any_order() -> None:
    for kinds in (("test", "real", "exercise"), ("real", "exercise", "test"), ("exercise", "test", "real")):
        car = Car()
        for kind in kinds:
            car.take(Commanded(RaiseAlarm(kind=kind)))  # type: ignore[arg-type]
        assert [alarm.kind for alarm in car.state.emergency.alarms] == list(kinds)
        assert [alarm.signals for alarm in car.state.emergency.alarms] == [1, 1, 1]


def test_a_test_of_the_hidden_button_shows_nothing_but_its_window_which_ends_with_its_time() -> None:
    car = _hidden_armed()
    shown = car.shown.armed
    assert kind_of(car, source="hidden", hidden=True) is TEST
    assert car.shown.armed == shown
    assert kind_of(car, 12.6, source="hidden", hidden=True) is REAL
    assert [alarm.silent for alarm in car.state.emergency.alarms] == [True, True]
