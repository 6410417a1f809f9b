"""A thousand cars in one process: memory, threads and CPU of our connections, beside paho with its threads.

`python -m tests.bench.bench_fleet PORT` is that process, so that its memory is its own; it prints its figures as JSON.
"""

import asyncio
import json
import os
import resource
import secrets
import subprocess
import sys
import threading
import time

from terminal.contract import topics
from terminal.contract.messages import Presence, Who, encode
from terminal.contract.mqtt import Broker, Connection, Listener, Publication
from terminal.core.supervision import Supervision
from tests.bench.processes import ROOT, broker, configured, cpu_s, folder_on_disk, memory_mib, started, wait_for_port
from tests.bench.rows import Row, row

NAME = "A fleet in one process: 1000 cars with Will and presence"
CARS = 1000
AT_ONCE = 50
WATCHED_S = 10.0
FILES_A_CAR = 4
PLAIN_CLIENTS = 300
"""More do not fit one process: each has three files, and paho's thread waits with select(2), which knows 1024."""


class Car(Listener):
    """One simulated car's line."""

    def __init__(self, number: int, at: Broker) -> None:
        self.unit = f"CAR-{number}"
        self.topic = topics.up("DEMO", self.unit, topics.PRESENCE)
        self.incarnation = secrets.token_hex(8)
        self.acknowledged_presences = 0
        will = Publication(self.topic, encode(Presence(incarnation=self.incarnation, online=False)))
        self.connection = Connection(self.unit, at, self, will=will, keepalive_s=Supervision().keepalive_s)

    def acknowledged(self, mid: int, failure: str) -> None:
        self.acknowledged_presences += 1

    async def open(self) -> None:
        await self.connection.open()
        await self.connection.subscribe(topics.down_all("DEMO", self.unit))

    async def drive(self) -> None:
        """Say that it is there, as often as a real one."""
        who = Who(unit=self.unit, call_sign=self.unit)
        while True:
            presence = Presence(incarnation=self.incarnation, online=True, who=who)
            self.connection.publish(Publication(self.topic, encode(presence)))
            await asyncio.sleep(Supervision().presence_every_s)


def measure() -> list[Row]:
    enough = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (enough, enough))
    assert enough > CARS * FILES_A_CAR, "a fleet needs more open files: ulimit -Hn"
    with folder_on_disk() as folder:
        port = configured(folder)
        with started(broker(folder)):
            wait_for_port(port)
            plain = _figures("tests.bench.plain_fleet", port, PLAIN_CLIENTS)
            ours = _figures("tests.bench.bench_fleet", port)
    beside = f"paho's loop_start, {PLAIN_CLIENTS} clients"
    ratio = ours["kib_each"] / plain["kib_each"]
    return [
        row("memory, a car", ours["kib_each"], "KiB", f"{ratio:.2f} of {beside} ({plain['kib_each']:.0f})"),
        row("threads in the process", ours["threads"], "", f"{beside}: {plain['threads']}"),
        row(f"connected and subscribed, {AT_ONCE} at once", ours["cars_per_s"], "cars/s"),
        row(f"CPU, presence every {Supervision().presence_every_s:g} s", ours["busy_percent"], "% of a core"),
    ]


def _figures(module: str, *arguments: int) -> dict[str, float]:
    command = (sys.executable, "-m", module, *map(str, arguments))
    run = subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.PIPE)
    figures: dict[str, float] = json.loads(run.stdout)
    return figures


async def fleet(at: Broker) -> dict[str, float]:
    """Connect them all, watch them for a while, let them go."""
    before_mib, _ = memory_mib(os.getpid())
    cars = [Car(number, at) for number in range(CARS)]
    began_s = time.perf_counter()
    for first in range(0, CARS, AT_ONCE):
        await asyncio.gather(*(car.open() for car in cars[first : first + AT_ONCE]))
    connected_s = time.perf_counter() - began_s
    driving = [asyncio.create_task(car.drive()) for car in cars]
    used_s, began_s = cpu_s(os.getpid()), time.perf_counter()
    await asyncio.sleep(WATCHED_S)
    busy = (cpu_s(os.getpid()) - used_s) / (time.perf_counter() - began_s)
    assert all(car.acknowledged_presences and not car.connection.closed.done() for car in cars), "a car was lost"
    figures = {
        "kib_each": (memory_mib(os.getpid())[0] - before_mib) * 1024 / CARS,
        "threads": threading.active_count(),
        "cars_per_s": CARS / connected_s,
        "busy_percent": busy * 100,
    }
    for task in driving:
        task.cancel()
    await asyncio.gather(*driving, return_exceptions=True)
    await asyncio.gather(*(car.connection.close() for car in cars))
    return figures


if __name__ == "__main__":
    print(json.dumps(asyncio.run(fleet(Broker(host="127.0.0.1", port=int(sys.argv[1]))))))
