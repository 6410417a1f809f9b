"""The I/O board on a serial line: the emergency button, its lamp, and the inputs that are wired to the board.

`firmware/frame.py` describes the line's format.
"""

import asyncio
import errno
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import serial

from drivers.board_conversation import BoardState, Conversation
from drivers.serial_frames import SerialFrames
from hal.clock import Clock
from hal.errors import BadInput, SourceError, SourceLost, SourceMissing, SourceRefused, SourceStale
from hal.ports import ButtonBoard
from hal.readings import AnyReading, ButtonState, LightbarState, PowerState, Press

log = logging.getLogger(__name__)

AboveZero = Annotated[float, msgspec.Meta(gt=0)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the board is, and what is wired to it besides the button.

    A board says its state every 0.5 s: `silent_after_s` without a frame it is stale. USB boards ignore `baud`.
    """

    device: Path
    baud: Annotated[int, msgspec.Meta(gt=0)] = 115200
    silent_after_s: AboveZero = 2.0
    beat_s: AboveZero = 1.0
    wired: tuple[Literal["lightbar", "siren", "ignition"], ...] = ()


def build(name: str, settings: Settings, clock: Clock) -> ButtonBoard:
    """A board that is opened when it is read."""
    return IoBoard(name, settings, clock)


class IoBoard:
    """Yields every press once per connection, and every change of health, latch and wired inputs."""

    def __init__(self, name: str, settings: Settings, clock: Clock) -> None:
        self.name = name
        self._settings = settings
        self._clock = clock
        self._conversation = Conversation(name)
        self._line: SerialFrames | None = None
        self._told = Told()

    async def readings(self) -> AsyncIterator[AnyReading]:
        """Changes as the board tells them; a press that is still latched is yielded again after each opening."""
        self._told = Told()
        with closing(SerialFrames(self._open())) as line:
            self._line = line
            try:
                line.write(self._conversation.opened())
                while True:
                    for word, fields in await self._frames(line):
                        for reading in self._heard(line, word, fields):
                            yield reading
            finally:
                self._line = None

    def confirm_stored(self, press: Press) -> None:
        """Tell the board that the press is on disk, and again whenever the board still asks, over any reconnection."""
        self._write(self._conversation.store(press))

    def show_rung(self, rung: str) -> None:
        """Show a rung on the button's lamp, after a reconnection too."""
        self._write(self._conversation.show(rung))

    def _write(self, lines: tuple[bytes, ...]) -> None:
        if self._line is not None:
            self._line.write(lines)

    def _open(self) -> serial.Serial:
        s = self._settings
        try:
            return serial.Serial(str(s.device), s.baud, timeout=0, write_timeout=0, exclusive=True)
        except (OSError, ValueError) as error:
            raise self._refusal(error) from error

    def _refusal(self, error: OSError | ValueError) -> SourceError:
        number, device = getattr(error, "errno", None), self._settings.device
        if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
            return SourceMissing(self.name, f"there is no {device}", "plug the board in; ls /dev/serial/by-id lists it")
        if number in (errno.EACCES, errno.EPERM):
            return SourceRefused(self.name, f"{device} may not be opened", "add this user to the group dialout")
        if number in (errno.EAGAIN, errno.EBUSY):
            return SourceRefused(self.name, f"{device} is in use", "end the other program; fuser -v names it")
        return SourceMissing(self.name, f"{device} cannot be opened as a serial line: {error}", "check device and baud")

    async def _frames(self, line: SerialFrames) -> list[tuple[str, list[str]]]:
        """What the board said; while it says nothing core's beat goes on, until that has lasted too long."""
        s = self._settings
        try:
            async with asyncio.timeout_at(line.silent_at(s.silent_after_s)):
                while True:
                    line.beat(self._conversation.beat(), s.beat_s)
                    if frames := await line.frames(s.beat_s):
                        return frames
        except TimeoutError as error:
            noise = f", only {line.bad} lines that are no frames" if line.bad else ""
            raise SourceStale(
                self.name,
                f"the board on {s.device} has said nothing for {s.silent_after_s:g} s{noise}",
                "check baud, wiring and firmware; patrola doctor asks the board",
            ) from error
        except OSError as error:
            raise SourceLost(self.name, f"{s.device} is gone: {error.strerror}", "plug the board in again") from error

    def _heard(self, line: SerialFrames, word: str, fields: list[str]) -> Iterator[AnyReading]:
        try:
            answer = self._conversation.heard(word, fields)
        except BadInput as error:
            if line.count_refused():
                log.warning("%s", error)
            return
        line.write(answer.lines)
        if answer.state is not None:
            mono_ns = self._clock.mono_ns()
            yield from self._told.changes(self.name, mono_ns, answer.state, self._settings.wired)


class Told:
    """What has been yielded since the board was opened, so that only changes are."""

    def __init__(self) -> None:
        self._presses: set[Press] = set()
        self._latest: dict[type, AnyReading] = {}

    def changes(self, name: str, mono_ns: int, state: BoardState, wired: tuple[str, ...]) -> Iterator[AnyReading]:
        """A `ButtonState` for each press not told yet, then whatever else differs from what was told."""
        for press in state.latched[:-1]:
            if press not in self._presses:
                self._presses.add(press)
                yield ButtonState(source=name, mono_ns=mono_ns, health=state.health, latched=press)
        self._presses.intersection_update(state.latched)
        newest = state.latched[-1] if state.latched else None
        self._presses.update(state.latched)
        for reading in (
            ButtonState(source=name, mono_ns=mono_ns, health=state.health, latched=newest),
            *_wired(name, mono_ns, state.inputs, wired),
        ):
            if self._differs(reading):
                yield reading

    def _differs(self, reading: AnyReading) -> bool:
        kind = type(reading)
        before, self._latest[kind] = self._latest.get(kind), reading
        return before is None or msgspec.structs.replace(before, mono_ns=reading.mono_ns) != reading


def _wired(name: str, mono_ns: int, inputs: frozenset[str], wired: tuple[str, ...]) -> Iterator[AnyReading]:
    on = {word: word in inputs for word in wired}
    if "lightbar" in on or "siren" in on:
        yield LightbarState(source=name, mono_ns=mono_ns, lights_on=on.get("lightbar"), siren_on=on.get("siren"))
    if "ignition" in on:
        yield PowerState(source=name, mono_ns=mono_ns, ignition_on=on["ignition"])
