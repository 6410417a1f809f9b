"""A GNSS receiver through a running gpsd: its JSON stream, listened to with a time-out.

gpsd goes on answering mode 3 with the old position when its receiver has gone silent; here silence takes the position
back.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated

import msgspec

from drivers.gpsd_json import GpsdReports, Report, decode, watch
from hal.clock import Clock
from hal.errors import BadInput, SourceError, SourceLost, SourceMissing, SourceStale
from hal.ports import Source
from hal.readings import AnyReading, Fix, FixMode

log = logging.getLogger(__name__)

LONGEST_LINE = 256 * 1024
"""A sky view of every satellite in sight is some 10 kB."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which gpsd, and which of its devices (None: all); after `silent_after_s` without news the source is stale."""

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 2947
    device: str | None = None
    silent_after_s: Annotated[float, msgspec.Meta(gt=0)] = 5.0


def build(name: str, settings: Settings, clock: Clock) -> Source:
    """A source that yields gpsd's fixes until gpsd goes or has no news."""
    return Gpsd(name, settings, clock)


class Gpsd:
    """Listens to one gpsd; when there is no news, a last `Fix` takes the position back before the error."""

    def __init__(self, name: str, settings: Settings, clock: Clock) -> None:
        self.name = name
        self._settings = settings
        self._clock = clock
        self._where = f"{name} ({settings.host}:{settings.port})"

    async def readings(self) -> AsyncIterator[AnyReading]:
        """Every TPV as a fix, as it comes; one that repeats an old time is no news."""
        reports, newest = GpsdReports(self.name), Fix(source=self.name, mono_ns=0, mode=FixMode.UNKNOWN)
        async with self._connected() as lines:
            deadline = self._deadline()
            while True:
                try:
                    fix = reports.fix(await self._report(lines, deadline), self._clock.mono_ns())
                except SourceError:
                    if newest.mode > FixMode.NO_FIX:
                        yield Fix(source=self.name, mono_ns=self._clock.mono_ns(), mode=FixMode.UNKNOWN)
                    raise
                if fix is not None:
                    deadline = self._deadline() if fix.utc is None or fix.utc != newest.utc else deadline
                    newest = fix
                    yield fix

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._settings.silent_after_s

    async def _report(self, lines: asyncio.StreamReader, deadline: float) -> Report:
        """The next report of the wanted device; SourceStale if none comes before the deadline."""
        try:
            async with asyncio.timeout_at(deadline):
                while True:
                    report = self._read(await self._line(lines))
                    if report is not None and self._settings.device in (None, report.device):
                        return report
        except TimeoutError as error:
            problem = f"no news of the position for {self._settings.silent_after_s:g} s"
            raise SourceStale(self._where, problem, "check the receiver: `gpsmon`, `systemctl status gpsd`") from error

    async def _line(self, lines: asyncio.StreamReader) -> bytes:
        try:
            line = await lines.readuntil(b"\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError) as error:
            raise SourceLost(self._where, "gpsd has closed the connection", "see `systemctl status gpsd`") from error
        return line

    def _read(self, line: bytes) -> Report | None:
        try:
            report = decode(line)
        except BadInput as error:
            log.warning("%s: %s", self._where, error)
            return None
        if report.class_ == "ERROR":
            log.warning("%s: gpsd says: %s", self._where, report.message)
        return report

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[asyncio.StreamReader]:
        s = self._settings
        try:
            async with asyncio.timeout(s.silent_after_s):
                lines, commands = await asyncio.open_connection(s.host, s.port, limit=LONGEST_LINE)
        except (OSError, TimeoutError) as error:
            raise SourceMissing(
                self._where, f"no gpsd answers ({error})", "start it: `systemctl start gpsd.socket`"
            ) from error
        try:
            commands.write(watch(s.device))
            yield lines
        finally:
            commands.close()
            with suppress(OSError):
                await commands.wait_closed()
