"""What core and the I/O board say to each other, as steps from frames to readings and answers; pure."""

from typing import NamedTuple

from firmware import frame
from firmware.frame import EDGES, FRAME_VERSION, MOST_LATCHED, Twice
from hal.errors import BadInput, SourceRefused
from hal.readings import ButtonHealth, Press

ASK = frame.encode("ASK")
BEAT = frame.encode("BEAT")
TEST = frame.encode("TEST")

NO_ALARM = "off"
"""What the lamp is told when there is no rung to show."""

REMEDY = "is the board's firmware of the same version as this terminal's?"


class BoardState(NamedTuple):
    """What the board told last: its circuit's health, its inputs, and the presses that nobody confirmed yet."""

    health: ButtonHealth = ButtonHealth.OK
    inputs: frozenset[str] = frozenset()
    latched: tuple[Press, ...] = ()


class Identity(NamedTuple):
    """What a board's HELLO says of it."""

    board_id: str
    boot_nonce: int
    firmware_version: str
    git_hash: str
    reset_cause: str


class Tested(NamedTuple):
    """One item of a board's self-test."""

    item: str
    result: str
    value: str


class Answer(NamedTuple):
    """What one frame gives: the state it leads to, if it tells one, lines to send back, an item of the self-test."""

    state: BoardState | None = None
    lines: tuple[bytes, ...] = ()
    tested: Tested | None = None


class Conversation:
    """Knows which boot of which board speaks, and which of its presses are on disk."""

    def __init__(self, name: str, device: str, loudness: str = "loud", cycle_after_s: int = 0) -> None:
        self._name = name
        self._device = device
        self._set = frame.encode("SET", loudness, cycle_after_s)
        self._rung = frame.encode("LAMP", NO_ALARM)
        self._stored: set[Press] = set()
        self.identity: Identity | None = None
        self.edges_lost = 0
        self._forget()

    def _forget(self) -> None:
        self._state = BoardState()
        self._once: frozenset[Press] = frozenset()
        self._believed: frozenset[Press] = frozenset()
        self._edge: int | None = None
        self._asked_edge: int | None = None
        self._hello = Twice()

    def opened(self) -> tuple[bytes, ...]:
        """Lines to send to a board that has just been connected; it may be another one than before."""
        self.identity = None
        self._forget()
        return (ASK, self._set, *self.beat())

    def beat(self) -> tuple[bytes, ...]:
        """Lines to send every second; rung and settings go with them, so that a lost line leaves no false lamp."""
        return (BEAT, self._rung, self._set)

    def show(self, rung: str) -> tuple[bytes, ...]:
        """Lines that show this rung, "" being none; ValueError when no frame can carry it."""
        self._rung = frame.encode("LAMP", rung or NO_ALARM)
        return (self._rung,)

    def store(self, press: Press) -> tuple[bytes, ...]:
        """Lines for a press that is on disk; it is answered so until the board lists it no more."""
        self._stored.add(press)
        if not self._is_ours(press):
            return ()
        self._state = self._told(self._state.health, self._state.inputs)
        return _stored(press)

    def heard(self, word: str, fields: list[str]) -> Answer:
        """What this frame gives.

        BadInput for one that a board of this version would not send; SourceRefused for a board of another version.
        """
        try:
            if word == "HELLO":
                return self._helloed(fields)
            if self.identity is None or int(fields[0], 16) != self.identity.boot_nonce:
                return Answer(lines=(ASK,))
            match word, fields[1:]:
                case "STATE", [health, latched, _board_ms, inputs, edges]:
                    numbers = () if latched == "-" else tuple(int(number) for number in latched.split(","))
                    return self._state_told(ButtonHealth(health), numbers, _inputs(inputs), int(edges) % EDGES)
                case "PRESS", [number, _board_ms]:
                    return self._pressed(int(number))
                case "EDGE", [edge, name, level, _board_ms]:
                    return self._edge_told(int(edge) % EDGES, name, level == "1")
                case "TEST", [item, result, value]:
                    return Answer(tested=Tested(item, result, value))
        except (ValueError, IndexError) as error:
            if isinstance(error, BadInput):
                raise
            raise BadInput(self._name, f"frame {word} {fields}: {error}", REMEDY) from error
        raise BadInput(self._name, f"unknown frame {word} with {len(fields)} fields", REMEDY)

    def _helloed(self, fields: list[str]) -> Answer:
        if not self._hello.heard(fields):
            return Answer()
        if fields[:1] != [str(FRAME_VERSION)]:
            version = fields[0] if fields[:1] and fields[0].isdigit() else "unknown"
            problem = f"the board on {self._device} speaks frame version {version}, this terminal {FRAME_VERSION}"
            raise SourceRefused(self._name, problem, f"flash it: patrola flash board --port {self._device}")
        _frames, board_id, nonce, firmware, git_hash, cause = fields
        identity = Identity(board_id, int(nonce, 16), firmware, git_hash, cause)
        if identity == self.identity:
            return Answer()
        self.identity = identity
        self._forget()
        self._stored = {press for press in self._stored if self._is_ours(press)}
        return Answer(lines=(self._set, *self.beat()))

    def _is_ours(self, press: Press) -> bool:
        known = self.identity
        return known is not None and (press.board_id, press.boot_nonce) == (known.board_id, known.boot_nonce)

    def _press(self, number: int) -> Press:
        assert self.identity is not None
        return Press(self.identity.board_id, self.identity.boot_nonce, number)

    def _state_told(self, health: ButtonHealth, numbers: tuple[int, ...], inputs: frozenset[str], edges: int) -> Answer:
        listed = frozenset(self._press(number) for number in numbers)
        self._stored &= listed
        self._believed &= listed
        self._believe(listed)
        self._once = listed
        answers = tuple(line for press in listed & self._stored for line in _stored(press))
        # A board that was reset with a press latched counts its edges anew under the same nonce.
        if self._edge is None or (edges - self._edge) % EDGES >= EDGES // 2:
            self._edge = edges
        missed = () if self._edge == edges else self._ask_edge()
        self._state = self._told(health, inputs)
        return Answer(self._state, answers + missed)

    def _pressed(self, number: int) -> Answer:
        press = self._press(number)
        if press in self._stored:
            return Answer(lines=_stored(press))
        self._believe(frozenset({press}))
        if len(self._once) < MOST_LATCHED:
            self._once |= {press}
        before, self._state = self._state, self._told(self._state.health, self._state.inputs)
        return Answer(self._state) if self._state != before else Answer()

    def _believe(self, heard: frozenset[Press]) -> None:
        """What is heard a second time is no accident of the line; a board never holds more than so many presses."""
        believed = self._believed | (heard & self._once)
        if len(believed) <= MOST_LATCHED:
            self._believed = believed

    def _edge_told(self, edge: int, name: str, level: bool) -> Answer:
        if self._edge is None:
            return Answer()
        ahead = (edge - self._edge - 1) % EDGES
        if ahead >= EDGES // 2:
            return Answer()
        if ahead and self._asked_edge != self._edge:
            return Answer(lines=self._ask_edge())
        self.edges_lost += ahead
        self._edge = edge
        inputs = self._state.inputs | {name} if level else self._state.inputs - {name}
        self._state = self._told(self._state.health, inputs)
        return Answer(self._state)

    def _ask_edge(self) -> tuple[bytes, ...]:
        assert self._edge is not None
        assert self.identity is not None
        self._asked_edge = self._edge
        return (frame.encode("LOG", f"{self.identity.boot_nonce:08X}", (self._edge + 1) % EDGES),)

    def _told(self, health: ButtonHealth, inputs: frozenset[str]) -> BoardState:
        waiting = sorted(self._believed - self._stored, key=lambda press: press.number)
        return BoardState(health, inputs, tuple(waiting))


def _stored(press: Press) -> tuple[bytes, bytes]:
    line = frame.encode("STORED", f"{press.boot_nonce:08X}", press.number)
    return line, line


def _inputs(text: str) -> frozenset[str]:
    bits = int(text, 16)
    return frozenset(name for bit, name in enumerate(frame.INPUTS) if bits >> bit & 1)
