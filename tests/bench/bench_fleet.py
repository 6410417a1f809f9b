"""A thousand cars in one process: what each connection costs in memory, threads and CPU, beside paho with its threads."""

import asyncio
import os
import resource
import secrets
import subprocess
import sys
import time

from terminal.contract import topics
from terminal.contract.messages import Presence, Who, encode
from terminal.contract.mqtt import Broker, Connection, Listener, Publication
from terminal.uplink.session import Holding
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
        self.connection = Connection(self.unit, at, self, will=will, keepalive_s=Holding().keepalive_s)

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
            await asyncio.sleep(Holding().presence_every_s)


def measure() -> list[Row]:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > CARS * FILES_A_CAR, "ulimit -n is too small for a fleet"
    with folder_on_disk() as folder:
        port = configured(folder)
        with started(broker(folder)):
            wait_for_port(port)
            command = (sys.executable, "-m", "tests.bench.plain_fleet", str(port), str(PLAIN_CLIENTS))
            plain = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True).stdout.split()
            return asyncio.run(_fleet(Broker(host="127.0.0.1", port=port), float(plain[0]), int(plain[1])))


async def _fleet(at: Broker, plain_kib: float, plain_threads: int) -> list[Row]:
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
    memory_kib = (memory_mib(os.getpid())[0] - before_mib) * 1024 / CARS
    threads = len(os.listdir("/proc/self/task"))
    for task in driving:
        task.cancel()
    await asyncio.gather(*driving, return_exceptions=True)
    await asyncio.gather(*(car.connection.close() for car in cars))
    return [
        row(
            "memory, a car",
            memory_kib,
            "KiB",
            f"{memory_kib / plain_kib:.2f} of paho's loop_start ({plain_kib:.0f}, {PLAIN_CLIENTS} clients)",
        ),
        row("threads in the process", threads, "", f"paho's loop_start {plain_threads} ({PLAIN_CLIENTS} clients)"),
        row(f"connected and subscribed, {AT_ONCE} at once", CARS / connected_s, "cars/s"),
        row(f"CPU, presence every {Holding().presence_every_s:g} s", busy * 100, "% of a core"),
    ]
