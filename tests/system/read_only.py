"""A car whose disk the kernel makes read-only under a running core, in the middle of a press; run in a network
namespace of its own by test_core_read_only.py.

Core and its ext4 file system are inside User-mode Linux; what a screen there is told comes out on the console.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from terminal.contract.identity import incident_of_press
from terminal.link import Changes, Snapshot, decode_server_line, merge
from terminal.shown import AlarmView
from tests.system.patrol_car import LOOK_S, WITHIN_S, Board
from tests.system.power_cuts import Car, Servers
from tests.system.serial_line import losing_unread
from tests.system.uml import ROOT, Machine

SHOWN = "shown: "
READ_ONLY = "the disk is read-only"
FATES = {
    "remounted": "echo u >/proc/sysrq-trigger",
    "error": "mount -o remount,errors=remount-ro /mnt; echo 1 >/sys/fs/ext4/ubda/trigger_fs_error",
}
"""As an emergency makes it so, which can be undone, and as ext4 does on finding an error, which takes a start."""
BESIDES = f"""\
{sys.executable} -S {ROOT}/tests/system/shown_lines.py /run/core.sock "{SHOWN}" &
(
    until [ -e {{folder}}/worse ]; do sleep 0.1; done
    {{fate}}
    while echo >/mnt/probe; do sleep 0.1; done
    echo "{READ_ONLY}"
    until [ -e {{folder}}/better ]; do sleep 0.1; done
    mount -o remount,rw /mnt
) &
"""


class Shown:
    """What a screen in the machine is told, from now on."""

    def __init__(self, car: Car, machine: Machine) -> None:
        self._car = car
        self._machine = machine
        self._read = len(car.console())
        self.seen: list[Snapshot] = []

    def until(self, true: Callable[[Snapshot], object]) -> Snapshot:
        """The first snapshot from the newest on of which this is true."""
        while not (self.seen and true(self.seen[-1])):
            self._take_one()
        return self.seen[-1]

    def until_alarm(self, true: Callable[[AlarmView], object]) -> AlarmView:
        """The only alarm, once this is true of it."""
        return self.until(lambda now: now.alarms and true(now.alarms[0])).alarms[0]

    def until_read_only(self) -> None:
        """Wait until the disk takes nothing."""
        self._until(lambda: READ_ONLY in self._car.console())

    def _take_one(self) -> None:
        self._until(lambda: "\n" in self._car.console()[self._read :])
        line = self._car.console()[self._read :].partition("\n")[0]
        self._read += len(line) + 1
        if line.startswith(SHOWN):
            told = decode_server_line(line.removeprefix(SHOWN).encode())
            assert isinstance(told, Snapshot | Changes), line
            self.seen.append(told if isinstance(told, Snapshot) else merge(self.seen[-1], told))

    def _until(self, true: Callable[[], object]) -> None:
        ends_s = time.monotonic() + WITHIN_S
        while not true():
            assert self._machine.runs(), self._car.console()[-3000:]
            assert time.monotonic() < ends_s, self._car.console()[-3000:]
            time.sleep(LOOK_S)


def press_on_it(car: Car, folder: Path, board: Board, shown: Shown) -> dict[str, Any]:
    """One press while the disk becomes read-only, and one when it is; what was shown and told until then."""
    shown.until(lambda now: now.line.connected and now.duty.received)
    (folder / "worse").touch()
    board.press()
    shown.until_read_only()
    board.press()
    alarm = shown.until_alarm(
        lambda alarm: alarm.signals == 2 and alarm.received and (alarm.store_failed or alarm.stored)
    )
    return {"shown_stored": alarm.stored, "board_let_go": len(board.events("stored")) == 2}


def see_it_stored(board: Board, shown: Shown) -> None:
    """Wait until it is on disk, and the board has been told so of each press."""
    shown.until_alarm(lambda alarm: alarm.stored)
    shown.until(lambda now: not now.line.disk_problem and now.line.pending == 0)
    board.out.until(lambda _: len(board.events("stored")) == 2)


def story(folder: Path, servers: Servers, fate: str, program: str) -> dict[str, Any]:
    """What came of it, for the test to judge."""
    here = folder / "car"
    car = Car(here, 1, servers.port, program, BESIDES.format(folder=here, fate=FATES[fate]))
    with Board(here) as board, losing_unread(here / "board"):
        with car.powered() as machine:
            shown = Shown(car, machine)
            found = press_on_it(car, here, board, shown)
            if fate == "remounted":
                (here / "better").touch()
                see_it_stored(board, shown)
        if fate == "error":
            (here / "worse").unlink()
            with car.powered() as machine:
                see_it_stored(board, Shown(car, machine))
        first = board.events("press")[0]
        pressed = incident_of_press(first["board_id"], first["boot_nonce"], first["number"])
        return found | {"pressed": pressed, "at_headquarters": servers.hq.signals(car.unit)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("fate", choices=FATES)
    parser.add_argument("--program", default="terminal.tools.command", help="the module that is core")
    args = parser.parse_args()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True, timeout=WITHIN_S)
    with tempfile.TemporaryDirectory() as name:
        servers = Servers(Path(name))
        with servers.serving():
            print(json.dumps(story(Path(name), servers, args.fate, args.program)))


if __name__ == "__main__":
    main()
