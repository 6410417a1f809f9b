"""The crew's duty status: one of its profile's codes is true. Pure."""

from msgspec import Struct
from msgspec.structs import replace

from terminal.contract.profile import Choice, Label, Profile
from terminal.shown import DutyView

PLAIN = Profile(
    label=Label(en="Patrol", sl="Patrulja", sr="Патрола"),
    initial="out-of-service",
    statuses=(
        Choice(code="available", label=Label(en="Available", sl="Prost", sr="Слободан")),
        Choice(code="en-route", label=Label(en="En route", sl="Na poti", sr="У путу")),
        Choice(code="on-scene", label=Label(en="On scene", sl="Na kraju", sr="На лицу места")),
        Choice(code="at-station", label=Label(en="At station", sl="Na postaji", sr="У станици")),
        Choice(code="busy", label=Label(en="Not available", sl="Zaseden", sr="Заузет")),
        Choice(code="out-of-service", label=Label(en="Out of service", sl="Izven službe", sr="Ван службе")),
    ),
)
"""Without a profile: the statuses of German-speaking services' radios (TR BOS, FMS 1 free, 3 en route, 4 on scene)."""


class Duty(Struct, frozen=True):
    """The status, and the id of the message that told headquarters, once there is one."""

    status: str
    message_id: str = ""
    received: bool = False


def is_status(profile: Profile, status: str) -> bool:
    """Whether the profile has it."""
    return any(one.code == status for one in profile.statuses)


def received(duty: Duty, ids: tuple[str, ...]) -> Duty:
    """The duty status once headquarters has stored these messages."""
    if duty.message_id and duty.message_id in ids:
        return replace(duty, received=True)
    return duty


def unreceived(duty: Duty) -> Duty:
    """The duty status while no message of it is known to be at headquarters."""
    return replace(duty, received=False) if duty.received else duty


def view(duty: Duty) -> DutyView:
    """What the screen may show."""
    return DutyView(status=duty.status, received=duty.received)
