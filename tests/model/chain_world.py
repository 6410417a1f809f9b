"""A car, a broker and headquarters in one loop of virtual time: the real core and the real service, between a simulated
line and simulated disks that do what a test tells them to."""

import asyncio
import shutil
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import apsw
import msgspec

from firmware.latch import Latch
from hal.clock import SystemClock
from hal.errors import SourceMissing
from hal.readings import AnyReading, ButtonState, Fix, FixMode, Press
from hq.config import Config as HqConfig
from hq.desk import Desk
from hq.moment import Moment
from hq.service import Service
from hq.store import Store
from terminal import config as unit_config
from terminal.asked import ArmButton, Command
from terminal.contract import topics
from terminal.contract.durable import DiskFailed
from terminal.contract.line_trouble import Proof
from terminal.contract.messages import Alarm, decode_alarm
from terminal.contract.mqtt import Broker, Connection, Listener, Lost, Publication
from terminal.core import state
from terminal.core.daemon import Core
from terminal.core.emergency import Emergency
from terminal.link import Role, Snapshot
from terminal.uplink.outbox import Limits, Outbox
from terminal.uplink.writer import Writer
from tests.model.virtual_time import VirtualLoop
from tests.system.faulty_disk import FaultyDisk

REALM, UNIT = "LJ", "LJ-101"
NOW_MS = 1_800_000_000_000
UNIT_TOML = f"""
[unit]
realm = "{REALM}"
unit = "{UNIT}"
call_sign = "Ljubljana 101"

[[brokers]]
host = "simulated"

[storage]
folder = "FOLDER"
reserve_megabytes = 1

[link]
socket = "FOLDER/core.sock"
"""


class Disk(FaultyDisk):
    """A disk that fails from a given operation on, until it is mended."""

    def __init__(self, name: str) -> None:
        super().__init__(name, 0, apsw.IOError, for_good=False)
        self.left: int | None = None

    def step(self, what: str) -> None:
        """One operation; raises once the disk has begun to fail."""
        if self.left is not None:
            if self.left == 0:
                raise apsw.IOError(f"{what} failed")
            self.left -= 1

    @property
    def sound(self) -> bool:
        """Whether it takes everything."""
        return self.left is None


class DirectWriter(Writer):
    """Calls on the outbox are made at once, in the loop's own thread; after a crash none is."""

    def __init__(self, path: Path, limits: Limits, *, vfs: str) -> None:
        super().__init__(path, limits, vfs=vfs)
        self.crashed = False

    def start(self) -> None:
        """There is no thread."""

    async def submit(self, call: Any, *, urgent: bool = False) -> Any:
        """What the call returns, a turn of the loop later."""
        await asyncio.sleep(0)
        if self.crashed:
            raise DiskFailed("outbox", "core is not there any more", "none")
        self._failure = None
        try:
            return call(self._opened())
        except DiskFailed:
            self._close()
            raise

    def close(self, timeout_s: float = 5.0) -> None:
        """Let the file go."""
        self._close()

    def look(self) -> Outbox:
        """The outbox, for whoever wants to see what is on disk."""
        return self._opened()


class Network:
    """One broker with a line to the car that a test holds in its hand; headquarters' line is sound.

    `held`: what is handed over stays where it is until the test lets it go, in any order, again, or never.
    """

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.held = False
        self.car_up = True
        self.up: deque[Publication] = deque()
        self.down: deque[Publication] = deque()
        self.answers: deque[Publication] = deque(maxlen=8)
        self.car: SimConnection | None = None
        self.hq: SimConnection | None = None

    def attach(self, connection: "SimConnection") -> None:
        """A CONNECT; raises Lost where there is no line."""
        if connection.is_car:
            if not self.car_up:
                raise Lost("simulated: no line")
            self.car = connection
        else:
            self.hq = connection
            self._loop.call_soon(self.flow)

    def handed(self, connection: "SimConnection", mid: int, publication: Publication) -> None:
        """A PUBLISH of either side: the broker acknowledges it, which says nothing of what becomes of it."""
        self._loop.call_later(0.01, self._acknowledge, connection, mid)
        (self.up if connection.is_car else self.down).append(publication)
        if not self.held:
            self._loop.call_later(0.02, self.flow)

    def _acknowledge(self, connection: "SimConnection", mid: int) -> None:
        if not connection.closed.done():
            connection.hear().acknowledged(mid, "")

    def flow(self) -> None:
        """Everything arrives in its order, unless the line is held."""
        while self.up and not self.held and self.hq is not None:
            self.goes_up(0, "arrives")
        while self.down and not self.held and self.car is not None:
            self.comes_down(0, "arrives")

    def goes_up(self, index: int, fate: str) -> None:
        """One publication of the car arrives at headquarters, does so and will again, or is lost."""
        publication = self._taken(self.up, index, fate)
        if self.hq is not None and fate != "is lost":
            self.hq.hear().message(publication.topic, publication.payload)

    def comes_down(self, index: int, fate: str) -> None:
        """One publication of headquarters arrives at the car, or not."""
        publication = self._taken(self.down, index, fate)
        if self.car is not None and fate != "is lost":
            self._is_delivered(self.car, publication)

    def _is_delivered(self, car: "SimConnection", publication: Publication) -> None:
        if publication.topic.endswith(topics.STATE) and publication not in self.answers:
            self.answers.append(publication)
        car.hear().message(publication.topic, publication.payload)

    def an_answer_comes_again(self, number: int) -> None:
        """One of the last that arrived, however old it is by now."""
        if self.car is not None and self.answers:
            self._is_delivered(self.car, self.answers[number % len(self.answers)])

    @staticmethod
    def _taken(queue: deque[Publication], index: int, fate: str) -> Publication:
        publication = queue[index]
        if fate != "comes again":
            del queue[index]
        return publication

    def cut(self) -> None:
        """The car has no line; what was under way may arrive all the same."""
        self.car_up = False
        if self.car is not None:
            self.car.abort("the line is gone")

    def wipe(self) -> None:
        """The broker starts anew, and knows of nothing."""
        self.up.clear()
        self.down.clear()
        for connection in (self.car, self.hq):
            if connection is not None:
                connection.abort("the broker has ended")


class SimConnection(Connection):
    """The line of one side, message by message."""

    def __init__(self, network: Network, client_id: str, _broker: Broker, listener: Listener, **_settings: Any) -> None:
        self._network = network
        self.is_car = client_id == UNIT
        self.listener = listener
        self.closed = asyncio.get_running_loop().create_future()
        self.proof = Proof.NOTHING
        self.heard_s = asyncio.get_running_loop().time()
        self._mid = 0

    def hear(self) -> Listener:
        """Its listener, since the broker has something for it."""
        self.heard_s = asyncio.get_running_loop().time()
        return self.listener

    async def open(self) -> None:
        """CONNECT and CONNACK."""
        await asyncio.sleep(0.01)
        self._network.attach(self)

    async def subscribe(self, topic: str, *, timeout_s: float = 10.0) -> None:
        """SUBSCRIBE and SUBACK."""
        await asyncio.sleep(0.01)
        if self.closed.done():
            raise Lost("simulated: the line is gone")

    def publish(self, publication: Publication) -> int:
        """PUBLISH; raises Lost."""
        if self.closed.done():
            raise Lost("simulated: the line is gone")
        self._mid += 1
        self._network.handed(self, self._mid, publication)
        return self._mid

    async def close(self) -> None:
        """DISCONNECT."""
        self.abort("closed")

    def abort(self, reason: str, proof: Proof = Proof.NOTHING) -> None:
        """The line is gone."""
        if not self.closed.done():
            self.proof = proof
            self.closed.set_result(reason)
        if self._network.car is self:
            self._network.car = None
        if self._network.hq is self:
            self._network.hq = None


class Board:
    """The I/O board: the firmware's own latch, on a line that may be unplugged; it outlives core."""

    name = "board"

    def __init__(self) -> None:
        self.latch = Latch(7)
        self.plugged = True
        self.rung = ""
        self._changed = asyncio.Event()

    def press(self) -> Press:
        """A finger on the button."""
        press = Press("board-1", self.latch.boot_nonce, self.latch.press())
        self._changed.set()
        return press

    def plug(self) -> None:
        self.plugged = True

    def unplug(self) -> None:
        self.plugged = False
        self._changed.set()

    async def readings(self) -> AsyncIterator[AnyReading]:
        """Every latched press once for each time that it is opened."""
        told: set[int] = set()
        while self.plugged:
            self._changed.clear()
            for number in self.latch.numbers():
                if number not in told:
                    told.add(number)
                    press = Press("board-1", self.latch.boot_nonce, number)
                    yield ButtonState(source=self.name, mono_ns=self._mono_ns(), latched=press)
            if not self.latch.numbers():
                yield ButtonState(source=self.name, mono_ns=self._mono_ns())
            await self._changed.wait()
        raise SourceMissing(self.name, "it is not plugged in", "plug it in")

    @staticmethod
    def _mono_ns() -> int:
        return round(asyncio.get_running_loop().time() * 1e9)

    def confirm_stored(self, press: Press) -> bool:
        """Whether it lets go of this press by that."""
        lets_go = self.plugged and self.latch.stored(press.number)
        if lets_go:
            self._changed.set()
        return lets_go

    def show_rung(self, rung: str) -> None:
        self.rung = rung


class Lines:
    """A board as one core sees it: after that core's crash it hears nothing more."""

    def __init__(self, board: Board, released: Callable[[Press], None]) -> None:
        self._released = released
        self.name = board.name
        self.readings = board.readings
        self._board: Board | None = board

    def confirm_stored(self, press: Press) -> None:
        if self._board is not None and self._board.confirm_stored(press):
            self._released(press)

    def show_rung(self, rung: str) -> None:
        if self._board is not None:
            self._board.show_rung(rung)

    def let_go(self) -> None:
        self._board = None


class CarClock(SystemClock):
    """The loop's time since this boot; the calendar is the test's."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def mono_ns(self) -> int:
        return round(self._loop.time() * 1e9)


class Car:
    """One run of core after another on what the one before left on disk."""

    def __init__(self, folder: Path, network: Network, disk: Disk, loop: VirtualLoop) -> None:
        self._folder, self._network, self._loop = folder, network, loop
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
        if self._network.car is not None:
            self._network.car.abort("core has ended")
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


class Headquarters:
    """One run of the service after another on the same store."""

    def __init__(self, folder: Path, network: Network, disk: Disk, loop: VirtualLoop) -> None:
        self._folder, self._network, self._loop = folder, network, loop
        self.disk = disk
        folder.mkdir(parents=True)
        self._runs = 0
        self.ahead_ms = 0
        self.start()

    def _moment(self) -> Moment:
        """What the clocks say; that on the wall, whatever has been done to it."""
        mono_ms = round(self._loop.time() * 1000)
        return Moment("boot-1", mono_ms, mono_ms + NOW_MS + self.ahead_ms)

    def start(self) -> None:
        """Begin a run; headquarters does not begin on a disk that fails."""
        self.disk.left = None
        self._runs += 1
        store = self._folder / f"hq-{self._runs}.db"
        for file in self._folder.glob(f"hq-{self._runs - 1}.db*"):
            shutil.copy(file, self._folder / file.name.replace(f"hq-{self._runs - 1}", f"hq-{self._runs}"))
        config = HqConfig(
            name="HQ-1", brokers=(Broker(host="simulated"),), store=store, socket=self._folder / "hq.sock"
        )
        self._creating = self._loop.create_task(self._create(config))
        self._loop.run_until_complete(self._creating)
        self._running = self._loop.create_task(self.service.run())

    async def _create(self, config: HqConfig) -> None:
        connect, opened = partial(SimConnection, self._network), partial(Store.open, vfs=self.disk.name)
        self.service = Service(config, connect=connect, clock=self._moment, opened=opened)

    @property
    def desk(self) -> Desk:
        """Where people act."""
        return self.service._desk

    def answer(self) -> tuple[str, int]:
        """Epoch and revision of what the car is to show."""
        store = self.service._store
        return store.epoch, store.revisions((REALM, UNIT))[0]

    def owes(self) -> bool:
        """Whether people are shown what its disk has not taken."""
        return bool(self.service._receiver._known.owed)

    def messages(self) -> list[Alarm]:
        """Every alarm message that is on headquarters' disk."""
        found = self.service._store._db.execute("SELECT body FROM messages WHERE lane = 'alarm'")
        return [decode_alarm(body) for (body,) in found]

    def message_ids(self) -> frozenset[str]:
        """Their ids."""
        return frozenset(message.id for message in self.messages())

    def crash(self) -> None:
        """End at once."""
        copies = {file: file.read_bytes() for file in self._folder.glob(f"hq-{self._runs}.db*")}
        if self._network.hq is not None:
            self._network.hq.abort("headquarters has ended")
        self._running.cancel()
        self._loop.run_until_complete(asyncio.gather(self._running, return_exceptions=True))
        for file in self._folder.glob(f"hq-{self._runs}.db*"):
            file.unlink()
        for file, content in copies.items():
            file.write_bytes(content)


def is_alarm(publication: Publication) -> bool:
    """Whether it is of the alarm lane."""
    return publication.topic == topics.up(REALM, UNIT, topics.Lane.ALARM)
