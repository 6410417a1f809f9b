"""Patrol cars whose power is cut again and again; run in a network namespace of its own by test_core_power_cut.py.

Core and its ext4 file system are inside User-mode Linux, the board, the broker and headquarters outside of the cut.
"""

import argparse
import contextlib
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from terminal.contract.identity import incident_of_press
from tests.system.conftest import ANONYMOUS, Mosquitto
from tests.system.far_line import cable, run
from tests.system.headquarters import Headquarters
from tests.system.patrol_car import LOOK_S, WITHIN_S, Board
from tests.system.serial_line import losing_unread
from tests.system.uml import Machine, boot_command, start_script

AT_ONCE = 2
BOOT_S = 4.0
"""Within about so long core serves; a cut comes before as likely as in as much time after."""
OUTSIDE, INSIDE = "10.77.{number}.1", "10.77.{number}.2"
PRESS_S = 0.15
"""Within so long a press is on disk."""
NEVER = 1 << 30
LONGEST_LIFE_S = 20.0
MOST_CUTS = 25
AS_ROOT = "user root\n"
"""In a user namespace there is no other user that Mosquitto could become."""
DISK_BYTES = 48 << 20
MEMORY = "192M"
UNIT = """\
[unit]
realm = "LJ"
unit = "{unit}"

[[brokers]]
host = "{broker}"
port = {port}

[storage]
folder = "/mnt/car"
outbox_megabytes = 8
reserve_megabytes = 1

[link]
socket = "/run/core.sock"

[holding]
first_pause_s = 0.1
longest_pause_s = 0.5

[sources.board]
driver = "io_board"
device = "/dev/ttyS0"
"""
INSIDE_RUNS = """\
ip addr add {address}/24 dev vec0
ip link set vec0 up
ip link set lo up
mount -t ext4 /dev/ubda /mnt || exit 1
{besides}exec {python} -m {program} core --config {config} --echo
"""


class Car:
    """A car's disk, its board, and one machine after another between the two; `besides` is done before core starts."""

    def __init__(self, folder: Path, number: int, port: int, program: str, besides: str = "") -> None:
        folder.mkdir()
        self.unit = f"LJ-{number}"
        self._folder = folder
        self._line = f"patrola{number}"
        broker = OUTSIDE.format(number=number)
        cable(self._line, f"{self._line}i")
        run("ip", "addr", "add", f"{broker}/24", "dev", self._line)
        (folder / "unit.toml").write_text(UNIT.format(unit=self.unit, broker=broker, port=port))
        make_disk(folder / "disk")
        inside = INSIDE_RUNS.format(
            address=INSIDE.format(number=number),
            besides=besides,
            python=sys.executable,
            program=program,
            config=folder / "unit.toml",
        )
        self._init = start_script(folder / "init", inside)

    @contextlib.contextmanager
    def powered(self) -> Iterator[Machine]:
        """The machine with power, until it is cut."""
        devices = (
            f"ubd0={self._folder / 'disk'}",
            f"ssl0=tty:{self._folder / 'board'}",
            f"vec0:transport=raw,ifname={self._line}i,depth=128,gro=0",
        )
        command = boot_command(self._init, *devices, memory=MEMORY)
        with (self._folder / "console").open("ab") as console, Machine(command, console) as machine:
            yield machine

    def switch_line(self, *, on: bool) -> None:
        """The line to headquarters is there, or is not."""
        run("ip", "link", "set", self._line, "up" if on else "down")

    def console(self) -> str:
        """All that its machines have written."""
        return (self._folder / "console").read_text(errors="replace")


def make_disk(path: Path) -> None:
    """An empty ext4 file system in a file."""
    with path.open("wb") as disk:
        disk.truncate(DISK_BYTES)
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", str(path)], check=True, timeout=WITHIN_S)


class Shift:
    """Presses in one car over many cuts. With a line the desk closes each incident before the next press."""

    def __init__(self, car: Car, board: Board, hq: Headquarters, chance: random.Random, *, dead_zone: bool) -> None:
        self._dead_zone = dead_zone
        self._car = car
        self._board = board
        self._hq = hq
        self._chance = chance
        self._presses = 0
        self.cut_while_latched = 0
        """Cuts that came while the board held a press."""

    def cut_once(self) -> None:
        """Switch on, press again and again, and cut the power: at any moment, or close to one of the presses."""
        line = self._chance.random() < 0.5 and not self._dead_zone
        self._car.switch_line(on=line)
        if self._chance.random() < 0.3:
            self._press()
        at_press = self._presses + self._chance.choice((1, 1, 2, 3, NEVER))
        with self._car.powered() as machine:
            latest_s = self._chance.uniform(0, 2 * BOOT_S) if at_press >= NEVER else LONGEST_LIFE_S
            cutter = threading.Timer(latest_s, machine.cut)
            cutter.start()
            self._until(machine, lambda: machine.is_cut, lambda: self._press_once_more(line, machine, at_press))
            cutter.cancel()
        self.cut_while_latched += len(self.stored()) < len(self.pressed())

    def end(self) -> None:
        """Switch on until a press has come through behind all others, as an incident of its own."""
        self._car.switch_line(on=True)
        self._press()
        with self._car.powered() as machine:
            self._until(machine, self._dealt_with, lambda: None)
            while self.pressed()[-1] not in self.at_headquarters():
                self._press()
                self._until(machine, self._dealt_with, lambda: None)

    def _until(self, machine: Machine, done: Callable[[], object], meanwhile: Callable[[], None]) -> None:
        ends_s = time.monotonic() + WITHIN_S
        while not done():
            if time.monotonic() > ends_s:
                raise TimeoutError(self._car.console()[-3000:])
            assert machine.runs() or machine.is_cut, self._car.console()[-3000:]
            meanwhile()
            time.sleep(LOOK_S)

    def _press_once_more(self, line: bool, machine: Machine, at_press: int) -> None:
        if not (self._dealt_with() if line else self._on_disk()):
            return
        if self._presses + 1 == at_press:
            threading.Timer(self._chance.uniform(0, PRESS_S), machine.cut).start()
        self._press()

    def _press(self) -> None:
        self._presses += 1
        self._board.press()

    def pressed(self) -> list[str]:
        """The incident that each press is, or would be, in their order."""
        return [_incident(press) for press in self._board.events("press")]

    def stored(self) -> set[str]:
        """Those that the board was told are on disk."""
        return {_incident(press) for press in self._board.events("stored")}

    def _on_disk(self) -> bool:
        return self.stored() == set(self.pressed())

    def _dealt_with(self) -> bool:
        """Whether the car has everything on disk and knows of nothing open, and the desk has closed all it heard of.

        That all is closed is on the car's disk too: until then a press whose commit the cut prevents may come twice,
        as the incident that it began, and after the cut on the one before, which the disk still has as open.
        """
        lamp = self._board.events("lamp")
        closed = self._on_disk() and self._all_closed() and (not lamp or lamp[-1]["rung"] == "off")
        return closed and self._all_confirmed()

    def _all_closed(self) -> bool:
        still_open = [one["incident"] for one in self._hq.incidents(self._car.unit) if not one["cleared_by"]]
        for incident in still_open:
            self._hq.ask("clear", alarm=incident, by="Desk", reason="seen")
        return not still_open

    def _all_confirmed(self) -> bool:
        """The car confirms what it is told once it has put that on disk."""
        with contextlib.closing(sqlite3.connect(f"file:{self._hq.store}?mode=ro", uri=True)) as store:
            found = store.execute("SELECT revision, confirmed FROM revisions WHERE unit = ?", (self._car.unit,))
            return all(confirmed >= revision for revision, confirmed in found)

    def at_headquarters(self) -> dict[str, int]:
        """How many signals headquarters has of each incident."""
        return {one["incident"]: one["signals"] for one in self._hq.incidents(self._car.unit)}

    def found(self) -> dict[str, Any]:
        """What came of it, for the test to judge."""
        console = self._car.console()
        return {
            "pressed": self.pressed(),
            "stored": len(self.stored()),
            "at_headquarters": self.at_headquarters(),
            "cut_while_latched": self.cut_while_latched,
            "troubles": [line for line in console.splitlines() if any(word in line for word in TROUBLES)],
        }


TROUBLES = ("Traceback", "ERROR", "outbox-repaired", "EXT4-fs error")


def _incident(press: dict[str, Any]) -> str:
    return incident_of_press(press["board_id"], press["boot_nonce"], press["number"])


class Servers:
    """A broker and a headquarters for all cars."""

    def __init__(self, folder: Path) -> None:
        self.broker = Mosquitto(folder, AS_ROOT + ANONYMOUS.replace("127.0.0.1", "0.0.0.0"))
        self.port = self.broker.broker.port
        self.hq = Headquarters(folder / "hq", self.port)

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Both, until the block is left."""
        self.broker.start()
        try:
            with self.hq.serving():
                yield
        finally:
            self.broker.kill()


def work(folder: Path, number: int, cuts: int, servers: Servers, args: argparse.Namespace) -> dict[str, Any]:
    """One car's life; what came of it."""
    car = Car(folder / f"car-{number}", number, servers.port, args.program)
    chance = random.Random(f"{args.seed} {number}")
    with Board(folder / f"car-{number}") as board, losing_unread(folder / f"car-{number}" / "board"):
        shift = Shift(car, board, servers.hq, chance, dead_zone=args.dead_zone)
        for _ in range(cuts):
            shift.cut_once()
        shift.end()
        return shift.found()


def shares(cuts: int) -> list[int]:
    """How many cuts each car gets: two cars at once, and none so many that its incidents become a long list."""
    cars = max(AT_ONCE, cuts // MOST_CUTS)
    return [cuts // cars + (number < cuts % cars) for number in range(cars)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cuts", type=int, required=True, help="of all cars together")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--program", default="terminal.tools.command", help="the module that is core")
    parser.add_argument("--dead-zone", action="store_true", help="no line to headquarters until the last cut")
    args = parser.parse_args()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True, timeout=WITHIN_S)
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(AT_ONCE) as pool:
        servers = Servers(Path(name))
        with servers.serving():
            lives = [
                pool.submit(work, Path(name), number, cuts, servers, args)
                for number, cuts in enumerate(shares(args.cuts), 1)
            ]
            print(json.dumps([life.result() for life in lives]))


if __name__ == "__main__":
    main()
