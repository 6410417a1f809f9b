"""Core as the screen knows it: connects for ever, merges what comes, and holds an alarm until it is kept."""

import asyncio
import contextlib
from collections.abc import Callable
from enum import Enum, auto
from pathlib import Path
from time import monotonic_ns

import msgspec
from msgspec import Struct

from terminal.asked import Command, RaiseAlarm, Refused
from terminal.contract.identity import message_of_call, new_incident
from terminal.link import LINK_VERSION, LONGEST_LINE, Changes, Snapshot, decode_server_line, encode_line, merge
from terminal.shown import PressView

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0
SILENT_AFTER_S = 2.0
"""Core speaks every second (terminal.link.BEAT_S); after so long without a word it does not turn any more."""


class Gone(Enum):
    """Why core is not there."""

    NOT_YET = auto()
    NOT_RUNNING = auto()
    ENDED = auto()
    SILENT = auto()
    CLOSED = auto()
    ANOTHER_VERSION = auto()
    FAILED = auto()


class Seen(Struct, frozen=True, kw_only=True):
    """What may be shown: core's snapshot; once core is gone its `last` word, as old, when that came, and why it is."""

    snapshot: Snapshot | None = None
    last: Snapshot | None = None
    lost_mono_ns: int = 0
    gone: Gone | None = Gone.NOT_YET
    refused: Refused | None = None
    held: RaiseAlarm | None = None
    held_mono_ns: int = 0

    @property
    def newest(self) -> Snapshot | None:
        """What core says now, or else what it said last, which is old."""
        return self.last if self.snapshot is None else self.snapshot

    @property
    def connected(self) -> bool:
        """Whether core is there."""
        return self.snapshot is not None

    @property
    def shown_held(self) -> RaiseAlarm | None:
        """The held alarm while core does not show it, unless it is silent."""
        if self.held is None or self.held.silent:
            return None
        return self.held if self.snapshot is None or _press_of(self.snapshot, self.held) is None else None


class AnotherVersion(ValueError):
    """Core speaks another version of the link."""


class Feed:
    """`run` until it is cancelled; `changed` is called after each change of `seen`."""

    def __init__(self, path: Path, changed: Callable[[Seen], None]) -> None:
        self._heard_ns = monotonic_ns()
        self.seen = Seen(lost_mono_ns=self._heard_ns)
        self._path = path
        self._changed = changed
        self._writer: asyncio.StreamWriter | None = None
        self._pause_s = FIRST_PAUSE_S

    async def run(self) -> None:
        """Connect, follow, and connect again; never ends of itself."""
        while True:
            try:
                await self._follow()
            except (OSError, ValueError) as error:
                self._lose(_why(error))
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)

    def send(self, command: Command) -> bool:
        """Give core a command; False when core is not there to take it.

        An alarm gets a name, and is held until it is on disk or at headquarters: core may crash before.
        """
        if isinstance(command, RaiseAlarm):
            command = msgspec.structs.replace(command, incident=new_incident())
            self._hold(command)
        return self._give(command)

    def _hold(self, alarm: RaiseAlarm) -> None:
        """The newest is enough, since who taps again calls once more; but no test takes a real one's place."""
        if self.seen.held is None or alarm.kind == "real" or self.seen.held.kind != "real":
            self._become(held=alarm, held_mono_ns=monotonic_ns())

    def _give(self, command: Command) -> bool:
        if self._writer is None or not self.seen.connected:
            return command == self.seen.held
        self._writer.write(encode_line(command))
        return True

    async def _follow(self) -> None:
        async with asyncio.timeout(SILENT_AFTER_S):
            reader, writer = await asyncio.open_unix_connection(str(self._path), limit=LONGEST_LINE)
        try:
            self._writer = writer
            while True:
                async with asyncio.timeout(SILENT_AFTER_S):
                    line = await reader.readline()
                if not line:
                    raise ConnectionResetError("core has ended")
                self._heard_ns = monotonic_ns()
                self._take(line)
        finally:
            self._writer = None
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _take(self, line: bytes) -> None:
        match decode_server_line(line):
            case Snapshot() as snapshot if snapshot.version != LINK_VERSION:
                raise AnotherVersion(f"core speaks version {snapshot.version} and this screen {LINK_VERSION}")
            case Snapshot() as snapshot:
                self._pause_s = FIRST_PAUSE_S
                self._show(snapshot)
                if self.seen.held is not None and _press_of(snapshot, self.seen.held) is None:
                    self._give(self.seen.held)
            case Changes() as news:
                if self.seen.snapshot is None:
                    raise ValueError("core sent changes before a snapshot")
                self._show(merge(self.seen.snapshot, news))
            case Refused() as refused:
                held = None if refused.command == "raise-alarm" else self.seen.held
                self._become(refused=refused, held=held)

    def _show(self, snapshot: Snapshot) -> None:
        held = self.seen.held
        press = None if held is None else _press_of(snapshot, held)
        if press is not None and press.kept:
            held = None
        self._become(snapshot=snapshot, last=snapshot, lost_mono_ns=0, gone=None, held=held)

    def _lose(self, gone: Gone) -> None:
        """Nothing that core said before may be shown as if it were so now."""
        lost_ns = self._heard_ns if self.seen.connected else self.seen.lost_mono_ns
        self._become(snapshot=None, lost_mono_ns=lost_ns, gone=gone, refused=None)

    def _become(self, **facts: object) -> None:
        seen = msgspec.structs.replace(self.seen, **facts)
        if seen != self.seen:
            self.seen = seen
            self._changed(seen)


def _press_of(snapshot: Snapshot, held: RaiseAlarm) -> PressView | None:
    """What core shows of this very tap, in whichever alarm it is."""
    message_id = message_of_call(held.incident, held.kind)
    return next((press for alarm in snapshot.alarms for press in alarm.presses if press.id == message_id), None)


WHY: dict[type[Exception], Gone] = {
    TimeoutError: Gone.SILENT,
    FileNotFoundError: Gone.NOT_RUNNING,
    ConnectionRefusedError: Gone.NOT_RUNNING,
    ConnectionResetError: Gone.ENDED,
    PermissionError: Gone.CLOSED,
    AnotherVersion: Gone.ANOTHER_VERSION,
}


def _why(error: Exception) -> Gone:
    return WHY.get(type(error), Gone.FAILED)
