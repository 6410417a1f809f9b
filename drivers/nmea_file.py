"""A recording of an NMEA receiver as a source, also gzipped; whatever stands between its sentences is passed over."""

import asyncio
import logging
import zlib
from collections.abc import AsyncIterator, Generator
from contextlib import closing
from pathlib import Path
from typing import Annotated

import msgspec

from drivers.nmea import NmeaReader
from drivers.nmea_framing import Framing
from drivers.nmea_sentence import parse
from drivers.pace import Pace
from drivers.recording import open_recording
from hal.clock import Clock
from hal.errors import BadInput, PatrolaError, SourceMissing, SourceRefused
from hal.ports import Source
from hal.readings import AnyReading, Fix, SourceHealth

log = logging.getLogger(__name__)

CHUNK_BYTES = 16_384
SNIFFED_BYTES = 65_536
PRINTABLE = frozenset(range(0x20, 0x7F)) | frozenset(b"\r\n\t")
TEXT_SHARE = 0.9
"""A line that drops bytes still makes a log that is mostly text; binary ones measured have 17 to 44 % printable."""

DAMAGED = "what stands before the damage was read; record it again or repair it"
EXPECTED = "expected lines such as $GPRMC,...*6A; a receiver's binary log is read through gpsd (gpsd_file)"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recording; `speed` 1 is the recorded pace, None as fast as possible."""

    path: Path
    speed: Annotated[float, msgspec.Meta(gt=0)] | None = None


def build(name: str, settings: Settings, clock: Clock) -> Source:
    """A source that ends with its recording."""
    return NmeaFile(name, settings, clock)


class NmeaFile:
    """Replays one recording; from the same file come the same readings, unless a `speed` ties them to this boot."""

    def __init__(self, name: str, settings: Settings, clock: Clock) -> None:
        self.name = name
        self._settings = settings
        self._clock = clock
        self.reader = NmeaReader(name)

    async def readings(self) -> AsyncIterator[AnyReading]:
        """Every epoch in the recording's order; damage is a last `SourceHealth`, after all that was readable."""
        self.reader = NmeaReader(self.name)
        speed = self._settings.speed
        pace = Pace(self._clock, speed) if speed else None
        with closing(self._fixes()) as batches:
            try:
                for fixes in batches:
                    for fix in fixes:
                        yield await _timed(fix, pace)
                    await asyncio.sleep(0)
                if not self.reader.sentences:
                    raise BadInput(str(self._settings.path), "holds no NMEA sentence", EXPECTED)
            except BadInput as error:
                yield self._damage(error)
        self.reader.log_totals()

    def _fixes(self) -> Generator[list[Fix]]:
        path = self._settings.path
        try:
            with open_recording(path) as file:
                while chunk := file.read(CHUNK_BYTES):
                    yield self.reader.feed(chunk, 0)
            yield self.reader.finish(0)
        except FileNotFoundError as error:
            raise SourceMissing(str(path), "the recording is not there", "check the path") from error
        except PermissionError as error:
            raise SourceRefused(str(path), "the recording may not be read", "check its permissions") from error
        except (OSError, EOFError, zlib.error) as error:
            yield self.reader.finish(0)
            raise BadInput(str(path), f"the recording breaks off: {error}", DAMAGED) from error

    def _damage(self, error: PatrolaError) -> SourceHealth:
        log.warning("%s: %s", self.name, error)
        mono_ns = self._clock.mono_ns() if self._settings.speed else 0
        return SourceHealth(source=self.name, mono_ns=mono_ns, up=False, problem=error.problem, remedy=error.remedy)


async def _timed(fix: Fix, pace: Pace | None) -> Fix:
    mono_ns = round((fix.t or 0) * 1e9) if pace is None else await pace.arrival_ns(fix.t)
    return msgspec.structs.replace(fix, mono_ns=mono_ns)


def is_nmea(path: Path) -> bool:
    """Whether this looks like a recording of NMEA text and not a receiver's binary; True if it cannot be read."""
    try:
        with open_recording(path) as file:
            head = file.read(SNIFFED_BYTES)
    except (OSError, EOFError, zlib.error):
        return True
    printable = sum(byte in PRINTABLE for byte in head)
    return printable >= TEXT_SHARE * len(head) and any(_is_good(line) for line in Framing().feed(head + b"\n"))


def _is_good(line: str) -> bool:
    try:
        return parse(line) is not None
    except BadInput:
        return False
