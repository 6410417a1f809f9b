"""Learns where the line is lost and comes back by itself. Pure."""

from msgspec.structs import replace

from terminal.contract.line_trouble import Proof
from terminal.core import position
from terminal.core.effects import Effect, SaveZones
from terminal.core.inputs import LineChanged
from terminal.core.moment import Moment
from terminal.core.position import Place
from terminal.core.state import State

Step = tuple[State, list[Effect]]

LOST_ON_THE_WAY = (Proof.SILENT, Proof.NO_WAY)
"""What a place can do to a line."""


def driven(state: State, before: Place) -> Step:
    """A line that is up where one was lost before speaks for the place; once for each time that it is driven into."""
    cell = position.cell(state.place)
    if cell is None or cell == position.cell(before) or cell not in state.zones.cells or not state.line.connected:
        return state, []
    return replace(state, zones=state.zones.held(cell)), [SaveZones()]


def lost_or_back(state: State, line: LineChanged, moment: Moment) -> Step:
    """What the line's coming or going says of the place; a broker that answered meanwhile was no dead zone."""
    if not line.connected:
        return _lost(state, line, moment), []
    before, cell = state.line, state.line.lost_in
    if before.connected or cell is None:
        return state, []
    zones = state.zones.lost_and_back(cell, (moment.mono_ns - before.since_mono_ns) / 1e9)
    return replace(state, zones=zones, line=replace(before, lost_in=None)), [SaveZones()]


def _lost(state: State, line: LineChanged, moment: Moment) -> State:
    where = state.line.lost_in
    if state.line.connected:
        where = None if position.is_stale(state.place, moment.mono_ns) else position.cell(state.place)
    if line.proof not in LOST_ON_THE_WAY:
        where = None
    return replace(state, line=replace(state.line, lost_in=where))
