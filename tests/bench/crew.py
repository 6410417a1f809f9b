"""A crew at core's socket that calls for help, and the desk that answers it; every rung is stamped."""

import asyncio
import json
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from terminal.asked import RaiseAlarm
from terminal.link import Snapshot, decode_server_line, encode_line, merge
from terminal.shown import AlarmView

LONGEST_LINE = 1 << 22


class Crew:
    """One screen's view of core, followed as it changes."""

    def __init__(self, socket: Path) -> None:
        self._path = socket
        self._seen: Snapshot | None = None

    async def __aenter__(self) -> "Crew":
        while True:
            try:
                self._reader, self._writer = await asyncio.open_unix_connection(str(self._path), limit=LONGEST_LINE)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                break
        first = decode_server_line(await self._reader.readline())
        assert isinstance(first, Snapshot), first
        self._seen = first
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._writer.close()

    async def until(self, true: Any) -> Snapshot:
        """The next snapshot of which this is true, the newest one included."""
        assert self._seen is not None
        while not true(self._seen):
            self._seen = merge(self._seen, decode_server_line(await self._reader.readline()))  # type: ignore[arg-type]
        return self._seen

    async def press(self) -> float:
        """Call for help on the screen; when, on the monotonic clock."""
        self._writer.write(encode_line(RaiseAlarm()))
        return time.monotonic()

    async def until_alarm(self, true: Any) -> AlarmView:
        """The open alarm, once this is true of it."""
        seen = await self.until(lambda seen: any(true(one) for one in seen.alarms if not one.cleared_by))
        return next(one for one in seen.alarms if not one.cleared_by)

    async def until_cleared(self, incident: str) -> None:
        """Wait until the car knows that this one is closed."""
        await self.until(lambda seen: all(one.cleared_by for one in seen.alarms if one.incident == incident))


async def close_at_desk(socket: Path, incident: str) -> None:
    """The desk closes it."""
    reader, writer = await asyncio.open_unix_connection(str(socket))
    question = {"do": "clear", "alarm": incident, "by": "Bench", "reason": "measured"}
    writer.write(json.dumps(question).encode() + b"\n")
    answer = json.loads(await reader.readline())
    assert answer["ok"], answer
    writer.close()
