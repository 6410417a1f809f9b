"""What the simulated car's crew does: stand, drive, answer a call with lights and siren, get out at the scene; pure."""

from random import Random
from typing import NamedTuple

DOORS_OPEN_S = (1.0, 3.0)
"""Getting out after a stop, and getting in before the next start: from when to when a door stands open."""

KEY_ON_S, STARTER_S = 1.0, 2.0


class Phase(NamedTuple):
    """One thing that the crew does; it lasts `least_s` to `most_s`, and a halt until the car stands."""

    least_s: float
    most_s: float
    next: tuple[str, ...]
    drives: bool = False
    lights: bool = False
    siren: bool = False
    engine: bool = True
    gets_out: bool = False


PHASES = {
    "parked": Phase(5, 15, ("starting",), engine=False, gets_out=True),
    "starting": Phase(4, 4, ("patrol",)),
    "patrol": Phase(30, 60, ("response", "response", "halt"), drives=True),
    "response": Phase(30, 60, ("arrival",), drives=True, lights=True, siren=True),
    "arrival": Phase(0, 0, ("scene",), lights=True),
    "scene": Phase(15, 30, ("patrol",), lights=True, gets_out=True),
    "halt": Phase(0, 0, ("parked",)),
}


class Shift:
    """The crew's doings, one phase after another; begins in the parked car."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._enter("parked")

    def step(self, dt_s: float, standing: bool) -> None:
        """Let time pass; a phase in which the car must not drive ends only when it stands."""
        self._since_s += dt_s
        if self._since_s >= self._lasts_s and (standing or self.phase.drives):
            self._enter(self._random.choice(self.phase.next))

    @property
    def urgent(self) -> bool:
        """Whether the car may drive as an emergency vehicle."""
        return self.phase.siren

    @property
    def ignition(self) -> str:
        """VSS's word for the state of the low-voltage system."""
        if not self.phase.engine:
            return "OFF"
        return "START" if self.name == "starting" and KEY_ON_S <= self._since_s < STARTER_S else "ON"

    @property
    def engine_running(self) -> bool:
        """Whether the engine turns by itself."""
        return self.phase.engine and (self.name != "starting" or self._since_s >= STARTER_S)

    def door_open(self, standing: bool) -> bool:
        """Whether somebody is getting out or in."""
        first, last = DOORS_OPEN_S
        ages = (self._since_s, self._lasts_s - self._since_s)
        return self.phase.gets_out and standing and any(first <= age < last for age in ages)

    def _enter(self, name: str) -> None:
        self.name, self.phase = name, PHASES[name]
        self._since_s = 0.0
        self._lasts_s = self._random.uniform(self.phase.least_s, self.phase.most_s)
