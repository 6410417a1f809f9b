"""Lines of `candump -l` and `candump -ta` (can-utils) as frames; pure."""

import re
from math import isfinite
from typing import NamedTuple

from drivers.frames import EXTENDED
from hal.errors import BadInput

ERROR = 0x20000000
"""SocketCAN's flag of an error frame (linux/can.h)."""

LONGEST_CLASSIC, LONGEST_FD = 8, 64
REMEDY = "expected (1627274455.012500) can0 7E8#03410D00"

PLAIN = re.compile(r"\((\d+\.\d+)\) (\S+) ([0-7][0-9A-F]{2}|[01][0-9A-F]{7})#((?:[0-9A-F]{2}){0,8})\n?", re.ASCII)
"""A data frame as `candump -l` writes nearly all of its lines; everything else takes the long way."""


class Frame(NamedTuple):
    """One recorded frame; `key` is its id with SocketCAN's flags, `data` is None for a remote request."""

    t: float
    channel: str
    key: int
    data: bytes | None


def parse(line: str) -> Frame | None:
    """One line's frame, None for an empty line or a comment; BadInput for anything else."""
    if plain := PLAIN.fullmatch(line):
        stamp, channel, identifier, payload = plain.groups()
        key = int(identifier, 16) | (EXTENDED if len(identifier) == 8 else 0)
        return Frame(float(stamp), channel, key, bytes.fromhex(payload))
    return _parse_other(line)


def _parse_other(line: str) -> Frame | None:
    words = line.split()
    if not words or words[0].startswith("#"):
        return None
    try:
        stamp, channel, frame = words[:3]
        identifier, mark, payload = frame.partition("#")
        return Frame(_time(stamp), channel, _key(identifier), _data(payload) if mark else _spaced_data(words[3:]))
    except ValueError as error:
        raise BadInput("candump", f"cannot read {line.strip()[:60]!r}", REMEDY) from error


def _time(stamp: str) -> float:
    t = float(stamp[1:-1])
    if stamp[0] != "(" or stamp[-1] != ")" or not isfinite(t) or t < 0:
        raise ValueError(stamp)
    return t


def _key(identifier: str) -> int:
    number = int(identifier, 16)
    if number & ERROR and len(identifier) == 8:
        return number
    if not 0 <= number <= (0x1FFFFFFF if len(identifier) == 8 else 0x7FF):
        raise ValueError(identifier)
    return number | EXTENDED if len(identifier) == 8 else number


def _data(payload: str) -> bytes | None:
    if payload[:1] in ("R", "r"):
        return None
    fd = payload.startswith("#")
    data = bytes.fromhex(payload[2:] if fd else payload.partition("_")[0])
    if len(data) > (LONGEST_FD if fd else LONGEST_CLASSIC):
        raise ValueError(payload)
    return data


def _spaced_data(words: list[str]) -> bytes | None:
    length = int(words[0].strip("[]")) if words else -1
    if words[1:2] == ["remote"]:
        return None
    data = bytes.fromhex("".join(words[1 : length + 1]))
    if len(data) != length:
        raise ValueError(words)
    return data
