"""The car: the real core in virtual time, between a simulated line, a simulated modem and a disk that may fail."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path
from uuid import UUID

import msgspec

from hal.clock import SystemClock
from hal.readings import Fix, FixMode, Press
from terminal import config as unit_config
from terminal.asked import ArmButton, Command
from terminal.contract.durable import DiskFailed
from terminal.core import state
from terminal.core.daemon import Core
from terminal.core.emergency import Emergency
from terminal.link import Role, Snapshot
from terminal.uplink.bearer import Beside
from terminal.uplink.bearers import sms
from terminal.uplink.outbox import Limits, Outbox
from terminal.uplink.writer import Writer
from tests.model.chain_board import Board, Lines
from tests.model.chain_disk import DirectWriter, Disk
from tests.model.chain_line import REALM, UNIT, Network, SimConnection
from tests.model.chain_mobile import SMS, Card, Modem
from tests.model.virtual_time import VirtualLoop

HQ_NUMBER = "+38640000002"
BY_SMS = sms.Settings(numbers=(HQ_NUMBER,))
UNIT_TOML = f"""
[unit]
realm = "{REALM}"
unit = "{UNIT}"
call_sign = "Ljubljana 101"

[[brokers]]
host = "first"

[[brokers]]
host = "second"

[storage]
folder = "FOLDER"
reserve_megabytes = 1

[link]
socket = "FOLDER/core.sock"
"""


class CarClock(SystemClock):
    """The loop's time since this boot; the calendar is the test's."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def mono_ns(self) -> int:
        return round(self._loop.time() * 1e9)


class Car:
    """One run of core after another on what the one before left on disk."""

    def __init__(self, folder: Path, network: Network, card: Card, disk: Disk, loop: VirtualLoop) -> None:
        self._folder, self._network, self._card, self._loop = folder, network, card, loop
        self.disk = disk
        self.board = Board()
        self.runs = 0
        self.released_too_soon: list[Press] = []
        self.start()

    def start(self) -> None:
        """Begin a run."""
        self.runs += 1
        folder = self._folder / f"run-{self.runs}"
        before = self._folder / f"run-{self.runs - 1}"
        folder.mkdir(parents=True)
        for file in before.glob("outbox.db*") if before.exists() else ():
            shutil.copy(file, folder / file.name)
        toml = folder / "unit.toml"
        toml.write_text(UNIT_TOML.replace("FOLDER", str(folder)))
        self._lines = Lines(self.board, self._released)
        self._writers: list[DirectWriter] = []
        self.core = Core(
            unit_config.load(toml),
            [self._lines],
            CarClock(self._loop),
            bearers=[Beside(sms.build(SMS, BY_SMS, {Modem.name: Modem(self._card)}), BY_SMS)],
            connect=partial(SimConnection, self._network),
            writer=self._writer,
        )
        self._running = self._loop.create_task(self.core.run())

    def _writer(self, path: Path, limits: Limits) -> Writer:
        self._writers.append(DirectWriter(path, limits, vfs=self.disk.name))
        return self._writers[-1]

    def _released(self, press: Press) -> None:
        if press not in self.on_disk()[0]:
            self.released_too_soon.append(press)

    def on_disk(self) -> tuple[frozenset[Press], frozenset[str]]:
        """Presses that the saved state knows and ids of messages, as a power cut would leave them now."""
        copy = self._folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for file in (self._folder / f"run-{self.runs}").glob("outbox.db*"):
            shutil.copy(file, copy)
        with closing(sqlite3.connect(copy / "outbox.db")) as db:
            if not db.execute("SELECT name FROM sqlite_schema WHERE name = 'facts'").fetchall():
                return frozenset(), frozenset()
            saved = db.execute("SELECT value FROM facts WHERE name = 'state emergency'").fetchone()
            ids = frozenset(str(UUID(bytes=one)) for (one,) in db.execute("SELECT id FROM messages"))
        return frozenset(msgspec.json.decode(saved[0], type=Emergency).presses if saved else ()), ids

    def crash(self) -> None:
        """End at once; whatever is not on disk is gone."""
        frozen = self._folder / f"run-{self.runs}"
        copies = {file.name: file.read_bytes() for file in frozen.glob("outbox.db*")}
        for writer in self._writers:
            writer.crashed = True
        self._lines.let_go()
        self.board.rung = ""
        self._network.car_ends("core has ended")
        self._running.cancel()
        self._loop.run_until_complete(asyncio.gather(self._running, return_exceptions=True))
        for file in frozen.glob("outbox.db*"):
            file.unlink()
        for name, content in copies.items():
            (frozen / name).write_bytes(content)

    def snapshot(self) -> Snapshot:
        """What a screen may show now."""
        return state.snapshot(self.core._state, self.core._rules, self.now_ns())

    def now_ns(self) -> int:
        """The time of this boot."""
        return round(self._loop.time() * 1e9)

    def arm(self, kind: str) -> None:
        """The crew asks for a window in which the next press is a test or an exercise."""
        self.tap(ArmButton(asked_mono_ns=round(self._loop.time() * 1e9), kind=kind))

    def sense(self, utc: datetime) -> None:
        """A fix with a time that GNSS says it is."""
        mono_ns = round(self._loop.time() * 1e9)
        fix = Fix(source="gnss", mono_ns=mono_ns, mode=FixMode.FIX_3D, lat_deg=46.05, lon_deg=14.5, utc=utc)
        self.core._intake.put(fix)

    @property
    def emergency(self) -> Emergency:
        """The state of the emergency, in memory."""
        return self.core._state.emergency

    def tap(self, command: Command) -> None:
        """The crew taps."""
        self.core._command(command, Role.CREW)

    def outbox(self) -> Outbox | None:
        """The outbox on a disk that can be read."""
        try:
            return self._writers[-1].look() if self.disk.sound else None
        except DiskFailed:
            return None
