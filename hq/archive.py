"""The store as people read it: on a connection and a thread of its own, so that no question holds an alarm up."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import apsw
import msgspec

from hq.incidents import Incident
from hq.store import EVENT_TYPE, RAISED_MS
from hq.units import Key as UnitKey
from terminal.contract import durable

T = TypeVar("T")

BUSY_FOR_MS = 5000
"""How long a question waits for whoever repairs or upgrades the store."""


class Told(NamedTuple):
    """One event as it came."""

    received_ms: int
    realm: str
    unit: str
    body: bytes


class Archive:
    """Answers questions about all that is in the store at `path`; everything raises DiskFailed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, "hq archive")
        self._db: apsw.Connection | None = None

    async def incidents(self, unit: UnitKey | None, most: int) -> list[Incident]:
        """The newest incidents of a car, or of all, newest last."""
        where = "" if unit is None else "WHERE realm = ? AND unit = ?"
        bodies = await self._asked(
            f"SELECT body FROM incidents {where} ORDER BY {RAISED_MS} DESC LIMIT ?",  # noqa: S608 - fixed words
            (*(unit or ()), most),
        )
        return [msgspec.json.decode(body, type=Incident) for (body,) in reversed(bodies)]

    async def named(self, beginning: str, most: int) -> list[Incident]:
        """Incidents, open or ended, whose id, or unit/id, begins so; no more than so many."""
        bodies = await self._asked(
            "SELECT body FROM incidents WHERE substr(incident, 1, ?1) = ?2"
            " OR substr(unit || '/' || incident, 1, ?1) = ?2 LIMIT ?3",
            (len(beginning), beginning, most),
        )
        return [msgspec.json.decode(body, type=Incident) for (body,) in bodies]

    async def told(self, kinds: Sequence[str], unit: UnitKey | None, most: int) -> list[Told]:
        """The newest events of these types, of a car or of all, oldest first."""
        where = "" if unit is None else "AND realm = ? AND unit = ?"
        found: list[tuple[Any, ...]] = []
        for kind in kinds:
            found += await self._asked(
                f"SELECT number, received_ms, realm, unit, body FROM messages WHERE lane = 'event'"  # noqa: S608 - fixed words
                f" AND {EVENT_TYPE} = ? {where} ORDER BY number DESC LIMIT ?",
                (kind, *(unit or ()), most),
            )
        return [Told(*row[1:]) for row in sorted(found)[-most:]]

    async def _asked(self, question: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        return await self._run(lambda db: db.execute(question, values).fetchall())

    async def _run(self, call: Callable[[apsw.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._called, call)

    def _called(self, call: Callable[[apsw.Connection], T]) -> T:
        with durable.failing(self._path):
            if self._db is None:
                self._db = apsw.Connection(str(self._path), flags=apsw.SQLITE_OPEN_READONLY)
                self._db.set_busy_timeout(BUSY_FOR_MS)
            return call(self._db)

    def close(self) -> None:
        """Let the store go."""
        self._thread.submit(self._shut)
        self._thread.shutdown()

    def _shut(self) -> None:
        if self._db is not None:
            self._db.close()
