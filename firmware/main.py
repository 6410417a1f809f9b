"""The board's program: a few small jobs, each a task of its own that no error ends."""

import asyncio

from firmware.frame import LineReader
from firmware.inputs import BUTTON, Inputs, since_ms
from firmware.lamp import Lamp
from firmware.latch import SILENT, Latch, from_record
from firmware.reporter import CYCLE_FOR_MS, Reporter
from firmware.selftest import SelfTest

MYPY = False
if MYPY:  # MicroPython has no typing; only a type checker comes in here
    from collections.abc import Callable

    from firmware.simulated import Board

SAMPLE_EVERY_MS = 2
TALK_EVERY_MS = 5
KEEP_EVERY_MS = 10
SHOW_EVERY_MS = 20
WATCH_EVERY_MS = 250
"""How often each job runs."""

KEEP_AGAIN_MS = 1000
"""After flash has failed, when it is tried again."""

LATE_AFTER_MS = 1000
"""A job that has not run for so long has hung: the watchdog is not fed, and resets the board."""


class Program:
    """What the board knows and does; `board` is the hardware, or what stands in for it."""

    def __init__(self, board: "Board") -> None:
        now_ms = board.ticks_ms()
        self.board = board
        self.errors = 0
        self.last_error = ""
        self.inputs = Inputs(now_ms)
        self.lamp = Lamp(now_ms)
        self.reporter = Reporter(board.identity, self.inputs, self._restored(), now_ms)
        self.self_test = SelfTest(self)
        self._reader = LineReader()
        self._cycle_ms = -1
        self._kept_ms, self._keep_after_ms = now_ms, 0
        self._ran_ms: "dict[str, int]" = {}

    def _restored(self) -> Latch:
        """The latch as the memories hold it, or a new one; flash is not written for a start that changes nothing."""
        kept = from_record(self.board.kept.load()) or Latch(0)
        latch = from_record(self.board.fast.load()) or kept
        if latch.latched:
            self._is_kept = kept.record() == latch.record()
            return latch
        self._is_kept = kept.flags == latch.flags and not kept.latched
        return Latch(self.board.new_nonce(), flags=latch.flags)

    def sample(self, now_ms: int) -> None:
        """Look at the inputs; a press is latched, kept over a reset and said before anything else is done."""
        changed = self.inputs.sample(self.board.levels(), now_ms)
        if changed == 0:
            return
        if changed & self.inputs.on & BUTTON:
            self._press()
        self.reporter.changed()
        self.talk(now_ms)

    def _press(self) -> None:
        reporter = self.reporter
        if reporter.latch.used_up:
            reporter.renamed(Latch(self.board.new_nonce(), flags=reporter.latch.flags))
        number = reporter.latch.press()
        self._save()
        self.board.notice("press", reporter.latch.boot_nonce, number)

    def _save(self) -> None:
        self._is_kept = False
        self.board.fast.save(self.reporter.latch.record())
        self._is_kept = self.board.kept is self.board.fast

    def talk(self, now_ms: int) -> None:
        """Hear what core says, and say what is due."""
        data = self.board.read()
        if data:
            for word, fields in self._reader.feed(data):
                self.reporter.hear(word, fields, now_ms)
            if self.reporter.latch_changed:
                self._latch_changed()
        for line in self.reporter.due(now_ms):
            self.board.write(line)

    def _latch_changed(self) -> None:
        reporter = self.reporter
        reporter.latch_changed = False
        self._save()
        while reporter.released:
            self.board.notice("stored", reporter.latch.boot_nonce, reporter.released.pop(0))

    def keep(self, now_ms: int) -> None:
        """Bring the latch to where a power cut does not reach it."""
        if self._is_kept or since_ms(now_ms, self._kept_ms) < self._keep_after_ms:
            return
        self._kept_ms, self._keep_after_ms = now_ms, KEEP_AGAIN_MS
        self.board.kept.save(self.reporter.latch.record())
        self._is_kept, self._keep_after_ms = True, 0

    def show(self, now_ms: int) -> None:
        """Lamp, buzzer, and the line that switches the terminal's supply."""
        reporter, lamp = self.reporter, self.lamp
        dead_ms = reporter.dead_for_ms(now_ms)
        lamp.rung = reporter.rung
        held = reporter.latch.latched and self._is_kept
        silent = reporter.latch.flags & SILENT != 0
        before = lamp.shown
        levels = lamp.choose(held, reporter.core_dead, self.inputs.health != "ok", silent, now_ms)
        if lamp.shown != before:
            self.board.notice("lamp", lamp.shown)
        if not self.self_test.running:
            self.board.show(levels)
        self._cycle(dead_ms, now_ms)

    def _cycle(self, dead_ms: int, now_ms: int) -> None:
        after_s = self.reporter.cycle_after_s
        if self._cycle_ms >= 0:
            if since_ms(now_ms, self._cycle_ms) >= CYCLE_FOR_MS:
                self._cycle_ms = -1
                self.board.cycle(False)
                self.reporter.cycled(now_ms)
        elif after_s and dead_ms >= after_s * 1000:
            self._cycle_ms = now_ms
            self.board.cycle(True)

    def watch(self, now_ms: int) -> None:
        """Feed the watchdog if every job has run lately; do what must not disturb the others."""
        if all([since_ms(now_ms, ran_ms) < LATE_AFTER_MS for ran_ms in self._ran_ms.values()]):
            self.board.feed()
        if self.reporter.service_wanted:
            self.board.service()
        self.board.collect()

    async def test(self) -> None:
        """Run the self-test when core has asked for it."""
        if self.reporter.test_wanted:
            self.reporter.test_wanted = False
            await self.self_test.run()

    async def repeat(self, name: str, job: "Callable[[int], None]", every_ms: int) -> None:
        """Run a job for ever; an error in it is counted, and told by the self-test."""
        while True:
            try:
                now_ms = self.board.ticks_ms()
                self._ran_ms[name] = now_ms
                job(now_ms)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next press counts
                self._failed(error)
            await self.board.sleep_ms(every_ms)

    async def tests(self) -> None:
        """Wait for self-tests for ever."""
        while True:
            try:
                await self.test()
            except Exception as error:  # noqa: BLE001 - as above
                self._failed(error)
            await self.board.sleep_ms(WATCH_EVERY_MS)

    def _failed(self, error: Exception) -> None:
        self.errors += 1
        self.last_error = type(error).__name__

    async def run(self) -> None:
        """All jobs together; the watchdog starts with them."""
        jobs = (
            ("sample", self.sample, SAMPLE_EVERY_MS),
            ("talk", self.talk, TALK_EVERY_MS),
            ("keep", self.keep, KEEP_EVERY_MS),
            ("show", self.show, SHOW_EVERY_MS),
            ("watch", self.watch, WATCH_EVERY_MS),
        )
        self.board.start_watchdog()
        await asyncio.gather(self.tests(), *[self.repeat(name, job, every_ms) for name, job, every_ms in jobs])


def start(board: "Board") -> None:
    """Run the board's program; never returns."""
    asyncio.run(Program(board).run())
