"""Half-open lines in real networks: both ends know, and say what is dead as far as they can know it."""

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from terminal.shown import Trouble
from tests.system import network
from tests.system.stalls import Cable, World, at_once, fifty_stalls

WITHIN_S = 20.0


@pytest.fixture(autouse=True)
def networks() -> None:
    problem = network.why_not()
    if problem:
        pytest.skip(problem)


@pytest.mark.promise("P-WATCH-02")
def test_a_cable_that_swallows_is_known_at_both_ends(tmp_path: Path) -> None:
    """Three cars' cables in one world, headquarters' own in another, all at the same time: each costs 20 s."""
    cars = [Cable("car1", True, True), Cable("car2", True, False), Cable("car3", False, True)]
    with World(tmp_path / "cars", "car1", "car2", "car3") as one, World(tmp_path / "hq", "car1") as other:
        with ThreadPoolExecutor(2) as threads:
            of_cars = threads.submit(at_once, one, [(cable, 0.0) for cable in cars])
            of_hq = threads.submit(other.stall, Cable("hq", False, True))
        known, (deaf,) = of_cars.result(), of_hq.result()
        assert [one.car_said for one in known] == [Trouble.HALF_OPEN] * 3
        assert [one.hq_said["cause"] for one in known] == ["unknown"] * 3
        assert not any(one.claimed for one in [*known, deaf])
        assert deaf.car_said in (Trouble.HQ_DEAF, Trouble.HQ_GONE), "its own line is sound"
        assert deaf.hq_said["event"] == "deaf"
        assert not other.watch.events("unit-offline"), "a headquarters that hears nothing calls no car silent"


@pytest.mark.promise("P-WATCH-01")
@pytest.mark.long
def test_fifty_random_stalls_are_known_at_both_ends_within_the_time(tmp_path: Path) -> None:
    known = fifty_stalls(tmp_path, random.Random(20))
    assert not any(one.claimed for one in known)
    assert max(one.by_hq_s for one in known) <= WITHIN_S
    assert max(one.by_car_s for one in known) <= WITHIN_S
