"""What `hal.ports.Source` promises, asked of every driver; a driver joins by a function here that plays its device."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, aclosing, contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple

import can
import pytest

from drivers import registry
from hal.clock import SystemClock
from hal.errors import SourceError
from hal.ports import Source
from hal.readings import AnyReading
from tests.system.modem_bench import modem_bench
from tests.system.receiver import DEADLINE_S, RealGpsd, Receiver, epoch, free_port

GOLDEN = Path(__file__).parent.parent / "golden"
NAME = "the-source"
MULTICAST = "239.74.163.78"
SETTLED = {"asyncio", "ThreadPoolExecutor", "waitpid"}


class Bench(NamedTuple):
    """A source, what its device does again and again (None: a recording), and the same source without its device."""

    source: Source
    speak: Callable[[], None] | None
    missing: Source


def built(word: str, **settings: object) -> Source:
    return registry.build(word, NAME, registry.settings_type(word)(**settings), SystemClock())


class Clockwork:
    """Says one second of a drive after the other."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._second = 0

    def __call__(self) -> None:
        self._receiver.say(epoch(self._second))
        self._second += 1


@contextmanager
def plugged_in(path: Path) -> Iterator[Receiver]:
    receiver = Receiver(path)
    try:
        yield receiver
    finally:
        receiver.unplug()


@contextmanager
def nmea_file(folder: Path) -> Iterator[Bench]:
    yield Bench(built("nmea_file", path=GOLDEN / "drive.nmea"), None, built("nmea_file", path=folder / "absent.nmea"))


@contextmanager
def nmea_serial(folder: Path) -> Iterator[Bench]:
    with plugged_in(folder / "gnss0") as receiver:
        source = built("nmea_serial", device=receiver.path, silent_after_s=DEADLINE_S)
        yield Bench(source, Clockwork(receiver), built("nmea_serial", device=folder / "gnss9"))


@contextmanager
def gpsd(folder: Path) -> Iterator[Bench]:
    with plugged_in(folder / "gnss0") as receiver:
        daemon = RealGpsd(receiver.device)
        try:
            source = built("gpsd", port=daemon.port, silent_after_s=DEADLINE_S)
            yield Bench(source, Clockwork(receiver), built("gpsd", port=free_port()))
        finally:
            daemon.kill()


@contextmanager
def gpsd_file(folder: Path) -> Iterator[Bench]:
    yield Bench(built("gpsd_file", path=GOLDEN / "drive.nmea"), None, built("gpsd_file", path=folder / "absent.log"))


@contextmanager
def can_file(folder: Path) -> Iterator[Bench]:
    vehicle = GOLDEN / "car.toml"
    missing = built("can_file", path=folder / "absent.log", vehicle=vehicle)
    yield Bench(built("can_file", path=GOLDEN / "car.log", vehicle=vehicle), None, missing)


@contextmanager
def bus(interface: str, channel: str) -> Iterator[Bench]:
    source = built("socketcan", interface=interface, channel=channel, vehicle=GOLDEN / "car.toml")
    missing = built("socketcan", interface="socketcan", channel="absent0", vehicle=GOLDEN / "car.toml")
    with can.Bus(interface=interface, channel=channel) as car:
        speed = can.Message(arbitration_id=0x100, is_extended_id=False, data=bytes([0x10, 0x27, 0, 0, 0, 0, 0, 0]))
        yield Bench(source, lambda: car.send(speed), missing)


@contextmanager
def socketcan_virtual(folder: Path) -> Iterator[Bench]:
    with bus("virtual", folder.name) as bench:
        yield bench


@contextmanager
def socketcan_udp(folder: Path) -> Iterator[Bench]:
    with bus("udp_multicast", MULTICAST) as bench:
        yield bench


@contextmanager
def modem_manager(folder: Path) -> Iterator[Bench]:
    with modem_bench(folder) as modem:
        percent = count(1)
        source = built("modem_manager", bus=modem.address, look_every_s=0.05)
        missing = built("modem_manager", bus=modem.address, modem="no such IMEI")
        yield Bench(source, lambda: modem.become("AccessTechnologies", next(percent), "u"), missing)


RECORDINGS = [nmea_file, gpsd_file, can_file]
LIVE = [nmea_serial, gpsd, modem_manager, socketcan_virtual, socketcan_udp]


@pytest.fixture(params=RECORDINGS + LIVE, ids=lambda function: function.__name__)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    with ExitStack() as stack:
        yield stack.enter_context(request.param(tmp_path))


async def speaking(speak: Callable[[], None] | None) -> None:
    while speak is not None:
        speak()
        await asyncio.sleep(0.02)


async def first(bench: Bench, count: int) -> list[AnyReading]:
    """The first readings of a newly opened source, which is then closed."""
    talking = asyncio.create_task(speaking(bench.speak))
    found: list[AnyReading] = []
    try:
        async with asyncio.timeout(DEADLINE_S), aclosing(opened(bench)) as readings:
            while len(found) < count:
                found.append(await anext(readings))
    finally:
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)
    return found


def opened(bench: Bench) -> AsyncIterator[AnyReading]:
    return bench.source.readings()


def test_it_is_a_source_with_the_name_it_was_given(bench: Bench) -> None:
    assert isinstance(bench.source, Source)
    assert bench.source.name == NAME


def test_readings_name_their_source_and_come_in_the_order_of_their_clock(bench: Bench) -> None:
    before = time.monotonic_ns()
    found = asyncio.run(first(bench, 3))
    assert {reading.source for reading in found} == {NAME}
    times = [reading.mono_ns for reading in found]
    assert times == sorted(times)
    if bench.speak is not None:
        assert before <= times[0] <= times[-1] <= time.monotonic_ns()
    else:
        assert times == [round((reading.t or 0) * 1e9) for reading in found]


def test_it_can_be_opened_again(bench: Bench) -> None:
    async def twice() -> tuple[list[AnyReading], list[AnyReading]]:
        return await first(bench, 2), await first(bench, 2)

    one, other = asyncio.run(twice())
    assert len(one) == len(other) == 2
    assert bench.speak is not None or one == other


@pytest.mark.promise("P-HARD-05")
def test_without_its_device_it_raises_an_error_that_says_what_to_do(bench: Bench) -> None:
    async def read() -> AnyReading:
        async with asyncio.timeout(DEADLINE_S), aclosing(bench.missing.readings()) as readings:
            return await anext(readings)

    with pytest.raises(SourceError) as raised:
        asyncio.run(read())
    assert raised.value.problem
    assert raised.value.remedy


def held() -> tuple[int, int, int]:
    """Open files, tasks and threads of this process, asyncio's own apart.

    One of those is the thread that waits for a child process (Python 3.11), which may outlive the child for a moment.
    """
    own = [thread for thread in threading.enumerate() if not any(word in thread.name for word in SETTLED)]
    return sum(1 for _ in Path("/proc/self/fd").iterdir()), len(asyncio.all_tasks()), len(own)


def is_no_more(after: tuple[int, int, int], before: tuple[int, int, int]) -> bool:
    """Less is right too: what was being closed when `before` was counted has gone."""
    return all(one <= other for one, other in zip(after, before, strict=True))


async def settled(expected: tuple[int, int, int]) -> tuple[int, int, int]:
    """What is held once transports that were closed have gone."""
    deadline = asyncio.get_running_loop().time() + DEADLINE_S
    while not is_no_more(now := held(), expected) and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - no event says so
        await asyncio.sleep(0.01)
    return now


def test_closing_the_iterator_frees_files_tasks_and_threads(bench: Bench) -> None:
    async def story() -> tuple[tuple[int, int, int], tuple[int, int, int]]:
        await first(bench, 1)
        before = held()
        await first(bench, 1)
        return before, await settled(before)

    before, after = asyncio.run(story())
    assert is_no_more(after, before), (before, after)


def test_cancelling_while_it_waits_frees_files_tasks_and_threads(bench: Bench) -> None:
    async def read_on() -> None:
        async with aclosing(opened(bench)) as readings:
            async for _ in readings:
                pass

    async def story() -> tuple[tuple[int, int, int], tuple[int, int, int]]:
        await first(bench, 1)
        before = held()
        for turns in (1, 3, 30):
            reading = asyncio.create_task(read_on())
            for _ in range(turns):
                await asyncio.sleep(0)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        return before, await settled(before)

    before, after = asyncio.run(story())
    assert is_no_more(after, before), (before, after)


@pytest.mark.parametrize("recording", RECORDINGS)
def test_a_recording_ends_and_gives_the_same_again(
    recording: Callable[[Path], AbstractContextManager[Bench]], tmp_path: Path
) -> None:
    async def whole(source: Source) -> list[AnyReading]:
        async with asyncio.timeout(DEADLINE_S):
            return [reading async for reading in source.readings()]

    with recording(tmp_path) as bench:
        assert asyncio.run(whole(bench.source)) == asyncio.run(whole(bench.source)) != []
