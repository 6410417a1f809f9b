"""Presses an emergency button and stamps each rung as a client of core's socket is shown it; beside it, a desk."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import apsw

from drivers.simulated_board import Event, SimulatedBoard
from terminal.asked import RaiseAlarm
from terminal.link import Snapshot, decode_server_line, encode_line, merge
from terminal.shown import AlarmView

RUNGS: dict[str, Callable[[AlarmView], object]] = {
    "raised": lambda _: True,
    "stored": lambda alarm: alarm.stored,
    "sent": lambda alarm: alarm.sent,
    "received": lambda alarm: alarm.received,
    "acknowledged": lambda alarm: alarm.acknowledged_by,
    "cleared": lambda alarm: alarm.cleared_by,
}

READY_WITHIN_S = 60.0

Stamps = dict[str, float]
"""perf_counter at which each rung was first shown.

`finger` is the button's edge. `pressed` is the board's own time at which it has latched the press and begins to say
so, since whoever hears of that may have to wait for a processor.
"""


UNTRUE = "untrue"
"""Stamps "received" that was shown when headquarters did not have it on its disk."""


class HqStore:
    """What headquarters has on its disk at this moment."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: apsw.Connection | None = None

    def holds(self, incident: str) -> bool:
        """Whether the incident is there."""
        if self._db is None:
            self._db = apsw.Connection(str(self._path), flags=apsw.SQLITE_OPEN_READONLY)
        return self._db.execute("SELECT 1 FROM incidents WHERE incident = ?", (incident,)).get is not None


class Lines(asyncio.Protocol):
    """Gives each line of a connection away, with the perf_counter at which it was there."""

    def __init__(self, take: Callable[[bytes, float], None]) -> None:
        self._take = take
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._take(line, now)


class Shown:
    """A client of core's socket, and when it was first shown each rung of each alarm."""

    def __init__(self, folder: Path) -> None:
        self._path = str(folder / "core.sock")
        self._store = HqStore(folder / "hq.db")
        self._changed = asyncio.Event()
        self.rungs: dict[str, Stamps] = {}
        self.snapshot: Snapshot | None = None

    async def run(self) -> None:
        """Read for ever, once core is there."""
        loop = asyncio.get_running_loop()
        _, writer = await opened(self._path)
        writer.close()
        await loop.create_unix_connection(lambda: Lines(self._take), self._path)
        await loop.create_future()

    def _take(self, line: bytes, now: float) -> None:
        told = decode_server_line(line)
        self.snapshot = told if isinstance(told, Snapshot) else merge(self.snapshot, told)  # type: ignore[arg-type]
        for alarm in self.snapshot.alarms:
            stamps = self.rungs.setdefault(alarm.incident, {})
            for rung, shown in RUNGS.items():
                if rung not in stamps and shown(alarm):
                    stamps[rung] = now
                    if rung == "received" and not self._store.holds(alarm.incident):
                        stamps[UNTRUE] = now
        self._changed.set()

    async def until(self, true: Callable[[], object]) -> None:
        """Wait until what has been shown makes this true."""
        while not true():
            self._changed.clear()
            await self._changed.wait()

    async def until_ready(self) -> None:
        """Wait for the board, and for a headquarters that is heard; raises TimeoutError if they do not start."""
        async with asyncio.timeout(READY_WITHIN_S):
            await self.until(self._is_ready)

    def _is_ready(self) -> bool:
        now = self.snapshot
        return now is not None and not now.line.hq_silent and all(source.up for source in now.sources)

    async def new(self, known: int) -> str:
        """The incident that comes after so many; were this longer the more there are, it would be measured too."""
        await self.until(lambda: len(self.rungs) > known)
        assert len(self.rungs) == known + 1
        return next(reversed(self.rungs))

    async def call(self) -> tuple[float, str]:
        """Raise a real alarm as a screen does; when, and the incident.

        By a client of its own, since core bounds the haste of each.
        """
        known = len(self.rungs)
        called, writer = await self._tap()
        incident = await self.new(known)
        writer.close()
        return called, incident

    async def call_again(self, incident: str, signals: int) -> None:
        """While it is open, until it has so many signals."""
        _, writer = await self._tap()
        await self.until(lambda: any(one.signals == signals for one in self._of(incident)))
        writer.close()

    async def _tap(self) -> tuple[float, asyncio.StreamWriter]:
        reader, writer = await opened(self._path)
        await reader.readline()
        called = time.perf_counter()
        writer.write(encode_line(RaiseAlarm()))
        return called, writer

    def _of(self, incident: str) -> list[AlarmView]:
        return [one for one in self.snapshot.alarms if one.incident == incident] if self.snapshot else []


class Button:
    """A simulated board with a finger on it, and when it did what."""

    def __init__(self, folder: Path) -> None:
        self._changed = asyncio.Event()
        self._times: defaultdict[str, list[float]] = defaultdict(list)
        self.board = SimulatedBoard("B-1", folder / "board", folder / "memory", self._notice)
        self.presses = 0

    def _notice(self, event: Event) -> None:
        self._times[str(event["event"])].append(self.board.told_s)
        self._changed.set()

    async def until(self, event: str, number: int) -> float:
        """When the board told this for the nth time."""
        times = self._times[event]
        while len(times) < number:
            self._changed.clear()
            await self._changed.wait()
        return times[number - 1]

    async def press(self) -> Stamps:
        """Down until the board says PRESS."""
        self.presses += 1
        finger = time.perf_counter()
        self.board.circuit("press")
        return {"finger": finger, "pressed": await self.until("press", self.presses)}

    async def let_go(self) -> None:
        """Up, and nothing is latched any more."""
        self.board.circuit("release")
        await self.until("released", self.presses)
        await self.until("stored", self.presses)


class Desk:
    """Takes every alarm as soon as headquarters tells of it, and clears one when it is asked to."""

    def __init__(self, folder: Path) -> None:
        self._path = str(folder / "hq.sock")

    async def run(self) -> None:
        """Watch for ever."""
        reader, writer = await opened(self._path)
        writer.write(b'{"do": "watch"}\n')
        await reader.readline()
        while line := await reader.readline():
            told = json.loads(line)
            if told.get("event") == "alarm-raised":
                await self.ask({"do": "ack", "alarm": told["incident"], "by": "Bench"})

    async def clear(self, incident: str) -> None:
        """With a name and a reason."""
        await self.ask({"do": "clear", "alarm": incident, "by": "Bench", "reason": "measured"})

    async def incidents(self) -> list[dict[str, Any]]:
        """All that headquarters holds."""
        return list((await self.ask({"do": "incidents"}))["incidents"])

    async def ask(self, question: dict[str, str]) -> dict[str, Any]:
        """One question, its answer."""
        reader, writer = await asyncio.open_unix_connection(self._path, limit=1 << 26)
        writer.write(json.dumps(question).encode() + b"\n")
        answer: dict[str, Any] = json.loads(await reader.readline())
        assert answer["ok"], answer
        writer.close()
        return answer


async def opened(path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """This socket, once somebody listens there."""
    while True:
        try:
            return await asyncio.open_unix_connection(path, limit=1 << 22)
        except OSError:
            await asyncio.sleep(0.05)


Chain = dict[str, Stamps]
"""Each incident's stamps."""

Presses = Callable[[Shown, Desk, Button], Awaitable[Chain]]


async def together(folder: Path, presses: Presses) -> tuple[Chain, list[dict[str, Any]]]:
    """Do these presses on the folder's car with a desk at work; their stamps, and what headquarters holds after."""
    shown, desk, button = Shown(folder), Desk(folder), Button(folder)
    button.board.plug()
    works = [asyncio.create_task(work) for work in (shown.run(), desk.run())]
    try:
        await shown.until_ready()
        stamps = await presses(shown, desk, button)
        return stamps, await desk.incidents()
    finally:
        for work in works:
            work.cancel()
        button.board.unplug()
        await asyncio.gather(*works, return_exceptions=True)
