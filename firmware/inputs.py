"""What the board's inputs mean: debouncing, the supervised button, and an honest log of edges; pure.

Runs unchanged under MicroPython and CPython. A level is a bit in one word: the button and the other inputs at the
places of `frame.INPUTS`, and above them what is wrong with the button's circuit.
"""

from array import array

from firmware.frame import EDGES, INPUTS, TIME

COUNT = len(INPUTS)
BUTTON = 1
ALL_INPUTS = (1 << COUNT) - 1
CUT, SHORT, IMPLAUSIBLE = 1 << COUNT, 2 << COUNT, 4 << COUNT
NORMAL = 0
"""What the button's circuit can be at one moment; BUTTON is pressed."""

BUTTON_MS = 15
RELEASE_MS = 30
LIGHTBAR_MS = 200
SWITCH_MS = 50
FAULT_MS = 500
"""How long a level must prevail before it counts; letting go of the button takes longer than pressing it."""

DEBOUNCE_MS = (
    BUTTON_MS,
    LIGHTBAR_MS,
    LIGHTBAR_MS,
    LIGHTBAR_MS,
    LIGHTBAR_MS,
    LIGHTBAR_MS,
    SWITCH_MS,
    SWITCH_MS,
    SWITCH_MS,
    SWITCH_MS,
    SWITCH_MS,
    FAULT_MS,
    FAULT_MS,
    FAULT_MS,
)
"""One for each of `frame.INPUTS`, then for cut, short and implausible."""

END_MS = (RELEASE_MS,) + DEBOUNCE_MS[1:]  # noqa: RUF005 - not in MicroPython's tuples
"""The same for the level's end."""

LONGEST_SAMPLE_MS = 5
"""One sample speaks for no more time than this, however long the program was busy before it."""

FORGETS_PER_MS = 2
"""Of the time for which a level has been there, so much is forgotten for each ms without it, in quarters."""

STUCK_AFTER_MS = 1800
"""A button that is down for so long is held or stuck."""

LOGGED = 32
"""Edges that the log holds."""

WIRE_OHM = 50
LEAK_OHM = 47000
"""The wire to the button at most; moisture across a cut one at least."""


def since_ms(now_ms: int, then_ms: int) -> int:
    """Time from one moment of the board's clock to a later one, over its wrap."""
    return (now_ms - then_ms) & (TIME - 1)


def bands(pull_ohm: int, line_ohm: int, contact_ohm: int, tolerance_percent: int) -> "tuple[int, ...]":
    """Where short, pressed, normal and cut begin and end, in permille of the ADC's reference: eight numbers.

    `line_ohm` closes the line at its far end, the contact puts `contact_ohm` beside it, `pull_ohm` feeds it. Each
    band is what the resistors' tolerance and WIRE_OHM allow, widened by a third of the gap to the next one; the
    third that is left between two bands is implausible.
    """
    less, more = 100 - tolerance_percent, 100 + tolerance_percent
    pressed_ohm = line_ohm * contact_ohm // (line_ohm + contact_ohm)
    exact = [0, _permille(WIRE_OHM, pull_ohm * less // 100)]
    for ohm in (pressed_ohm, line_ohm):
        exact.append(_permille(ohm * less // 100, pull_ohm * more // 100))
        exact.append(_permille(ohm * more // 100 + WIRE_OHM, pull_ohm * less // 100))
    exact += [_permille(LEAK_OHM, pull_ohm * more // 100), 1000]
    for index in (1, 3, 5):
        third = (exact[index + 1] - exact[index]) // 3
        exact[index] += third
        exact[index + 1] -= third
    return tuple(exact)


def _permille(ohm: int, pull_ohm: int) -> int:
    return 1000 * ohm // (ohm + pull_ohm)


def supervised(permille: int, where: "tuple[int, ...]") -> int:
    """The button's circuit by the voltage on its line, with resistors at the far end."""
    if where[4] <= permille <= where[5]:
        return NORMAL
    if where[2] <= permille <= where[3]:
        return BUTTON
    if permille >= where[6]:
        return CUT
    return SHORT if permille <= where[1] else IMPLAUSIBLE


def two_contacts(open_closed: int, closed_closed: int) -> int:
    """The button's circuit by a normally open and a normally closed contact; true is closed."""
    if open_closed:
        return SHORT if closed_closed else BUTTON
    return NORMAL if closed_closed else CUT


class Debounce:
    """Turns raw levels into stable ones: a level counts when it has prevailed for its time; `on` are those that do."""

    def __init__(self) -> None:
        self.on = 0
        self.seen = 0
        self._against = array("H", [0] * len(DEBOUNCE_MS))
        self._moving = False

    def sample(self, raw: int, passed_ms: int) -> int:
        """Take the levels of now, which stood for `passed_ms`; the bits whose stable level changes."""
        if raw == self.on and not self._moving:
            return 0
        passed_ms = min(passed_ms, LONGEST_SAMPLE_MS)
        changed = 0
        self._moving = False
        for index in range(len(DEBOUNCE_MS)):
            bit = 1 << index
            if self._prevails(index, (raw ^ self.on) & bit, passed_ms):
                changed |= bit
        self.on ^= changed
        self.seen |= changed
        return changed

    def _prevails(self, index: int, differs: int, passed_ms: int) -> bool:
        """Add up the time, in quarters of a ms, for which a level was not the stable one."""
        against = self._against[index]
        if differs:
            against += 4 * passed_ms
        else:
            against = max(against - FORGETS_PER_MS * passed_ms, 0)
        if against >= 4 * (END_MS if self.on >> index & 1 else DEBOUNCE_MS)[index]:
            self._against[index] = 0
            return True
        self._against[index] = against
        self._moving = self._moving or against > 0
        return False


class Inputs:
    """All inputs over time: debounced, the button watched for being stuck, every edge logged."""

    def __init__(self, now_ms: int) -> None:
        self.log = EdgeLog()
        self.longest_ms = 0
        self._debounce = Debounce()
        self._now_ms = self._down_ms = now_ms
        self._stuck = False

    def sample(self, raw: int, now_ms: int) -> int:
        """Take the levels of this moment; the bits that changed, the circuit's faults among them."""
        passed_ms = since_ms(now_ms, self._now_ms)
        self._now_ms = now_ms
        self.longest_ms = max(self.longest_ms, passed_ms)
        changed = self._debounce.sample(raw, passed_ms)
        if changed & ALL_INPUTS:
            self._log(changed, now_ms)
        if not self._debounce.on & BUTTON:
            self._stuck = False
        elif changed & BUTTON:
            self._down_ms = now_ms
        elif since_ms(now_ms, self._down_ms) >= STUCK_AFTER_MS:
            self._stuck = True
        return changed

    @property
    def on(self) -> int:
        """The inputs that are on."""
        return self._debounce.on & ALL_INPUTS

    @property
    def seen(self) -> int:
        """The inputs that have changed since the board's start."""
        return self._debounce.seen & ALL_INPUTS

    @property
    def health(self) -> str:
        """What is wrong with the button's circuit, in the frame's words."""
        on = self._debounce.on
        if on & CUT:
            return "cut"
        if on & SHORT:
            return "short"
        if on & IMPLAUSIBLE:
            return "implausible"
        return "stuck" if self._stuck else "ok"

    def _log(self, changed: int, now_ms: int) -> None:
        for index in range(COUNT):
            if changed >> index & 1:
                self.log.add(index, self._debounce.on >> index & 1, now_ms)


class EdgeLog:
    """The newest edges, each with its number; `count` is the newest one's, and counts those that are gone too."""

    def __init__(self) -> None:
        self.count = 0
        self._held = 0
        self._what = bytearray(LOGGED)
        self._at_ms = array("L", [0] * LOGGED)

    def add(self, index: int, level: int, now_ms: int) -> None:
        """Log one edge of one input."""
        self.count = (self.count + 1) % EDGES
        self._what[self.count % LOGGED] = index << 1 | level
        self._at_ms[self.count % LOGGED] = now_ms
        self._held = min(self._held + 1, LOGGED)

    def oldest_from(self, edge: int) -> int:
        """The first edge from this one on that is still held; the one after the newest when there is none."""
        behind = (self.count + 1 - edge) % EDGES
        return (self.count + 1 - min(behind, self._held)) % EDGES if behind <= EDGES // 2 else (self.count + 1) % EDGES

    def edge(self, number: int) -> "tuple[int, int, int]":
        """Input, level and time of an edge that is held."""
        what = self._what[number % LOGGED]
        return what >> 1, what & 1, self._at_ms[number % LOGGED]
