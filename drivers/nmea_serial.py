"""A GNSS receiver on a serial line that speaks NMEA 0183: a UART, a USB receiver, an RS-232 feed."""

import asyncio
import errno
import os
import termios
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Annotated

import msgspec
import serial

from drivers.nmea import NmeaReader
from hal.clock import Clock
from hal.errors import SourceError, SourceLost, SourceMissing, SourceRefused, SourceStale
from hal.ports import Source
from hal.readings import AnyReading, Fix, FixMode

CHUNK_BYTES = 4096
WRITTEN = date(2026, 1, 1)
"""This driver is not older: an earlier date is a receiver's week number that has rolled over."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The line; after `silent_after_s` without a sentence the source is stale; dates before `not_before` roll on."""

    device: Path
    baud: Annotated[int, msgspec.Meta(gt=0)] = 9600
    silent_after_s: Annotated[float, msgspec.Meta(gt=0)] = 5.0
    not_before: date = WRITTEN


def build(name: str, settings: Settings, clock: Clock) -> Source:
    """A source that yields a fix an epoch until the receiver falls silent or goes."""
    return NmeaSerial(name, settings, clock)


class NmeaSerial:
    """Listens to one receiver; when it falls silent or goes, a last `Fix` takes the position back."""

    def __init__(self, name: str, settings: Settings, clock: Clock) -> None:
        self.name = name
        self._settings = settings
        self._clock = clock
        self.reader = NmeaReader(name, settings.not_before)

    async def readings(self) -> AsyncIterator[AnyReading]:
        """One fix an epoch, as it comes."""
        self.reader = NmeaReader(self.name, self._settings.not_before)
        had_fix = False
        with closing(self._open()) as port:
            while True:
                try:
                    fixes = await self._next_fixes(port)
                except SourceError:
                    if had_fix:
                        yield Fix(source=self.name, mono_ns=self._clock.mono_ns(), mode=FixMode.UNKNOWN)
                    raise
                for fix in fixes:
                    had_fix = fix.mode > FixMode.NO_FIX
                    yield fix

    async def _next_fixes(self, port: serial.Serial) -> list[Fix]:
        """The fixes that the next sentence brings, which may be none; SourceStale if no sentence comes in time."""
        before, fixes = self.reader.sentences, []
        try:
            async with asyncio.timeout(self._settings.silent_after_s):
                while self.reader.sentences == before:
                    await _readable(port.fileno())
                    fixes += self.reader.feed(self._read(port.fileno()), self._clock.mono_ns())
        except TimeoutError as error:
            seconds = f"{self._settings.silent_after_s:g} s"
            raise SourceStale(
                str(self._settings.device), f"no NMEA sentence for {seconds}", "check power, wiring and the baud rate"
            ) from error
        return fixes

    def _read(self, fd: int) -> bytes:
        try:
            chunk = os.read(fd, CHUNK_BYTES)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise self._lost(str(error)) from error
        if not chunk:
            raise self._lost("end of file")
        return chunk

    def _lost(self, reason: str) -> SourceLost:
        return SourceLost(str(self._settings.device), f"the receiver has gone ({reason})", "check plug and power")

    def _open(self) -> serial.Serial:
        device, baud = str(self._settings.device), self._settings.baud
        try:
            return serial.Serial(device, baud, timeout=0, exclusive=True)
        except (OSError, ValueError, termios.error) as error:  # serial.SerialException is an OSError
            raise _refusal(device, error) from error


def _refusal(device: str, error: Exception) -> SourceError:
    number = getattr(error, "errno", None)
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return SourceMissing(device, "the serial device is not there", "check the plug and the device's name")
    if number in (errno.EACCES, errno.EPERM):
        return SourceRefused(device, "the serial device may not be opened", "add this user to the group dialout")
    if number in (errno.EAGAIN, errno.EBUSY):
        return SourceRefused(device, "another program has the serial device", "stop it, or read it through gpsd")
    return SourceLost(device, f"the serial device cannot be used: {error}", "expected a serial line")


async def _readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    came: asyncio.Future[None] = loop.create_future()

    def tell() -> None:
        if not came.done():
            came.set_result(None)

    loop.add_reader(fd, tell)
    try:
        await came
    finally:
        loop.remove_reader(fd)
