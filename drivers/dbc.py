"""DBC files: read by cantools, then laid out per message so that one frame costs little.

The bits are taken as cantools takes them; a test holds the two against each other for every DBC there is.
"""

import logging
import re
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import cantools
from cantools.database.can import Database, Message, Signal
from cantools.database.errors import UnsupportedDatabaseFormatError

from hal.errors import BadInput, ConfigError
from hal.readings import SignalValue

log = logging.getLogger(__name__)

FLOAT_FORMATS = {16: ">e", 32: ">f", 64: ">d"}

Convert = Callable[[float], SignalValue | None]


class Wanted(NamedTuple):
    """One signal of a message, the name its value is to have, and its conversion from the raw number."""

    signal: Signal
    key: str
    convert: Convert


class Field(NamedTuple):
    """Where a signal's bits are in the frame read as one number; `end_bit` counts from the frame's first bit."""

    key: str
    big_endian: bool
    shift: int
    mask: int
    sign: int
    convert: Convert
    end_bit: int


class Node(NamedTuple):
    """The fields present, and for each multiplexer among them what its values add."""

    fields: list[Field]
    multiplexers: list[tuple[Field, dict[int, "Node"]]]


class Dbc(NamedTuple):
    """A DBC file's messages; `lenient` when cantools accepts it only without its consistency checks."""

    path: Path
    messages: list[Message]
    lenient: bool

    def signals(self) -> dict[str, tuple[Message, Signal]]:
        """Every signal by `MESSAGE.SIGNAL`."""
        return {
            f"{message.name}.{signal.name}": (message, signal)
            for message in self.messages
            for signal in message.signals
        }


def load(path: Path) -> Dbc:
    """Read a DBC; ConfigError says file, line where cantools names one, and what to do."""
    try:
        return Dbc(path, _messages(path, strict=True), lenient=False)
    except (OSError, ConfigError, UnsupportedDatabaseFormatError) as error:
        if isinstance(error, OSError | ConfigError):
            raise _unreadable(path, error) from error
        strictly = error
    try:
        loaded = Dbc(path, _messages(path, strict=False), lenient=True)
    except UnsupportedDatabaseFormatError as error:
        raise _refused(path, error) from error
    log.warning("%s: %s Read without that check; compare the signals you map with the car", path, _reason(strictly))
    return loaded


def _messages(path: Path, *, strict: bool) -> list[Message]:
    try:
        database = cantools.database.load_file(path, strict=strict)
    except (OSError, UnsupportedDatabaseFormatError):
        raise
    except Exception as error:  # cantools lets its parsers' own errors through on hostile files
        raise UnsupportedDatabaseFormatError(None, error, None, None, None) from error
    messages = database.messages if isinstance(database, Database) else []
    if not any(message.signals for message in messages):
        raise ConfigError(str(path), "describes no CAN signal", "is this the right file, and is it whole?")
    return [message for message in messages if not message.is_container]


def _unreadable(path: Path, error: OSError | ConfigError) -> ConfigError:
    if isinstance(error, ConfigError):
        return error
    return ConfigError(str(path), f"cannot be read: {error.strerror}", "check the path and its permissions")


def _reason(error: UnsupportedDatabaseFormatError) -> str:
    return " ".join(str(error).removeprefix('DBC: "').removesuffix('"').split())


def _refused(path: Path, error: UnsupportedDatabaseFormatError) -> ConfigError:
    reason = _reason(error)
    line = _line(path, reason)
    where = f"{path}:{line}" if line else str(path)
    remedy = "correct that line or delete it; CM_ and VAL_ lines only explain, no value needs them"
    return ConfigError(where, f"cantools refuses it: {reason}", remedy if line else "repair or replace the file")


def _line(path: Path, reason: str) -> int | None:
    if named := re.search(r"line (\d+)", reason):
        return int(named[1])
    unused = re.search(r"VAL_ \d+ \w+", reason)
    lines = path.read_text(encoding="cp1252", errors="replace").splitlines() if unused else []
    return next((number for number, text in enumerate(lines, 1) if unused and text.startswith(unused[0])), None)


class MessageDecoder:
    """Decodes the frames of one message; `complete` when an unknown multiplexer value makes a frame unreadable."""

    def __init__(self, message: Message, wanted: Iterable[Wanted], *, lenient: bool, complete: bool) -> None:
        self._name = message.name
        self._length = message.length
        self._lenient = lenient
        self._complete = complete
        self._root = _node(message, list(wanted), None, None, keep_empty=complete)

    def __call__(self, data: bytes) -> dict[str, SignalValue]:
        """Values by key; BadInput when the length or a multiplexer is not what the DBC says."""
        available = len(data)
        if available != self._length:
            if not self._lenient:
                raise BadInput(self._name, f"{available} bytes instead of {self._length}", "is it the right DBC?")
            data = data[: self._length].ljust(self._length, b"\xff")
        values: dict[str, SignalValue] = {}
        numbers = int.from_bytes(data, "little"), int.from_bytes(data, "big")
        self._collect(self._root, numbers, min(available, self._length) * 8, values)
        return values

    def _collect(self, node: Node, numbers: tuple[int, int], bits: int, values: dict[str, SignalValue]) -> None:
        little, big = numbers
        for key, big_endian, shift, mask, sign, convert, end_bit in node.fields:
            if end_bit <= bits:
                raw = (big if big_endian else little) >> shift & mask
                value = convert(raw - (sign << 1) if raw & sign else raw)
                if value is not None:
                    values[key] = value
        for multiplexer, children in node.multiplexers:
            if multiplexer.end_bit <= bits:
                child = children.get(
                    (big if multiplexer.big_endian else little) >> multiplexer.shift & multiplexer.mask
                )
                if child:
                    self._collect(child, numbers, bits, values)
                elif self._complete:
                    raise BadInput(self._name, f"unknown value of the multiplexer {multiplexer.key}")


def scaled(signal: Signal, raw: float) -> float:
    """The signal's physical value, in the DBC's unit."""
    return signal.conversion.raw_to_scaled(raw, decode_choices=False)  # type: ignore[return-value]  # no names asked


def fits(message: Message, signal: Signal) -> bool:
    """Whether the signal's bits lie inside its message; a DBC read leniently may say otherwise."""
    return _end_bit(signal) <= message.length * 8


def _end_bit(signal: Signal) -> int:
    return _first_bit(signal) + signal.length


def _first_bit(signal: Signal) -> int:
    """Counted from the frame's first bit; a big-endian signal starts at its most significant bit, in Intel's count."""
    start = signal.start
    return start if signal.byte_order == "little_endian" else 8 * (start // 8) + 7 - start % 8


def _field(message: Message, signal: Signal, key: str, convert: Convert) -> Field:
    big_endian = signal.byte_order == "big_endian"
    shift = message.length * 8 - _end_bit(signal) if big_endian else signal.start
    sign = 1 << signal.length - 1 if signal.is_signed and not signal.is_float else 0
    if signal.is_float:
        convert = _from_float(signal.length, convert)
    return Field(key, big_endian, shift, (1 << signal.length) - 1, sign, convert, _end_bit(signal))


def _from_float(length: int, convert: Convert) -> Convert:
    unpack, size = struct.Struct(FLOAT_FORMATS[length]).unpack, length // 8
    return lambda raw: convert(unpack(int(raw).to_bytes(size, "big"))[0])


def _node(message: Message, wanted: list[Wanted], parent: str | None, value: int | None, *, keep_empty: bool) -> Node:
    here = [signal for signal in message.signals if _belongs(signal, parent, value) and fits(message, signal)]
    names = {signal.name for signal in here}
    fields = [_field(message, want.signal, want.key, want.convert) for want in wanted if want.signal.name in names]
    multiplexers = []
    for signal in here:
        if signal.is_multiplexer:
            nodes = {
                number: _node(message, wanted, signal.name, number, keep_empty=keep_empty)
                for number in _multiplexer_values(message, signal)
            }
            kept = {number: node for number, node in nodes.items() if keep_empty or any(node)}
            if kept:
                multiplexers.append((_field(message, signal, signal.name, lambda raw: raw), kept))
    return Node(fields, multiplexers)


def _belongs(signal: Signal, parent: str | None, value: int | None) -> bool:
    if parent is None:
        return signal.multiplexer_signal is None
    return signal.multiplexer_signal == parent and value in (signal.multiplexer_ids or ())


def _multiplexer_values(message: Message, multiplexer: Signal) -> set[int]:
    """The values that the DBC gives a meaning: with signals of their own, or a name alone."""
    depending = [signal for signal in message.signals if signal.multiplexer_signal == multiplexer.name]
    return {value for signal in depending for value in signal.multiplexer_ids or ()} | set(multiplexer.choices or ())
