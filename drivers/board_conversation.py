"""What core and the I/O board say to each other, as steps from frames to readings and answers; pure."""

from typing import NamedTuple

from firmware import frame
from hal.errors import BadInput
from hal.readings import ButtonHealth, Press

ASK = frame.encode("ASK")
BEAT = frame.encode("BEAT")

REMEDY = "is the board's firmware of the same version as this terminal's?"


class BoardState(NamedTuple):
    """What the board told last: its circuit's health, its inputs, and the presses that nobody confirmed yet."""

    health: ButtonHealth = ButtonHealth.OK
    inputs: frozenset[str] = frozenset()
    latched: tuple[Press, ...] = ()


class Answer(NamedTuple):
    """What one frame gives: the state it leads to, if it tells one, and lines to send back."""

    state: BoardState | None = None
    lines: tuple[bytes, ...] = ()


class Conversation:
    """Knows which boot of which board speaks, and which of its presses are on disk."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._board_id = ""
        self._boot_nonce: int | None = None
        self._state = BoardState()
        self._stored: set[Press] = set()
        self._rung: str | None = None

    def opened(self) -> tuple[bytes, ...]:
        """Lines to send to a board that has just been connected; it may be another one than before."""
        self._boot_nonce, self._state = None, BoardState()
        return (ASK, *self.beat())

    def beat(self) -> tuple[bytes, ...]:
        """Lines to send every second; the rung goes with them, so that a lost line leaves no false lamp."""
        return (BEAT,) if self._rung is None else (BEAT, frame.encode("LAMP", self._rung))

    def show(self, rung: str) -> tuple[bytes, ...]:
        """Lines that show this rung; ValueError when no frame can carry it."""
        line = frame.encode("LAMP", rung)
        self._rung = rung
        return (line,)

    def store(self, press: Press) -> tuple[bytes, ...]:
        """Lines for a press that is on disk; it is answered so until the board lists it no more."""
        self._stored.add(press)
        if (press.board_id, press.boot_nonce) != (self._board_id, self._boot_nonce):
            return ()
        self._state = self._told(self._state.health, self._state.inputs, self._state.latched)
        return (_stored(press),)

    def heard(self, word: str, fields: list[str]) -> Answer:
        """What this frame gives; BadInput for one that a board of this version would not send."""
        try:
            match word, fields:
                case "HELLO", [board_id, nonce, _version]:
                    return self._hello(board_id, _nonce(nonce))
                case "STATE", [nonce, health, latched, _board_ms, inputs]:
                    numbers = () if latched == "-" else tuple(int(number) for number in latched.split(","))
                    return self._state_told(_nonce(nonce), ButtonHealth(health), numbers, _inputs(inputs))
                case "PRESS", [nonce, number, _board_ms]:
                    return self._pressed(_nonce(nonce), int(number))
        except ValueError as error:
            raise BadInput(self._name, f"frame {word} {fields}: {error}", REMEDY) from error
        raise BadInput(self._name, f"unknown frame {word} with {len(fields)} fields", REMEDY)

    def _hello(self, board_id: str, nonce: int) -> Answer:
        if (board_id, nonce) == (self._board_id, self._boot_nonce):
            return Answer()
        self._board_id, self._boot_nonce, self._state = board_id, nonce, BoardState()
        self._stored = {press for press in self._stored if (press.board_id, press.boot_nonce) == (board_id, nonce)}
        return Answer(lines=self.beat())

    def _state_told(self, nonce: int, health: ButtonHealth, numbers: tuple[int, ...], inputs: frozenset[str]) -> Answer:
        if nonce != self._boot_nonce:
            return Answer(lines=(ASK,))
        listed = tuple(Press(self._board_id, nonce, number) for number in sorted(numbers))
        self._stored.intersection_update(listed)
        self._state = self._told(health, inputs, listed)
        return Answer(self._state, tuple(_stored(press) for press in listed if press in self._stored))

    def _pressed(self, nonce: int, number: int) -> Answer:
        if nonce != self._boot_nonce:
            return Answer(lines=(ASK,))
        press = Press(self._board_id, nonce, number)
        if press in self._stored:
            return Answer(lines=(_stored(press),))
        latched = tuple(sorted({*self._state.latched, press}, key=lambda one: one.number))
        self._state = self._told(self._state.health, self._state.inputs, latched)
        return Answer(self._state)

    def _told(self, health: ButtonHealth, inputs: frozenset[str], listed: tuple[Press, ...]) -> BoardState:
        return BoardState(health, inputs, tuple(press for press in listed if press not in self._stored))


def _stored(press: Press) -> bytes:
    return frame.encode("STORED", f"{press.boot_nonce:08X}", press.number)


def _nonce(text: str) -> int:
    return int(text, 16)


def _inputs(text: str) -> frozenset[str]:
    bits = int(text, 16)
    return frozenset(name for bit, name in enumerate(frame.INPUTS) if bits >> bit & 1)
