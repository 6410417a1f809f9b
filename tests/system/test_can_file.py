"""Recordings of a CAN bus, whole and damaged, come out as readings, and twice the same."""

import asyncio
import gzip
import logging
from pathlib import Path

import can
import pytest

from drivers import can_file
from hal.clock import SystemClock
from hal.errors import ConfigError, SourceMissing
from hal.readings import AnyReading, SourceHealth, VehicleSignals

GOLDEN = Path(__file__).parent.parent / "golden"
CAR_LOG = GOLDEN / "car.log"
FRAMES = 50


def source(path: Path, **settings: object) -> can_file.CanFile:
    built = can_file.build("can", can_file.Settings(path=path, vehicle=GOLDEN / "car.toml", **settings), SystemClock())
    assert isinstance(built, can_file.CanFile)
    return built


async def read(recording: can_file.CanFile) -> list[AnyReading]:
    return [reading async for reading in recording.readings()]


def readings(path: Path, **settings: object) -> list[AnyReading]:
    return asyncio.run(read(source(path, **settings)))


def speeds(found: list[AnyReading]) -> list[object]:
    return [reading.signals.get("Vehicle.Speed") for reading in found if isinstance(reading, VehicleSignals)]


def damage(found: list[AnyReading]) -> list[str]:
    return [reading.problem for reading in found if isinstance(reading, SourceHealth) and not reading.up]


def record(path: Path, frames: int = FRAMES) -> Path:
    """A drive of increasing speed, written by python-can in the format that the name asks for."""
    with can.Logger(path) as logger:
        for number in range(frames):
            data = (number % 600 * 100).to_bytes(2, "little") + bytes(6)
            logger.on_message_received(
                can.Message(
                    timestamp=1_700_000_000 + number / 10, arbitration_id=0x100, is_extended_id=False, data=data
                )
            )
    return path


@pytest.mark.parametrize("suffix", ["log", "asc", "blf", "trc", "log.gz", "asc.gz", "blf.gz", "trc.gz"])
def test_every_format_gives_every_frame(tmp_path: Path, suffix: str) -> None:
    plain = record(tmp_path / f"my.drive.{suffix.removesuffix('.gz')}")
    path = tmp_path / f"packed.drive.{suffix}" if suffix.endswith(".gz") else plain
    if path != plain:
        path.write_bytes(gzip.compress(plain.read_bytes()))
    found = readings(path)
    assert speeds(found) == [float(number) for number in range(FRAMES)]
    assert not damage(found)


@pytest.mark.parametrize("suffix", ["log", "blf"])
def test_the_time_is_the_recordings(tmp_path: Path, suffix: str) -> None:
    found = readings(record(tmp_path / f"drive.{suffix}"))
    assert found[10].t == pytest.approx(1_700_000_001, abs=1e-3)
    assert found[10].mono_ns == round((found[10].t or 0) * 1e9)


@pytest.mark.promise("P-FLOW-04")
def test_the_same_recording_gives_the_same_readings() -> None:
    recording = source(CAR_LOG)
    assert asyncio.run(read(recording)) == asyncio.run(read(recording)) == readings(CAR_LOG)


def test_bad_lines_and_frames_are_counted_and_nothing_after_them_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    recording = source(CAR_LOG)
    found = asyncio.run(read(recording))
    assert speeds(found) == [87.0, None, None, None, None, None, None, 20.0]
    assert recording.reader.bad == {
        "a line that is no frame, expected (1627274455.012500) can0 7E8#03410D00": 3,
        "400 SERVICE: 4 bytes instead of 8; is it the right DBC?": 1,
        "100 MOTION: 2 bytes instead of 8; is it the right DBC?": 1,
        "error frame recorded": 1,
    }
    assert "garbage in the middle" in caplog.text


@pytest.mark.parametrize("suffix", ["asc", "trc"])
def test_a_bad_line_in_a_text_format_costs_only_itself(tmp_path: Path, suffix: str) -> None:
    path = record(tmp_path / f"drive.{suffix}")
    lines = path.read_text().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if "D0 07" in line)
    lines[at] = lines[at].replace("D0 07", "XY ZZ")
    path.write_text("".join(lines))
    recording = source(path)
    assert speeds(asyncio.run(read(recording))) == [float(number) for number in range(FRAMES) if number != 20]
    assert recording.reader.bad == {"a line that is no frame": 1}


@pytest.mark.parametrize("suffix", ["log.gz", "asc.gz", "trc.gz"])
def test_a_truncated_gzip_gives_what_stands_before_and_then_says_so(tmp_path: Path, suffix: str) -> None:
    packed = gzip.compress(record(tmp_path / f"drive.{suffix.removesuffix('.gz')}", 5000).read_bytes())
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(packed[: len(packed) // 2])
    found = readings(path)
    assert len(speeds(found)) > 1000
    assert "breaks off" in damage(found)[0]
    assert found[-1] == [reading for reading in found if isinstance(reading, SourceHealth)][-1]


@pytest.mark.parametrize("keep", [0, 10, 144, 200, 0.5, -1])
def test_a_truncated_blf_says_so_and_harms_nothing(tmp_path: Path, keep: float) -> None:
    whole = record(tmp_path / "drive.blf", 20_000).read_bytes()
    path = tmp_path / "cut.blf"
    path.write_bytes(whole[: int(keep * len(whole)) if isinstance(keep, float) else keep])
    found = readings(path)
    assert len(damage(found)) == 1
    assert speeds(found) == [float(number % 600) for number in range(len(found) - 1)]


@pytest.mark.parametrize("name", ["text.log", "text.asc", "text.trc", "text.blf", "text.log.gz", "text.blf.gz"])
def test_a_file_of_something_else_says_so(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"\x93NUMPY\x01\x00 this is no CAN recording\n\xff\xfe\n" * 3)
    assert len(damage(readings(path))) == 1


def test_a_missing_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match=r"absent\.log: the recording is not there"):
        readings(tmp_path / "absent.log")


def test_an_unknown_format_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"drive\.mf4: is no CAN recording that can be read"):
        source(tmp_path / "drive.mf4")


def test_one_interface_of_a_recording_can_be_chosen(tmp_path: Path) -> None:
    path = tmp_path / "two.log"
    path.write_text("(1.0) can0 100#6400000000000000\n(2.0) can1 100#C800000000000000\n")
    assert speeds(readings(path, channel="can1")) == [2.0]


def test_a_map_that_fits_no_frame_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "other.log"
    path.write_text("(1.0) can0 555#00\n")
    assert readings(path) == []
    assert "is it the right map for this car?" in caplog.text


class CountingClock(SystemClock):
    """Stands still unless told."""

    def __init__(self) -> None:
        self.now_ns = 5_000_000_000

    def mono_ns(self) -> int:
        return self.now_ns


def test_with_a_speed_the_readings_keep_the_recordings_rhythm_on_this_boots_clock(tmp_path: Path) -> None:
    settings = can_file.Settings(path=record(tmp_path / "drive.log", 5), vehicle=GOLDEN / "car.toml", speed=1000)
    found = asyncio.run(read(can_file.CanFile("can", settings, CountingClock(), source(CAR_LOG)._decoder)))
    assert [reading.mono_ns - 5_000_000_000 for reading in found] == pytest.approx(
        [0, 100_000, 200_000, 300_000, 400_000], abs=10
    )
    assert [reading.t for reading in found] == pytest.approx([1_700_000_000 + number / 10 for number in range(5)])


def test_a_reader_that_stops_early_leaves_nothing_open() -> None:
    async def one() -> None:
        iterator = source(CAR_LOG).readings()
        await anext(iterator)
        await iterator.aclose()

    asyncio.run(one())


def test_long_garbage_fills_neither_log_nor_memory(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    path = tmp_path / "garbage.log"
    path.write_text("".join(f"garbage {number}\n" for number in range(20_000)))
    recording = source(path)
    asyncio.run(read(recording))
    assert len(recording.reader.bad) == 1
    assert len(caplog.records) < 10


def test_every_shared_recording_of_python_can_is_read_without_harm(shared_data: Path) -> None:
    seen = 0
    for path in sorted((shared_data / "can/python-can-logs").iterdir()):
        if path.suffix in (".asc", ".blf", ".trc", ".gz"):
            recording = source(path)
            assert not damage(asyncio.run(read(recording))) or "Error" in path.name or "logfile" in path.name, path.name
            seen += recording.reader.unmapped.total() + recording.reader.bad.total()
    assert seen > 1500
