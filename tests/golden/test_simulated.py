"""The golden recordings of the simulated car are what the simulator makes, byte for byte, and what it tells live."""

import argparse
import asyncio
from itertools import takewhile
from pathlib import Path

import cantools
import pytest

from drivers import can_file, nmea_file
from drivers.candump import parse
from drivers.road_network import load
from drivers.simulated_car import DEFAULT_MAP, Moment, drive
from drivers.simulator import readings_of
from hal.clock import SystemClock
from hal.readings import AnyReading, Fix, VehicleSignals
from terminal.tools import simulate

GOLDEN = Path(__file__).parent
MAP = GOLDEN.parent.parent / "config" / "vehicles" / "simulator.toml"
SEED, DURATION_S = 2, 120
PLACES = {"lat_deg": 8, "lon_deg": 8, "speed_mps": 4, "track_deg": 8, "altitude_msl_m": 8}
"""To how many places the NMEA driver gives a value, at least; each is finer than the sentence that carries it."""


def simulated(*words: str) -> int:
    parser = argparse.ArgumentParser()
    simulate.add_arguments(parser)
    return simulate.run(parser.parse_args(words))


def moments() -> list[Moment]:
    return list(takewhile(lambda moment: moment.t_s < DURATION_S, drive(load(DEFAULT_MAP), SEED)))


def live() -> list[AnyReading]:
    start = simulate.START.timestamp()
    return [one for moment in moments() for one in readings_of(moment, "car", 0, round(start + moment.t_s, 6))]


def read(source: can_file.CanFile | nmea_file.NmeaFile) -> list[AnyReading]:
    async def all_of() -> list[AnyReading]:
        return [reading async for reading in source.readings()]

    return asyncio.run(all_of())


def test_the_golden_recordings_are_made_again_byte_for_byte(tmp_path: Path) -> None:
    nmea, can = tmp_path / "simulated.nmea", tmp_path / "simulated.log"
    options = ("--duration-s", str(DURATION_S), "--seed", str(SEED))
    assert simulated("--out-nmea", str(nmea), "--out-can", str(can), *options) == 0
    assert nmea.read_bytes() == (GOLDEN / "simulated.nmea").read_bytes()
    assert can.read_bytes() == (GOLDEN / "simulated.log").read_bytes()


def test_the_can_recording_decodes_to_what_the_simulator_tells() -> None:
    settings = can_file.Settings(path=GOLDEN / "simulated.log", vehicle=MAP)
    decoded = read(can_file.build("car", settings, SystemClock()))  # type: ignore[arg-type]  # it is a CanFile
    assert typed(decoded) == typed(live())


def typed(readings: list[AnyReading]) -> list[object]:
    """Times, values and the values' types, since 1 == 1.0 == True."""
    found = [one for one in readings if isinstance(one, VehicleSignals)]
    return [(one.t, {name: (type(value), value) for name, value in one.signals.items()}) for one in found]


def test_the_nmea_recording_decodes_to_what_the_simulator_tells() -> None:
    decoded = read(nmea_file.build("car", nmea_file.Settings(path=GOLDEN / "simulated.nmea"), SystemClock()))  # type: ignore[arg-type]  # it is an NmeaFile
    told = [one for one in live() if isinstance(one, Fix)]
    assert len(decoded) == len(told) == DURATION_S
    for ours, theirs in zip(told, decoded, strict=True):
        assert isinstance(theirs, Fix)
        assert (ours.mode, ours.utc, ours.satellites_used or 0) == (
            theirs.mode,
            theirs.utc,
            theirs.satellites_used or 0,
        )
        for name, places in PLACES.items():
            assert getattr(theirs, name) == pytest.approx(getattr(ours, name), abs=10**-places), name


def test_cantools_reads_every_frame_of_the_recording() -> None:
    database = cantools.database.load_file(MAP.with_suffix(".dbc"))
    for line in (GOLDEN / "simulated.log").read_text().splitlines():
        frame = parse(line)
        assert frame
        assert frame.data is not None
        assert database.decode_message(frame.key, frame.data)


def test_the_golden_drive_shows_all_that_a_car_does() -> None:
    states = [moment.state for moment in moments()]
    assert {state.phase for state in states} == {"parked", "starting", "patrol", "response", "arrival", "scene"}
    assert any(state.door_open for state in states)


def test_nothing_to_write_is_an_error_in_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert simulated("--duration-s", "1") == 2
    assert "nothing to write" in capsys.readouterr().err


def test_a_map_that_is_not_there_and_a_folder_that_is_not_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = str(tmp_path / "nowhere" / "x.nmea")
    assert simulated("--out-nmea", nowhere, "--map", nowhere) == 2
    assert simulated("--out-nmea", nowhere) == 1
    assert capsys.readouterr().err.count("nowhere") == 2
