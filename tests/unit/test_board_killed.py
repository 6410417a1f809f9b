"""The firmware killed at every single step that it takes between a press and its confirmation: memories, line, lamp."""

from collections.abc import Iterator

import pytest

from firmware.inputs import BUTTON, NORMAL
from tests.unit.board_scene import Bench, Memory, VirtualBoard

STEPS = 16
"""The steps from a press to the end of its latch, and some more; a test says so."""


class Killed(BaseException):
    """As SIGKILL or the watchdog ends a program: nothing catches it."""


class Countdown:
    """Lets so many steps happen, then kills before or after the next one."""

    def __init__(self, steps: int, *, after: bool) -> None:
        self.left = steps
        self.after = after
        self.fired = False

    def step(self, act: object = None) -> Iterator[None]:
        due = self.left == 0 and not self.fired
        self.left -= 1
        if due and not self.after:
            self.fired = True
            raise Killed
        yield
        if due:
            self.fired = True
            raise Killed


class MortalMemory(Memory):
    def __init__(self, countdown: Countdown) -> None:
        super().__init__()
        self.countdown = countdown

    def save(self, record: bytes) -> None:
        for _ in self.countdown.step():
            super().save(record)


class MortalBoard(VirtualBoard):
    """Counts every write to a memory or the line as a step."""

    def __init__(self) -> None:
        super().__init__()
        self.countdown = Countdown(-1, after=False)
        self.lit = False

    def arm(self, steps: int, *, after: bool) -> None:
        self.countdown = Countdown(steps, after=after)
        fast, kept = MortalMemory(self.countdown), MortalMemory(self.countdown)
        fast.record, kept.record = self.fast.record, self.kept.record
        self.fast, self.kept = fast, kept

    def write(self, line: bytes) -> None:
        for _ in self.countdown.step():
            super().write(line)

    def show(self, levels: int) -> None:
        super().show(levels)
        self.lit = self.lit or levels != 0


def pressed_and_killed(steps: int, *, after: bool, power: bool) -> Bench:
    board = MortalBoard()
    bench = Bench(board)
    bench.run(1500)
    board.fast, board.kept = Memory(), Memory()
    board.arm(steps, after=after)
    try:
        bench.run(60, BUTTON)
        bench.run(1200, NORMAL)
    except Killed:
        board.raw = NORMAL
        bench.durable = board.kept.numbers() if power else board.fast.numbers()  # type: ignore[attr-defined]
        if power:
            bench.power_cut()
        else:
            bench.boot()
        bench.run(3000)
    return bench


@pytest.mark.promise("P-PRESS-06")
@pytest.mark.parametrize("power", [False, True], ids=["reset", "power-cut"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("steps", range(STEPS))
def test_killed_at_any_step_a_durable_press_is_told_once_and_any_other_at_most_once(
    steps: int, after: bool, power: bool
) -> None:
    bench = pressed_and_killed(steps, after=after, power=power)
    board = bench.board
    assert isinstance(board, MortalBoard)
    assert len(bench.told) <= 1
    if getattr(bench, "durable", None):
        assert len(bench.told) == 1
    if not bench.told:
        assert not board.lit, "the lamp promised what was lost"
    assert board.fast.numbers() == board.kept.numbers() == []


def test_the_steps_cover_the_whole_exchange() -> None:
    board = MortalBoard()
    bench = Bench(board)
    bench.run(1500)
    board.arm(-1, after=False)
    bench.run(60, BUTTON)
    bench.run(40, NORMAL)
    assert bench.told
    assert board.fast.numbers() == board.kept.numbers() == []
    assert 8 <= -1 - board.countdown.left < STEPS


def test_core_killed_before_it_stored_a_press_is_told_it_again_and_after_it_not_asked_twice() -> None:
    bench = Bench()
    bench.run(1500)
    bench.stores = False
    bench.run(60, BUTTON)
    bench.run(500, NORMAL)
    assert len(bench.told) == 1
    restarted = Bench(bench.board)
    restarted.run(3000)
    assert restarted.told == bench.told
    assert bench.board.fast.numbers() == []
