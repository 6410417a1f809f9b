"""Presses as contacts really make them: bounced, disturbed, sampled late. None of 50 ms or more is missed."""

import random

import pytest

from firmware.inputs import BUTTON, BUTTON_MS, CUT, IMPLAUSIBLE, LONGEST_SAMPLE_MS, NORMAL, Inputs

PRESSES = 100_000

BOUNCE_MS = 5
"""How long a contact bounces at most, at each end of a press: what makers of push buttons state."""

DISTURBED = 0.05
"""Share of samples that interference turns into something else, at random."""

BURST_MS = 8
"""A burst of interference during half of the presses; during the others the board looks so late once."""

NEVER_MS = 1e9


class Trace:
    """One press, or none, as the board samples it: about every 2 ms, now and then late."""

    def __init__(self, rng: random.Random, press_ms: int) -> None:
        self.rng = rng
        self.begins_ms = 20 + rng.random() * 20
        self.ends_ms = self.begins_ms + press_ms
        disturbed_ms = rng.random() * (self.ends_ms + 40)
        self.burst_ms, self.late_ms = rng.choice(((disturbed_ms, NEVER_MS), (NEVER_MS, disturbed_ms)))
        self.burst = rng.choice((NORMAL, BUTTON, CUT, IMPLAUSIBLE))

    def raw(self, now_ms: float) -> int:
        rng = self.rng
        if self.burst_ms <= now_ms < self.burst_ms + BURST_MS:
            return self.burst
        if rng.random() < DISTURBED:
            return rng.choice((NORMAL, BUTTON, CUT, IMPLAUSIBLE))
        if not self.begins_ms <= now_ms < self.ends_ms:
            return NORMAL
        bouncing = now_ms < self.begins_ms + BOUNCE_MS or now_ms >= self.ends_ms - BOUNCE_MS
        return NORMAL if bouncing and rng.random() < 0.5 else BUTTON

    def presses(self, inputs: Inputs, start_ms: int) -> int:
        """How many presses the board sees."""
        seen = 0
        at_ms = 0.0
        while at_ms < self.ends_ms + 60:
            seen += inputs.sample(self.raw(at_ms), start_ms + int(at_ms)) & inputs.on & BUTTON
            late = self.late_ms <= at_ms < self.late_ms + 2
            at_ms += BURST_MS if late else 2 + (self.rng.random() < 0.05)
        return seen


@pytest.mark.promise("P-PRESS-02")
def test_a_bounced_and_disturbed_press_is_exactly_one_press() -> None:
    rng = random.Random(1)
    inputs, now_ms = Inputs(0), 0
    seen = {0: 0, 1: 0, 2: 0}
    for _ in range(PRESSES):
        trace = Trace(rng, 50 + int(rng.random() ** 4 * 400))
        found = trace.presses(inputs, now_ms)
        seen[found] = seen.get(found, 0) + 1
        now_ms += int(trace.ends_ms) + 100
    print(f"{PRESSES} presses: missed {seen[0]}, seen twice {seen[2]}")
    assert seen[0] == 0
    assert seen[1] == PRESSES


@pytest.mark.promise("P-PRESS-07")
@pytest.mark.parametrize("hours", [0.25, pytest.param(10, marks=pytest.mark.long)])
def test_interference_without_a_press_gives_no_press(hours: float) -> None:
    """5 % of the samples disturbed, and a burst of 8 ms every 100 ms, on an open button."""
    rng = random.Random(1)
    inputs = Inputs(0)
    presses = 0
    for at_ms in range(0, int(hours * 3_600_000), 2):
        in_burst = at_ms % 100 < BURST_MS
        raw = BUTTON if in_burst else NORMAL
        if rng.random() < DISTURBED:
            raw = rng.choice((NORMAL, BUTTON, CUT, IMPLAUSIBLE))
        presses += inputs.sample(raw, at_ms) & inputs.on & BUTTON
    print(f"{presses} false presses in {hours} h of board time")
    assert presses == 0


@pytest.mark.parametrize(("share", "expected"), [(0.05, False), (0.45, True)])
def test_only_a_line_that_looks_pressed_for_much_of_the_time_makes_presses(share: float, expected: bool) -> None:
    """Where it begins, for docs/board.md: samples that look pressed at random, in any order."""
    presses = false_presses(share, 600_000)
    print(f"{share:.0%} of the samples look pressed: {presses * 6} false presses an hour")
    assert (presses > 0) == expected


def false_presses(share: float, ms: int) -> int:
    rng, inputs = random.Random(2), Inputs(0)
    raws = ((BUTTON if rng.random() < share else NORMAL, at_ms) for at_ms in range(0, ms, 2))
    return sum(inputs.sample(raw, at_ms) & inputs.on & BUTTON for raw, at_ms in raws)


def test_one_late_look_decides_nothing() -> None:
    inputs = Inputs(0)
    inputs.sample(NORMAL, 2)
    assert inputs.sample(BUTTON, 500) == 0
    looks = -(-BUTTON_MS // LONGEST_SAMPLE_MS)
    seen = [inputs.sample(BUTTON, 500 + LONGEST_SAMPLE_MS * look) & BUTTON for look in range(1, looks)]
    assert seen[-1] == BUTTON
    assert not any(seen[:-1])
