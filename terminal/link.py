"""The local socket's protocol: a full snapshot, then the sections that changed; commands the other way.

One JSON object a line in both directions. Sections are whole values and the newest wins, so a slow client costs
core no more than one snapshot. Times between the two are the machine's own monotonic nanoseconds. Core's loop
sends an empty `changes` when nothing changed for `BEAT_S`: a client that hears nothing knows that core is gone.
"""

from enum import StrEnum
from typing import TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from hal.readings import LinkQuality, PowerState
from terminal.asked import Command, Refused
from terminal.contract.profile import Profile
from terminal.contract.work import Text
from terminal.shown import (
    AlarmView,
    ArmedView,
    CheckInView,
    CrewView,
    DutyView,
    FiledView,
    JobView,
    LineView,
    PictureView,
    PositionView,
    ProvedView,
    SentView,
    ShiftView,
    SourceView,
    UnitView,
    VehicleView,
    WorkshopView,
)

LINK_VERSION = 2

T = TypeVar("T")

BEAT_S = 0.8
"""After so long without a line core's next turn sends one; core turns at least once a second."""

MOST_COMMAND_BYTES = 4096
"""The longest line that core takes from a client; a command is about 100 bytes."""

LONGEST_LINE = 1 << 20
"""What a client has to have room for; a snapshot is some kilobytes."""

LONGEST_NAME = 32
"""Of a command, when it is told back."""


class Role(StrEnum):
    """What a client may do, by the user id that the kernel vouches for (SO_PEERCRED)."""

    CREW = "crew"
    TECHNICIAN = "technician"
    OBSERVER = "observer"


class Snapshot(Struct, frozen=True, kw_only=True, tag_field="type", tag="snapshot"):
    """Everything a client may show."""

    version: int = LINK_VERSION
    role: Role = Role.OBSERVER
    unit: UnitView
    position: PositionView = PositionView()
    vehicle: VehicleView = VehicleView()
    duty: DutyView
    alarms: tuple[AlarmView, ...] = ()
    armed: ArmedView | None = None
    check_in: CheckInView | None = None
    proved: ProvedView | None = None
    line: LineView = LineView()
    link: LinkQuality | None = None
    power: PowerState | None = None
    sources: tuple[SourceView, ...] = ()
    profile: Profile | None = None
    jobs: tuple[JobView, ...] = ()
    texts: tuple[Text, ...] = ()
    sent: tuple[SentView, ...] = ()
    filed: FiledView | None = None
    crew: CrewView = CrewView()
    shift: ShiftView = ShiftView()
    picture: PictureView | None = None
    workshop: WorkshopView | None = None


class Changes(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="changes"):
    """The sections that are new since the line before; with none it says that core's loop turns."""

    unit: UnitView | UnsetType = UNSET
    position: PositionView | UnsetType = UNSET
    vehicle: VehicleView | UnsetType = UNSET
    duty: DutyView | UnsetType = UNSET
    alarms: tuple[AlarmView, ...] | UnsetType = UNSET
    armed: ArmedView | UnsetType | None = UNSET
    check_in: CheckInView | UnsetType | None = UNSET
    proved: ProvedView | UnsetType | None = UNSET
    line: LineView | UnsetType = UNSET
    link: LinkQuality | UnsetType | None = UNSET
    power: PowerState | UnsetType | None = UNSET
    sources: tuple[SourceView, ...] | UnsetType = UNSET
    profile: Profile | UnsetType | None = UNSET
    jobs: tuple[JobView, ...] | UnsetType = UNSET
    texts: tuple[Text, ...] | UnsetType = UNSET
    sent: tuple[SentView, ...] | UnsetType = UNSET
    filed: FiledView | UnsetType | None = UNSET
    crew: CrewView | UnsetType = UNSET
    shift: ShiftView | UnsetType = UNSET
    picture: PictureView | UnsetType | None = UNSET
    workshop: WorkshopView | UnsetType | None = UNSET


ServerLine = Snapshot | Changes | Refused

SECTIONS = Changes.__struct_fields__
NO_CHANGES = Changes()


def changes(before: Snapshot, after: Snapshot) -> Changes:
    """The sections of `after` that `before` does not have; NO_CHANGES when all are equal."""
    new = {name: getattr(after, name) for name in SECTIONS if getattr(after, name) != getattr(before, name)}
    return Changes(**new) if new else NO_CHANGES


def merge(snapshot: Snapshot, news: Changes) -> Snapshot:
    """The snapshot with its changed sections replaced."""
    new = {name: value for name in SECTIONS if (value := getattr(news, name)) is not UNSET}
    return msgspec.structs.replace(snapshot, **new) if new else snapshot


def after(snapshot: Snapshot | None, told: ServerLine) -> Snapshot | None:
    """What is known after this line of core's; None until the first snapshot has come."""
    if isinstance(told, Snapshot):
        return told
    return merge(snapshot, told) if snapshot is not None and isinstance(told, Changes) else snapshot


class _Named(Struct, frozen=True):
    type: str = ""


_decode_command: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)
_decode_name = msgspec.json.Decoder(_Named)
_decode_server_line: msgspec.json.Decoder[ServerLine] = msgspec.json.Decoder(ServerLine)
_encode = msgspec.json.Encoder().encode


def encode_line(told: ServerLine | Command) -> bytes:
    """One line with its end."""
    return _encode(told) + b"\n"


def decode_command(line: bytes) -> Command:
    """A client's line; raises msgspec.DecodeError."""
    return _decoded(line, _decode_command)


def command_named(line: bytes) -> str:
    """What a line that is no command calls itself, "" when it does not: whoever asked is told what was not done."""
    try:
        return _decode_name.decode(line).type[:LONGEST_NAME]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def decode_server_line(line: bytes) -> ServerLine:
    """Core's line; raises msgspec.DecodeError."""
    return _decoded(line, _decode_server_line)


def _decoded(line: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    try:
        return decoder.decode(line)
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(f"no UTF-8: {error}") from error
