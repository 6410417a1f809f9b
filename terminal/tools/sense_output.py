"""How `patrola sense` writes one reading: as a JSON line or as a row of a table; pure."""

from datetime import UTC, datetime

import msgspec

from hal.readings import AnyReading

FIRST = ("kind", "source", "t")
INTERNAL = ("mono_ns",)
"""This boot's clock is of no use outside this boot."""

_encode = msgspec.json.Encoder().encode


def facts(reading: AnyReading) -> dict[str, object]:
    """The reading's fields, `kind`, `source` and `t` first; those at None are left out by the readings' own types."""
    built = msgspec.to_builtins(reading)
    first = {name: built[name] for name in FIRST if name in built}
    rest = {name: value for name, value in built.items() if name not in FIRST + INTERNAL}
    return first | rest


def as_json(reading: AnyReading) -> str:
    """One line of JSON."""
    return _encode(facts(reading)).decode()


def as_row(reading: AnyReading) -> str:
    """Time, source, kind and the rest as name=value."""
    built = facts(reading)
    when = "-" if reading.t is None else datetime.fromtimestamp(reading.t, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    rest = {name: value for name, value in built.items() if name not in (*FIRST, "utc")}
    values = rest.pop("signals", None) if "signals" in rest else rest
    assert isinstance(values, dict)
    return f"{when:23}  {reading.source:8}  {built['kind']:8}  " + "  ".join(f"{k}={v}" for k, v in values.items())
