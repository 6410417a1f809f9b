"""The technician's self-test: who gets in, what counts from then on, and that no silent alarm shows in it."""

import msgspec
import pytest

from hal.readings import ButtonHealth, LightbarState, SelfTestItem, VehicleSignals
from terminal.asked import CloseWorkshop, Examine, OpenWorkshop, RaiseAlarm, WorkshopCommand
from terminal.contract import pin
from terminal.contract.messages import AlarmStatus, DesiredState
from terminal.core import commands
from terminal.core.channels import PIN_PAUSE_S, WORKSHOP_OPEN_FOR_S, WRONG_PINS
from terminal.core.effects import CheckPin, Effect, MeasureDisk, TestBoards
from terminal.core.inputs import BoardsTested, Commanded, DiskMeasured, PinChecked, StateDesired, Tick
from terminal.core.workshop import BoardTest, WorkshopRules
from terminal.shown import BoardTestView, DiskView, LogInProblem, WorkshopView
from tests.unit.core_scene import RULES, Car
from tests.unit.silent_scene import HIDDEN, hidden

PIN = "471147"
WITH_PIN = msgspec.structs.replace(
    RULES, workshop=WorkshopRules(pin=pin.verifier(PIN)), boards=frozenset({"board", "hidden"})
)


class Bench(Car):
    """A car with a technician's PIN."""

    def __init__(self) -> None:
        super().__init__(rules=WITH_PIN)

    def asks(self, command: WorkshopCommand, at_s: float = 0.0) -> list[Effect]:
        return self.take(Commanded(command), at_s)

    def types(self, code: str, at_s: float = 0.0) -> None:
        """And the check of it, if there is one."""
        for effect in self.asks(OpenWorkshop(pin=code), at_s):
            assert isinstance(effect, CheckPin)
            assert self.view.checking
            self.take(PinChecked(pin.fits(effect.pin, self.rules.workshop.pin)), at_s)

    def refusal(self, command: WorkshopCommand) -> str | None:
        return commands.refusal(self.state, command, self.rules, round(self.now_s * 1e9))

    @property
    def view(self) -> WorkshopView:
        seen = self.shown.workshop
        assert seen is not None
        return seen


@pytest.fixture
def bench() -> Bench:
    car = Bench()
    car.types(PIN, 10.0)
    assert car.view.opened_mono_ns == 10_000_000_000
    return car


def signals(at_s: float, source: str = "can", **values: bool) -> VehicleSignals:
    return VehicleSignals(source=source, mono_ns=round(at_s * 1e9), signals={"Vehicle.Speed": 1.0} | values)


def test_without_a_pin_in_the_configuration_there_is_no_self_test() -> None:
    car = Car()
    assert car.shown.workshop is None
    assert "patrola config pin" in (commands.refusal(car.state, OpenWorkshop(pin=PIN), car.rules, 0) or "")
    assert car.take(Commanded(OpenWorkshop(pin=""))) == []


@pytest.mark.promise("P-HARD-08")
def test_wrong_pins_are_slowed_one_after_the_other_and_closing_forgets_none() -> None:
    car = Bench()
    for number in range(WRONG_PINS - 1):
        car.types("000000", number)
        assert car.view.problem is LogInProblem.WRONG_PIN
        car.asks(CloseWorkshop(), number)
    car.types("000000", 5.0)
    car.types(PIN, 6.0)
    assert (car.view.problem, car.view.opened_mono_ns) == (LogInProblem.PAUSED, None)
    car.types(PIN, 5.0 + PIN_PAUSE_S)
    assert car.view.opened_mono_ns is not None


def test_one_pin_is_checked_at_a_time() -> None:
    car = Bench()
    assert car.asks(OpenWorkshop(pin="1")) == [CheckPin("1")]
    assert car.asks(OpenWorkshop(pin="2")) == []
    car.asks(CloseWorkshop())
    car.take(PinChecked(True))
    assert car.view == WorkshopView(), "it was closed before the answer came"


@pytest.mark.promise("P-HARD-08")
def test_the_pin_is_neither_in_what_clients_see_nor_is_its_verifier(bench: Bench) -> None:
    shown = msgspec.json.encode(bench.shown)
    assert PIN.encode() not in shown
    assert bench.rules.workshop.pin.encode() not in shown


def test_it_closes_by_itself_and_by_hand(bench: Bench) -> None:
    bench.take(Tick(), 10.0 + WORKSHOP_OPEN_FOR_S)
    assert bench.view.opened_mono_ns is not None
    bench.take(Tick(), 11.0 + WORKSHOP_OPEN_FOR_S)
    assert bench.view == WorkshopView()
    bench.types(PIN, 9000.0)
    bench.asks(CloseWorkshop(), 9001.0)
    assert bench.view == WorkshopView()


def test_what_the_bus_and_the_lightbar_tell_is_counted_from_then_on(bench: Bench) -> None:
    bench.take(signals(11.0), 11.0)
    bench.take(signals(12.0, source="board"), 12.0)
    assert (bench.view.signals, bench.view.lights_on, bench.view.siren_on) == (1, False, False)
    bench.take(LightbarState(source="board", mono_ns=0, lights_on=True), 13.0)
    bench.take(LightbarState(source="board", mono_ns=0, lights_on=False), 14.0)
    assert (bench.view.lights_on, bench.view.siren_on) == (True, False)
    bench.asks(CloseWorkshop(), 15.0)
    bench.take(signals(16.0), 16.0)
    bench.types(PIN, 17.0)
    assert (bench.view.signals, bench.view.lights_on) == (0, False)


def test_the_disk_is_tried_once_at_a_time_and_an_answer_that_nobody_waits_for_is_nothing(bench: Bench) -> None:
    assert bench.asks(Examine(what="disk"), 20.0) == [MeasureDisk()]
    assert bench.asks(Examine(what="disk"), 21.0) == []
    assert bench.view.disk == DiskView(asked_mono_ns=20_000_000_000)
    bench.take(DiskMeasured(12.5), 22.0)
    assert bench.view.disk == DiskView(asked_mono_ns=20_000_000_000, sync_ms=12.5)
    assert bench.asks(Examine(what="disk"), 23.0) == [MeasureDisk()]
    bench.asks(CloseWorkshop(), 24.0)
    bench.take(DiskMeasured(None, "the disk is full"), 25.0)
    assert bench.view == WorkshopView()


def items(**results: str) -> tuple[SelfTestItem, ...]:
    return tuple(SelfTestItem(item, *result.split(":")) for item, result in results.items())


def test_what_the_boards_found_is_shown_by_its_name(bench: Bench) -> None:
    assert bench.asks(Examine(what="boards"), 20.0) == [TestBoards()]
    found = BoardTest(name="board", items=items(lamp="ok:1", adc="fail:430", all="fail:1"))
    gone = BoardTest(name="other", problem="there is no /dev/x", remedy="plug it in")
    bench.take(BoardsTested((found, gone)), 21.0)
    assert bench.view.boards == (
        BoardTestView(name="board", failed=("adc",)),
        BoardTestView(name="other", problem="there is no /dev/x", remedy="plug it in"),
    )


def test_nothing_is_tried_for_who_has_not_opened_it_nor_beside_an_alarm_that_the_lamp_shows(bench: Bench) -> None:
    assert Bench().asks(Examine(what="disk")) == []
    bench.take(Commanded(RaiseAlarm()), 20.0)
    assert "lamp" in (bench.refusal(Examine(what="boards")) or "")
    assert bench.asks(Examine(what="boards"), 20.0) == []
    assert bench.refusal(Examine(what="disk")) is None
    (alarm,) = bench.state.emergency.alarms
    ended = AlarmStatus(alarm.incident, cleared_by="Kos", reason="over")
    bench.take(StateDesired(DesiredState(revision=1, alarms=(ended,))), 21.0)
    assert bench.refusal(Examine(what="boards")) is None


@pytest.mark.promise("P-KIND-05")
def test_a_silent_alarm_changes_nothing_of_it() -> None:
    cars = [Bench(), Bench()]
    for car in cars:
        car.rest(1.0)
        car.rest(1.0, "hidden", hidden=True)
        car.types(PIN, 2.0)
        car.asks(Examine(what="disk"), 3.0)
    cars[0].take(hidden(4.0, HIDDEN[0]), 4.0)
    cars[0].take(hidden(9.0, HIDDEN[0], ButtonHealth.STUCK), 9.0)
    pressed = items(lamp="info:silent", button="fail:stuck", all="fail:1")
    rested = items(lamp="info:silent", button="ok:ok", all="ok:0")
    for car, found in zip(cars, (pressed, rested), strict=True):
        assert car.refusal(Examine(what="boards")) is None
        assert car.asks(Examine(what="boards"), 10.0) == [TestBoards()]
        car.take(BoardsTested((BoardTest(name="hidden", items=found),)), 11.0)
        car.take(signals(12.0), 12.0)
    assert cars[0].state.emergency.alarms
    assert cars[0].view == cars[1].view
    assert cars[0].view.boards == (BoardTestView(name="hidden"),)


def test_only_digits_of_a_good_length_can_be_a_technicians_pin() -> None:
    assert [pin.is_technicians(code) for code in ("471147", "12345", "1234567890123", "47114a", "", "٤٧١١٤٧")] == [
        True,
        *[False] * 5,
    ]
    kept = pin.verifier(PIN, pin.TECHNICIANS_COST)
    assert pin.is_verifier(kept)
    assert pin.fits(PIN, kept, pin.TECHNICIANS_COST)
    assert not pin.fits(PIN, kept), "the cost is part of it"
    assert not pin.is_verifier(PIN)
