"""The I/O board without the board: what its firmware does, and a pty that it is plugged in by; for demo and tests.

The emergency button stays latched here until core says that the press is on disk.
"""

import asyncio
import contextlib
import os
import secrets
import tty
from collections.abc import Callable
from pathlib import Path

from firmware import frame
from hal.readings import ButtonHealth, Press

VERSION = "simulated"
STATE_EVERY_MS = 500
PRESS_EVERY_MS = 200
MOST_LATCHED = 4
"""Presses held while core is away: with more a STATE could outgrow its line, so a further one joins the newest."""

TICK_S = 0.05

Event = dict[str, object]


class Board:
    """The firmware's state: inputs, latched presses and when to say what; lines to send pile up in `lines`."""

    def __init__(self, board_id: str, boot_nonce: int | None = None) -> None:
        self.board_id = board_id
        self.health = ButtonHealth.OK
        self.inputs: set[str] = set()
        self.rung = ""
        self.boot(boot_nonce)

    def boot(self, boot_nonce: int | None = None) -> None:
        """Power up: RAM is empty, presses are counted from 1 under a new nonce."""
        self.boot_nonce = secrets.randbits(32) if boot_nonce is None else boot_nonce
        self.pressed = 0
        self.latched: list[int] = []
        self.rung = ""
        self._state_due_ms = self._press_due_ms = 0
        self._reader = frame.LineReader()
        self.lines = [self._line("HELLO", self.board_id, self.nonce, VERSION)]

    @property
    def nonce(self) -> str:
        """The boot nonce as it stands in a frame."""
        return f"{self.boot_nonce:08X}"

    def press(self) -> Press:
        """The button goes down: a new press is latched."""
        self.inputs.add("button")
        if len(self.latched) < MOST_LATCHED:
            self.pressed += 1
            self.latched.append(self.pressed)
        self._state_due_ms = self._press_due_ms = 0
        return Press(self.board_id, self.boot_nonce, self.pressed)

    def release(self) -> None:
        """The button goes up, which changes nothing about the press."""
        self.inputs.discard("button")
        self._state_due_ms = 0

    def set_health(self, health: ButtonHealth) -> None:
        """What the supervision of the button's circuit finds from now on."""
        self.health, self._state_due_ms = health, 0

    def set_input(self, name: str, on: bool) -> None:
        """One of the other inputs changes."""
        (self.inputs.add if on else self.inputs.discard)(name)
        self._state_due_ms = 0

    def hear(self, data: bytes) -> list[Event]:
        """Take bytes from core; what a person would notice comes back as events."""
        return [event for word, fields in self._reader.feed(data) if (event := self._heard(word, fields))]

    def tick(self, board_ms: int) -> None:
        """Say what is due at this time since boot."""
        if board_ms >= self._press_due_ms:
            self._press_due_ms = board_ms + PRESS_EVERY_MS
            self.lines += [self._line("PRESS", self.nonce, number, board_ms) for number in self.latched]
        if board_ms >= self._state_due_ms:
            self._state_due_ms = board_ms + STATE_EVERY_MS
            latched = ",".join(map(str, self.latched)) or "-"
            self.lines.append(self._line("STATE", self.nonce, self.health, latched, board_ms, self._input_bits()))

    def _heard(self, word: str, fields: list[str]) -> Event | None:
        match word, fields:
            case "STORED", [self.nonce, number] if number in map(str, self.latched):
                self.latched.remove(int(number))
                self._state_due_ms = 0
                return {"event": "stored", "boot_nonce": self.boot_nonce, "number": int(number)}
            case "LAMP", [rung] if rung != self.rung:
                self.rung = rung
                return {"event": "lamp", "rung": rung}
            case "ASK", []:
                self.lines.append(self._line("HELLO", self.board_id, self.nonce, VERSION))
                self._state_due_ms = 0
        return None

    def _input_bits(self) -> str:
        return f"{sum(1 << bit for bit, name in enumerate(frame.INPUTS) if name in self.inputs):02X}"

    def _line(self, word: str, *fields: object) -> bytes:
        return frame.encode(word, *fields)


class PluggedBoard:
    """A `Board` that runs behind a pty, which programs find at `link`; unplugging takes both away."""

    def __init__(self, board: Board, link: Path, notice: Callable[[Event], None]) -> None:
        self.board = board
        self.link = link
        self._notice = notice
        self._loop = asyncio.get_running_loop()
        self._ends: tuple[int, int] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._booted_s = self._loop.time()

    def plug(self) -> None:
        """Make the pty and start to talk; a board that was unplugged keeps its power and its latch."""
        if self._ends is not None:
            return
        self._ends = host, device = os.openpty()
        tty.setraw(device)
        os.set_blocking(host, False)
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(os.ttyname(device))
        self._loop.add_reader(host, self._readable, host)
        self._tick()
        self._notice({"event": "plugged", "link": str(self.link)})

    def unplug(self) -> None:
        """Take the pty away, as a pulled USB plug does."""
        if self._ends is None:
            return
        if self._timer:
            self._timer.cancel()
        self._loop.remove_reader(self._ends[0])
        for end in self._ends:
            os.close(end)
        self._ends = None
        self.link.unlink(missing_ok=True)

    def reboot(self) -> None:
        """Power the board down and up."""
        self.board.boot()
        self._booted_s = self._loop.time()
        self.flush()

    def flush(self) -> None:
        """Send what is due now; what nobody reads is dropped, as a USB board drops it."""
        self.board.tick(round((self._loop.time() - self._booted_s) * 1000))
        lines, self.board.lines = self.board.lines, []
        self.send(b"".join(lines))

    def send(self, data: bytes) -> None:
        """Put raw bytes on the line."""
        if self._ends is not None:
            with contextlib.suppress(BlockingIOError):
                os.write(self._ends[0], data)

    def _tick(self) -> None:
        self.flush()
        self._timer = self._loop.call_later(TICK_S, self._tick)

    def _readable(self, host: int) -> None:
        with contextlib.suppress(BlockingIOError):
            for event in self.board.hear(os.read(host, 4096)):
                self._notice(event)
