"""Noise on the board's line: no press is invented, none is let go of, and a real one is told within 1 s of its end."""

import random
from collections.abc import Callable

import pytest

from drivers.board_conversation import Conversation
from firmware import frame
from firmware.inputs import BUTTON, NORMAL, Inputs
from firmware.latch import Latch
from firmware.reporter import Reporter
from hal.errors import BadInput, SourceRefused
from hal.readings import Press
from tests.unit.board_scene import Bench

BROKEN = 10_000_000
NONCE = "C0FFEE01"
TOLD_WITHIN_MS = 1000


def flipped(rng: random.Random, line: bytes) -> bytes:
    """From one wrong bit to a dozen."""
    broken = bytearray(line)
    for _ in range(1 + int(rng.random() * 12)):
        broken[int(rng.random() * len(broken))] ^= 1 << int(rng.random() * 8)
    return bytes(broken)


def digit_changed(rng: random.Random, line: bytes) -> bytes:
    """The worst that can happen: a number and the check are wrong together, and look like numbers still."""
    start, star = int(rng.random() * (len(line) - 8)) + 6, line.rfind(b"*")
    broken = bytearray(line)
    if start < star and 0x30 <= broken[start] <= 0x39:
        broken[start] = 0x30 + int(rng.random() * 10)
        broken[star + 1 : star + 5] = b"%04X" % int(rng.random() * 65536)
    return bytes(broken)


def dropped(rng: random.Random, line: bytes) -> bytes:
    """Some bytes are missing."""
    start = int(rng.random() * len(line))
    return line[:start] + line[start + 1 + int(rng.random() * 4) :]


def inserted(rng: random.Random, line: bytes) -> bytes:
    """Some bytes are too many."""
    start = int(rng.random() * len(line))
    return line[:start] + rng.randbytes(1 + int(rng.random() * 6)) + line[start:]


def cut(rng: random.Random, line: bytes) -> bytes:
    """The line ends half-way, and the next one follows at once."""
    return line[: int(rng.random() * len(line))]


def stuck(rng: random.Random, line: bytes) -> bytes:
    """The line stands still for some bytes."""
    start = int(rng.random() * len(line))
    return line[:start] + rng.choice((b"\0", b"\xff", b"$", b"\n")) * int(rng.random() * 40) + line[start + 20 :]


def wrong_baud(rng: random.Random, line: bytes) -> bytes:
    """What a receiver at another speed makes of it: fewer bytes, none as sent."""
    return bytes(line[at] >> 1 ^ line[at + 1] << 1 & 0xFF for at in range(0, len(line) - 1, 2))


def anything(rng: random.Random, line: bytes) -> bytes:
    """No trace of what was sent."""
    return rng.randbytes(len(line))


BREAKS: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    flipped,
    flipped,
    digit_changed,
    digit_changed,
    dropped,
    inserted,
    cut,
    stuck,
    wrong_baud,
    anything,
)


def broken_stream(rng: random.Random, lines: list[bytes]) -> tuple[bytes, int]:
    """Each line broken in some way, and how many; what came out whole by accident is taken out."""
    told = []
    for line in lines:
        broken = BREAKS[int(rng.random() * len(BREAKS))](rng, line)
        if line not in broken:
            told.append(broken)
    return b"".join(told), len(told)


UP = [
    *[frame.encode("PRESS", NONCE, 7, 40_000 + 200 * n) for n in range(8)],
    *[frame.encode("STATE", NONCE, "ok", "7", 40_000 + 200 * n, "001", 12) for n in range(8)],
    frame.encode("STATE", NONCE, "ok", "-", 1234, "000", 12),
    frame.encode("HELLO", frame.FRAME_VERSION, "B-1", NONCE, "1.0", "abc1234", "power"),
    frame.encode("EDGE", NONCE, 12, "button", 1, 40_000),
]
DOWN = [
    frame.encode("BEAT"),
    frame.encode("LAMP", "sent"),
    frame.encode("SET", "loud", 0),
    frame.encode("STORED", NONCE, 3),
    frame.encode("STORED", NONCE, 8),
    frame.encode("STORED", "C0FFEE02", 7),
    frame.encode("ASK"),
]


@pytest.mark.promise("P-PRESS-07")
def test_no_broken_frame_is_a_press() -> None:
    rng, reader = random.Random(1), frame.LineReader()
    talk = Conversation("board", "/dev/board")
    talk.opened()
    for _ in range(2):
        talk.heard("HELLO", [str(frame.FRAME_VERSION), "B-1", NONCE, "1.0", "abc1234", "power"])
    told: set[Press] = set()
    sent = passed = 0
    while sent < BROKEN:
        stream, count = broken_stream(rng, UP)
        sent += count
        for word, fields in reader.feed(stream):
            passed += 1
            try:
                state = talk.heard(word, fields).state
            except (BadInput, SourceRefused):
                continue
            told.update(state.latched if state is not None else ())
    assert told <= {Press("B-1", 0xC0FFEE01, 7)}
    print(f"{sent} broken lines, {passed} with a good check")
    assert passed > 0, "the noise must be bad enough for some of it to pass the check"


@pytest.mark.promise("P-PRESS-07")
def test_no_broken_frame_lets_go_of_a_press() -> None:
    rng, reader, sent = random.Random(2), frame.LineReader(), 0
    latch = Latch(0xC0FFEE01, pressed=7, mask=0b11)
    board = Reporter(("B-1", "1.0", "abc1234", "power"), Inputs(0), latch, 0)
    while sent < BROKEN:
        stream, count = broken_stream(rng, DOWN)
        sent += count
        for word, fields in reader.feed(stream):
            board.hear(word, fields, 0)
    assert latch.numbers() == [6, 7]
    assert not board.service_wanted


@pytest.mark.promise("P-PRESS-07")
@pytest.mark.parametrize("seed", range(40))
def test_a_press_in_noise_is_told_within_a_second_of_its_end(seed: int) -> None:
    rng = random.Random(seed)
    bench = Bench()
    bench.run(1500)

    def noise(data: bytes) -> bytes:
        return broken_stream(rng, data.splitlines(True))[0] + rng.randbytes(int(rng.random() * 30))

    bench.up = noise
    bench.down = noise if seed % 2 else bench.down
    bench.run(int(rng.random() * 3000))
    bench.run(50 + int(rng.random() * 200), BUTTON)
    bench.run(int(rng.random() * 3000), NORMAL)
    assert set(bench.told) <= bench.made
    bench.up = bench.down = bytes
    bench.run(TOLD_WITHIN_MS)
    assert set(bench.told) == bench.made
    assert len(bench.made) == 1
    bench.run(TOLD_WITHIN_MS)
    assert bench.board.kept.numbers() == []
