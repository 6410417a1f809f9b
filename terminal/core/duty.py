"""The crew's duty status: a configured set of codes, one of which is true. Pure."""

from msgspec import Struct

from terminal.link import DutyView

STATUSES = {
    "available": "Available",
    "en-route": "En route",
    "on-scene": "On scene",
    "at-station": "At station",
    "busy": "Not available",
    "out-of-service": "Out of service",
}
"""The default set, after the FMS states of German-speaking services (TR BOS): 1 free, 3 en route, 4 on scene, 2, 6."""


class Duty(Struct, frozen=True):
    """The status, and the id of the message that told headquarters, once there is one."""

    status: str
    message_id: str = ""
    received: bool = False


def received(duty: Duty, ids: tuple[str, ...]) -> Duty:
    """The duty status once headquarters has stored these messages."""
    if duty.message_id and duty.message_id in ids:
        return Duty(duty.status, duty.message_id, received=True)
    return duty


def view(duty: Duty, statuses: dict[str, str]) -> DutyView:
    """What the screen may show."""
    return DutyView(status=duty.status, choices=tuple(statuses.items()), received=duty.received)
