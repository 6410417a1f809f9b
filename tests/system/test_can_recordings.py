"""Real recordings decode to the signal values that the `cantools decode` command prints."""

import asyncio
import gzip
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

from drivers import can_file
from drivers.candump import parse
from drivers.signal_map import load_map
from drivers.signals import load_dbc
from hal.clock import SystemClock
from hal.readings import SignalValue

ROOT = Path(__file__).parent.parent.parent
RAV4 = ("comma2k19/derived_rav4_can0_can1.candump.log.gz", "opendbc/generated/toyota_new_mc_pt_generated.dbc")
COMMUTE = "css-electronics/derived_3BA199E2_00000164_obd2_gnss.candump.log.gz"
RECORDINGS = [
    pytest.param(*RAV4, ["--no-strict"], id="RAV4"),
    pytest.param(COMMUTE, "css-electronics/dbc/CSS-Electronics-OBD2-v1.4.dbc", [], id="commute, OBD-II"),
    pytest.param(COMMUTE, "css-electronics/dbc/canmod-gps.dbc", [], id="commute, CANmod"),
]
SAMPLES_PER_ID = 60
SIGNAL = re.compile(r"(\w+): (.*?)(?:, (?=\w+: )|$)")


def sampled(lines: list[str], mapped: frozenset[int]) -> list[str]:
    """Frames of every mapped id, evenly over the recording, and a few of the others."""
    by_id: dict[int, list[str]] = {}
    for line in lines:
        frame = parse(line)
        assert frame
        by_id.setdefault(frame.key, []).append(line)
    found: list[str] = []
    for key, own in by_id.items():
        found += own[:: max(1, len(own) // SAMPLES_PER_ID)] if key in mapped else own[:3]
    return found


def decoded_by_cantools(lines: list[str], dbc: Path, options: list[str]) -> list[dict[str, str] | None]:
    """Per line, signal to value as `cantools decode` prints it with its unit; None where it prints no signals."""
    command = [sys.executable, "-m", "cantools", "decode", "--single-line", *options, str(dbc)]
    printed = subprocess.run(command, input="".join(lines), capture_output=True, text=True, check=True).stdout
    found: list[dict[str, str] | None] = []
    for line in printed.splitlines():
        match = re.search(r" :: (\w+)\((.*)\)$", line)
        signals = SIGNAL.findall(match[2]) if match else []
        found.append({f"{match[1]}.{name}": value for name, value in signals} if match else None)
    return found


def same(ours: SignalValue, printed: str) -> bool:
    """Whether the printed value, which may have a unit after it, is ours to the last digit."""
    if isinstance(ours, str):
        return ours == printed
    number = printed.split(" ")[0]
    return number == str(ours) or (math.isnan(ours) and number == "nan")


def compare(lines: list[str], dbc: Path, options: list[str]) -> int:
    decoder, compared = load_dbc(dbc), 0
    for line, theirs in zip(lines, decoded_by_cantools(lines, dbc, options), strict=True):
        frame = parse(line)
        assert frame is not None
        assert frame.data is not None
        ours = decoder.decode_key(frame.key, frame.data)
        assert (ours or {}).keys() == (theirs or {}).keys(), line
        for name, value in (ours or {}).items():
            assert same(value, (theirs or {})[name]), f"{line} {name}: {value} is not {(theirs or {})[name]}"
            compared += 1
    return compared


def lines_of(path: Path) -> list[str]:
    with gzip.open(path, "rt") as file:
        return file.readlines()


@pytest.mark.parametrize(("log", "dbc", "options"), RECORDINGS)
def test_frames_of_every_id_decode_as_cantools_decodes_them(
    shared_data: Path, log: str, dbc: str, options: list[str]
) -> None:
    dbc_path = shared_data / "can" / dbc
    lines = sampled(lines_of(shared_data / "can" / log), load_dbc(dbc_path).keys)
    assert compare(lines, dbc_path, options) > 300


@pytest.mark.long
@pytest.mark.parametrize(("log", "dbc", "options"), RECORDINGS)
def test_the_whole_recording_decodes_as_cantools_decodes_it(
    shared_data: Path, log: str, dbc: str, options: list[str]
) -> None:
    assert compare(lines_of(shared_data / "can" / log), shared_data / "can" / dbc, options) > 100_000


async def history(settings: can_file.Settings) -> dict[str, list[SignalValue]]:
    values: dict[str, list[SignalValue]] = {}
    async for reading in can_file.build("can", settings, SystemClock()).readings():
        for name, value in reading.signals.items():
            values.setdefault(name, []).append(value)
    return values


def test_the_rav4_drives_as_its_recording_is_known_to(shared_data: Path, tmp_path: Path) -> None:
    log, dbc = (shared_data / "can" / name for name in RAV4)
    (tmp_path / dbc.name).write_bytes(dbc.read_bytes())
    vehicle = tmp_path / "toyota-rav4-example.toml"
    vehicle.write_text((ROOT / "config/vehicles" / vehicle.name).read_text())
    values = asyncio.run(history(can_file.Settings(path=log, vehicle=vehicle)))
    assert values.keys() == set(load_map_names(vehicle))
    assert 29 <= min(values["Vehicle.Speed"]) <= max(values["Vehicle.Speed"]) <= 74
    miles = [round(metres / 1609.344) for metres in values["Vehicle.TraveledDistance"]]
    assert (miles[0], miles[-1]) == (15589, 15590)
    assert set(values["Vehicle.Powertrain.Transmission.SelectedGear"]) == {127}
    assert set(values["Vehicle.Cabin.Door.Row1.DriverSide.IsOpen"]) == {False}
    assert set(values["Vehicle.Cabin.Seat.Row1.DriverSide.IsBelted"]) == {True}


def load_map_names(vehicle: Path) -> list[str]:
    assert load_map(vehicle).keys
    return re.findall(r'^"(Vehicle\.[\w.]+)"', vehicle.read_text(), re.MULTILINE)


def test_the_commutes_answers_give_plausible_signals_through_the_shipped_map(shared_data: Path) -> None:
    settings = can_file.Settings(path=shared_data / "can" / COMMUTE, vehicle=ROOT / "config/vehicles/obd2.toml")
    values = asyncio.run(history(settings))
    assert len(values["Vehicle.Speed"]) == 4785
    assert max(values["Vehicle.Speed"]) == 88
    assert values["Vehicle.Powertrain.CombustionEngine.Speed"][0] == 0
    assert 12 < values["Vehicle.LowVoltageBattery.CurrentVoltage"][-1] < 15
    assert values["Vehicle.Powertrain.FuelSystem.RelativeLevel"][0] == 55
