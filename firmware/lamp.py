"""What the button's lamp and the buzzer show: patterns that the eye can tell apart, and the ear alone too; pure.

A pattern is times in ms, on and off in turn, repeated. The buzzer falls silent some seconds after a change, the lamp
goes on. In silent mode neither does anything at all.
"""

from firmware.inputs import since_ms

BUZZES_FOR_MS = 12000

DARK = ()
STEADY = (1000,)

PATTERNS = {
    "off": (DARK, DARK),
    "pressed": ((60, 60), (60, 940)),
    "stored": ((250, 250), (60, 140, 60, 1740)),
    "sent": ((250, 250, 250, 750), (60, 140, 60, 140, 60, 1540)),
    "received": ((1000, 200), (400, 100, 400, 3100)),
    "acknowledged": (STEADY, (1500, 4500)),
    "fault": ((50, 150, 50, 2750), (50, 9950)),
    "dead": ((1500, 1500), (800, 200, 100, 3900)),
}
"""Lamp and buzzer for the rungs of the ladder, a fault of the button's circuit, and a terminal that is dead."""

LAMP, BUZZER = 1, 2


def is_on(pattern: "tuple[int, ...]", ms: int) -> bool:
    """Whether a pattern is on so long after its beginning."""
    if not pattern:
        return False
    total = 0
    for time_ms in pattern:
        total += time_ms
    ms %= total
    on = True
    for time_ms in pattern:
        if ms < time_ms:
            return on
        ms -= time_ms
        on = not on
    return on


class Lamp:
    """Chooses the pattern from what is known, and plays it."""

    def __init__(self, now_ms: int) -> None:
        self.rung = "off"
        self.shown = "off"
        self._began_ms = now_ms
        self._quiet = True

    def choose(self, held: bool, dead: bool, fault: bool, silent: bool, now_ms: int) -> int:
        """LAMP and BUZZER as they are to be now.

        `held`: a press is latched where no power cut reaches it. Core's "pressed" alone shows nothing: before the
        latch is kept the lamp must not promise anything.
        """
        word = self._word(held, dead, fault)
        if word != self.shown:
            self.shown, self._began_ms, self._quiet = word, now_ms, False
        if silent:
            return 0
        ms = since_ms(now_ms, self._began_ms)
        self._quiet = self._quiet or ms >= BUZZES_FOR_MS
        lamp, buzzer = PATTERNS[word]
        return LAMP * is_on(lamp, ms) | BUZZER * (not self._quiet and is_on(buzzer, ms))

    def _word(self, held: bool, dead: bool, fault: bool) -> str:
        if dead:
            return "dead"
        if self.rung in PATTERNS and self.rung not in ("off", "pressed"):
            return self.rung
        if held:
            return "pressed"
        return "fault" if fault else "off"
