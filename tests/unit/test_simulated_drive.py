"""The simulated car drives as a car does, and the same way for the same seed."""

from itertools import groupby, islice, pairwise
from math import cos, hypot, radians
from pathlib import Path

import msgspec
import pytest

from drivers import simulated_powertrain as powertrain
from drivers.nmea_writer import sentences
from drivers.road_network import EARTH_RADIUS_M, RoadNetwork, load
from drivers.simulated_car import DEFAULT_MAP, Moment, drive
from drivers.simulated_drive import (
    CAUTION,
    COMFORTABLE_BRAKING_MPS2,
    HARDEST_BRAKING_MPS2,
    URGENCY,
    URGENT_ACCELERATION_MPS2,
    DriveState,
    SimulatedDrive,
)
from drivers.simulated_receiver import Epoch
from hal.errors import ConfigError
from hal.readings import FixMode
from terminal.tools.simulate import START

TICK_S = 0.1
HALF_AN_HOUR = 18_000
SEEDS = (1, 2, 7)


@pytest.fixture(scope="module")
def network() -> RoadNetwork:
    return load(DEFAULT_MAP)


@pytest.fixture(scope="module", params=SEEDS)
def states(network: RoadNetwork, request: pytest.FixtureRequest) -> list[DriveState]:
    car = SimulatedDrive(network, request.param)
    return [car.step(TICK_S) for _ in range(HALF_AN_HOUR)]


def metres(first: DriveState, second: DriveState) -> float:
    m_per_deg = radians(EARTH_RADIUS_M)
    east_m = (second.lon_deg - first.lon_deg) * m_per_deg * cos(radians(first.lat_deg))
    return hypot(east_m, (second.lat_deg - first.lat_deg) * m_per_deg)


def test_the_same_seed_drives_the_same_and_another_does_not(network: RoadNetwork) -> None:
    def drives(seed: int) -> list[Moment]:
        return list(islice(drive(network, seed), 3000))

    assert drives(1) == drives(1)
    assert drives(1) != drives(2)


def test_it_accelerates_and_brakes_as_a_car_can(states: list[DriveState]) -> None:
    for before, after in pairwise(states):
        change = (after.speed_mps - before.speed_mps) / TICK_S
        assert -HARDEST_BRAKING_MPS2 - 1e-9 <= change <= URGENT_ACCELERATION_MPS2 + 1e-9


def test_it_moves_as_fast_as_it_says(states: list[DriveState]) -> None:
    for before, after in pairwise(states):
        mean_mps = (before.speed_mps + after.speed_mps) / 2
        assert metres(before, after) <= mean_mps * TICK_S + 0.01
        assert after.odometer_m - before.odometer_m == pytest.approx(mean_mps * TICK_S, abs=1e-6)


def test_it_keeps_the_limit_but_for_an_emergency(states: list[DriveState]) -> None:
    calm = 0
    for state in states:
        calm = 0 if state.siren_on else calm + 1
        if calm * TICK_S > 15:
            assert state.speed_mps <= state.limit_mps * CAUTION + 0.5, state
        assert state.speed_mps <= state.limit_mps * URGENCY + 0.5, state


def test_an_emergency_is_faster_than_the_limit(states: list[DriveState]) -> None:
    assert any(state.speed_mps > state.limit_mps for state in states if state.siren_on)


def test_it_turns_no_sharper_than_tyres_hold(states: list[DriveState]) -> None:
    for before, after in zip(states, states[10:], strict=False):
        turned_rad = radians(abs((after.track_deg - before.track_deg + 180) % 360 - 180))
        assert turned_rad * after.speed_mps <= 8, (before, after)


def test_it_sees_a_day_s_work_in_half_an_hour(states: list[DriveState]) -> None:
    assert {state.phase for state in states} >= {"parked", "starting", "patrol", "response", "arrival", "scene"}
    assert {state.ignition for state in states} == {"OFF", "ON", "START"}
    assert len({state.road for state in states}) > 5
    assert max(state.speed_mps for state in states) > 20


def test_it_waits_at_a_stop_sign_and_goes_on(states: list[DriveState]) -> None:
    patrols = [
        [state.standing for state in run] for phase, run in groupby(states, lambda one: one.phase) if phase == "patrol"
    ]
    changes = [[standing for standing, _ in groupby(patrol)] for patrol in patrols]
    assert any(change[-3:] == [False, True, False] or change[-4:-1] == [False, True, False] for change in changes)


def test_it_halts_without_throwing_its_crew_about(states: list[DriveState]) -> None:
    for before, after in pairwise(states):
        if before.phase == after.phase == "arrival":
            assert before.speed_mps - after.speed_mps <= COMFORTABLE_BRAKING_MPS2 * TICK_S + 1e-9


def test_what_it_says_fits_together(states: list[DriveState]) -> None:
    for state in states:
        if not state.standing:
            assert state.engine_running
            assert not state.door_open
            assert 1 <= state.gear <= len(powertrain.RATIOS)
        if state.engine_running:
            assert state.ignition == "ON"
            assert powertrain.IDLE_RPM <= state.rpm < 6500
        if state.ignition == "OFF":
            assert state.rpm == 0
        assert state.lights_on or not state.siren_on


def test_fuel_goes_down_at_the_rate_of_a_car(states: list[DriveState]) -> None:
    assert all(after.fuel_l <= before.fuel_l for before, after in pairwise(states))
    used_l, driven_km = states[0].fuel_l - states[-1].fuel_l, (states[-1].odometer_m - states[0].odometer_m) / 1000
    assert 4 < used_l / driven_km * 100 < 25


def test_an_empty_tank_is_filled_only_while_parked() -> None:
    engine = powertrain.Powertrain(fuel_l=powertrain.RESERVE_L - 1)
    engine.step(1, 20, 0, running=True, starter=False)
    assert engine.fuel_l < powertrain.RESERVE_L
    engine.step(1, 0, 0, running=False, starter=False)
    assert engine.fuel_l == powertrain.TANK_L


def test_gears_do_not_hunt() -> None:
    engine = powertrain.Powertrain(fuel_l=50)
    gears = []
    for tick in range(200):
        engine.step(TICK_S, powertrain.UP_MPS[2] + (0.5 if tick % 2 else -0.5), 0, running=True, starter=False)
        gears.append(engine.gear)
    assert len(set(gears[5:])) == 1


def test_lightbar_is_told_when_it_changes_only(network: RoadNetwork) -> None:
    told = [moment.lightbar for moment in islice(drive(network, 1), HALF_AN_HOUR) if moment.lightbar]
    assert len(told) > 3
    assert all(before != after for before, after in pairwise(told))


def test_minutes_never_round_up_to_sixty() -> None:
    epoch = Epoch(FixMode.FIX_3D, -(46 - 1e-9), 9.999999999, 0.0, None, 78.0)
    assert ",4600.00000,S,01000.00000,E," in sentences(epoch, START)


def test_a_receiver_without_a_fix_gives_no_position() -> None:
    rmc, gsa, gga = sentences(Epoch(FixMode.NO_FIX), START).split("\r\n")[:3]
    assert rmc.startswith("$GPRMC,060000.00,V,,,,,,,040526,")
    assert gga.startswith("$GPGGA,060000.00,,,,,0,00,")
    assert gsa.startswith("$GPGSA,A,1,,,")


MAP = {
    "name": "two",
    "start": "a",
    "nodes": {"a": {"lat_deg": 45.0, "lon_deg": 20.0}, "b": {"lat_deg": 45.002, "lon_deg": 20.0}},
    "roads": [{"name": "Road", "limit_kph": 50, "between": ["a", "b"]}],
}


def test_at_the_end_of_a_road_it_turns_round(tmp_path: Path) -> None:
    path = tmp_path / "two.json"
    path.write_bytes(msgspec.json.encode(MAP))
    car = SimulatedDrive(load(path), 1)
    tracks = {round(car.step(TICK_S).track_deg) % 360 for _ in range(3000)}
    assert tracks == {0, 180}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"start": "x"}, 'start leads to "x", and the nodes are a, b'),
        ({"roads": [{"name": "R", "limit_kph": 50, "between": ["a", "x"]}]}, 'R leads to "x"'),
        ({"roads": [{"name": "R", "limit_kph": 0, "between": ["a", "b"]}]}, "is no map: Expected `float` > 0"),
        ({"roads": []}, "no road leads to a, b"),
        ({"rods": []}, "unknown field `rods`"),
        ({"roads": [{"name": "R", "limit_kph": 50, "between": ["a", "a"]}]}, "R has two points in one place"),
    ],
)
def test_a_map_that_is_none_is_refused_with_its_reason(tmp_path: Path, change: dict[str, object], says: str) -> None:
    path = tmp_path / "map.json"
    path.write_bytes(msgspec.json.encode(MAP | change))
    with pytest.raises(ConfigError, match=f"map.json: .*{says}.*; config/maps/README.md"):
        load(path)


def test_a_map_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(tmp_path / "none.json")
