"""What the board says and when, and what it does about what core says; pure."""

from firmware.frame import EDGES, FRAME_VERSION, INPUTS, Twice, encode
from firmware.inputs import Inputs, since_ms
from firmware.latch import SILENT, Latch

MYPY = False
if MYPY:  # MicroPython has no typing; only a type checker comes in here
    from collections.abc import Iterator

STATE_EVERY_MS = 200
PRESS_EVERY_MS = 200
"""How often what core may have missed is said again; core takes 0.8 s of silence for a board that is gone."""

EDGES_AT_ONCE = 4
"""Lines of the edge log between two looks at what matters more."""

CORE_DEAD_AFTER_MS = 5000
"""Without a BEAT for so long the terminal counts as dead."""

CYCLE_FOR_MS = 5000
SHORTEST_CYCLE_S = 60
"""How long the terminal's supply is off; and how soon after the last sign of life at the earliest."""


class Reporter:
    """The board's side of the conversation; `due` gives the lines for now."""

    def __init__(self, identity: "tuple[str, str, str, str]", inputs: Inputs, latch: Latch, now_ms: int) -> None:
        self.latch = latch
        self.rung = "off"
        self.core_dead = False
        self.test_wanted = False
        self.service_wanted = False
        self.cycle_after_s = 0
        self.latch_changed = False
        self.released: "list[int]" = []
        self._identity = identity
        self._inputs = inputs
        self._state_ms = self._press_ms = self._heard_ms = now_ms
        self._state_due = self._press_due = True
        self._hello_due = True
        self._edge = 1
        self._health = "ok"
        self._stored_twice, self._set_twice, self._service_twice = Twice(), Twice(), Twice()
        self._answers = {
            "STORED": self._stored,
            "LAMP": self._lamp,
            "SET": self._set,
            "ASK": self._ask,
            "LOG": self._log,
            "TEST": self._test,
            "SERVICE": self._service,
        }

    @property
    def nonce(self) -> str:
        """The boot nonce as it stands in a frame."""
        return "%08X" % self.latch.boot_nonce

    def changed(self) -> None:
        """Something that STATE tells has changed, or a press was latched: say it now."""
        self._state_due = self._press_due = True

    def renamed(self, latch: Latch) -> None:
        """Count under another boot nonce from here on."""
        self.latch, self._hello_due = latch, True
        self.changed()

    def hear(self, word: str, fields: "list[str]", now_ms: int) -> None:
        """Take one frame from core; one that makes no sense is as good as none."""
        if word == "BEAT":
            self._heard_ms, self.core_dead = now_ms, False
        elif word in self._answers:
            try:
                self._answers[word](fields)
            except (ValueError, IndexError):
                return

    def dead_for_ms(self, now_ms: int) -> int:
        """How long core has said nothing; also settles whether it counts as dead."""
        ms = since_ms(now_ms, self._heard_ms)
        if ms >= CORE_DEAD_AFTER_MS:
            self.core_dead = True
        return ms

    def cycled(self, now_ms: int) -> None:
        """The terminal's supply was switched off and on: it gets its whole time to come back."""
        self._heard_ms = now_ms

    def due(self, now_ms: int) -> "Iterator[bytes]":
        """What to send now, each the moment it is made: a press waits for no other line."""
        if self._hello_due:
            self._hello_due = False
            yield encode("HELLO", FRAME_VERSION, self._identity[0], self.nonce, *self._identity[1:]) * 2
        if self._inputs.health != self._health:
            self._health, self._state_due = self._inputs.health, True
        if self.latch.latched and (self._press_due or since_ms(now_ms, self._press_ms) >= PRESS_EVERY_MS):
            self._press_ms, self._press_due = now_ms, False
            for number in self.latch.numbers():
                yield encode("PRESS", self.nonce, number, now_ms) * 2
        yield from self._edges_due()
        if self._state_due or since_ms(now_ms, self._state_ms) >= STATE_EVERY_MS:
            self._state_ms, self._state_due = now_ms, False
            yield self._state(now_ms)

    def tested(self, item: str, result: str, value: object) -> bytes:
        """One line of the self-test."""
        return encode("TEST", self.nonce, item, result, value)

    def _state(self, now_ms: int) -> bytes:
        latched = ",".join([str(number) for number in self.latch.numbers()]) or "-"
        inputs = "%03X" % self._inputs.on
        return encode("STATE", self.nonce, self._health, latched, now_ms, inputs, self._inputs.log.count)

    def _edges_due(self) -> "Iterator[bytes]":
        log = self._inputs.log
        self._edge = log.oldest_from(self._edge)
        for _ in range(EDGES_AT_ONCE):
            if self._edge == (log.count + 1) % EDGES:
                return
            index, level, at_ms = log.edge(self._edge)
            line = encode("EDGE", self.nonce, self._edge, INPUTS[index], level, at_ms)
            self._edge = (self._edge + 1) % EDGES
            self._state_due = True
            yield line

    def _stored(self, fields: "list[str]") -> None:
        nonce, number = fields
        if not self._stored_twice.heard((nonce, number)) or nonce != self.nonce:
            return
        if self.latch.stored(int(number)):
            self._state_due = self.latch_changed = True
            self.released.append(int(number))

    def _lamp(self, fields: "list[str]") -> None:
        (self.rung,) = fields

    def _set(self, fields: "list[str]") -> None:
        loudness, cycle_after_s = fields
        if not self._set_twice.heard((loudness, cycle_after_s)):
            return
        seconds = int(cycle_after_s)
        self.cycle_after_s = max(seconds, SHORTEST_CYCLE_S) if seconds > 0 else 0
        flags = SILENT if loudness == "silent" else 0
        if flags != self.latch.flags:
            self.latch.flags, self.latch_changed = flags, True

    def _ask(self, _fields: "list[str]") -> None:
        self._hello_due = True
        self.changed()

    def _log(self, fields: "list[str]") -> None:
        nonce, edge = fields
        if nonce == self.nonce:
            self._edge = self._inputs.log.oldest_from(int(edge) % EDGES)

    def _test(self, _fields: "list[str]") -> None:
        self.test_wanted = True

    def _service(self, _fields: "list[str]") -> None:
        self.service_wanted = self._service_twice.heard(True)
