"""Cars at the end of a bad line, pressing; prints what each press took. Runs in a network namespace of its own."""

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID

from terminal.contract.identity import new_id
from terminal.contract.messages import Point, Who
from terminal.contract.topics import Lane
from terminal.uplink import track
from terminal.uplink.outbox import Entry, Limits, Outbox
from terminal.uplink.sender import Sending
from tests.bench.crew import Crew, close_at_desk
from tests.bench.processes import folder_on_disk
from tests.system.conftest import ANONYMOUS, Mosquitto
from tests.system.far_line import HERE, Far, lossy_line, narrow_line, run
from tests.system.headquarters import Headquarters
from tests.system.patrol_car import PATROLA, Process

DELAY_MS, LOSS_PERCENT = 80, 3
BITS_PER_S = 64_000
POINTS_AT_ONCE = 5000
FLOWING = 200
"""So many points receipted: the backlog is on its way, and fills the line."""
AS_ROOT = "user root\n"
UNIT = """\
[unit]
realm = "LJ"
unit = "{unit}"

[[brokers]]
host = "{host}"
port = {port}

[storage]
folder = "car"
outbox_megabytes = 64

[link]
socket = "core.sock"
"""


@contextlib.contextmanager
def servers(folder: Path) -> Iterator[tuple[Headquarters, int]]:
    """A broker that listens everywhere, and a headquarters beside it."""
    broker = Mosquitto(folder, AS_ROOT + ANONYMOUS.replace("127.0.0.1", "0.0.0.0"))
    hq = Headquarters(folder / "hq", broker.broker.port)
    broker.start()
    try:
        with hq.serving():
            yield hq, broker.broker.port
    finally:
        broker.kill()


class FarCar:
    """Core's folder, and core in the far place."""

    def __init__(self, folder: Path, unit: str, port: int, more: str = "") -> None:
        folder.mkdir()
        self.unit = unit
        self.socket = folder / "core.sock"
        self.outbox = folder / "car" / "outbox.db"
        self._config = folder / "unit.toml"
        self._config.write_text(UNIT.format(unit=unit, host=HERE, port=port) + more)

    def core(self, far: Far) -> Process:
        """Core, killed when the block is left."""
        return Process(far.wrap([*PATROLA, "core", "--config", str(self._config)]))

    def queue(self, points: int) -> None:
        """So many points of an outage, on disk."""
        self.outbox.parent.mkdir()
        outbox = Outbox.open(self.outbox, Limits(most_bytes=64_000_000))
        for _ in range(points // POINTS_AT_ONCE):
            outbox.commit([self._point() for _ in range(POINTS_AT_ONCE)])
        outbox.close()

    def _point(self) -> Entry:
        name = new_id()
        point = Point(0, UUID(name).bytes, 1_777_000_000_000, 460_512_345, 145_054_321, 1390, 27_050, 13)
        return Entry(name, Lane.TRACK, track.row_body(Who(unit=self.unit), point))


async def press_to_received(crew: Crew, hq: Headquarters) -> float:
    """How long a press took to be shown as received; the desk closes it."""
    began_s = await crew.press()
    alarm = await crew.until_alarm(lambda alarm: alarm.received)
    took_s = time.monotonic() - began_s
    await close_at_desk(hq.socket, alarm.incident)
    await crew.until_cleared(alarm.incident)
    return took_s


async def pressed(car: FarCar, hq: Headquarters, presses: int) -> list[float]:
    """So many presses, one incident after the other."""
    async with Crew(car.socket) as crew:
        await crew.until(lambda seen: seen.line.connected and not seen.line.hq_silent)
        return [await press_to_received(crew, hq) for _ in range(presses)]


def lossy(folder: Path, args: argparse.Namespace) -> list[float]:
    """The presses of all cars over a line that delays and loses in either direction; each is one incident."""
    with lossy_line(folder, DELAY_MS, args.loss) as far, servers(folder) as (hq, port), contextlib.ExitStack() as stack:
        fleet = [FarCar(folder / f"LJ-{number}", f"LJ-{number}", port) for number in range(1, args.cars + 1)]
        for car in fleet:
            stack.enter_context(car.core(far))

        async def all_of_them() -> list[list[float]]:
            return await asyncio.gather(*(pressed(car, hq, args.presses // args.cars) for car in fleet))

        times = [one for times in asyncio.run(all_of_them()) for one in times]
        found = hq.ask("incidents")["incidents"]
        assert [one["signals"] for one in found] == [1] * len(times), "each press is one incident"
        return times


class ConnackWatch(Process):
    """Prints the time of each CONNACK that comes in at the far place, and of the SYN before it."""

    def __init__(self, far: Far, port: int) -> None:
        super().__init__(far.wrap([sys.executable, "-m", "tests.bench.connack_watch", "far", str(port)]))
        self.out.until_told("watching")

    def newest(self) -> tuple[float, float]:
        """When the last SYN left, and when its CONNACK came."""
        syn_s, connack_s = self.out.told[-1].split()
        return float(syn_s), float(connack_s)


async def narrow_round(car: FarCar, hq: Headquarters, far: Far, watch: ConnackWatch) -> dict[str, float]:
    """An alarm raised without a line, then a line; and one raised while the backlog is on its way."""
    heard = len(watch.out.told)
    run(*far.wrap(["ip", "link", "set", "far", "down"]))
    with car.core(far) as core:
        async with Crew(car.socket) as crew:
            await crew.press()
            await crew.until_alarm(lambda alarm: alarm.stored)
            run(*far.wrap(["ip", "link", "set", "far", "up"]))
            alarm = await crew.until_alarm(lambda alarm: alarm.received)
            received_s = time.monotonic()
            watch.out.until(lambda told: len(told) > heard)
            syn_s, connack_s = watch.newest()
            await close_at_desk(hq.socket, alarm.incident)
            await crew.until_cleared(alarm.incident)
            waiting = (await crew.until(lambda seen: seen.line.pending)).line.pending
            await crew.until(lambda seen: seen.line.pending < waiting - FLOWING)
            on_line_s = await press_to_received(crew, hq)
        # Told to end and not killed: the next one is to know that these alarms are closed.
        core.end()
    return {
        "handshake": connack_s - syn_s,
        "from_connack": received_s - connack_s,
        "on_line": on_line_s,
        "waiting": waiting,
    }


def narrow(folder: Path, args: argparse.Namespace) -> list[dict[str, float]]:
    """Rounds over 64 kbit/s with so many points queued at the first."""
    with narrow_line(BITS_PER_S) as far, servers(folder) as (hq, port):
        car = FarCar(folder / "LJ-1", "LJ-1", port, f"[sending]\nwindow = {args.window}\n")
        car.queue(args.points)
        with ConnackWatch(far, port) as watch:
            return [asyncio.run(narrow_round(car, hq, far, watch)) for _ in range(args.rounds)]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("line", choices=("lossy", "narrow"))
    parser.add_argument("--cars", type=int, default=8)
    parser.add_argument("--presses", type=int, default=1000)
    parser.add_argument("--loss", type=float, default=LOSS_PERCENT, help="percent, in either direction")
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--window", type=int, default=Sending().window, help="publications in flight")
    args = parser.parse_args(arguments)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True, timeout=20)
    with folder_on_disk() as folder:
        if args.line == "lossy":
            print(json.dumps(lossy(folder, args)))
        else:
            print(json.dumps(narrow(folder, args)))


if __name__ == "__main__":
    main()
