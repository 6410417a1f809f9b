"""A receiver's recording, binary or NMEA, read by a real gpsd: our own instance, on a port and a pty of its own."""

import asyncio
import fcntl
import logging
import os
import socket
import struct
import termios
import tty
import zlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec

from drivers.gpsd_json import GpsdReports, Report, decode, watch
from drivers.pace import Pace
from drivers.recording import open_recording
from hal.clock import Clock
from hal.errors import SourceLost, SourceMissing, SourceRefused
from hal.ports import Source
from hal.readings import AnyReading, Fix, SourceHealth

log = logging.getLogger(__name__)

GPSD = "/usr/sbin/gpsd"
ANSWERS_WITHIN_S = 10.0
POLL_S = 0.002
SETTLE_S = 0.1
"""gpsd has read the last bytes before it has decoded them; at a multiple of the recorded pace so much less."""

CHUNK_BYTES = 1024
"""Half of what a pty holds at the least."""

GENTLE_BYTES = 128
"""At the recorded pace: about one sentence at a time."""

UNREAD_BYTES = 64 * 1024 * 1024
"""gpsd drops a client that reads slowly, so a recording's reports are taken at once; this bounds them."""


DAMAGED = "what stands before the damage was read; check that it is a receiver's log"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recording; `speed` 1 is the recorded pace, None as fast as gpsd reads."""

    path: Path
    speed: Annotated[float, msgspec.Meta(gt=0)] | None = None


def build(name: str, settings: Settings, clock: Clock) -> Source:
    """A source that ends with its recording."""
    return GpsdFeed(name, settings, clock)


class GpsdFeed:
    """Replays one recording through gpsd; ends that gpsd with it."""

    def __init__(self, name: str, settings: Settings, clock: Clock) -> None:
        self.name = name
        self._settings = settings
        self._clock = clock

    async def readings(self) -> AsyncIterator[AnyReading]:
        """gpsd's fixes in the recording's order; damage is a last `SourceHealth`, after all that was readable."""
        speed, reports = self._settings.speed, GpsdReports(self.name)
        pace = Pace(self._clock, speed) if speed else None
        fixes = 0
        with closing(_opened(self._settings.path)) as recording:
            async with _gpsd_on_a_pty() as gpsd:
                feeding = asyncio.create_task(gpsd.feed(recording, speed))
                try:
                    while (report := await gpsd.next_report()) is not None:
                        fix = reports.fix(report, self._clock.mono_ns())
                        if fix is not None:
                            fixes += 1
                            yield await _timed(fix, pace, gpsd.caught_up)
                    problem = await feeding
                finally:
                    feeding.cancel()
                    await asyncio.gather(feeding, return_exceptions=True)
        if problem or not fixes:
            yield self._damage(problem or "gpsd found no report of a receiver in the recording")

    def _damage(self, problem: str) -> SourceHealth:
        log.warning("%s: %s: %s", self.name, self._settings.path, problem)
        mono_ns = self._clock.mono_ns() if self._settings.speed else 0
        return SourceHealth(source=self.name, mono_ns=mono_ns, up=False, problem=problem, remedy=DAMAGED)


class GpsdOnAPty:
    """A gpsd of ours that reads what we write to its pty."""

    def __init__(self, line: int, device: int, lines: asyncio.StreamReader, commands: asyncio.StreamWriter) -> None:
        self._line = line
        self._device = device
        self._lines = lines
        self._commands = commands
        self._greeting = b""
        self.caught_up = asyncio.Event()
        self.caught_up.set()

    async def watched(self) -> None:
        """Wait until gpsd has taken the watch command, so that no report is missed."""
        while (report := await self.next_report()) is not None and report.class_ != "WATCH":
            pass

    async def next_report(self) -> Report | None:
        """gpsd's next report, None after the recording's last; SourceLost if gpsd ends before."""
        while True:
            try:
                line = await self._lines.readuntil(b"\n")
            except (asyncio.IncompleteReadError, OSError) as error:
                raise SourceLost("gpsd", "our gpsd has ended while it read the recording", "try it again") from error
            if line == self._greeting:
                return None
            report = decode(line)
            if report.class_ != "VERSION":
                return report
            self._greeting = self._greeting or line  # a log that holds another gpsd's greeting has that repeated too

    async def feed(self, recording: BinaryIO, speed: float | None) -> str:
        """Write the recording as fast as gpsd takes it, or at its pace as its reports are awaited; what was damaged."""
        damage = ""
        try:
            while chunk := recording.read(GENTLE_BYTES if speed else CHUNK_BYTES):
                await self.caught_up.wait()
                await self._write(chunk)
                if speed:
                    await self._until_read(SETTLE_S / max(speed, 1))
        except (OSError, EOFError, zlib.error) as error:
            damage = f"the recording breaks off: {error}"
        await self._until_read(SETTLE_S)
        self._commands.write(b"?VERSION;\n")  # its answer comes after all reports of what gpsd has read
        return damage

    async def _write(self, chunk: bytes) -> None:
        while chunk:
            try:
                chunk = chunk[os.write(self._line, chunk) :]
            except BlockingIOError:
                await asyncio.sleep(POLL_S)

    async def _until_read(self, settle_s: float) -> None:
        while struct.unpack("i", fcntl.ioctl(self._device, termios.FIONREAD, bytes(4)))[0]:  # noqa: ASYNC110 - a pty tells no more
            await asyncio.sleep(POLL_S)
        await asyncio.sleep(settle_s)


async def _timed(fix: Fix, pace: Pace | None, caught_up: asyncio.Event) -> Fix:
    if pace is None:
        return msgspec.structs.replace(fix, mono_ns=round((fix.t or 0) * 1e9))
    caught_up.clear()
    mono_ns = await pace.arrival_ns(fix.t)
    caught_up.set()
    return msgspec.structs.replace(fix, mono_ns=mono_ns)


def _opened(path: Path) -> BinaryIO:
    try:
        return open_recording(path)
    except FileNotFoundError as error:
        raise SourceMissing(str(path), "the recording is not there", "check the path") from error
    except PermissionError as error:
        raise SourceRefused(str(path), "the recording may not be read", "check its permissions") from error
    except OSError as error:
        raise SourceMissing(str(path), f"is no recording: {error}", "check the path") from error


@asynccontextmanager
async def _gpsd_on_a_pty() -> AsyncIterator[GpsdOnAPty]:
    async with AsyncExitStack() as stack:
        line, device = os.openpty()
        stack.callback(os.close, line)
        stack.callback(os.close, device)
        tty.setraw(device)
        os.fchmod(device, 0o666)  # gpsd gives up root before it opens its device
        os.set_blocking(line, False)
        port = _free_port()
        await stack.enter_async_context(_process(os.ttyname(device), port))
        lines, commands = await _connected(port)
        stack.callback(commands.close)
        commands.write(watch())
        gpsd = GpsdOnAPty(line, device, lines, commands)
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            await gpsd.watched()
        yield gpsd


@asynccontextmanager
async def _process(device: str, port: int) -> AsyncIterator[None]:
    if not os.access(GPSD, os.X_OK):
        raise SourceMissing(GPSD, "gpsd is not installed", "apt install gpsd, or read NMEA with nmea_file")
    quiet = asyncio.subprocess.DEVNULL
    # -N in the foreground, -n open the device at once, -b write nothing to it, -s do not hunt for its speed
    process = await asyncio.create_subprocess_exec(
        GPSD, "-N", "-n", "-b", "-s", "38400", "-S", str(port), device, stdin=quiet, stdout=quiet, stderr=quiet
    )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            while True:
                try:
                    return await asyncio.open_connection("127.0.0.1", port, limit=UNREAD_BYTES)
                except OSError:
                    await asyncio.sleep(POLL_S * 5)
    except TimeoutError as error:
        raise SourceMissing(GPSD, "our gpsd does not answer", "try `gpsd -N -n -D3` by hand") from error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
