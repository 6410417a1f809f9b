"""What `test_socketcan_uml.py` runs inside User-mode Linux: the driver on a real vcan, findings as JSON to a file."""

import asyncio
import ctypes
import json
import logging
import socket
import struct
import subprocess
import sys
import traceback
from contextlib import aclosing, suppress
from pathlib import Path

from drivers import socketcan
from hal.clock import SystemClock
from hal.errors import PatrolaError
from hal.readings import AnyReading, SourceHealth, VehicleSignals
from hal.supervision import Supervisor

CAR = Path(__file__).parent.parent / "golden" / "car.dbc"
MOTION, TRIP, UNMAPPED = 0x100, 0x18FEF100 | 0x80000000, 0x123
ERROR, CONTROLLER, BUS_OFF = 0x20000000, 0x04, 0x40
BURST = 5000
DEADLINE_S = 20
POWER_OFF = 0x4321FEDC


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def tx_packets() -> int:
    return int(Path("/sys/class/net/vcan0/statistics/tx_packets").read_text())


def create() -> None:
    ip("link", "add", "vcan0", "type", "vcan")
    ip("link", "set", "vcan0", "up")


class Car:
    """The other end of the bus, which may talk; `all_said` counts what all of them said."""

    all_said = 0

    def __init__(self) -> None:
        self.said = 0
        self.socket = socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW)
        self.socket.bind(("vcan0",))

    def say(self, key: int, data: bytes) -> None:
        self.socket.send(struct.pack("=IB3x8s", key, len(data), data))
        self.said += 1
        Car.all_said += 1

    def speed(self, kmh: int) -> None:
        self.say(MOTION, struct.pack("<H6x", kmh * 100))


def source(**settings: object) -> socketcan.CanBus:
    built = socketcan.build("can", socketcan.Settings(channel="vcan0", dbc=CAR, **settings), SystemClock())
    assert isinstance(built, socketcan.CanBus)
    return built


async def collect(bus: socketcan.CanBus, car: Car, talk, count: int) -> list[VehicleSignals]:
    """The first `count` readings of what `talk` says once the bus is open; fewer if they do not come."""
    found: list[VehicleSignals] = []

    async def read() -> None:
        async with aclosing(bus.readings()) as readings:
            async for reading in readings:
                found.append(reading)
                if len(found) == count:
                    return

    task = asyncio.create_task(read())
    await asyncio.sleep(0)
    talk(car)
    with suppress(TimeoutError):
        await asyncio.wait_for(task, DEADLINE_S)
    return found


async def frames_pass() -> object:
    car = Car()

    def talk(car: Car) -> None:
        car.speed(87)
        car.say(TRIP, struct.pack("<I4x", 155890))

    found = await collect(source(), car, talk, 2)
    return [found[0].signals["MOTION.Speed"], found[1].signals["TRIP.Odometer"]]


async def burst() -> object:
    car = Car()
    found = await collect(source(), car, lambda car: [car.speed(n % 200) for n in range(BURST)], BURST)
    in_order = [reading.signals["MOTION.Speed"] for reading in found] == [n % 200 for n in range(BURST)]
    return {"received": len(found), "in_order": in_order}


async def overflow() -> object:
    """With too small a buffer every lost frame is counted: the kernel tells with the next frame that gets through."""
    car, bus = Car(), source(receive_buffer_bytes=212992 // 2)
    sent_at_marker: dict[float, int] = {}
    received = 0

    async def read() -> float:
        nonlocal received
        async with aclosing(bus.readings()) as readings:
            async for reading in readings:
                received += 1
                if reading.signals["MOTION.Speed"] in sent_at_marker:
                    return reading.signals["MOTION.Speed"]
        return 0

    task = asyncio.create_task(read())
    await asyncio.sleep(0)
    for _ in range(BURST):
        car.speed(50)
    for marker in range(200, 600):
        await asyncio.sleep(0.05)
        if task.done():
            break
        car.speed(marker)
        sent_at_marker[float(marker)] = car.said
    sent = sent_at_marker[await asyncio.wait_for(task, DEADLINE_S)]
    return {"received": received, "counted": bus.reader.bad.total(), "sent": sent}


async def filtered() -> object:
    car, bus = Car(), source()

    def talk(car: Car) -> None:
        for _ in range(100):
            car.say(UNMAPPED, bytes(8))
        car.speed(60)

    found = await collect(bus, car, talk, 1)
    return {"received": len(found), "unmapped": bus.reader.unmapped.total()}


async def wrong_length() -> object:
    car, bus = Car(), source()

    def talk(car: Car) -> None:
        car.say(MOTION, b"\x01")
        car.speed(61)

    found = await collect(bus, car, talk, 1)
    return {"received": len(found), "bad": bus.reader.bad.total()}


async def error_frames() -> object:
    car, bus = Car(), source()

    def talk(car: Car) -> None:
        car.say(ERROR | CONTROLLER, bytes([0, 0x10, 0, 0, 0, 0, 0, 0]))
        car.speed(62)

    found = await collect(bus, car, talk, 1)
    return {"received": len(found), "bad": list(bus.reader.bad)}


class Supervised:
    """The driver under supervision, as core runs it."""

    def __init__(self) -> None:
        self.seen: list[AnyReading] = []
        self.task = asyncio.create_task(Supervisor(source(), self.seen.append, SystemClock()).run())

    async def until(self, wanted, act=lambda: None) -> str:
        """Repeat `act` until a reading is as wanted; what came before it is forgotten."""
        for _ in range(DEADLINE_S * 20):
            act()
            await asyncio.sleep(0.05)
            for reading in self.seen:
                if wanted(reading):
                    self.seen.clear()
                    return getattr(reading, "problem", "")
        raise AssertionError(f"never came; last {self.seen[-3:]}")


def is_up(reading: AnyReading) -> bool:
    return isinstance(reading, SourceHealth) and reading.up


def is_down(reading: AnyReading) -> bool:
    return isinstance(reading, SourceHealth) and not reading.up


async def interface_comes_and_goes() -> object:
    car, supervised, problems = Car(), Supervised(), []
    await supervised.until(is_up, lambda: car.speed(1))
    car.say(ERROR | BUS_OFF, bytes(8))
    problems.append(await supervised.until(is_down))
    await supervised.until(is_up, lambda: car.speed(2))
    ip("link", "set", "vcan0", "down")
    problems.append(await supervised.until(is_down))
    ip("link", "set", "vcan0", "up")
    car = Car()
    await supervised.until(is_up, lambda: car.speed(3))
    written = {"tx_packets": tx_packets(), "said": Car.all_said}
    ip("link", "del", "vcan0")
    problems.append(await supervised.until(is_down))
    create()
    car = Car()
    await supervised.until(is_up, lambda: car.speed(4))
    supervised.task.cancel()
    await asyncio.gather(supervised.task, return_exceptions=True)
    return {"problems": problems, "written": written}


async def missing() -> object:
    bus = socketcan.build("can", socketcan.Settings(channel="vcan9", dbc=CAR), SystemClock())
    try:
        async with aclosing(bus.readings()) as readings:
            await anext(readings)
    except PatrolaError as error:
        return [type(error).__name__, str(error)]
    return []


def main() -> None:
    logging.basicConfig(level=logging.INFO)
    findings: dict[str, object] = {}
    create()
    for check in (
        frames_pass,
        burst,
        overflow,
        filtered,
        wrong_length,
        error_frames,
        interface_comes_and_goes,
        missing,
    ):
        findings[check.__name__] = asyncio.run(check())
    Path(sys.argv[1]).write_text(json.dumps(findings))


if __name__ == "__main__":
    try:
        main()
    except BaseException:  # noqa: BLE001 - this is the first process: nobody else would print it
        traceback.print_exc()
    finally:
        ctypes.CDLL(None).reboot(POWER_OFF)
