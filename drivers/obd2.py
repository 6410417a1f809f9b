"""OBD-II answers that pass on the bus because something else asked; pure, and nothing here can ask.

Source: ISO 15031-5 / SAE J1979 mode 01, over ISO 15765-4 (11-bit and 29-bit addresses) and ISO 15765-2 (ISO-TP).
"""

from collections.abc import Callable
from typing import NamedTuple

from hal.errors import BadInput
from hal.readings import SignalValue

ANSWER_IDS = range(0x7E8, 0x7F0)
ANSWER_IDS_29BIT = range(0x18DAF100, 0x18DAF200)
"""Answers to the tester's address F1, from any control unit."""

MODE_01_ANSWER = 0x41
SINGLE, FIRST, CONSECUTIVE = 0, 1, 2
"""ISO-TP's frame types, in the high nibble of the first byte."""


class Pid(NamedTuple):
    """One parameter of mode 01: how many bytes it has, and how they make a value in `unit`."""

    name: str
    size: int
    unit: str
    value: Callable[[bytes], float]


def _percent(data: bytes) -> float:
    return data[0] * 100 / 255


def _celsius(data: bytes) -> float:
    return data[0] - 40


def _word(data: bytes) -> int:
    return data[0] << 8 | data[1]


PIDS: dict[int, Pid] = {
    0x01: Pid("stored trouble codes", 4, "", lambda data: data[0] & 0x7F),
    0x04: Pid("calculated engine load", 1, "%", _percent),
    0x05: Pid("engine coolant temperature", 1, "degC", _celsius),
    0x0B: Pid("intake manifold pressure", 1, "kPa", lambda data: data[0]),
    0x0C: Pid("engine speed", 2, "rpm", lambda data: _word(data) / 4),
    0x0D: Pid("vehicle speed", 1, "km/h", lambda data: data[0]),
    0x0F: Pid("intake air temperature", 1, "degC", _celsius),
    0x10: Pid("air flow rate", 2, "g/s", lambda data: _word(data) / 100),
    0x11: Pid("throttle position", 1, "%", _percent),
    0x1F: Pid("time since engine start", 2, "s", _word),
    0x21: Pid("distance with the malfunction lamp on", 2, "km", _word),
    0x2F: Pid("fuel level", 1, "%", _percent),
    0x31: Pid("distance since codes were cleared", 2, "km", _word),
    0x33: Pid("barometric pressure", 1, "kPa", lambda data: data[0]),
    0x42: Pid("control module voltage", 2, "V", lambda data: _word(data) / 1000),
    0x46: Pid("ambient air temperature", 1, "degC", _celsius),
    0x49: Pid("accelerator pedal position D", 1, "%", _percent),
    0x5B: Pid("hybrid battery's remaining charge", 1, "%", _percent),
    0x5C: Pid("engine oil temperature", 1, "degC", _celsius),
    0x5E: Pid("engine fuel rate", 2, "l/h", lambda data: _word(data) / 20),
    0x62: Pid("actual engine torque", 1, "%", lambda data: data[0] - 125),
    0xA6: Pid("odometer", 4, "km", lambda data: int.from_bytes(data, "big") / 10),
}


class Target(NamedTuple):
    """Where one PID's value goes: a VSS path, and the conversion to VSS's unit and type."""

    pid: int
    path: str
    convert: Callable[[float], SignalValue | None]


class AnswerDecoder:
    """Turns the answers of one address into VSS values; holds an unfinished multi-frame answer and nothing else."""

    def __init__(self, targets: list[Target]) -> None:
        self._targets: dict[int, list[Target]] = {}
        for target in targets:
            self._targets.setdefault(target.pid, []).append(target)
        self._expected = 0
        self._sequence = 0
        self._partial = b""

    def __call__(self, data: bytes) -> dict[str, SignalValue]:
        """Values of one frame, {} when it holds none of interest; BadInput for one that breaks ISO-TP or J1979."""
        payload = self._payload(data)
        if len(payload) < 2 or payload[0] != MODE_01_ANSWER:
            return {}
        values: dict[str, SignalValue] = {}
        for pid, raw in _parameters(payload):
            for target in self._targets.get(pid, ()):
                value = target.convert(PIDS[pid].value(raw))
                if value is not None:
                    values[target.path] = value
        return values

    def _payload(self, data: bytes) -> bytes:
        kind = data[0] >> 4 if data else -1
        if kind == SINGLE:
            return _single(data)
        if kind == FIRST and len(data) == 8:
            self._expected, self._sequence, self._partial = (data[0] & 15) << 8 | data[1], 0, data[2:]
        elif kind == CONSECUTIVE and self._expected:
            return self._consecutive(data)
        return b""

    def _consecutive(self, data: bytes) -> bytes:
        self._sequence = (self._sequence + 1) % 16
        if data[0] & 15 != self._sequence:
            self._expected = 0
            raise BadInput("OBD-II", "a part of a multi-frame answer is missing", "the next answer is whole again")
        self._partial += data[1:]
        if len(self._partial) < self._expected:
            return b""
        payload, self._expected = self._partial[: self._expected], 0
        return payload


def _single(data: bytes) -> bytes:
    length = data[0] & 15
    if not 1 <= length < len(data):
        raise BadInput("OBD-II", f"an answer says it has {length} bytes, and its frame holds {len(data) - 1}")
    return data[1 : 1 + length]


def _parameters(payload: bytes) -> list[tuple[int, bytes]]:
    """(PID, its bytes) of an answer that may hold several; ends at a PID whose length is not known here."""
    found, at = [], 1
    while at < len(payload) and (pid := PIDS.get(payload[at])):
        raw = payload[at + 1 : at + 1 + pid.size]
        if len(raw) < pid.size:
            raise BadInput("OBD-II", f"PID 0x{payload[at]:02X} has {len(raw)} bytes instead of {pid.size}")
        found.append((payload[at], raw))
        at += 1 + pid.size
    return found
