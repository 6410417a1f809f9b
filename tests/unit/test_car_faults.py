"""What the car finds wrong with itself, as its signals tell it and as the page says it."""

import pytest

from drivers.obd2 import AnswerDecoder, Target
from drivers.vss import LEAVES
from hal.readings import VehicleSignals
from terminal.core.channels import stale_after_ns
from terminal.core.vehicle import FAULTS, Vehicle, apply, faults
from terminal.screen.cells import Area
from terminal.screen.language import Language, Say
from terminal.screen.pages import car
from terminal.shown import CarFault, VehicleView

PATHS = [(fault, path) for fault, paths in FAULTS.items() for path in paths]
FOOT = Area(0, 0, 2, 50)


def told(**signals: bool | int) -> Vehicle:
    return apply(Vehicle(), VehicleSignals(source="can", mono_ns=0, signals=signals))


def test_every_fault_has_signals_and_every_signal_is_known() -> None:
    assert set(FAULTS) == set(CarFault)
    assert {path for _, path in PATHS} <= set(LEAVES)


@pytest.mark.parametrize(("fault", "path"), PATHS)
def test_each_signal_tells_its_fault_and_its_absence(fault: CarFault, path: str) -> None:
    is_count = LEAVES[path].datatype != "boolean"
    assert faults(told(**{path: 2 if is_count else True}), 0) == (fault,)
    assert faults(told(**{path: 0 if is_count else False}), 0) == ()


def test_what_is_not_known_or_too_old_is_neither_a_fault_nor_none() -> None:
    assert faults(told(**{"Vehicle.Speed": 50}), 0) is None
    low = told(**{PATHS[-1][1]: True})
    assert faults(low, stale_after_ns(VehicleSignals)) == (PATHS[-1][0],)
    assert faults(low, stale_after_ns(VehicleSignals) + 1) is None


def test_trouble_codes_are_counted_in_an_obd_answer_without_the_lamps_bit() -> None:
    decode = AnswerDecoder([Target(0x01, "codes", int)])
    assert decode(bytes.fromhex("0641018307650400")) == {"codes": 3}
    assert decode(bytes.fromhex("0641010007650400")) == {"codes": 0}


@pytest.mark.parametrize(
    ("known", "words", "tone"),
    [
        (None, "Faults: --", "dim"),
        ((), "Faults: none told", "title"),
        ((CarFault.TYRES, CarFault.FUEL), "Faults: tyres, fuel low", "warn"),
    ],
)
def test_the_page_says_no_more_than_the_car(known: tuple[CarFault, ...] | None, words: str, tone: str) -> None:
    box = car.faults(Say(Language.ENGLISH), VehicleView(faults=known), FOOT)
    assert (box.words, box.tone) == (words, tone)
