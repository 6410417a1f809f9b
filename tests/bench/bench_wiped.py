"""What is lost when headquarters' broker is killed and wiped, and when the car is: ours, a Mosquitto bridge, paho."""

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from terminal.contract.mqtt import Broker
from terminal.core.inputs import Published
from terminal.tools.demo_processes import free_port
from tests.bench.bridge import AS_SHIPPED, EACH_CHANGE, bridge
from tests.bench.pressing import Desk, Shown
from tests.bench.processes import ROOT, broker, configured, core, folder_on_disk, hq, wait_for_port
from tests.bench.receiver import Receiver
from tests.bench.rows import Row, row
from tests.system.uplink_car import Car, Hq

NAME = "200 alarms: lost when the broker is killed and wiped, and when the car is killed (SIGKILL)"
ALARMS = 200
QUIET_S = 3.0
"""When nothing has come for so long, nothing will."""
WITHIN_S = 60.0


def measure() -> list[Row]:
    wiped, killed = "the broker killed and wiped while headquarters is away", "the car killed while there is no broker"
    rows = []
    for what, story in (
        (f"ours: {wiped}", _ours_wiped),
        (f"paho alone: {wiped}", _paho_wiped),
        (f"a Mosquitto bridge: {wiped}", _bridge_wiped),
        (f"ours: {killed}", _ours_killed),
        (f"paho alone: {killed}", _paho_killed),
        (f"a Mosquitto bridge, as shipped: {killed}", lambda folder: _bridge_killed(folder, AS_SHIPPED)),
        (f"a Mosquitto bridge that saves each change: {killed}", lambda folder: _bridge_killed(folder, EACH_CHANGE)),
    ):
        with folder_on_disk() as folder:
            rows.append(row(f"lost by {what}", ALARMS - asyncio.run(story(folder)), "", f"of {ALARMS}"))
    return rows


class Program:
    """A program that is killed and started again."""

    def __init__(self, *command: str | Path) -> None:
        self._command = command
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> "subprocess.Popen[str]":
        """Its output can be read."""
        pipe, quiet = subprocess.PIPE, subprocess.DEVNULL
        self.process = subprocess.Popen(self._command, cwd=ROOT, text=True, stdin=pipe, stdout=pipe, stderr=quiet)
        return self.process

    def kill(self) -> None:
        """As a power cut ends it; with what it had in memory."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


@contextlib.contextmanager
def _killed_in_the_end(*programs: Program) -> Iterator[None]:
    try:
        yield
    finally:
        for program in programs:
            program.kill()


async def _started(at: Program, port: int) -> None:
    at.start()
    await asyncio.to_thread(wait_for_port, port)


async def _ours_wiped(folder: Path) -> int:
    port = configured(folder)
    server, at = Program(*broker(folder)), Broker(host="127.0.0.1", port=port)
    with _killed_in_the_end(server):
        await _started(server, port)
        away = Hq(folder, at)
        await away.start()
        async with Car(folder, at) as car:
            await _until(car.hears_hq)
            await away.stop()
            alarms = {car.press().id for _ in range(ALARMS)}
            await _until(lambda: alarms <= {one for told in car.of(Published) for one in told.ids})  # type: ignore[attr-defined]
            server.kill()
            await _started(server, port)
            await away.start()
            await car.nothing_owed()
            incidents = (await away.ask(do="incidents"))["incidents"]
        await away.stop()
    return len(incidents)


async def _paho_wiped(folder: Path) -> int:
    port = configured(folder)
    server, car = Program(*broker(folder)), _plain_car(port)
    with _killed_in_the_end(server, car):
        await _started(server, port)
        car.start()
        await _until_told(car, "taken")
        server.kill()
        return await _count(server, port)


async def _bridge_wiped(folder: Path) -> int:
    port, local = configured(folder), free_port()
    server, bridge, car = Program(*broker(folder)), _bridge(folder, port, local, EACH_CHANGE), _plain_car(local)
    with _killed_in_the_end(server, bridge, car):
        await _started(server, port)
        async with _receiving(port) as there:
            await _started(bridge, local)
            car.start()
            await _until(lambda: len(there.alarms) == ALARMS)
        server.kill()
        return await _count(server, port)


async def _ours_killed(folder: Path) -> int:
    port = configured(folder)
    unit = (folder / "unit.toml").read_text()
    (folder / "unit.toml").write_text(unit[: unit.index("[sources.board]")])
    server, serving, car = Program(*broker(folder)), Program(*hq(folder)), Program(*core(folder))
    with _killed_in_the_end(server, serving, car):
        car.start()
        await _called(folder)
        car.kill()
        await _started(server, port)
        serving.start()
        car.start()
        return await _signals(folder)


async def _called(folder: Path) -> None:
    """Many calls on one incident, each a message, and all of them on disk."""
    shown = Shown(folder)
    work = asyncio.create_task(shown.run())
    _, incident = await shown.call()
    for signals in range(2, ALARMS + 1):
        await shown.call_again(incident, signals)
    # What is told of an alarm's messages is only whether the first is stored; a bridge is given as long.
    await asyncio.sleep(QUIET_S)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def _signals(folder: Path) -> int:
    desk, counted, since = Desk(folder), 0, time.monotonic()
    while counted < ALARMS and time.monotonic() - since < WITHIN_S:
        with contextlib.suppress(OSError):
            counted = sum(one["signals"] for one in await desk.incidents())
        await asyncio.sleep(0.1)
    return counted


async def _paho_killed(folder: Path) -> int:
    port = configured(folder)
    server, car = Program(*broker(folder)), _plain_car(port)
    with _killed_in_the_end(server, car):
        car.start()
        await _until_told(car, "queued")
        car.kill()
        return await _count(server, port)


async def _bridge_killed(folder: Path, saving: str) -> int:
    port, local = configured(folder), free_port()
    server, bridge, car = Program(*broker(folder)), _bridge(folder, port, local, saving), _plain_car(local)
    with _killed_in_the_end(server, bridge, car):
        await _started(bridge, local)
        car.start()
        await _until_told(car, "taken")
        await asyncio.sleep(QUIET_S)
        bridge.kill()
        car.kill()
        return await _count(server, port, bridge)


def _plain_car(port: int) -> Program:
    return Program(sys.executable, "-m", "tests.bench.plain_car", "127.0.0.1", str(port), "PLAIN-1", "0", str(ALARMS))


def _bridge(folder: Path, port: int, local: int, saving: str) -> Program:
    return Program(*bridge(folder, local, port, saving=saving))


async def _count(server: Program, port: int, *after: Program) -> int:
    """How many alarms come, once the broker is there again and headquarters with it, until none comes any more."""
    await _started(server, port)
    async with _receiving(port) as receiver:
        for program in after:
            program.start()
        count, since = -1, time.monotonic()
        while count < len(receiver.alarms) or time.monotonic() - since < QUIET_S:
            if len(receiver.alarms) > count:
                count, since = len(receiver.alarms), time.monotonic()
            await asyncio.sleep(0.1)
    return count


@contextlib.asynccontextmanager
async def _receiving(port: int) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    connection = await receiver.connect(port)
    try:
        yield receiver
    finally:
        await connection.close()


async def _until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not true():  # noqa: ASYNC110 - what is awaited happens on a line and sets no event
            await asyncio.sleep(0.01)


async def _until_told(car: Program, word: str) -> None:
    assert car.process is not None
    assert car.process.stdout is not None
    while (await asyncio.to_thread(car.process.stdout.readline)).strip() != word:
        assert car.process.poll() is None
