"""`patrola sense` writes one reading a line, merged by time and the same from the same files."""

import argparse
import asyncio
import json
import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.readings import AnyReading, Fix, FixMode, LightbarState, VehicleSignals
from terminal.tools import sense
from terminal.tools.sense_output import as_json, as_row

GOLDEN = Path(__file__).parent.parent / "golden"
GNSS, CAN, MAP = str(GOLDEN / "drive.nmea"), str(GOLDEN / "car.log"), str(GOLDEN / "car.toml")


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    sense.add_arguments(parser)
    return sense.run(parser.parse_args(arguments))


def vehicle(t: float | None, number: int = 0) -> VehicleSignals:
    return VehicleSignals(source="can", mono_ns=number, t=t, signals={"Vehicle.Speed": 1.0})


def test_a_line_names_kind_source_and_time_first_and_leaves_out_what_is_not_known() -> None:
    fix = Fix(source="gnss", mono_ns=5, t=1.5, mode=FixMode.FIX_2D, lat_deg=45.0, lon_deg=19.0)
    assert as_json(fix) == '{"kind":"fix","source":"gnss","t":1.5,"mode":2,"lat_deg":45.0,"lon_deg":19.0}'


def test_false_and_zero_are_known() -> None:
    lightbar = LightbarState(source="board", mono_ns=5, lights_on=False)
    assert as_json(lightbar) == '{"kind":"lightbar","source":"board","lights_on":false}'


def test_a_signal_that_is_no_number_does_not_break_the_json() -> None:
    line = as_json(VehicleSignals(source="can", mono_ns=5, signals={"A.B": math.nan, "A.C": 1}))
    assert json.loads(line)["signals"] == {"A.B": None, "A.C": 1}


def test_a_row_of_the_table_has_the_signals_by_name() -> None:
    row = as_row(vehicle(1700000000.25))
    assert row.split() == ["2023-11-14", "22:13:20.250", "can", "vehicle", "Vehicle.Speed=1.0"]
    assert as_row(vehicle(None)).startswith("- ")


async def stream(readings: list[VehicleSignals]) -> AsyncIterator[AnyReading]:
    for reading in readings:
        yield reading


def merge(*streams: list[VehicleSignals]) -> list[AnyReading]:
    async def read() -> list[AnyReading]:
        return [reading async for reading in sense.merged([stream(readings) for readings in streams])]

    return asyncio.run(read())


TIMES = st.lists(st.one_of(st.none(), st.integers(0, 20).map(float)), max_size=10)


@given(TIMES, TIMES)
def test_merging_loses_nothing_and_keeps_each_streams_order(one: list[float | None], other: list[float | None]) -> None:
    first = [vehicle(t, number) for number, t in enumerate(one)]
    second = [vehicle(t, 100 + number) for number, t in enumerate(other)]
    found = merge(first, second)
    assert [reading for reading in found if reading.mono_ns < 100] == first
    assert [reading for reading in found if reading.mono_ns >= 100] == second


@given(TIMES, TIMES)
def test_ordered_streams_merge_in_the_order_of_time(one: list[float | None], other: list[float | None]) -> None:
    streams = [[vehicle(t) for t in sorted(t for t in times if t is not None)] for times in (one, other)]
    times = [reading.t for reading in merge(*streams)]
    assert times == sorted(times)


def test_readings_of_one_time_come_in_the_order_of_the_sources() -> None:
    assert [reading.mono_ns for reading in merge([vehicle(1, 1), vehicle(2, 2)], [vehicle(1, 3), vehicle(2, 4)])] == [
        1,
        3,
        2,
        4,
    ]


def test_a_reading_without_a_time_stays_where_it_stood() -> None:
    found = merge([vehicle(5, 1), vehicle(None, 2), vehicle(9, 3)], [vehicle(6, 4)])
    assert [reading.mono_ns for reading in found] == [1, 2, 4, 3]


@pytest.mark.promise("P-FLOW-04")
def test_the_golden_drive_gives_the_golden_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--gnss", GNSS, "--json") == sense.OK
    assert capsys.readouterr().out == (GOLDEN / "drive.jsonl").read_text()


def test_two_recordings_are_shown_together_and_again_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    outputs = []
    for _ in range(2):
        assert run("--gnss", GNSS, "--can", CAN, "--vehicle", MAP, "--json") == sense.OK
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]
    lines = [json.loads(line) for line in outputs[0].splitlines()]
    assert {line["kind"] for line in lines} == {"fix", "vehicle"}
    times = [line["t"] for line in lines if "t" in line]
    assert times == sorted(times)


def test_at_a_pace_the_lines_are_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--gnss", GNSS, "--json", "--speed", "10000") == sense.OK
    assert capsys.readouterr().out == (GOLDEN / "drive.jsonl").read_text()


def test_a_dbc_alone_shows_signals_by_its_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--can", CAN, "--dbc", str(GOLDEN / "car.dbc"), "--json") == sense.OK
    assert "MOTION.Speed" in json.loads(capsys.readouterr().out.splitlines()[0])["signals"]


def test_damage_is_told_after_all_that_was_readable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "empty.nmea"
    empty.write_text("nothing of a receiver\n")
    assert run("--gnss", str(empty), "--gnss-via", "nmea", "--can", CAN, "--vehicle", MAP, "--json") == sense.FAILED
    assert '"kind":"vehicle"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), sense.UNUSABLE, "nothing to sense"),
        (("--vehicle", MAP), sense.UNUSABLE, "need --can"),
        (("--can", CAN), sense.UNUSABLE, "needs either `vehicle`"),
        (("--can", GNSS, "--vehicle", MAP), sense.UNUSABLE, "no CAN recording that can be read"),
        (("--config", "unit.toml", "--gnss", GNSS), sense.UNUSABLE, "stands alone"),
        (("--gnss", "absent.nmea"), sense.FAILED, "absent.nmea: the recording is not there"),
    ],
)
def test_what_cannot_be_done_is_said_on_stderr_alone(
    arguments: tuple[str, ...], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == code
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "inf", "fast"])
def test_a_speed_that_is_none_is_refused(speed: str) -> None:
    with pytest.raises(SystemExit):
        run("--gnss", GNSS, "--speed", speed)


@pytest.mark.parametrize(
    ("content", "driver"),
    [((GOLDEN / "drive.nmea").read_bytes(), "nmea_file"), (b"\xa0\xa2\x00\x12" * 99, "gpsd_file")],
)
def test_binary_goes_to_gpsd_and_nmea_to_our_driver(tmp_path: Path, content: bytes, driver: str) -> None:
    log = tmp_path / "receiver.log"
    log.write_bytes(content)
    assert sense._gnss_driver(log, "auto") == driver
    assert (sense._gnss_driver(log, "nmea"), sense._gnss_driver(log, "gpsd")) == ("nmea_file", "gpsd_file")
