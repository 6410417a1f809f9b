"""A vehicle's signal map in TOML: which DBC signal or OBD-II PID is which VSS signal.

`config/vehicles/README.md` describes the format for those who write one.
"""

import tomllib
from pathlib import Path
from typing import Any

import msgspec
from cantools.database.can import Message, Signal

from drivers import dbc as dbc_file
from drivers.dbc import Dbc
from drivers.frames import EXTENDED, Decoder, FrameDecoder
from drivers.message_decoder import Convert, MessageDecoder, Wanted, fits
from drivers.obd2 import ANSWER_IDS, ANSWER_IDS_29BIT, PIDS, AnswerDecoder, Target
from drivers.vss import LEAVES, Leaf, cast, conversion, nearest, problem_with
from hal.errors import ConfigError
from hal.readings import SignalValue

FORMAT = "config/vehicles/README.md describes the format"


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where one VSS signal comes from, and how its value becomes VSS's: `value * scale + offset`, or `values`."""

    dbc: str | None = None
    obd2: int | None = None
    scale: float | None = None
    offset: float = 0
    min: float = float("-inf")
    max: float = float("inf")
    values: dict[str, bool | int | float | str] | None = None


class VehicleMap(msgspec.Struct, frozen=True, kw_only=True):
    """A signal map as it stands in its file."""

    name: str
    signals: dict[str, Any]
    dbc: str | None = None


class Mistake(Exception):
    """What is wrong with one entry."""


def load_map(path: Path) -> Decoder:
    """The decoder of a vehicle's map; ConfigError names file, line, key and the nearest right name of every mistake."""
    text = _read(path)
    vehicle = _vehicle_map(path, text)
    dbc = dbc_file.load(path.parent / vehicle.dbc) if vehicle.dbc else None
    sources = Sources(dbc)
    mistakes = []
    for vss, raw in vehicle.signals.items():
        try:
            sources.add(vss, raw)
        except Mistake as mistake:
            mistakes.append(f"{_line(text, vss)}{vss}: {mistake}")
    if mistakes:
        raise ConfigError(str(path), "; ".join(mistakes), FORMAT)
    return sources.decoder(frozenset(vehicle.signals))


class Sources:
    """What a map's entries ask of the car, gathered by message and by PID."""

    def __init__(self, dbc: Dbc | None) -> None:
        self._dbc = dbc
        self._known = dbc.signals() if dbc else {}
        self._wanted: dict[int, tuple[Message, list[Wanted]]] = {}
        self._targets: list[Target] = []

    def add(self, vss: str, raw: object) -> None:
        """Take one entry; Mistake says what is wrong with it."""
        leaf = LEAVES.get(vss)
        if leaf is None:
            raise Mistake(f"is no VSS signal known here, {nearest(vss, list(LEAVES))}")
        entry = _entry(raw)
        for value in (entry.values or {}).values():
            if problem := problem_with(value, leaf):
                raise Mistake(problem)
        if entry.dbc is not None:
            self._add_dbc(vss, leaf, entry, entry.dbc)
        elif entry.obd2 is not None:
            self._add_obd2(vss, leaf, entry, entry.obd2)

    def decoder(self, signals: frozenset[str]) -> Decoder:
        """One decoder for all entries, which are these signals."""
        lenient = self._dbc is not None and self._dbc.lenient
        by_key: dict[int, FrameDecoder] = {
            key: MessageDecoder(message, wanted, lenient=lenient, complete=False)
            for key, (message, wanted) in self._wanted.items()
        }
        for key in _answer_keys() if self._targets else ():
            answers = AnswerDecoder(self._targets)
            by_key[key] = _both(by_key[key], answers) if key in by_key else answers
        return Decoder(by_key, signals)

    def _add_dbc(self, vss: str, leaf: Leaf, entry: Entry, name: str) -> None:
        if self._dbc is None:
            raise Mistake('names a DBC signal, and the map has no dbc = "FILE.dbc"')
        if name not in self._known:
            raise Mistake(f"{self._dbc.path.name} has no signal {name}, {nearest(name, list(self._known))}")
        message, signal = self._known[name]
        if not fits(message, signal):
            raise Mistake(f"{name} lies outside its message; the DBC is wrong there")
        key = message.frame_id | (EXTENDED if message.is_extended_frame else 0)
        self._wanted.setdefault(key, (message, []))[1].append(_from_dbc(vss, leaf, entry, signal))

    def _add_obd2(self, vss: str, leaf: Leaf, entry: Entry, pid: int) -> None:
        if pid not in PIDS:
            known = ", ".join(f"0x{number:02X} {known.name}" for number, known in PIDS.items())
            raise Mistake(f"PID 0x{pid:02X} of mode 01 is not known here; known are {known}")
        convert = _by_values(entry.values, {}) if entry.values else _by_line(leaf, entry, PIDS[pid].unit)
        self._targets.append(Target(pid, vss, convert))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            str(path), f"cannot be read: {error.strerror}", "check the path and its permissions"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), f"is not UTF-8 text: {error}", FORMAT) from error


def _vehicle_map(path: Path, text: str) -> VehicleMap:
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), f"is not TOML: {error}", FORMAT) from error
    known = list(VehicleMap.__struct_fields__)
    unknown = [f'{_line(text, key)}unknown key "{key}", {nearest(key, known)}' for key in content if key not in known]
    if unknown:
        raise ConfigError(str(path), "; ".join(unknown), FORMAT)
    try:
        return msgspec.convert(content, VehicleMap)
    except msgspec.ValidationError as error:
        raise ConfigError(str(path), str(error), FORMAT) from error


def _line(text: str, key: str) -> str:
    starts = (f'"{key}"', key)
    found = next((number for number, line in enumerate(text.splitlines(), 1) if line.lstrip().startswith(starts)), None)
    return f"line {found}, " if found else ""


def _entry(raw: object) -> Entry:
    if not isinstance(raw, dict):
        raise Mistake('expected { dbc = "MESSAGE.SIGNAL" } or { obd2 = a PID }')
    known = list(Entry.__struct_fields__)
    for key in raw:
        if key not in known:
            raise Mistake(f'unknown key "{key}", {nearest(key, known)}')
    try:
        entry = msgspec.convert(raw, Entry)
    except msgspec.ValidationError as error:
        raise Mistake(str(error)) from error
    if (entry.dbc is None) == (entry.obd2 is None):
        raise Mistake('expected either dbc = "MESSAGE.SIGNAL" or obd2 = a PID')
    return entry


def _from_dbc(vss: str, leaf: Leaf, entry: Entry, signal: Signal) -> Wanted:
    if entry.values:
        return Wanted(signal, vss, convert=_by_values(entry.values, _raw_by_name(signal)))
    scale, offset = signal.conversion.scale, signal.conversion.offset
    convert = _by_line(leaf, entry, signal.unit or "")
    if leaf.datatype == "float" and not signal.is_float and _is_plain(leaf, entry, signal.unit or ""):
        return Wanted(signal, vss, float(scale), float(offset))
    return Wanted(signal, vss, scale, offset, convert)


def _is_plain(leaf: Leaf, entry: Entry, unit: str) -> bool:
    """Whether the DBC's physical value is VSS's already."""
    return _factors(leaf, entry, unit) == (1, 0) and (entry.min, entry.max) == (float("-inf"), float("inf"))


def _raw_by_name(signal: Signal) -> dict[str, list[int]]:
    """Raw numbers by name; a DBC may give several the same name."""
    raws: dict[str, list[int]] = {}
    for raw, name in (signal.choices or {}).items():
        raws.setdefault(str(name), []).append(raw)
    return raws


def _by_values(values: dict[str, Any], choices: dict[str, list[int]]) -> Convert:
    by_raw: dict[float, SignalValue] = {}
    for word, value in values.items():
        raws = choices.get(word) or _number(word)
        if not raws:
            hint = nearest(word, list(choices)) if choices else "expected the raw number"
            raise Mistake(f'values: nothing is called "{word}", {hint}')
        by_raw.update(dict.fromkeys(raws, value))
    return by_raw.get


def _number(word: str) -> list[int]:
    try:
        return [int(word, 0)]
    except ValueError:
        return []


def _by_line(leaf: Leaf, entry: Entry, unit: str) -> Convert:
    if leaf.datatype == "string":
        raise Mistake(f'needs values = {{ "raw number or name" = one of {", ".join(leaf.allowed)} }}')
    scale, offset = _factors(leaf, entry, unit)
    low, high = entry.min, entry.max

    def convert(value: float) -> SignalValue | None:
        scaled = value * scale + offset
        return cast(scaled, leaf) if low <= scaled <= high else None

    return convert


def _factors(leaf: Leaf, entry: Entry, unit: str) -> tuple[float, float]:
    if entry.scale is not None:
        return entry.scale, entry.offset
    known = conversion(unit, leaf.unit)
    if known is None:
        named = f'its unit "{unit}" is not one that becomes' if unit else "it has no unit, and VSS's is"
        raise Mistake(f"{named} {leaf.unit}; say scale and offset, or scale = 1 if it is in {leaf.unit}")
    return known[0], known[1] + entry.offset


def _answer_keys() -> list[int]:
    return [*ANSWER_IDS, *(number | EXTENDED for number in ANSWER_IDS_29BIT)]


def _both(first: FrameDecoder, second: FrameDecoder) -> FrameDecoder:
    return lambda data: {**first(data), **second(data)}
