"""The I/O board around the firmware's own latch, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable

from firmware.latch import Latch
from hal.errors import SourceMissing
from hal.readings import AnyReading, ButtonState, Press


class Board:
    """The I/O board: the firmware's own latch, on a line that may be unplugged; it outlives core."""

    name = "board"

    def __init__(self) -> None:
        self.latch = Latch(7)
        self.plugged = True
        self.rung = ""
        self._changed = asyncio.Event()

    def press(self) -> Press:
        """A finger on the button."""
        press = Press("board-1", self.latch.boot_nonce, self.latch.press())
        self._changed.set()
        return press

    def plug(self) -> None:
        self.plugged = True

    def unplug(self) -> None:
        self.plugged = False
        self._changed.set()

    async def readings(self) -> AsyncIterator[AnyReading]:
        """Every latched press once for each time that it is opened."""
        told: set[int] = set()
        while self.plugged:
            self._changed.clear()
            for number in self.latch.numbers():
                if number not in told:
                    told.add(number)
                    press = Press("board-1", self.latch.boot_nonce, number)
                    yield ButtonState(source=self.name, mono_ns=self._mono_ns(), latched=press)
            if not self.latch.numbers():
                yield ButtonState(source=self.name, mono_ns=self._mono_ns())
            await self._changed.wait()
        raise SourceMissing(self.name, "it is not plugged in", "plug it in")

    @staticmethod
    def _mono_ns() -> int:
        return round(asyncio.get_running_loop().time() * 1e9)

    def confirm_stored(self, press: Press) -> bool:
        """Whether it lets go of this press by that."""
        lets_go = self.plugged and self.latch.stored(press.number)
        if lets_go:
            self._changed.set()
        return lets_go

    def show_rung(self, rung: str) -> None:
        self.rung = rung


class Lines:
    """A board as one core sees it: after that core's crash it hears nothing more."""

    def __init__(self, board: Board, released: Callable[[Press], None]) -> None:
        self._released = released
        self.name = board.name
        self.readings = board.readings
        self._board: Board | None = board

    def confirm_stored(self, press: Press) -> None:
        if self._board is not None and self._board.confirm_stored(press):
            self._released(press)

    def show_rung(self, rung: str) -> None:
        if self._board is not None:
            self._board.show_rung(rung)

    def let_go(self) -> None:
        self._board = None
