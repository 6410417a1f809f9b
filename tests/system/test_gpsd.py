"""A real gpsd on a pty: its fixes come through, and no position outlives the receiver's silence or gpsd's death."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, suppress
from pathlib import Path

import pytest

from drivers import gpsd, gpsd_feed
from drivers.gpsd_json import GpsdReports, decode, watch
from hal.clock import SystemClock
from hal.errors import BadInput, SourceError, SourceLost, SourceMissing, SourceStale
from hal.readings import AnyReading, Fix, FixMode, SourceHealth
from hal.supervision import Supervisor
from tests.system.receiver import DEADLINE_S, RealGpsd, Receiver, epoch, free_port

POLL_S = 0.01


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    plugged = Receiver(tmp_path / "gnss0")
    yield plugged
    plugged.unplug()


@pytest.fixture
def daemon(receiver: Receiver) -> Iterator[RealGpsd]:
    started = RealGpsd(receiver.device)
    yield started
    started.kill()


def source(port: int, **settings: object) -> gpsd.Gpsd:
    built = gpsd.build("gnss", gpsd.Settings(port=port, **settings), SystemClock())
    assert isinstance(built, gpsd.Gpsd)
    return built


class Drive:
    """Speaks as a receiver does, second after second, until told to stop."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self.second = 0
        self.valid = True
        self.frozen = False

    async def run(self) -> None:
        while True:
            self._receiver.say(epoch(self.second, self.valid))
            self.second += not self.frozen
            await asyncio.sleep(POLL_S)


async def stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def until_fix(readings: AsyncIterator[AnyReading]) -> Fix:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            reading = await anext(readings)
            if isinstance(reading, Fix) and reading.lat_deg is not None:
                return reading


async def until_error(readings: AsyncIterator[AnyReading]) -> tuple[list[AnyReading], SourceError]:
    seen: list[AnyReading] = []
    async with asyncio.timeout(DEADLINE_S):
        try:
            while True:
                seen.append(await anext(readings))
        except SourceError as error:
            return seen, error


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for is another process
            await asyncio.sleep(POLL_S)


def located(seen: list[AnyReading]) -> bool:
    return any(isinstance(one, Fix) and one.lat_deg is not None for one in seen)


def test_gpsds_fix_comes_through(receiver: Receiver, daemon: RealGpsd) -> None:
    async def story() -> Fix:
        driving = asyncio.create_task(Drive(receiver).run())
        async with aclosing(source(daemon.port).readings()) as readings:
            while (found := await until_fix(readings)).mode is not FixMode.FIX_3D:
                pass
        await stopped(driving)
        return found

    fix = asyncio.run(story())
    assert (fix.source, fix.mode, fix.lat_deg) == ("gnss", FixMode.FIX_3D, 45.26)
    assert fix.utc is not None  # a dated fix in 3D has come through whole
    assert fix.t == fix.utc.timestamp()
    assert fix.altitude_msl_m == 80.5


@pytest.mark.promise("P-SHOW-07")
def test_a_receiver_gone_silent_takes_the_position_back(receiver: Receiver, daemon: RealGpsd) -> None:
    async def story() -> tuple[list[AnyReading], SourceError]:
        driving = asyncio.create_task(Drive(receiver).run())
        readings = source(daemon.port, silent_after_s=2).readings()
        await until_fix(readings)
        await stopped(driving)
        return await until_error(readings)

    seen, error = asyncio.run(story())
    assert isinstance(error, SourceStale)
    assert isinstance(seen[-1], Fix)
    assert (seen[-1].mode, seen[-1].lat_deg, seen[-1].t) == (FixMode.UNKNOWN, None, None)


def test_a_receiver_that_repeats_one_moment_is_stale_too(receiver: Receiver, daemon: RealGpsd) -> None:
    async def story() -> tuple[list[AnyReading], SourceError]:
        drive = Drive(receiver)
        driving = asyncio.create_task(drive.run())
        readings = source(daemon.port, silent_after_s=2).readings()
        while (await until_fix(readings)).utc is None:
            pass
        drive.frozen = True
        found = await until_error(readings)
        await stopped(driving)
        return found

    seen, error = asyncio.run(story())
    assert isinstance(error, SourceStale)
    assert isinstance(seen[-1], Fix)
    assert seen[-1].lat_deg is None


def test_a_lost_fix_is_told_at_once(receiver: Receiver, daemon: RealGpsd) -> None:
    async def story() -> Fix:
        drive = Drive(receiver)
        driving = asyncio.create_task(drive.run())
        async with asyncio.timeout(DEADLINE_S), aclosing(source(daemon.port).readings()) as readings:
            await until_fix(readings)
            drive.valid = False
            async for reading in readings:
                if isinstance(reading, Fix) and reading.mode is FixMode.NO_FIX:
                    break
        await stopped(driving)
        assert isinstance(reading, Fix)
        return reading

    fix = asyncio.run(story())
    assert (fix.lat_deg, fix.lon_deg, fix.speed_mps) == (None, None, None)


def test_gpsd_killed_mid_drive_and_started_again(receiver: Receiver, daemon: RealGpsd) -> None:
    async def story() -> list[AnyReading]:
        driving = asyncio.create_task(Drive(receiver).run())
        seen: list[AnyReading] = []
        running = asyncio.create_task(Supervisor(source(daemon.port), seen.append, SystemClock()).run())
        await until(lambda: located(seen))
        daemon.kill()
        await until(lambda: any(isinstance(one, SourceHealth) and not one.up for one in seen))
        gap = len(seen)
        again = await asyncio.to_thread(RealGpsd, receiver.device, daemon.port)
        await until(lambda: located(seen[gap:]))
        await stopped(running)
        await stopped(driving)
        again.kill()
        return seen

    seen = asyncio.run(story())
    down = next(number for number, one in enumerate(seen) if isinstance(one, SourceHealth) and not one.up)
    assert isinstance(seen[down - 1], Fix)
    assert seen[down - 1].lat_deg is None
    assert "gpsd has closed the connection" in seen[down].problem


def test_without_a_gpsd_the_error_says_how_to_start_it() -> None:
    seen, error = asyncio.run(until_error(source(free_port()).readings()))
    assert seen == []
    assert isinstance(error, SourceMissing)
    assert "systemctl start gpsd.socket" in str(error)


def test_a_port_that_something_else_answers_is_stale_or_lost(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> SourceError:
        async def shout(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"SSH-2.0-OpenSSH\r\n\xff\xfe\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(shout, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            return (await until_error(source(port).readings()))[1]

    assert isinstance(asyncio.run(story()), SourceLost)
    assert "is it a gpsd that answers there?" in caplog.text


def test_another_device_of_the_same_gpsd_is_not_heard(receiver: Receiver, daemon: RealGpsd) -> None:
    async def story(device: str) -> tuple[list[AnyReading], SourceError]:
        driving = asyncio.create_task(Drive(receiver).run())
        found = await until_error(source(daemon.port, device=device, silent_after_s=1).readings())
        await stopped(driving)
        return found

    seen, error = asyncio.run(story("/dev/other"))
    assert seen == []
    assert isinstance(error, SourceStale)


def test_a_gpsd_of_an_unknown_mode_gives_no_position() -> None:
    fix = GpsdReports("gnss").fix(decode(b'{"class":"TPV","mode":9,"lat":45.0,"lon":19.0}'), 1)
    assert fix == Fix(source="gnss", mono_ns=1, mode=FixMode.UNKNOWN)


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b'{"class":"TPV","mode":"three"}', b"\xff"])
def test_what_is_no_report_is_bad_input(line: bytes) -> None:
    with pytest.raises(BadInput, match="not a report of gpsd"):
        decode(line)


def test_the_watch_names_the_device() -> None:
    assert watch("/dev/ttyACM0") == b'?WATCH={"enable":true,"json":true,"device":"/dev/ttyACM0"}\n'


def test_a_recording_goes_through_a_gpsd_of_its_own(tmp_path: Path) -> None:
    log = tmp_path / "drive.log"
    log.write_bytes(b"".join(epoch(second, second not in range(20, 30)) for second in range(60)))

    async def read() -> list[AnyReading]:
        built = gpsd_feed.build("gnss", gpsd_feed.Settings(path=log), SystemClock())
        return [reading async for reading in built.readings()]

    found = asyncio.run(read())
    by_time = {one.t: one for one in found if isinstance(one, Fix) and one.t is not None}
    assert len(by_time) >= 57
    assert sum(one.lat_deg is not None for one in by_time.values()) >= 47
    assert found == asyncio.run(read())


def test_a_recording_that_holds_nothing_of_a_receiver_is_told(tmp_path: Path) -> None:
    log = tmp_path / "noise.log"
    log.write_bytes(b"\x93NUMPY no receiver\n" * 100)

    async def read() -> list[AnyReading]:
        built = gpsd_feed.build("gnss", gpsd_feed.Settings(path=log), SystemClock())
        return [reading async for reading in built.readings()]

    (health,) = asyncio.run(read())
    assert isinstance(health, SourceHealth)
    assert "found no report of a receiver" in health.problem
