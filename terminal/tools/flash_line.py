"""What flashing says to a board's program over its serial line: who are you, stop, test yourself."""

import termios
import time
from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

import serial
from msgspec import Struct

from firmware.frame import LineReader, Twice, encode
from hal.errors import SourceLost, SourceStale
from terminal.tools.flash_find import open_port

READ_WITHIN_S = 0.1
AGAIN_S = 1.0
"""How often what was not answered is said again."""

KNOWN_WITHIN_S = 2.0
STARTS_WITHIN_S = 10.0
STOPS_WITHIN_S = 10.0
SILENT_S = 1.0
"""A program that runs says its state every 0.2 s."""

TESTED_WITHIN_S = 20.0
TEST_AGAIN_S = 4.0
"""A self-test takes a second, and sounds the buzzer."""

NO_FIRMWARE = "0"
"""The frame version that firmware/boot/main.py says while there is no whole firmware."""


class Program(NamedTuple):
    """Which firmware a board runs."""

    frame_version: str
    board_id: str = ""
    firmware_version: str = "none"
    git_hash: str = ""


class Item(Struct, frozen=True):
    """One item of the board's self-test."""

    item: str
    result: str
    value: str


def ask(device: str) -> Program | None:
    """Which program answers; None when none does, which may be MicroPython's prompt, or no MicroPython at all."""
    with closing(open_port(device, READ_WITHIN_S)) as port:
        return _known(port, KNOWN_WITHIN_S)


def stop(device: str) -> None:
    """Ask the program to leave the line to MicroPython's prompt, for which the board restarts.

    A board with USB of its own takes its port away meanwhile, one behind a bridge falls silent.
    """
    heard_s = time.monotonic()
    try:
        with closing(open_port(device, READ_WITHIN_S)) as port:
            for frames in _heard(port, (encode("SERVICE"),) * 2, AGAIN_S, STOPS_WITHIN_S):
                if frames:
                    heard_s = time.monotonic()
                elif time.monotonic() - heard_s >= SILENT_S:
                    return
    except SourceLost:
        return
    raise SourceStale("board", f"the program on {device} does not stop", "unplug the board, plug it in and try again")


def self_test(device: str) -> tuple[Program, list[Item]]:
    """Which program has started and what it finds when it tests itself; the last item is `all`."""
    found: list[Item] = []
    with closing(open_port(device, READ_WITHIN_S)) as port:
        program = _known(port, STARTS_WITHIN_S)
        if program is None:
            raise SourceStale(
                "board", f"the board on {device} restarted and says nothing", "unplug it, plug it in, try again"
            )
        if program.frame_version == NO_FIRMWARE:
            raise SourceStale("board", "the board finds no whole firmware after its restart", "flash it again")
        for frames in _heard(port, (encode("TEST"),), TEST_AGAIN_S, TESTED_WITHIN_S):
            found += [Item(*fields[1:]) for word, fields in frames if word == "TEST" and len(fields) == 4]
            if found and found[-1].item == "all":
                return program, found
    raise SourceStale("board", f"the board on {device} does not end its self-test", "unplug it, plug it in, try again")


def _heard(
    port: serial.Serial, lines: tuple[bytes, ...], again_s: float, within_s: float
) -> Iterator[list[tuple[str, list[str]]]]:
    """The frames that have come, at least ten times a second, however few; `lines` are said now and again."""
    reader = LineReader()
    ends_s, say_s = time.monotonic() + within_s, 0.0
    while (now_s := time.monotonic()) < ends_s:
        try:
            if now_s >= say_s:
                say_s = now_s + again_s
                port.write(b"\n" + b"".join(lines))
            frames = reader.feed(port.read(max(1, port.in_waiting)))
        except (OSError, termios.error) as error:
            raise SourceLost("board", f"the board on {port.port} went away", "plug it in and start again") from error
        yield frames


def _known(port: serial.Serial, within_s: float) -> Program | None:
    """Who speaks; an identity counts when it came twice."""
    hello = Twice()
    for frames in _heard(port, (encode("ASK"),), AGAIN_S, within_s):
        for word, fields in frames:
            if word == "HELLO" and fields and hello.heard(fields):
                known = (fields[1], *fields[3:5]) if len(fields) > 4 else ()
                return Program(fields[0], *known)
    return None
