"""Watches who is heard: tells each change once, with its cause, and learns where cars are lost and come back."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from hq import silence
from hq.silence import Silence
from hq.units import Unit
from terminal.contract.dead_zones import DeadZones

Emit = Callable[[str, dict[str, Any]], None]


class Watching:
    """Everything is called in the loop's thread. `unsaved` says that `zones` is not on disk yet.

    `deaf_since_ms` is since when headquarters itself has no broker; then it calls no car silent.
    """

    def __init__(self, zones: DeadZones, emit: Emit, has_open_alarm: Callable[[Unit], bool]) -> None:
        self.zones = zones
        self.unsaved = False
        self.deaf_since_ms: int | None = _now_ms()
        self._told_deaf = False
        self._emit = emit
        self._has_open_alarm = has_open_alarm

    def changed(self, before: Unit | None, unit: Unit, now_s: float) -> Unit:
        """The car with the cause of its silence, or without one; what of it is new is told."""
        was_there = before is not None and before.online
        if unit.online:
            return unit if was_there else self._came(before, unit, now_s)
        return self._went(unit, now_s) if was_there else unit

    def _came(self, before: Unit | None, unit: Unit, now_s: float) -> Unit:
        if before is not None and before.silence in (Silence.DEAD_ZONE, Silence.UNKNOWN):
            cell = silence.lost_in(before)
            if cell is not None:
                self.zones, self.unsaved = self.zones.lost_and_back(cell, now_s - before.heard_s), True
        self._emit("unit-online", _name(unit))
        return replace(unit, silence="", silent_since_ms=None)

    def _went(self, unit: Unit, now_s: float) -> Unit:
        cause = silence.why(unit, self.zones, now_s, has_open_alarm=self._has_open_alarm(unit))
        since_ms = _now_ms() - round((now_s - unit.heard_s) * 1000)
        return self._tell(replace(unit, silence=cause, silent_since_ms=since_ms))

    def _tell(self, unit: Unit) -> Unit:
        self._emit("unit-offline", _name(unit) | {"cause": unit.silence, "since_ms": unit.silent_since_ms})
        return unit

    def moved(self, before: Unit, unit: Unit) -> None:
        """A car that is heard from where others were lost speaks for the place."""
        cell = silence.lost_in(unit)
        if cell in self.zones.cells and cell is not None and cell != silence.lost_in(before):
            self.zones, self.unsaved = self.zones.held(cell), True

    def looked_at(self, unit: Unit, now_s: float) -> Unit:
        """A silent car, with another cause if the first explains no more; that is told too."""
        if unit.online or unit.silence not in (Silence.PLANNED, Silence.DEAD_ZONE):
            return unit
        cause = silence.why(unit, self.zones, now_s, has_open_alarm=self._has_open_alarm(unit))
        return unit if cause == unit.silence else self._tell(replace(unit, silence=cause))

    def line_is_up(self, units: Mapping[Any, Unit], now_s: float) -> list[Unit]:
        """Headquarters hears again: the cars that it took for there get as long as ever to say so."""
        if self._told_deaf:
            self._emit("hearing", {"deaf_since_ms": self.deaf_since_ms})
        self.deaf_since_ms, self._told_deaf = None, False
        return [replace(unit, heard_s=now_s) for unit in units.values() if unit.online]

    def line_is_down(self, problem: str) -> None:
        """Headquarters itself hears nothing: told once, however often it tries."""
        if self.deaf_since_ms is None:
            self.deaf_since_ms = _now_ms()
        if not self._told_deaf:
            self._told_deaf = True
            self._emit("deaf", {"since_ms": self.deaf_since_ms, "problem": problem})


def _name(unit: Unit) -> dict[str, Any]:
    return {"realm": unit.last.realm, "unit": unit.last.unit}


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
