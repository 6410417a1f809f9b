"""A board's whole firmware and core's side of the conversation, on a clock that the test moves; no process, no wait."""

from collections.abc import Callable

from drivers.board_conversation import BoardState, Conversation
from firmware import inputs
from firmware.frame import TIME, LineReader
from firmware.lamp import BUZZER, LAMP
from firmware.latch import from_record
from firmware.main import (
    KEEP_EVERY_MS,
    SAMPLE_EVERY_MS,
    SHOW_EVERY_MS,
    TALK_EVERY_MS,
    WATCH_EVERY_MS,
    Program,
)
from hal.errors import BadInput
from hal.readings import Press

BEAT_EVERY_MS = 1000
SETTLED_MS = 1500
Line = Callable[[bytes], bytes]


class Memory:
    """One of the board's memories; `fails` is worn-out flash."""

    def __init__(self) -> None:
        self.record: bytes | None = None
        self.fails = False
        self.writes = 0

    def load(self) -> bytes | None:
        return self.record

    def save(self, record: bytes) -> None:
        self.writes += 1
        if self.fails:
            raise OSError(28)
        self.record = record

    def numbers(self) -> list[int]:
        latch = from_record(self.record)
        return [] if latch is None else latch.numbers()


class VirtualBoard:
    """What the program drives: every value is an attribute."""

    def __init__(self, start_ms: int = 0) -> None:
        self.identity = ("B-1", "1.0", "abc1234", "power")
        self.now_ms = start_ms
        self.raw = inputs.NORMAL
        self.lamp = False
        self.buzzer = False
        self.cycles: list[bool] = []
        self.feeds = 0
        self.fast, self.kept = Memory(), Memory()
        self.nonces = 0
        self.to_board = b""
        self.to_core = b""
        self.notices: list[tuple[object, ...]] = []
        self.broken = False

    def ticks_ms(self) -> int:
        return self.now_ms % TIME

    def levels(self) -> int:
        if self.broken:
            raise OSError(5)
        return self.raw

    def button_permille(self) -> int:
        return 680

    def reference_permille(self) -> int:
        return 500

    def show(self, levels: int) -> None:
        self.lamp, self.buzzer = bool(levels & LAMP), bool(levels & BUZZER)

    def shown(self) -> int:
        return LAMP * self.lamp | BUZZER * self.buzzer

    def cycle(self, on: bool) -> None:
        self.cycles.append(on)

    def start_watchdog(self) -> None: ...

    def feed(self) -> None:
        self.feeds += 1

    def read(self) -> bytes:
        data, self.to_board = self.to_board, b""
        return data

    def write(self, line: bytes) -> None:
        self.to_core += line

    def new_nonce(self) -> int:
        self.nonces += 1
        return 0xC0FFEE00 + self.nonces

    def collect(self) -> None: ...

    def free_bytes(self) -> int:
        return 100_000

    def notice(self, *what: object) -> None:
        self.notices.append(what)

    def service(self) -> None:
        raise SystemExit

    async def sleep_ms(self, ms: int) -> None:
        self.now_ms += ms


def clean(data: bytes) -> bytes:
    """A line that changes nothing."""
    return data


class Bench:
    """Board and core, joined by two lines that may do anything to the bytes."""

    def __init__(self, board: VirtualBoard | None = None, *, core: bool = True) -> None:
        self.board = board or VirtualBoard()
        self.up: Line = clean
        self.down: Line = clean
        self.stores = True
        self.core = core
        self.told: list[Press] = []
        self.states: list[BoardState] = []
        self.refused = 0
        self.talk = Conversation("board", "/dev/board")
        self._reader = LineReader()
        self.boot()
        if core:
            self.say(self.talk.opened())

    def boot(self) -> None:
        """The program starts anew; the memories are as they are."""
        self.program = Program(self.board)  # type: ignore[arg-type]

    def power_cut(self) -> None:
        """The registers lose what they held."""
        self.board.fast.record = None
        self.boot()

    @property
    def made(self) -> set[Press]:
        """The presses that the board latched."""
        return {Press("B-1", *rest) for what, *rest in self.board.notices if what == "press"}  # type: ignore[arg-type]

    def say(self, lines: tuple[bytes, ...]) -> None:
        """Core sends."""
        self.board.to_board += self.down(b"".join(lines))

    def run(self, ms: int, raw: int | None = None) -> None:
        """Let time pass, with the button and the inputs at these levels."""
        self.board.raw = self.board.raw if raw is None else raw
        for _ in range(ms):
            self._millisecond()

    def _millisecond(self) -> None:
        board, program = self.board, self.program
        board.now_ms += 1
        now_ms = board.ticks_ms()
        for job, every_ms in (
            (program.sample, SAMPLE_EVERY_MS),
            (program.talk, TALK_EVERY_MS),
            (program.keep, KEEP_EVERY_MS),
            (program.show, SHOW_EVERY_MS),
            (program.watch, WATCH_EVERY_MS),
        ):
            if board.now_ms % every_ms == 0:
                job(now_ms)
        if board.to_core:
            data, board.to_core = board.to_core, b""
            self._hear(self.up(data))
        if self.core and board.now_ms % BEAT_EVERY_MS == 0:
            self.say(self.talk.beat())

    def _hear(self, data: bytes) -> None:
        if not self.core:
            return
        for word, fields in self._reader.feed(data):
            try:
                answer = self.talk.heard(word, fields)
            except BadInput:
                self.refused += 1
                continue
            self.say(answer.lines)
            if answer.state is not None:
                self.states.append(answer.state)
                for press in answer.state.latched:
                    self._press(press)

    def _press(self, press: Press) -> None:
        if press not in self.told:
            self.told.append(press)
        if self.stores:
            self.say(self.talk.store(press))


def press(bench: Bench, ms: int = 100) -> None:
    """Down for so long, and up again."""
    bench.run(ms, inputs.BUTTON)
    bench.run(50, inputs.NORMAL)
