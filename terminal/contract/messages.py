"""The messages, typed. JSON on the wire; a track batch is MessagePack, with its points as arrays.

Every field that may grow is optional for the reader, and unknown fields are ignored, so that either end can be
updated first. Times are Unix milliseconds of UTC, and absent when no clock could be trusted.
"""

import re
from enum import StrEnum
from typing import Annotated, TypeVar

import msgspec
from msgspec import Struct

from terminal.contract.topics import Lane
from terminal.contract.work import Job, JobStep, Officer, Text

VERSION = 1

T = TypeVar("T")

MOST_SEQ = (1 << 63) - 1
Seq = Annotated[int, msgspec.Meta(ge=0, le=MOST_SEQ)]
"""A place or a revision: what a database's integer holds."""

VALUE = re.compile(r"^(Invalid (?:enum )?value) '.*' - at", re.DOTALL)
"""Where an error of msgspec quotes what it read."""


class Place(Struct, frozen=True):
    """A message's place in its car's account, given when it is committed to disk."""

    outbox: str
    lane: Lane
    seq: Seq


class Who(Struct, frozen=True, omit_defaults=True):
    """Who sent it, as it was then."""

    unit: str
    call_sign: str = ""
    vehicle: str = ""
    crew: tuple[str, ...] = ()


class Position(Struct, frozen=True, omit_defaults=True):
    """Where the car was, WGS 84, and how far that may be believed: how old it was when it was written, `mode`, `eph_m`.

    `stale`: the receiver did not know it any more, or was silent; the car may have been somewhere else since.
    """

    lat_deg: float
    lon_deg: float
    age_s: float = 0.0
    stale: bool = False
    mode: int = 0
    utc_ms: int | None = None
    speed_mps: float | None = None
    track_deg: float | None = None
    altitude_msl_m: float | None = None
    eph_m: float | None = None


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """What every message to headquarters carries; `place` is None until it is committed."""

    id: str
    who: Who
    utc_ms: int | None = None
    boot: str = ""
    mono_ms: int = 0
    place: Place | None = None


class AlarmKind(StrEnum):
    """A test proves the way, an exercise is practised like a real one; neither is ever taken for a real one.

    A word of a later version is real: what is in doubt is an emergency.
    """

    REAL = "real"
    TEST = "test"
    EXERCISE = "exercise"

    @classmethod
    def _missing_(cls, value: object) -> "AlarmKind":
        return cls.REAL


class Trigger(StrEnum):
    """What raised the alarm; `unknown` is whatever only a later version knows."""

    BUTTON = "button"
    SCREEN = "screen"
    CHECK_IN = "check-in"
    VEHICLE = "vehicle"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> "Trigger":
        return cls.UNKNOWN


class OfIncident(Message, frozen=True, kw_only=True):
    """What every message of an incident says of it, so that none is taken for another's, whichever comes first."""

    incident: str
    kind: AlarmKind = AlarmKind.REAL
    silent: bool = False


class AlarmRaised(OfIncident, frozen=True, kw_only=True, tag="alarm-raised"):
    """Help is called for; `track` is the way here, oldest first, as (seconds ago, lat_deg, lon_deg).

    `vehicle_event` is the signal (VSS) that called, of an alarm that the vehicle raised.
    """

    trigger: Trigger = Trigger.BUTTON
    vehicle_event: str = ""
    position: Position | None = None
    track: tuple[tuple[int, float, float], ...] = ()
    speed_mps: float | None = None
    lights_on: bool | None = None
    siren_on: bool | None = None
    door_open: bool | None = None


class AlarmSignalled(OfIncident, frozen=True, kw_only=True, tag="alarm-signalled"):
    """Help was called for again while the incident was open."""

    signal: int
    trigger: Trigger = Trigger.BUTTON
    vehicle_event: str = ""
    position: Position | None = None


class AlarmCancelled(OfIncident, frozen=True, kw_only=True, tag="alarm-cancelled"):
    """The crew says that it was a mistake: a claim, which only headquarters can turn into an end.

    `signals` is how many presses it speaks of, since a later one takes it back; 0 is all of them.
    """

    signals: int = 0


class AlarmMoved(OfIncident, frozen=True, kw_only=True, tag="alarm-moved"):
    """Where the car is while its alarm is open; one slot, the latest wins, never stored in the car's outbox."""

    position: Position


class TerminalStarted(Message, frozen=True, kw_only=True, tag="terminal-started"):
    """Core came up; `clean` says whether it had been stopped properly."""

    version: str
    clean: bool = True


class DutyChanged(Message, frozen=True, kw_only=True, tag="duty-changed"):
    """The crew's duty status, by its configured code."""

    status: str
    position: Position | None = None


class VehicleChanged(Message, frozen=True, kw_only=True, tag="vehicle-changed"):
    """Lightbar, siren or ignition went on or off."""

    what: str
    on: bool
    position: Position | None = None


class SourceChanged(Message, frozen=True, kw_only=True, tag="source-changed"):
    """A device of the car went down or came back."""

    source: str
    up: bool
    problem: str = ""


class Thinned(Message, frozen=True, kw_only=True, tag="thinned"):
    """The outbox was full: these places of `lane` were given up, first and last of each run.

    They are places of `outbox`, which may have taken another id since; "" is that of this message's own place.
    """

    lane: Lane
    dropped: tuple[tuple[Seq, Seq], ...]
    outbox: str = ""
    reason: str = ""


class StateConfirmed(Message, frozen=True, kw_only=True, tag="state-confirmed"):
    """The car applied headquarters' desired state of this revision, of the store of this epoch, and shows it."""

    revision: Seq
    epoch: str = ""


class JobAnswered(Message, frozen=True, kw_only=True, tag="job-answered"):
    """How far the crew is with a job, or why it does not take it, by a code of its profile."""

    job: str
    step: JobStep
    reason: str = ""
    position: Position | None = None


class TextRead(Message, frozen=True, kw_only=True, tag="text-read"):
    """The crew says that it has read a text of headquarters."""

    text_id: str


class TextSent(Message, frozen=True, kw_only=True, tag="text-sent"):
    """A text of the crew: a ready one by its profile's code, or its own words; `answers` is the id of a text."""

    text: str
    code: str = ""
    answers: str = ""
    position: Position | None = None


class ReportFiled(Message, frozen=True, kw_only=True, tag="report-filed"):
    """A quick report: form, and answers by question, as codes of the crew's profile."""

    form: str
    answers: dict[str, str] = {}
    position: Position | None = None


class CrewChanged(Message, frozen=True, kw_only=True, tag="crew-changed"):
    """Someone came on board or left; `checked` says whether a PIN proved it. `who` has the crew as it is since."""

    badge: str
    aboard: bool
    checked: bool = False


class ShiftStarted(Message, frozen=True, kw_only=True, tag="shift-started"):
    """The shift began, with what the car itself says of its distance and fuel."""

    odometer_km: float | None = None
    fuel_percent: float | None = None
    position: Position | None = None


class ShiftEnded(Message, frozen=True, kw_only=True, tag="shift-ended"):
    """The shift ended, with what the car itself says of its distance and fuel."""

    odometer_km: float | None = None
    fuel_percent: float | None = None
    position: Position | None = None


class Point(Struct, frozen=True, array_like=True):
    """One reported position of a track: its place, its identity and where the car was."""

    seq: Seq
    id: bytes
    utc_ms: int | None
    lat_e7: int
    lon_e7: int
    speed_cmps: int | None
    track_cdeg: int | None
    flags: int = 0


class PointFlag:
    """Bits of `Point.flags`."""

    LIGHTS_ON = 1
    SIREN_ON = 2
    IGNITION_ON = 4
    FIX_3D = 8


class TrackBatch(Struct, frozen=True, array_like=True):
    """Points of one car, in order of seq; gaps are allowed. `late`: they waited out an outage, and are history."""

    outbox: str
    who: Who
    points: tuple[Point, ...]
    late: bool = False


class Presence(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The car's line is up, or (as the Will) has gone; a Will of another incarnation says nothing of this one.

    `mono_ms` is the car's own clock, which headquarters gives back; a `goodbye` is the car's word, never its Will's.
    `certificate` (DER, base64) is there until headquarters knows it; `believes` are the keys of headquarters that the
    car knows, if it checks signatures at all.
    """

    incarnation: str
    online: bool
    who: Who | None = None
    outbox: str = ""
    pending: int = 0
    utc_ms: int | None = None
    mono_ms: int = 0
    ignition_on: bool | None = None
    signal_percent: int | None = None
    goodbye: bool = False
    certificate: str = ""
    believes: tuple[str, ...] | None = None


class StoredRange(Struct, frozen=True, array_like=True):
    """Places `first` to `last`, all of them on HQ's disk under the ids that `digest` was made of."""

    first: Seq
    last: Seq
    digest: str


class Receipt(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What headquarters has on its disk: by place, or by id for an alarm that had no place yet."""

    epoch: str
    outbox: str = ""
    lane: Lane = Lane.ALARM
    stored: tuple[StoredRange, ...] = ()
    ids: tuple[str, ...] = ()
    clash: bool = False


class AlarmStatus(Struct, frozen=True, omit_defaults=True):
    """How headquarters has dealt with one incident; `signals` are the presses that it knew of when it said so.

    `presses` are the tails (hex) of the messages that told of them. With its `kind` a car can show an incident that it
    does not know, or does not know any more; `age_s` is how long headquarters has had it. `untaken`: it was pressed
    again since a person took it.
    """

    incident: str
    acknowledged_by: str = ""
    cleared_by: str = ""
    reason: str = ""
    signals: int | None = None
    presses: tuple[str, ...] = ()
    kind: AlarmKind | None = None
    trigger: Trigger = Trigger.UNKNOWN
    silent: bool = False
    age_s: int = 0
    untaken: bool = False


class DesiredState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What headquarters wants the car to show, whole; repeated until the car confirms this revision of its store."""

    revision: Seq
    epoch: str = ""
    alarms: tuple[AlarmStatus, ...] = ()
    jobs: tuple[Job, ...] = ()
    texts: tuple[Text, ...] = ()
    roster: tuple[Officer, ...] = ()


class Heartbeat(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Two facts: headquarters is storing; a desk is attended. `knows` is the key of this car that it can check.

    `heard_incarnation` and `heard_mono_ms` are of the presence of this car that it heard last.
    """

    epoch: str
    storing: bool
    attended: bool
    utc_ms: int | None = None
    heard_incarnation: str = ""
    heard_mono_ms: int = 0
    knows: str = ""


class Certificate(Struct, frozen=True, kw_only=True):
    """Headquarters' certificate (DER, base64), told to a car that does not know it: believed for its CA's sake."""

    certificate: str


Alarm = AlarmRaised | AlarmSignalled | AlarmCancelled | AlarmMoved
Event = (
    TerminalStarted
    | DutyChanged
    | VehicleChanged
    | SourceChanged
    | Thinned
    | StateConfirmed
    | JobAnswered
    | TextRead
    | TextSent
    | ReportFiled
    | CrewChanged
    | ShiftStarted
    | ShiftEnded
)
Stored = AlarmRaised | AlarmSignalled | AlarmCancelled | Event

_encode_json = msgspec.json.Encoder().encode
_encode_track = msgspec.msgpack.Encoder().encode
_decode_alarm: msgspec.json.Decoder[Alarm] = msgspec.json.Decoder(Alarm)
_decode_event: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_decode_track = msgspec.msgpack.Decoder(TrackBatch)


class Malformed(ValueError):
    """A payload that is not of this contract; says what was expected, and nothing of what was in it."""


def encode(message: Struct) -> bytes:
    """Any message of the contract as its wire bytes."""
    return _encode_track(message) if isinstance(message, TrackBatch) else _encode_json(message)


def decode_alarm(payload: bytes) -> Alarm:
    """A message of the alarm lane; raises Malformed."""
    return _decoded(_decode_alarm, payload)


def decode_event(payload: bytes) -> Event:
    """A message of the event lane; raises Malformed."""
    return _decoded(_decode_event, payload)


def decode_track(payload: bytes) -> TrackBatch:
    """A message of the track lane; raises Malformed."""
    return _decoded(_decode_track, payload)


def decode_as(kind: type[T], payload: bytes) -> T:
    """A presence, receipt, desired state or heartbeat; raises Malformed."""
    return _decoded(msgspec.json.Decoder(kind), payload)


def _decoded(decoder: "msgspec.json.Decoder[T] | msgspec.msgpack.Decoder[T]", payload: bytes) -> T:
    try:
        return decoder.decode(payload)
    except RecursionError:
        raise Malformed("it is nested too deep") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(VALUE.sub(r"\1 - at", str(error))) from None
