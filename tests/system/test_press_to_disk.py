"""`kill -9` of core, of the board's firmware, and of both, at every step from a press to the disk and back.

Core is the real process with its real outbox, the firmware runs in MicroPython, the line is a pty. What stands in: the
board's two memories are files, so that they outlive the killed process as registers and flash outlive a reset.
"""

import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import pytest

from drivers.simulated_board import Event, SimulatedBoard, press_of
from firmware.latch import from_record
from hal.readings import Press
from terminal.contract.identity import incident_of_press
from terminal.contract.topics import Lane
from terminal.link import Snapshot, decode_server_line
from terminal.uplink.outbox import LANE_NUMBERS

DEADLINE_S = 30
UNIT = """
[unit]
realm = "LJ"
unit = "LJ-101"
call_sign = "Ljubljana 101"
vehicle = "LJ-PATROL-1"

[[brokers]]
host = "127.0.0.1"
port = 1

[storage]
folder = "car"

[link]
socket = "core.sock"

[sources.board]
driver = "io_board"
device = "board"
"""


class Car:
    """A board and a core that can be killed and started again, and all that they told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: list[str] = []
        self.heard = asyncio.Event()
        self.events: list[Event] = []
        self.board = SimulatedBoard("B-1", folder / "board", folder / "memory", self._board_told)
        self._core: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None
        (folder / "unit.toml").write_text(UNIT)

    async def start_core(self) -> None:
        command = ["-m", "terminal.tools.command", "core", "--echo", "--config", str(self.folder / "unit.toml")]
        quiet = asyncio.subprocess.DEVNULL
        self._core = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdout=asyncio.subprocess.PIPE, stderr=quiet
        )
        self._listening = asyncio.create_task(self._listen(self._core))

    async def kill_core(self) -> None:
        assert self._core is not None
        assert self._listening is not None
        with suppress(ProcessLookupError):
            self._core.kill()
        await self._core.wait()
        await self._listening

    async def kill(self, what: str) -> None:
        """At once, before anything else happens here."""
        if "core" in what and self._core is not None:
            with suppress(ProcessLookupError):
                self._core.kill()
        if "board" in what:
            self.board.kill()
        if "core" in what:
            await self.kill_core()

    async def start_again(self, what: str) -> None:
        if "board" in what:
            self.board.reset()
        if "core" in what:
            await self.start_core()

    async def until(self, step: str) -> None:
        """Wait until core's journal or the board has told this."""
        async with asyncio.timeout(DEADLINE_S):
            while step not in self.told:
                self.heard.clear()
                await self.heard.wait()

    async def settled(self) -> None:
        """Board and core have found each other, and no press is latched."""
        async with asyncio.timeout(DEADLINE_S):
            while not (await self._sees_board() and self.latched() == []):  # noqa: ASYNC110 - another process's files
                await asyncio.sleep(0.02)

    def latched(self) -> list[int]:
        """What the board's memories hold."""
        numbers = []
        for path in (self.folder / "memory" / "scratch", self.folder / "memory" / "latch"):
            latch = from_record(path.read_bytes()) if path.exists() else None
            numbers += [] if latch is None else latch.numbers()
        return numbers

    def presses(self) -> set[Press]:
        return {press_of(event) for event in self.events if event["event"] == "press"}

    async def incidents(self) -> list[str]:
        """The alarms on core's disk; core, which locks its outbox, has to go for it."""
        await self.kill_core()
        with closing(sqlite3.connect(self.folder / "car" / "outbox.db")) as outbox:
            rows = outbox.execute("SELECT body FROM messages WHERE lane = ?", (LANE_NUMBERS[Lane.ALARM],)).fetchall()
        messages: list[dict[str, Any]] = [json.loads(body) for (body,) in rows]
        assert all(message["type"] == "alarm-raised" for message in messages), messages
        return [message["incident"] for message in messages]

    def was_lit(self) -> bool:
        return any(event["event"] == "pins" for event in self.events)

    def _board_told(self, event: Event) -> None:
        self.events.append(event)
        self._tell("board-" + str(event["event"]))

    def _tell(self, step: str) -> None:
        self.told.append(step)
        self.heard.set()

    async def _listen(self, core: asyncio.subprocess.Process) -> None:
        assert core.stdout is not None
        while line := await core.stdout.readline():
            self._tell(json.loads(line)["event"])

    async def _sees_board(self) -> bool:
        try:
            reader, writer = await asyncio.open_unix_connection(str(self.folder / "core.sock"), limit=1 << 20)
        except OSError:
            return False
        with closing(writer), suppress(OSError, ValueError):
            seen = decode_server_line(await reader.readline())
            return isinstance(seen, Snapshot) and any(source.up for source in seen.sources)
        return False


@asynccontextmanager
async def car(folder: Path) -> AsyncIterator[Car]:
    made = Car(folder)
    made.board.plug()
    await made.start_core()
    try:
        await made.settled()
        yield made
    finally:
        made.board.unplug()
        await made.kill_core()


async def pressed_and_killed(folder: Path, what: str, step: str | None, after_s: float) -> None:
    async with car(folder) as made:
        made.board.circuit("press")
        if step is not None:
            await made.until(step)
        await asyncio.sleep(after_s)
        await made.kill(what)
        durable = made.latched() != [] or "alarm-stored" in made.told
        made.board.circuit("release")
        await made.start_again(what)
        if "board" not in what:
            made.board.circuit("release")
        await made.settled()
        incidents = await made.incidents()
        assert len(incidents) <= 1
        if durable or made.presses():
            named = {incident_of_press(press.board_id, press.boot_nonce, press.number) for press in made.presses()}
            assert len(incidents) == 1
            assert not named or set(incidents) == named
        if not incidents:
            assert not made.was_lit()


STEPS = [None, "board-press", "alarm-raised", "alarm-stored", "board-stored", "board-lamp"]
"""From the finger on: not seen yet, latched, taken by core, on disk, let go of, shown."""


@pytest.mark.promise("P-PRESS-01", "P-PRESS-06")
@pytest.mark.parametrize("what", ["core", "board", "core and board"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_of_the_exchange(tmp_path: Path, what: str, step: str | None) -> None:
    asyncio.run(pressed_and_killed(tmp_path, what, step, 0))


MOMENTS_MS = [
    pytest.param(ms, marks=[] if ms % 6 == 0 else pytest.mark.long)  # one in six in the usual run
    for ms in range(60)
]


@pytest.mark.promise("P-PRESS-06")
@pytest.mark.parametrize("what", ["core", "board", "core and board"])
@pytest.mark.parametrize("after_ms", MOMENTS_MS)
def test_killed_at_any_moment_after_the_finger(tmp_path: Path, what: str, after_ms: int) -> None:
    asyncio.run(pressed_and_killed(tmp_path, what, None, after_ms / 1000))


@pytest.mark.promise("P-PRESS-02", "P-PRESS-06")
def test_a_power_cut_of_the_whole_car_after_the_press_is_one_incident(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with car(tmp_path) as made:
            await made.kill("core")
            made.board.circuit("press")
            await made.until("board-pins")
            made.board.unplug()
            made.board.plug()
            await made.start_core()
            await made.settled()
            assert len(await made.incidents()) == 1

    asyncio.run(scenario())


@pytest.mark.promise("P-DISK-10")
def test_a_restarted_core_shows_the_rung_of_an_open_alarm_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with car(tmp_path) as made:
            made.board.circuit("press")
            await made.until("board-stored")
            made.board.circuit("release")
            await made.kill("core")
            made.board.reset()
            del made.events[:]
            await made.start_core()
            async with asyncio.timeout(DEADLINE_S):
                while {"event": "lamp", "rung": "stored"} not in made.events:
                    made.heard.clear()
                    await made.heard.wait()

    asyncio.run(scenario())


def test_no_process_of_a_board_outlives_its_launcher(tmp_path: Path) -> None:
    async def scenario() -> int:
        board = SimulatedBoard("B-1", tmp_path / "board", tmp_path / "memory", lambda _: None)
        board.plug()
        pid, process = board.pid, board._process
        assert pid is not None
        assert process is not None
        os.close(board._pins)
        board._pins = os.open(os.devnull, os.O_WRONLY)
        code = await asyncio.to_thread(process.wait, DEADLINE_S)
        board.unplug()
        return code

    assert asyncio.run(scenario()) == 0
