"""The screen's end of the local socket: what core says, for ever, and commands to it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec

from terminal.link import Changes, Command, Refused, Snapshot, decode_server_line, encode_line, merge

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 2.0
SILENT_AFTER_S = 5.0
"""Core says at least once a second that its loop turns; without a word for so long it counts as gone."""
LONGEST_LINE = 1 << 20


class Feed:
    """Keeps the newest snapshot; None while core is not there, so that nothing old is shown as current."""

    def __init__(self, path: Path, changed: Callable[[Snapshot | None], None], refused: Callable[[str], None]) -> None:
        self._path = path
        self._changed = changed
        self._refused = refused
        self._writer: asyncio.StreamWriter | None = None

    async def run(self) -> None:
        """Follow core, and come back to it, for ever."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                await self._follow()
                pause_s = FIRST_PAUSE_S
            except (OSError, TimeoutError, ValueError):
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            finally:
                self._writer = None
            self._changed(None)
            await asyncio.sleep(pause_s)

    async def _follow(self) -> None:
        reader, writer = await asyncio.open_unix_connection(str(self._path), limit=LONGEST_LINE)
        self._writer = writer
        seen: Snapshot | None = None
        try:
            while True:
                async with asyncio.timeout(SILENT_AFTER_S):
                    line = await reader.readline()
                if not line:
                    return
                seen = self._heard(seen, line)
        finally:
            writer.close()

    def _heard(self, seen: Snapshot | None, line: bytes) -> Snapshot | None:
        told = decode_server_line(line)
        if isinstance(told, Refused):
            self._refused(told.reason)
            return seen
        if isinstance(told, Changes):
            if seen is None:
                raise msgspec.ValidationError("changes came before a snapshot")
            told = merge(seen, told)
        self._changed(told)
        return told

    def send(self, command: Command) -> bool:
        """Hand a command to core; False when core is not there."""
        if self._writer is None:
            return False
        self._writer.write(encode_line(command))
        return True
