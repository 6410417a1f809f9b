"""Recordings of a CAN bus as a source: candump (.log, .candump), Vector ASC and BLF, PEAK TRC, each also gzipped.

A candump's time is UTC; an ASC's counts from the recording's start, since that format names no time zone.
"""

import asyncio
import gzip
import io
import logging
import zlib
from collections.abc import AsyncIterator, Generator
from contextlib import closing
from pathlib import Path
from typing import Annotated, BinaryIO, TextIO, cast

import can
import msgspec
from can.io.generic import MessageReader

from drivers import candump, signals
from drivers.candump import ERROR, Frame
from drivers.frames import EXTENDED, Decoder, FrameReader
from hal.clock import Clock
from hal.errors import BadInput, ConfigError, PatrolaError, SourceMissing, SourceRefused
from hal.ports import Source
from hal.readings import AnyReading, SourceHealth

log = logging.getLogger(__name__)

CANDUMP_SUFFIXES = (".log", ".candump", ".txt")
TEXT_READERS = {".asc": can.ASCReader, ".trc": can.TRCReader}
FRAMES_PER_TURN = 256
"""After so many frames the loop gets its turn."""

DAMAGED = "what stands before the damage was read; record it again or repair it"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recording and what its frames mean; `speed` 1 is the recorded pace, None as fast as possible."""

    path: Path
    vehicle: Path | None = None
    dbc: Path | None = None
    channel: str | None = None
    speed: Annotated[float, msgspec.Meta(gt=0)] | None = None


def build(name: str, settings: Settings, clock: Clock) -> Source:
    """A source that ends with its recording."""
    if _format(settings.path) not in (*CANDUMP_SUFFIXES, *TEXT_READERS, ".blf"):
        raise ConfigError(
            str(settings.path),
            "is no CAN recording that can be read",
            "the name ends in .log or .candump (candump -l), .asc, .blf or .trc, and may have .gz after it",
        )
    return CanFile(name, settings, clock, signals.load(settings.vehicle, settings.dbc))


class CanFile:
    """Replays one recording; from the same file come the same readings, unless a `speed` ties them to this boot."""

    def __init__(self, name: str, settings: Settings, clock: Clock, decoder: Decoder) -> None:
        self.name = name
        self._settings = settings
        self._clock = clock
        self._decoder = decoder
        self.signals = decoder.signals
        self.reader = FrameReader(name, decoder)

    async def readings(self) -> AsyncIterator[AnyReading]:
        """Every usable frame in the recording's order; damage is a last `SourceHealth`, after all that was readable."""
        self.reader = FrameReader(self.name, self._decoder)
        speed, count = self._settings.speed, 0
        pace = Pace(self._clock, speed) if speed else None
        with closing(self._frames()) as frames:
            try:
                for count, frame in enumerate(frames, 1):
                    mono_ns = round(frame.t * 1e9) if pace is None else await pace.arrival_ns(frame.t)
                    reading = self._reading(frame, mono_ns)
                    if reading is not None:
                        yield reading
                    if count % FRAMES_PER_TURN == 0:
                        await asyncio.sleep(0)
            except BadInput as error:
                yield self._damage(error)
            else:
                if not count:
                    yield self._damage(BadInput(str(self._settings.path), "holds no CAN frame", candump.REMEDY))
        self.reader.log_totals()

    def _reading(self, frame: Frame, mono_ns: int) -> AnyReading | None:
        if frame.data is None or self._settings.channel not in (None, frame.channel):
            return None
        if frame.key & ERROR:
            self.reader.count_bad("error frame recorded")
            return None
        return self.reader.reading(frame.key, frame.data, mono_ns, frame.t)

    def _damage(self, error: PatrolaError) -> SourceHealth:
        log.warning("%s: %s", self.name, error)
        return SourceHealth(
            source=self.name,
            mono_ns=self._clock.mono_ns() if self._settings.speed else 0,
            up=False,
            problem=error.problem,
            remedy=error.remedy,
        )

    def _frames(self) -> Generator[Frame]:
        path = self._settings.path
        try:
            yield from _candump(path, self.reader) if _format(path) in CANDUMP_SUFFIXES else _logged(path, self.reader)
        except FileNotFoundError as error:
            raise SourceMissing(str(path), "the recording is not there", "check the path") from error
        except PermissionError as error:
            raise SourceRefused(str(path), "the recording may not be read", "check its permissions") from error
        except (OSError, EOFError, zlib.error) as error:
            raise BadInput(str(path), f"the recording breaks off: {error}", DAMAGED) from error


class Pace:
    """Holds frames back to the recording's rhythm, `speed` times as fast."""

    def __init__(self, clock: Clock, speed: float) -> None:
        self._clock = clock
        self._speed = speed
        self._start: tuple[float, int] | None = None

    async def arrival_ns(self, t: float) -> int:
        """The frame's `mono_ns` on this boot, once that moment has come."""
        start_t, start_ns = self._start = self._start or (t, self._clock.mono_ns())
        due_ns = start_ns + round(max(t - start_t, 0) / self._speed * 1e9)
        wait_s = (due_ns - self._clock.mono_ns()) / 1e9
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        return due_ns


def _format(path: Path) -> str:
    return Path(path.stem if path.suffix == ".gz" else path.name).suffix.lower()


def _open_text(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="ascii", errors="replace")
    return path.open(encoding="ascii", errors="replace")


def _candump(path: Path, reader: FrameReader) -> Generator[Frame]:
    with _open_text(path) as lines:
        for line in lines:
            try:
                frame = candump.parse(line)
            except BadInput as error:
                reader.count_bad(f"a line that is no frame, {error.remedy}", example=error.problem)
                continue
            if frame:
                yield frame


def _logged(path: Path, reader: FrameReader) -> Generator[Frame]:
    """Frames of the formats that python-can reads."""
    if reader_type := TEXT_READERS.get(_format(path)):
        lines = Lines(_open_text(path))
        yield from _resumed(reader_type(cast(TextIO, lines)), lines, reader)
    else:
        yield from _blf(path)


class Lines(io.TextIOBase):
    """A text file that python-can's reader can be started on again where it stopped."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._pending = ""

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]  # one page of typeshed's is wider
        """The next line."""
        pending, self._pending = self._pending, ""
        return pending or self._file.readline(size)

    def resume(self) -> None:
        """Give an empty line first: python-can's reader takes one for the end of the header."""
        self._pending = "\n"

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def _resumed(messages: MessageReader, lines: Lines, reader: FrameReader) -> Generator[Frame]:
    with messages:
        iterator = iter(messages)
        while True:
            try:
                message = next(iterator)
            except StopIteration:
                return
            except (OSError, EOFError, zlib.error):
                raise
            except Exception as error:  # noqa: BLE001 - python-can's readers raise undeclared errors on a bad line
                reader.count_bad("a line that is no frame", example=str(error))
                lines.resume()
                iterator = iter(messages)
            else:
                yield _frame(message)


def _blf(path: Path) -> Generator[Frame]:
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file, can.BLFReader(cast(BinaryIO, file)) as messages:
            yield from map(_frame, messages)
    except OSError:
        raise
    except Exception as error:  # python-can lets zlib's and struct's errors through, and its own
        raise BadInput(str(path), f"the recording breaks off: {error}", DAMAGED) from error
    missing = 0 if path.suffix == ".gz" else messages.file_size - path.stat().st_size
    if missing > 0:  # python-can ends in silence where a file was cut
        raise BadInput(str(path), f"the recording breaks off: its last {missing} bytes are missing", DAMAGED)


def _frame(message: can.Message) -> Frame:
    key = (
        message.arbitration_id | (EXTENDED if message.is_extended_id else 0) | (ERROR if message.is_error_frame else 0)
    )
    data = None if message.is_remote_frame else bytes(message.data)
    return Frame(message.timestamp, str(message.channel), key, data)
