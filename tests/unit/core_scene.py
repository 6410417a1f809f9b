"""A core without a world: states, moments with counted identities, and steps, for the tests of core's pure parts."""

from collections.abc import Iterator
from itertools import count

import msgspec

from hal.readings import ButtonState, Fix, FixMode, Press, SourceHealth
from terminal.contract.messages import Place, Who
from terminal.contract.topics import Lane
from terminal.core.duty import PLAIN, Duty
from terminal.core.effects import Effect
from terminal.core.emergency import Emergency
from terminal.core.inputs import Input, Restored
from terminal.core.moment import Moment
from terminal.core.state import Rules, State, snapshot
from terminal.core.step import step
from terminal.link import Snapshot
from terminal.shown import UnitView

WHO = Who(unit="LJ-101", call_sign="Ljubljana 101")
RULES = Rules(UnitView(unit="LJ-101", call_sign="Ljubljana 101", vehicle="V1", realm="LJ"), PLAIN)
PRESS = Press("board-1", 7, 1)


class Car:
    """Steps a state through inputs at given seconds, and remembers every effect."""

    def __init__(self, state: State | None = None, boot: str = "boot-1", rules: Rules = RULES) -> None:
        self.state = state or State(duty=Duty("available"))
        self.rules = rules
        self.now_s = 0.0
        self.utc_ms: int | None = None
        self.effects: list[Effect] = []
        self.boot = boot
        self.rules = rules
        self._numbers: Iterator[int] = count(1)

    def moment(self, at_s: float) -> Moment:
        return Moment(round(at_s * 1e9), self.utc_ms, self.boot, WHO, self._id, self._id)

    def _id(self) -> str:
        return f"00000000-0000-7000-8000-{next(self._numbers):012d}"

    def take(self, told: Input, at_s: float = 0.0) -> list[Effect]:
        self.now_s = at_s
        self.state, effects = step(self.state, told, self.moment(at_s), self.rules)
        self.effects += effects
        return effects

    def press(
        self, at_s: float = 0.0, press: Press = PRESS, source: str = "board", *, hidden: bool = False
    ) -> list[Effect]:
        pressed = ButtonState(source=source, mono_ns=round(at_s * 1e9), latched=press, hidden=hidden)
        return self.take(pressed, at_s)

    def rest(self, at_s: float = 0.0, source: str = "board", *, hidden: bool = False) -> None:
        """The board is there, and nothing is latched."""
        self.take(SourceHealth(source=source, mono_ns=round(at_s * 1e9), up=True), at_s)
        self.take(ButtonState(source=source, mono_ns=round(at_s * 1e9), hidden=hidden), at_s)

    @property
    def shown(self) -> Snapshot:
        """What the screen is given, as of the last input."""
        return self.shown_at(self.now_s)

    def shown_at(self, at_s: float) -> Snapshot:
        return snapshot(self.state, self.rules, round(at_s * 1e9))

    def restarted(self, at_s: float, boot: str | None = None) -> "Car":
        """Core after a restart that found everything on disk."""
        saved = msgspec.json.decode(msgspec.json.encode(self.state.emergency), type=Emergency)
        after = Car(boot=boot or self.boot, rules=self.rules)
        after._numbers = self._numbers
        after.take(Restored(saved, None), at_s)
        after.effects.clear()
        return after


def fix(at_s: float, lat_deg: float = 46.05, lon_deg: float = 14.5, **fields: object) -> Fix:
    known: dict[str, object] = {"mode": FixMode.FIX_3D, "speed_mps": 10.0, "track_deg": 90.0}
    return Fix(source="gnss", mono_ns=round(at_s * 1e9), lat_deg=lat_deg, lon_deg=lon_deg, **(known | fields))  # type: ignore[arg-type]


def places(*ids: str) -> dict[str, Place]:
    return {message_id: Place("outbox-1", Lane.ALARM, number) for number, message_id in enumerate(ids, 1)}


def of_type(effects: list[Effect], kind: type) -> list:
    return [effect for effect in effects if isinstance(effect, kind)]
