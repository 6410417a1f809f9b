"""A receiver on a serial line: read as it speaks, missed when it is silent, found again when it comes back."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest
import serial

from drivers import nmea_serial
from hal.clock import SystemClock
from hal.errors import SourceError, SourceLost, SourceMissing, SourceRefused, SourceStale
from hal.readings import AnyReading, Fix, FixMode, SourceHealth
from hal.supervision import Supervisor
from tests.system.receiver import DEADLINE_S, Receiver, epoch, sentence


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    plugged = Receiver(tmp_path / "gnss0")
    yield plugged
    plugged.unplug()


def source(path: Path, **settings: object) -> nmea_serial.NmeaSerial:
    built = nmea_serial.build("gnss", nmea_serial.Settings(device=path, **settings), SystemClock())
    assert isinstance(built, nmea_serial.NmeaSerial)
    return built


async def soon(readings: AsyncIterator[AnyReading]) -> AnyReading:
    async with asyncio.timeout(DEADLINE_S):
        return await anext(readings)


def test_every_epoch_comes_as_a_fix(receiver: Receiver) -> None:
    async def story() -> None:
        async with aclosing(source(receiver.path).readings()) as readings:
            first = asyncio.ensure_future(soon(readings))
            await asyncio.sleep(0)
            receiver.say(epoch(0) + epoch(1))
            fix = await first
            assert isinstance(fix, Fix)
            assert (fix.source, fix.mode, fix.lat_deg) == ("gnss", FixMode.FIX_3D, 45.26)
            assert fix.t == 1781524800.0
            assert fix.mono_ns > 0

    asyncio.run(story())


async def error_of(readings: AsyncIterator[AnyReading]) -> tuple[list[AnyReading], SourceError]:
    seen: list[AnyReading] = []
    try:
        while True:
            seen.append(await soon(readings))
    except SourceError as error:
        return seen, error


@pytest.mark.promise("P-SHOW-07")
def test_a_silent_receiver_takes_its_position_back_and_is_stale(receiver: Receiver) -> None:
    async def story() -> None:
        readings = source(receiver.path, silent_after_s=0.2).readings()
        first = asyncio.ensure_future(soon(readings))
        await asyncio.sleep(0)
        receiver.say(epoch(0) + epoch(1))
        await first
        seen, error = await error_of(readings)
        assert isinstance(error, SourceStale)
        assert isinstance(seen[-1], Fix)
        assert (seen[-1].mode, seen[-1].lat_deg, seen[-1].utc) == (FixMode.UNKNOWN, None, None)

    asyncio.run(story())


def test_noise_is_silence(receiver: Receiver) -> None:
    async def story() -> None:
        readings = source(receiver.path, silent_after_s=0.3).readings()
        failing = asyncio.ensure_future(error_of(readings))
        while not failing.done():
            receiver.say(b"\x80\x00\xf8 at the wrong baud rate\r\n")
            await asyncio.sleep(0.02)
        seen, error = failing.result()
        assert seen == []
        assert isinstance(error, SourceStale)
        assert "baud rate" in str(error)

    asyncio.run(story())


def test_a_receiver_without_a_fix_is_not_silent(receiver: Receiver) -> None:
    async def story() -> None:
        async with aclosing(source(receiver.path, silent_after_s=DEADLINE_S).readings()) as readings:
            first = asyncio.ensure_future(soon(readings))
            await asyncio.sleep(0)
            receiver.say(epoch(0, valid=False) + epoch(1, valid=False))
            fix = await first
            assert isinstance(fix, Fix)
            assert (fix.mode, fix.lat_deg, fix.t) == (FixMode.NO_FIX, None, None)

    asyncio.run(story())


def test_a_rolled_over_week_number_is_set_right(receiver: Receiver) -> None:
    async def story() -> None:
        async with aclosing(source(receiver.path).readings()) as readings:
            first = asyncio.ensure_future(soon(readings))
            await asyncio.sleep(0)
            rolled = "GPRMC,12000{}.00,A,4515.6000,N,01950.4000,E,10.0,90.0,301006,,,A"
            receiver.say(sentence(rolled.format(0)) + sentence(rolled.format(1)))
            fix = await first
            assert isinstance(fix, Fix)
            assert fix.utc is not None
            assert fix.utc.isoformat() == "2026-06-15T12:00:00+00:00"

    asyncio.run(story())


def test_unplugged_and_back_under_supervision(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def story() -> list[AnyReading]:
        seen: list[AnyReading] = []
        running = asyncio.create_task(Supervisor(source(receiver.path), seen.append, SystemClock()).run())
        second = 0

        async def until(done: str) -> None:
            nonlocal second
            async with asyncio.timeout(DEADLINE_S):
                while not CONDITIONS[done](seen):
                    if receiver.line >= 0:
                        receiver.say(epoch(second))
                        second += 1
                    await asyncio.sleep(0.01)

        await until("a fix")
        receiver.unplug()
        await until("down")
        seen.append(MARK)
        receiver.plug_in()
        await until("a fix after the mark")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return seen

    seen = asyncio.run(story())
    downs = [reading for reading in seen if isinstance(reading, SourceHealth) and not reading.up]
    assert len({down.problem for down in downs}) <= 2
    assert seen[seen.index(downs[0]) - 1] == Fix(
        source="gnss", mono_ns=seen[seen.index(downs[0]) - 1].mono_ns, mode=FixMode.UNKNOWN
    )
    assert [record.message for record in caplog.records if record.name == "hal.supervision"][-1] == "gnss: back"


MARK = SourceHealth(source="test", mono_ns=0, up=True)


def fixed(seen: list[AnyReading]) -> bool:
    return any(isinstance(reading, Fix) and reading.lat_deg is not None for reading in seen)


CONDITIONS = {
    "a fix": fixed,
    "down": lambda seen: any(isinstance(reading, SourceHealth) and not reading.up for reading in seen),
    "a fix after the mark": lambda seen: fixed(seen[seen.index(MARK) :]),
}


def test_a_receiver_that_vanishes_is_lost(receiver: Receiver) -> None:
    async def story() -> None:
        readings = source(receiver.path).readings()
        failing = asyncio.ensure_future(error_of(readings))
        await asyncio.sleep(0)
        receiver.unplug()
        _, error = await failing
        assert isinstance(error, SourceLost)
        assert "has gone" in str(error)

    asyncio.run(story())


def test_a_missing_device_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match=r"gnss7: the serial device is not there"):
        asyncio.run(soon(source(tmp_path / "gnss7").readings()))


def test_something_else_than_a_serial_line_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"no line")
    with pytest.raises(SourceError, match="expected a serial line"):
        asyncio.run(soon(source(tmp_path / "file").readings()))


def test_a_device_that_another_program_holds_is_told(receiver: Receiver) -> None:
    with serial.Serial(str(receiver.path), exclusive=True), pytest.raises(SourceRefused, match="another program"):
        asyncio.run(soon(source(receiver.path).readings()))
