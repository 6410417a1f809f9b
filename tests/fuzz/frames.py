"""Coverage-guided fuzzing of the frame parser and of both ends of the conversation behind it.

    python tests/fuzz/frames.py seeds CORPUS_FOLDER
    python tests/fuzz/frames.py -max_total_time=60 [CORPUS_FOLDER]

libFuzzer's options; it ends with an error and the input when a promise of frame.py is broken.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["firmware", "drivers.board_conversation"]):
    from drivers.board_conversation import Conversation
    from firmware import frame
    from firmware.inputs import BUTTON, Inputs
    from firmware.latch import Latch
    from firmware.reporter import Reporter

from hal.errors import BadInput, SourceRefused

NONCE = "C0FFEE01"
HELLO = [str(frame.FRAME_VERSION), "B-1", NONCE, "1.0", "abc1234", "power"]


def parsed_slowly(data: bytes) -> list[tuple[str, list[str]]]:
    """The same by the letter of the grammar, byte by byte."""
    found, line = [], None
    for byte in data:
        if byte == frame.START:
            line = b""
        elif line is not None and byte == 0x0A:
            body, star, crc = line[:-5], line[-5:-4], line[-4:]
            if star == b"*" and crc == b"%04X" % frame.crc16(body) and all(0x20 <= one <= 0x7E for one in body):
                words = body.decode().split(" ")
                if b"*" not in body and all(words) and all("A" <= letter <= "Z" for letter in words[0]):
                    found.append((words[0], words[1:]))
            line = None
        elif line is not None:
            line += bytes([byte])
            line = None if len(line) > frame.LONGEST - 2 else line
    return found


def with_good_checks(data: bytes) -> bytes:
    """Every line gets the check that it should have, so that what lies behind the check is reached."""
    lines = []
    for line in data.split(b"\n"):
        start = line.rfind(b"$")
        body = line[start + 1 :].split(b"*")[0]
        lines.append(b"$" + body + b"*%04X" % frame.crc16(body) if start >= 0 else line)
    return b"\n".join(lines)


def try_parser(data: bytes, size: int) -> list[tuple[str, list[str]]]:
    """However it is cut up, the frames are those of the grammar, and each comes back from being encoded."""
    reader = frame.LineReader()
    found = [one for at in range(0, len(data), size) for one in reader.feed(data[at : at + size])]
    assert found == parsed_slowly(data)
    assert len(reader._line or b"") < frame.LONGEST
    for word, fields in found:
        assert frame.LineReader().feed(frame.encode(word, *fields)) == [(word, fields)]
    return found


def try_core(frames: list[tuple[str, list[str]]]) -> None:
    """Core's side raises what it may raise, and no press of a boot that has not said hello twice."""
    talk = Conversation("board", "/dev/board")
    talk.opened()
    for _ in range(2):
        talk.heard("HELLO", HELLO)
    for word, fields in frames:
        try:
            state = talk.heard(word, fields).state
        except (BadInput, SourceRefused):
            continue
        assert state is None or len(state.latched) <= frame.MOST_LATCHED


def try_board(frames: list[tuple[str, list[str]]]) -> None:
    """The board's side raises nothing, and lets go of a press only when told so twice."""
    inputs, latch = Inputs(0), Latch(0xC0FFEE01)
    board = Reporter(("B-1", "1.0", "abc1234", "power"), inputs, latch, 0)
    latch.press()
    for at_ms in range(0, 40, 2):
        inputs.sample(BUTTON, at_ms)
    said = 0
    for number, (word, fields) in enumerate(frames):
        board.hear(word, fields, number)
        said += (word, fields[:1]) == ("STORED", [NONCE])
        for lines in board.due(number * 50):
            assert len(frame.LineReader().feed(lines)) == lines.count(b"\n") > 0
    assert latch.latched or said >= 2


def try_one(data: bytes) -> None:
    """One input of the fuzzer's; its first byte decides how it is cut up and whether its checks are made good."""
    if not data:
        return
    rest = with_good_checks(data[1:]) if data[0] & 1 else data[1:]
    frames = try_parser(rest, 1 + (data[0] >> 1) % 40)
    try_core(frames)
    try_board(frames)


SEEDS = (
    frame.encode("PRESS", NONCE, 1, 5) * 2,
    frame.encode("STATE", NONCE, "ok", "1,2", 5, "7FF", 3),
    frame.encode("EDGE", NONCE, 1, "button", 1, 5),
    frame.encode("TEST", NONCE, "lamp", "ok", 1),
    frame.encode("HELLO", *HELLO),
    frame.encode("STORED", NONCE, 1) * 2,
    frame.encode("SET", "silent", 60) * 2 + frame.encode("LOG", NONCE, 1) + frame.encode("ASK") + frame.encode("BEAT"),
)


def write_seeds(folder: Path) -> None:
    """What a fuzzer could not come upon by itself."""
    for number, seed in enumerate(SEEDS):
        for first in (0, 1):
            (folder / f"{number}-{first}").write_bytes(bytes([first]) + seed)


if __name__ == "__main__":
    if sys.argv[1:2] == ["seeds"]:
        sys.exit(write_seeds(Path(sys.argv[2])))
    atheris.Setup(sys.argv, try_one)
    atheris.Fuzz()
