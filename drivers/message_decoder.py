"""The frames of one DBC message as values: the bits laid out once, so that a frame costs little; pure.

The bits are taken as cantools takes them; a test holds the two against each other for every DBC there is. Unlike
cantools it can read some signals of a message only, and messages whose signals overlap.
"""

import struct
from collections.abc import Callable, Iterable
from typing import NamedTuple

from cantools.database.can import Message, Signal

from hal.errors import BadInput
from hal.readings import SignalValue

FLOAT_FORMATS = {16: ">e", 32: ">f", 64: ">d"}

Convert = Callable[[float], SignalValue | None]


class Wanted(NamedTuple):
    """One signal, its value's name, and its value: `raw * scale + offset`, then `convert`, where None leaves it out."""

    signal: Signal
    key: str
    scale: float = 1
    offset: float = 0
    convert: Convert | None = None


class Field(NamedTuple):
    """Where a signal's bits are in the frame read as one number, and what they mean.

    `number` is 0 for the frame read as little-endian, 1 for big-endian; `sign` is the sign bit, 0 without one;
    `end_bit` counts from the frame's first bit.
    """

    key: str
    number: int
    shift: int
    mask: int
    sign: int
    scale: float
    offset: float
    convert: Convert | None
    end_bit: int


class Node(NamedTuple):
    """The fields present, and for each multiplexer among them what its values add."""

    fields: list[Field]
    multiplexers: list[tuple[Field, dict[int, "Node"]]]


class MessageDecoder:
    """Decodes the frames of one message; `complete` when an unknown multiplexer value makes a frame unreadable.

    A `lenient` one reads what is there of a frame of the wrong length, as `cantools decode --no-strict` does.
    """

    def __init__(self, message: Message, wanted: Iterable[Wanted], *, lenient: bool, complete: bool) -> None:
        self._name = message.name
        self._length = message.length
        self._lenient = lenient
        self._complete = complete
        self._root = _node(message, list(wanted), None, None, keep_empty=complete)

    def __call__(self, data: bytes) -> dict[str, SignalValue]:
        """Values by key; BadInput when the length or a multiplexer is not what the DBC says."""
        bits = len(data) * 8
        if len(data) != self._length:
            data = self._fitted(data)
        values: dict[str, SignalValue] = {}
        numbers = int.from_bytes(data, "little"), int.from_bytes(data, "big")
        nodes = [self._root]
        for node in nodes:
            for key, number, shift, mask, sign, scale, offset, convert, end_bit in node.fields:
                if end_bit > bits:
                    continue
                raw = numbers[number] >> shift & mask
                if raw & sign:
                    raw -= sign << 1
                value = raw * scale + offset
                if convert is None:
                    values[key] = value
                elif (converted := convert(value)) is not None:
                    values[key] = converted
            if node.multiplexers:
                nodes += self._selected(node, numbers, bits)
        return values

    def _fitted(self, data: bytes) -> bytes:
        if not self._lenient:
            raise BadInput(self._name, f"{len(data)} bytes instead of {self._length}", "is it the right DBC?")
        return data[: self._length].ljust(self._length, b"\xff")

    def _selected(self, node: Node, numbers: tuple[int, int], bits: int) -> list[Node]:
        selected = []
        for multiplexer, children in node.multiplexers:
            if multiplexer.end_bit <= bits:
                child = children.get(numbers[multiplexer.number] >> multiplexer.shift & multiplexer.mask)
                if child:
                    selected.append(child)
                elif self._complete:
                    raise BadInput(self._name, f"unknown value of the multiplexer {multiplexer.key}")
        return selected


def fits(message: Message, signal: Signal) -> bool:
    """Whether the signal's bits lie inside its message; a DBC read leniently may say otherwise."""
    return _end_bit(signal) <= message.length * 8


def _end_bit(signal: Signal) -> int:
    return _first_bit(signal) + signal.length


def _first_bit(signal: Signal) -> int:
    """Counted from the frame's first bit; a big-endian signal starts at its most significant bit, in Intel's count."""
    start = signal.start
    return start if signal.byte_order == "little_endian" else 8 * (start // 8) + 7 - start % 8


def _field(message: Message, wanted: Wanted) -> Field:
    signal, key, scale, offset, convert = wanted
    number = int(signal.byte_order == "big_endian")
    shift = message.length * 8 - _end_bit(signal) if number else signal.start
    sign = 1 << signal.length - 1 if signal.is_signed and not signal.is_float else 0
    if signal.is_float:
        scale, offset, convert = 1, 0, _from_float(wanted)
    return Field(key, number, shift, (1 << signal.length) - 1, sign, scale, offset, convert, _end_bit(signal))


def _from_float(wanted: Wanted) -> Convert:
    length, (_, _, scale, offset, convert) = wanted.signal.length, wanted
    unpack, size = struct.Struct(FLOAT_FORMATS[length]).unpack, length // 8

    def from_bits(bits: float) -> SignalValue | None:
        raw: float = unpack(int(bits).to_bytes(size, "big"))[0]
        value = raw if (scale, offset) == (1, 0) else raw * scale + offset
        return convert(value) if convert else value

    return from_bits


def _node(message: Message, wanted: list[Wanted], parent: str | None, value: int | None, *, keep_empty: bool) -> Node:
    here = [signal for signal in message.signals if _belongs(signal, parent, value) and fits(message, signal)]
    names = {signal.name for signal in here}
    fields = [_field(message, want) for want in wanted if want.signal.name in names]
    multiplexers = []
    for signal in here:
        if signal.is_multiplexer:
            nodes = {
                number: _node(message, wanted, signal.name, number, keep_empty=keep_empty)
                for number in _multiplexer_values(message, signal)
            }
            kept = {number: node for number, node in nodes.items() if keep_empty or any(node)}
            if kept:
                multiplexers.append((_field(message, Wanted(signal, signal.name)), kept))
    return Node(fields, multiplexers)


def _belongs(signal: Signal, parent: str | None, value: int | None) -> bool:
    if parent is None:
        return signal.multiplexer_signal is None
    return signal.multiplexer_signal == parent and value in (signal.multiplexer_ids or ())


def _multiplexer_values(message: Message, multiplexer: Signal) -> set[int]:
    """The values that the DBC gives a meaning: with signals of their own, or a name alone."""
    depending = [signal for signal in message.signals if signal.multiplexer_signal == multiplexer.name]
    return {value for signal in depending for value in signal.multiplexer_ids or ()} | set(multiplexer.choices or ())
