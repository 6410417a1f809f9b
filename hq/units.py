"""Which cars are there: what presence says, and headquarters' own timer, since a Will can die with its broker."""

from msgspec import Struct
from msgspec.structs import replace

from terminal.contract.messages import Position, Presence, Who


class Unit(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One car as headquarters sees it; `heard_s` is headquarters' monotonic time."""

    realm: str
    unit: str
    who: Who
    online: bool = False
    incarnation: str = ""
    heard_s: float = 0.0
    outbox: str = ""
    pending: int = 0
    duty: str = ""
    position: Position | None = None


def heard(unit: Unit | None, realm: str, name: str, now_s: float) -> Unit:
    """A message of this car came: it is there, whatever its presence said."""
    unit = unit or Unit(realm=realm, unit=name, who=Who(unit=name))
    return replace(unit, online=True, heard_s=now_s)


def told(unit: Unit | None, realm: str, name: str, presence: Presence, now_s: float) -> Unit:
    """A presence came; one that speaks of an earlier connection's end says nothing of this one."""
    unit = unit or Unit(realm=realm, unit=name, who=Who(unit=name))
    if not presence.online:
        return replace(unit, online=False) if presence.incarnation == unit.incarnation else unit
    return replace(
        unit,
        online=True,
        incarnation=presence.incarnation,
        heard_s=now_s,
        outbox=presence.outbox,
        pending=presence.pending,
        who=presence.who or unit.who,
    )


def is_silent(unit: Unit, now_s: float, silent_after_s: float) -> bool:
    """Whether it counts as there although nothing was heard for too long."""
    return unit.online and now_s - unit.heard_s > silent_after_s
