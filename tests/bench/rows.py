"""A row of a benchmark's table: what, how much, in which unit, and beside what."""

from typing import Any

Row = dict[str, Any]


def row(name: str, value: float, unit: str, versus: str = "") -> Row:
    """`versus` sets the figure against another of the same run, as a ratio where there is one."""
    return {"name": name, "value": value, "unit": unit, "versus": versus}


def share(values: list[float], of: float) -> float:
    """The value below which this share of them lies."""
    return sorted(values)[int(of * (len(values) - 1))]
