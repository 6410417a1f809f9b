"""The I/O board on a serial line: the emergency button, its lamp, and the inputs that are wired to the board.

`firmware/frame.py` describes the line's format.
"""

import asyncio
import contextlib
import errno
import logging
import termios
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import serial

from drivers.board_conversation import TEST, Answer, BoardState, Conversation, Tested
from drivers.serial_frames import LOOK_S, SerialFrames
from hal.clock import Clock
from hal.errors import BadInput, SourceError, SourceLost, SourceMissing, SourceRefused, SourceStale
from hal.ports import ButtonBoard
from hal.readings import (
    AnyReading,
    ButtonState,
    LightbarState,
    PowerState,
    Press,
    SelfTestItem,
    SignalValue,
    VehicleSignals,
)

log = logging.getLogger(__name__)

AboveZero = Annotated[float, msgspec.Meta(gt=0)]

Input = Literal[
    "lightbar", "siren", "alley_left", "alley_right", "takedown", "door", "trunk", "weapon_lock", "ignition"
]

SIGNALS = {
    "alley_left": "Vehicle.Police.Lightbar.AlleyLeft.IsActive",
    "alley_right": "Vehicle.Police.Lightbar.AlleyRight.IsActive",
    "takedown": "Vehicle.Police.Lightbar.Takedown.IsActive",
    "door": "Vehicle.Cabin.Door.Row1.DriverSide.IsOpen",
    "trunk": "Vehicle.Body.Trunk.Rear.IsOpen",
    "weapon_lock": "Vehicle.Police.WeaponLock.IsOpen",
}
"""The inputs that have no reading of their own, as vehicle signals."""

SIGNALS_EVERY_NS = 2_000_000_000
"""Vehicle signals go stale: told so often as long as the board says them."""

SELF_TEST_WITHIN_S = 5.0


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the board is, and what is wired to it besides the button.

    A board says its state every 0.2 s: `silent_after_s` without a frame it is gone. USB boards ignore `baud`.
    `silent`: its button is the hidden one: its presses are silent alarms, and its lamp and its buzzer never show
    anything. `cycle_after_s`: it switches the supply of a terminal that
    has not spoken for so long off and on, if that line is wired; 0 is never.
    """

    device: Path
    baud: Annotated[int, msgspec.Meta(gt=0)] = 115200
    silent_after_s: AboveZero = 0.8
    beat_s: AboveZero = 1.0
    wired: tuple[Input, ...] = ()
    silent: bool = False
    cycle_after_s: Annotated[int, msgspec.Meta(ge=0)] = 0


def build(name: str, settings: Settings, clock: Clock) -> ButtonBoard:
    """A board that is opened when it is read."""
    return IoBoard(name, settings, clock)


class IoBoard:
    """Yields every press once per connection, and every change of health, latch and wired inputs."""

    def __init__(self, name: str, settings: Settings, clock: Clock) -> None:
        self.name = name
        self.signals = frozenset(SIGNALS[word] for word in settings.wired if word in SIGNALS)
        self._settings = settings
        self._clock = clock
        loudness = "silent" if settings.silent else "loud"
        self._conversation = Conversation(name, str(settings.device), loudness, settings.cycle_after_s)
        self._line: SerialFrames | None = None
        self._tested: asyncio.Queue[Tested] | None = None
        self._told = Told()

    async def readings(self) -> AsyncIterator[AnyReading]:
        """Changes as the board tells them; a press that is still latched is yielded again after each opening."""
        self._told = Told()
        with contextlib.closing(SerialFrames(self._open())) as line:
            self._line = line
            try:
                line.write(self._conversation.opened())
                while True:
                    for answer in await self._answers(line):
                        if answer.tested is not None and self._tested is not None:
                            self._tested.put_nowait(answer.tested)
                        if answer.state is None:
                            continue
                        mono_ns = self._clock.mono_ns()
                        for reading in self._told.changes(self.name, mono_ns, answer.state, self._settings):
                            yield reading
            finally:
                self._line = None

    async def self_test(self) -> list[SelfTestItem]:
        """What the board finds when it tests itself; its last item is named `all`. One at a time."""
        found: list[SelfTestItem] = []
        try:
            async with asyncio.timeout(SELF_TEST_WITHIN_S), aclosing(self._items()) as items:
                async for item in items:
                    found.append(SelfTestItem(*item))
                    if item.item == "all":
                        break
        except TimeoutError:
            problem = f"the board on {self._settings.device} did not end its self-test"
            raise SourceStale(self.name, problem, "reset the board; patrola flash board mends it") from None
        return found

    def _items(self) -> AsyncGenerator[Tested]:
        return self._asked_alone() if self._line is None else self._asked_beside(self._line)

    async def _asked_alone(self) -> AsyncGenerator[Tested]:
        with contextlib.closing(SerialFrames(self._open())) as line:
            line.write((*self._conversation.opened(), TEST))
            while True:
                for answer in await self._answers(line):
                    if answer.tested is not None:
                        yield answer.tested

    async def _asked_beside(self, line: SerialFrames) -> AsyncGenerator[Tested]:
        """While `readings` has the line, it hears the answers too."""
        self._tested = tested = asyncio.Queue[Tested]()
        try:
            line.write((TEST,))
            while True:
                yield await tested.get()
        finally:
            self._tested = None

    async def _answers(self, line: SerialFrames) -> list[Answer]:
        """What the next frames give; their lines are sent."""
        heard = [self._heard(line, word, fields) for word, fields in await self._frames(line)]
        return [answer for answer in heard if answer is not None]

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
        except termios.error as error:  # the line went away while it was opened
            raise self._refusal(OSError(*error.args)) from error

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
            # A loop that was busy may not have read yet what has come in time.
            frames = await self._in_time(line) or await line.frames(LOOK_S)
        except OSError as error:
            raise SourceLost(self.name, f"{s.device} is gone: {error.strerror}", "plug the board in again") from error
        if not frames:
            noise = f", only {line.bad} lines that are no frames" if line.bad else ""
            raise SourceStale(
                self.name,
                f"the board on {s.device} has said nothing for {s.silent_after_s:g} s{noise}",
                "check baud, wiring and firmware; patrola doctor asks the board",
            )
        return frames

    async def _in_time(self, line: SerialFrames) -> list[tuple[str, list[str]]]:
        s = self._settings
        while (left_s := line.silent_in(s.silent_after_s)) > 0:
            line.beat(self._conversation.beat(), s.beat_s)
            if frames := await line.frames(min(left_s, s.beat_s)):
                return frames
        return []

    def _heard(self, line: SerialFrames, word: str, fields: list[str]) -> Answer | None:
        try:
            answer = self._conversation.heard(word, fields)
        except BadInput as error:
            if line.count_refused():
                log.warning("%s", error)
            return None
        line.write(answer.lines)
        return answer


class Told:
    """What has been yielded since the board was opened, so that only changes are."""

    def __init__(self) -> None:
        self._presses: set[Press] = set()
        self._latest: dict[type, AnyReading] = {}

    def changes(self, name: str, mono_ns: int, state: BoardState, settings: Settings) -> Iterator[AnyReading]:
        """A `ButtonState` for each press not told yet, then whatever else differs from what was told."""
        button = ButtonState(source=name, mono_ns=mono_ns, health=state.health, hidden=settings.silent)
        for press in state.latched[:-1]:
            if press not in self._presses:
                self._presses.add(press)
                yield msgspec.structs.replace(button, latched=press)
        self._presses.intersection_update(state.latched)
        newest = state.latched[-1] if state.latched else None
        self._presses.update(state.latched)
        for reading in (
            msgspec.structs.replace(button, latched=newest),
            *_wired(name, mono_ns, state.inputs, settings.wired),
        ):
            if self._differs(reading):
                yield reading

    def _differs(self, reading: AnyReading) -> bool:
        kind = type(reading)
        before = self._latest.get(kind)
        same = before is not None and msgspec.structs.replace(before, mono_ns=reading.mono_ns) == reading
        if same and not (kind is VehicleSignals and reading.mono_ns - self._latest[kind].mono_ns >= SIGNALS_EVERY_NS):
            return False
        self._latest[kind] = reading
        return True


def _wired(name: str, mono_ns: int, inputs: frozenset[str], wired: tuple[str, ...]) -> Iterator[AnyReading]:
    on = {word: word in inputs for word in wired}
    if "lightbar" in on or "siren" in on:
        yield LightbarState(source=name, mono_ns=mono_ns, lights_on=on.get("lightbar"), siren_on=on.get("siren"))
    if "ignition" in on:
        yield PowerState(source=name, mono_ns=mono_ns, ignition_on=on["ignition"])
    signals: dict[str, SignalValue] = {SIGNALS[word]: level for word, level in on.items() if word in SIGNALS}
    if signals:
        yield VehicleSignals(source=name, mono_ns=mono_ns, signals=signals)
