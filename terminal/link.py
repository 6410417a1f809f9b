"""The local socket's protocol: a full snapshot, then the sections that changed; commands the other way.

One JSON object a line in both directions. Sections are whole values and the newest wins, so a slow client costs
core no more than one snapshot. Times between the two are the machine's own monotonic nanoseconds.
"""

from enum import StrEnum

import msgspec
from msgspec import Struct

from hal.readings import Fix, LinkQuality, PowerState

LINK_VERSION = 1


class Role(StrEnum):
    """What a client may do, by the user id that the kernel vouches for (SO_PEERCRED)."""

    CREW = "crew"
    TECHNICIAN = "technician"
    OBSERVER = "observer"


class UnitView(Struct, frozen=True):
    """Who this terminal is."""

    unit: str
    call_sign: str
    vehicle: str
    realm: str


class VehicleView(Struct, frozen=True, kw_only=True):
    """The car as its signals tell it; None where nothing is known or what was known is too old."""

    speed_mps: float | None = None
    speed_source: str = ""
    engine_rpm: float | None = None
    ignition_on: bool | None = None
    lights_on: bool | None = None
    siren_on: bool | None = None
    odometer_km: float | None = None
    fuel_percent: float | None = None
    door_open: bool | None = None
    gear: str | None = None


class PositionView(Struct, frozen=True, kw_only=True):
    """The newest fix, and the monotonic time at which it came; a fix without a position keeps the last good one."""

    fix: Fix | None = None
    last_good: Fix | None = None
    stale: bool = True


class DutyView(Struct, frozen=True, kw_only=True):
    """The duty status, the ones that may be chosen, and whether headquarters has stored the newest one."""

    status: str
    choices: tuple[tuple[str, str], ...] = ()
    received: bool = False


class Urgency(StrEnum):
    """What the crew is told while headquarters has not confirmed."""

    NONE = "none"
    NOT_CONFIRMED = "not-confirmed"
    USE_THE_RADIO = "use-the-radio"


class AlarmView(Struct, frozen=True, kw_only=True):
    """How far one alarm has come; each rung is shown on proof only."""

    incident: str
    kind: str
    trigger: str
    silent: bool
    signals: int
    pressed_mono_ns: int
    stored: bool = False
    store_failed: bool = False
    sent: bool = False
    received: bool = False
    acknowledged_by: str = ""
    cleared_by: str = ""
    reason: str = ""
    cancelled: bool = False
    urgency: Urgency = Urgency.NONE


class LineView(Struct, frozen=True, kw_only=True):
    """The line to headquarters: the connection, HQ's own two facts, and what still waits."""

    connected: bool = False
    broker: str = ""
    problem: str = ""
    storing: bool = False
    attended: bool = False
    hq_heard_mono_ns: int | None = None
    hq_silent: bool = True
    pending: int = 0
    disk_problem: str = ""


class SourceView(Struct, frozen=True):
    """One configured device."""

    name: str
    up: bool
    problem: str = ""
    remedy: str = ""


class Snapshot(Struct, frozen=True, kw_only=True, tag_field="type", tag="snapshot"):
    """Everything a client may show."""

    version: int = LINK_VERSION
    role: Role = Role.OBSERVER
    unit: UnitView
    position: PositionView = PositionView()
    vehicle: VehicleView = VehicleView()
    duty: DutyView
    alarms: tuple[AlarmView, ...] = ()
    line: LineView = LineView()
    link: LinkQuality | None = None
    power: PowerState | None = None
    sources: tuple[SourceView, ...] = ()


SECTIONS = ("unit", "position", "vehicle", "duty", "alarms", "line", "link", "power", "sources")


class Refused(Struct, frozen=True, kw_only=True, tag_field="type", tag="refused"):
    """A command that this client may not give, or that made no sense, and why."""

    command: str
    reason: str


class RaiseAlarm(Struct, frozen=True, kw_only=True, tag_field="type", tag="raise-alarm"):
    """The crew calls for help on the screen."""

    test: bool = False
    silent: bool = False


class CancelAlarm(Struct, frozen=True, kw_only=True, tag_field="type", tag="cancel-alarm"):
    """The crew says that this alarm was a mistake."""

    incident: str


class SetDuty(Struct, frozen=True, kw_only=True, tag_field="type", tag="set-duty"):
    """The crew chose a duty status."""

    status: str


Command = RaiseAlarm | CancelAlarm | SetDuty

_decode_command: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)
_decode_snapshot: msgspec.json.Decoder[Snapshot | Refused] = msgspec.json.Decoder(Snapshot | Refused)
encode_line = msgspec.json.Encoder().encode


def decode_command(line: bytes) -> Command:
    """A client's line; raises msgspec.DecodeError."""
    return _decode_command.decode(line)


def decode_server_line(line: bytes) -> Snapshot | Refused:
    """Core's whole line; changes are merged by `merge` first. Raises msgspec.DecodeError."""
    return _decode_snapshot.decode(line)


def merge(snapshot: Snapshot | None, line: bytes) -> Snapshot | Refused:
    """What is known after core's next line: a snapshot, changes to it, or a refusal. Raises msgspec.DecodeError."""
    told: dict[str, msgspec.Raw] = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    if bytes(told.get("type", msgspec.Raw(b'""'))) != b'"changes"':
        return decode_server_line(line)
    if snapshot is None:
        raise msgspec.ValidationError("changes came before a snapshot")
    known = {
        section: msgspec.json.decode(raw, type=_TYPES[section]) for section, raw in told.items() if section in _TYPES
    }
    return msgspec.structs.replace(snapshot, **known)


_TYPES = {field.name: field.type for field in msgspec.structs.fields(Snapshot) if field.name in SECTIONS}
