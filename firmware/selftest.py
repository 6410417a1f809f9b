"""The board tests itself: each item a TEST frame of a result and a number, "all" the last one."""

from firmware import pins
from firmware.lamp import BUZZER, LAMP
from firmware.latch import SILENT

MYPY = False
if MYPY:  # as in firmware.main
    from firmware.main import Program

LAMP_FOR_MS = 300
LEAST_FREE_BYTES = 20000
LONGEST_LOOP_MS = 100


class SelfTest:
    """Runs beside everything else: a press during a self-test is a press."""

    def __init__(self, program: "Program") -> None:
        self.running = False
        self._program = program
        self._failed = 0

    async def run(self) -> None:
        """Try every part and say what was found."""
        self._failed = 0
        self.running = True
        try:
            await self._output("lamp", LAMP)
            await self._output("buzzer", BUZZER)
        finally:
            self.running = False
        for item in (self._reference, self._button, self._inputs, self._latch, self._memory, self._loop, self._errors):
            item()
        self._say("all", self._failed == 0, self._failed)

    async def _output(self, item: str, which: int) -> None:
        """Drive it, and read back whether the pin follows; in silent mode it stays off and is not judged."""
        board = self._program.board
        if self._program.reporter.latch.flags & SILENT:
            self._tell(item, "info", "silent")
            return
        board.show(0)
        low = board.shown() & which
        board.show(which)
        high = board.shown() & which
        await board.sleep_ms(LAMP_FOR_MS)
        board.show(0)
        self._say(item, high and not low, int(high != 0))

    def _reference(self) -> None:
        permille = self._program.board.reference_permille()
        if permille < 0:
            return
        self._say("adc", abs(permille - pins.REFERENCE_PERMILLE) <= pins.REFERENCE_TOLERANCE_PERMILLE, permille)

    def _button(self) -> None:
        """The resistance of the button's line as the ADC sees it, and what that means."""
        program = self._program
        permille = program.board.button_permille()
        if permille >= 0:
            self._tell("line-ohm", "info", pins.PULL_OHM * permille // max(1000 - permille, 1))
        self._say("button", program.inputs.health == "ok", program.inputs.health)

    def _inputs(self) -> None:
        self._tell("inputs-seen", "info", "%03X" % self._program.inputs.seen)

    def _latch(self) -> None:
        """Whether both memories give back what was written."""
        program = self._program
        record = program.reporter.latch.record()
        for item, memory in (("latch-fast", program.board.fast), ("latch-kept", program.board.kept)):
            memory.save(record)
            self._say(item, memory.load() == record, len(record))

    def _memory(self) -> None:
        self._program.board.collect()
        free = self._program.board.free_bytes()
        self._say("free-bytes", free >= LEAST_FREE_BYTES, free)

    def _loop(self) -> None:
        """The longest time between two looks at the button since the last self-test."""
        longest_ms, self._program.inputs.longest_ms = self._program.inputs.longest_ms, 0
        self._say("loop-ms", longest_ms <= LONGEST_LOOP_MS, longest_ms)

    def _errors(self) -> None:
        program = self._program
        self._say("errors", program.errors == 0, program.last_error or program.errors)

    def _say(self, item: str, good: object, value: object) -> None:
        self._failed += not good
        self._tell(item, "ok" if good else "fail", value)

    def _tell(self, item: str, result: str, value: object) -> None:
        program = self._program
        program.board.write(program.reporter.tested(item, result, value))
