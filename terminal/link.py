"""The local socket's protocol: a full snapshot, then the sections that changed; commands the other way.

One JSON object a line in both directions. Sections are whole values and the newest wins, so a slow client costs
core no more than one snapshot. Times between the two are the machine's own monotonic nanoseconds. Core's loop
sends an empty `changes` when nothing changed for `BEAT_S`: a client that hears nothing knows that core is gone.
"""

from enum import StrEnum
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from hal.readings import Fault, Fix, LinkQuality, PowerState
from terminal.contract.profile import Profile
from terminal.contract.work import LONGEST_TEXT, Job, JobStep, Picture, Text

LINK_VERSION = 2

T = TypeVar("T")

BEAT_S = 0.8
"""After so long without a line core's next turn sends one; core turns at least once a second."""

MOST_COMMAND_BYTES = 4096
"""The longest line that core takes from a client; a command is about 100 bytes."""


LONGEST_NAME = 32
"""Of a command, when it is told back."""

UUID = "^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?$"
"""As text in its usual form, or nothing."""

LONGEST_BADGE = LONGEST_PIN = 12


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


class CarFault(StrEnum):
    """What the car's own signals find wrong with it."""

    ENGINE = "engine"
    BRAKES = "brakes"
    STABILITY = "stability"
    TYRES = "tyres"
    LAMPS = "lamps"
    FUEL = "fuel"


class VehicleView(Struct, frozen=True, kw_only=True):
    """The car as its signals tell it; None where nothing is known or what was known is too old.

    `in_park` is None too in a car whose selector has no Park, as far as it has been seen; `faults` are all that any
    signal tells, None while none of those signals is known.
    """

    speed_mps: float | None = None
    speed_source: str = ""
    engine_rpm: float | None = None
    ignition_on: bool | None = None
    lights_on: bool | None = None
    siren_on: bool | None = None
    headlights_on: bool | None = None
    odometer_km: float | None = None
    fuel_percent: float | None = None
    door_open: bool | None = None
    gear: str | None = None
    in_park: bool | None = None
    faults: tuple[CarFault, ...] | None = None


class PositionView(Struct, frozen=True, kw_only=True):
    """The newest fix, and the monotonic time at which it came; a fix without a position keeps the last good one."""

    fix: Fix | None = None
    last_good: Fix | None = None
    stale: bool = True


class DutyView(Struct, frozen=True, kw_only=True):
    """The duty status by its code in the profile, and whether headquarters has stored the newest one."""

    status: str
    received: bool = False


class Urgency(StrEnum):
    """What the crew is told while headquarters has not confirmed."""

    NONE = "none"
    NOT_CONFIRMED = "not-confirmed"
    USE_THE_RADIO = "use-the-radio"


class PressView(Struct, frozen=True):
    """One press by the id of its message; once it is `kept`, on the car's disk or at headquarters, core may crash."""

    id: str
    kept: bool = False


class AlarmView(Struct, frozen=True, kw_only=True):
    """How far one alarm has come; each rung is shown on proof only, and by which bearers it was proved.

    A rung is that of the press which is proved least. `acknowledged_by` has the incident; `taken`: every press is too.
    """

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
    sent_by: tuple[str, ...] = ()
    received_by: tuple[str, ...] = ()
    acknowledged_by: str = ""
    taken: bool = False
    cleared_by: str = ""
    reason: str = ""
    cancelled: bool = False
    urgency: Urgency = Urgency.NONE
    vehicle_event: str = ""
    presses: tuple[PressView, ...] = ()


class ArmedView(Struct, frozen=True, kw_only=True):
    """Once it `is_open`, and until that time, the next press of the button is a test or an exercise.

    Any other press is real, also one that comes too early. `silent`: the hidden button is meant.
    """

    kind: str
    silent: bool
    is_open: bool
    until_mono_ns: int


class CheckInView(Struct, frozen=True, kw_only=True):
    """The lone officer's timer, where it is configured: an answer is due, and from when on its lack is an alarm.

    Neither time is there while it does not run. Once it is `stored` it outlives core.
    """

    due_mono_ns: int | None = None
    alarm_mono_ns: int | None = None
    stored: bool = False


class ProvedView(Struct, frozen=True, kw_only=True):
    """When an alarm of this car last came to headquarters and its receipt back, as the monotonic time of this boot.

    None when it never has or nobody can tell how long ago; `due`: the way should be proved again by a test alarm.
    """

    mono_ns: int | None = None
    due: bool = True


class Trouble(StrEnum):
    """What is dead of the line, as far as it is proved."""

    NONE = ""
    CONNECTING = "connecting"
    NO_NETWORK = "no-network"
    DEAD_ZONE = "dead-zone"
    NO_ANSWER = "no-answer"
    BROKER_GONE = "broker-gone"
    REFUSED = "refused"
    HALF_OPEN = "half-open"
    HQ_GONE = "hq-gone"
    HQ_DEAF = "hq-deaf"


TROUBLES: dict[Trouble, tuple[str, str]] = {
    Trouble.NONE: ("", ""),
    Trouble.CONNECTING: ("no line yet", "wait; it is being tried"),
    Trouble.NO_NETWORK: ("the modem has no network", "drive on; if it stays so, check antenna and SIM"),
    Trouble.DEAD_ZONE: ("no line: a known dead zone", "drive on; the line came back by itself here before"),
    Trouble.NO_ANSWER: ("no broker answers; is there a network?", "drive on; if it stays so, check modem and SIM"),
    Trouble.BROKER_GONE: ("the network works, the broker does not", "call headquarters: the broker must be started"),
    Trouble.REFUSED: ("the broker refuses this terminal", "call the workshop: `patrola doctor` says what is wrong"),
    Trouble.HALF_OPEN: ("the line swallows everything", "drive on; the line is being made anew"),
    Trouble.HQ_GONE: ("the broker answers, headquarters does not", "call headquarters: its receiver must be started"),
    Trouble.HQ_DEAF: ("headquarters speaks, but does not hear this car", "call headquarters: its line is broken"),
}
"""What each means, and what the crew can do."""


class LineView(Struct, frozen=True, kw_only=True):
    """The line to headquarters: the connection, HQ's own two facts, what still waits, what is dead and what to do."""

    connected: bool = False
    broker: str = ""
    problem: str = ""
    storing: bool = False
    attended: bool = False
    hq_heard_mono_ns: int | None = None
    hq_silent: bool = True
    pending: int = 0
    disk_problem: str = ""
    trouble: Trouble = Trouble.NONE
    remedy: str = ""


class SourceView(Struct, frozen=True):
    """One configured device; `problem` and `remedy` are a technician's words, `fault` is for the crew's language."""

    name: str
    up: bool
    problem: str = ""
    remedy: str = ""
    fault: Fault = Fault.NONE


class JobView(Struct, frozen=True, kw_only=True):
    """A job and how far the crew is, whether headquarters has that, the usual next; `arrived`: the car may be there."""

    job: Job
    step: JobStep
    reason: str = ""
    received: bool = False
    next: JobStep | None = None
    arrived: bool = False


class SentView(Struct, frozen=True, kw_only=True):
    """A text of this crew, and whether headquarters has it."""

    text: str
    code: str = ""
    utc_ms: int | None = None
    received: bool = False


class FiledView(Struct, frozen=True, kw_only=True):
    """The newest report of this crew, by its form's code, and whether headquarters has it."""

    form: str
    utc_ms: int | None = None
    received: bool = False


class MemberView(Struct, frozen=True):
    """An officer; `checked`: a PIN proved it, or in the roster: a PIN will be asked for."""

    badge: str
    name: str = ""
    checked: bool = False


class LogInProblem(StrEnum):
    """Why the last try to log in did not do."""

    NONE = ""
    WRONG_PIN = "wrong-pin"
    PAUSED = "paused"


class CrewView(Struct, frozen=True, kw_only=True):
    """Who is on board, and whom headquarters expects."""

    aboard: tuple[MemberView, ...] = ()
    roster: tuple[MemberView, ...] = ()
    problem: LogInProblem = LogInProblem.NONE


class ShiftView(Struct, frozen=True, kw_only=True):
    """The shift, if one is on, with what the car said of itself when it began."""

    on: bool = False
    began_utc_ms: int | None = None
    odometer_km: float | None = None
    fuel_percent: float | None = None


class PictureView(Struct, frozen=True):
    """Other patrols and their alarms as headquarters told them, and when that came."""

    picture: Picture
    mono_ns: int


class DiskView(Struct, frozen=True, kw_only=True):
    """The slowest of some small syncs of the disk, None while it is being tried, or why there was none."""

    asked_mono_ns: int
    sync_ms: float | None = None
    problem: str = ""


class BoardTestView(Struct, frozen=True, kw_only=True):
    """What failed of a board's test of itself, by its own words (docs/board.md), or why it could not be asked."""

    name: str
    failed: tuple[str, ...] = ()
    problem: str = ""
    remedy: str = ""


class WorkshopView(Struct, frozen=True, kw_only=True):
    """The technician's self-test, from when on it is open; what was counted or seen was so since then.

    `signals` are readings of the car's own bus, `boards` None until they have answered.
    """

    opened_mono_ns: int | None = None
    checking: bool = False
    problem: LogInProblem = LogInProblem.NONE
    signals: int = 0
    lights_on: bool = False
    siren_on: bool = False
    disk: DiskView | None = None
    boards_asked_mono_ns: int | None = None
    boards: tuple[BoardTestView, ...] | None = None


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


class Refusal(StrEnum):
    """Why core does not do what it was asked; a screen says it in the crew's language."""

    NOT_CREW = "only the crew may do this"
    NO_ALARM = "no such alarm is open"
    NOT_ARMED = "the button cannot be armed: its board is not there, or holds a press, or this was asked too long ago"
    NO_TIMER = "this car has no check-in timer; [check_in] enabled = true in unit.toml gives it one"
    NONE_RUNS = "no check-in timer runs; one that ran out is an alarm, which headquarters ends"
    NO_PIN = "this car has no technician's PIN; `patrola config pin` makes one for [workshop] in unit.toml"
    CLOSED = "the self-test is closed; the technician's PIN opens it"
    ALARM_OPEN = "an alarm is open, and the button's lamp shows how far it has come"
    TOO_MANY = "too many commands at once"
    DEFECT = "core could not take it; report this as a defect"


class Refused(Struct, frozen=True, kw_only=True, tag_field="type", tag="refused"):
    """A command that this client may not give, or that made no sense, and why: a `Refusal`, or what was no command."""

    command: str
    reason: str


class _Command(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type"):
    """What a client may ask; unknown fields and words are errors, so that a misspelt test is no real alarm."""


class _Named(Struct, frozen=True):
    type: str = ""


class RaiseAlarm(_Command, frozen=True, kw_only=True, tag="raise-alarm"):
    """The crew calls for help on the screen, or tries the way.

    A real alarm needs no word that could be misspelt, nor one that another version would not know. `incident` is made
    for this one call: given again under the same one it is the same call for help.
    """

    kind: Literal["real", "test", "exercise"] = "real"
    silent: bool = False
    incident: Annotated[str, msgspec.Meta(pattern=UUID)] = ""


class CancelAlarm(_Command, frozen=True, kw_only=True, tag="cancel-alarm"):
    """The crew says that this alarm was a mistake."""

    incident: str


class ArmButton(_Command, frozen=True, kw_only=True, tag="arm-button"):
    """For a short time the next press of the button is a test or an exercise; `silent`: of the hidden button.

    `asked_mono_ns` is when the crew tapped: one that comes late is refused.
    """

    asked_mono_ns: int
    kind: Literal["test", "exercise"] = "test"
    silent: bool = False


class StartCheckIn(_Command, frozen=True, kw_only=True, tag="start-check-in"):
    """A lone officer wants to be missed when no answer comes."""


class AnswerCheckIn(_Command, frozen=True, kw_only=True, tag="answer-check-in"):
    """All is well: the timer begins anew."""


class StopCheckIn(_Command, frozen=True, kw_only=True, tag="stop-check-in"):
    """Nobody is alone any more; not possible once it ran out."""


class SetDuty(_Command, frozen=True, kw_only=True, tag="set-duty"):
    """The crew chose a duty status."""

    status: str


class AnswerJob(_Command, frozen=True, kw_only=True, tag="answer-job"):
    """The crew says how far it is with a job, or declines it for a reason of its profile."""

    job: str
    step: JobStep
    reason: str = ""


class ReadText(_Command, frozen=True, kw_only=True, tag="read-text"):
    """The crew has read a text."""

    text_id: str


class SendText(_Command, frozen=True, kw_only=True, tag="send-text"):
    """A text to headquarters; `code` where it is a ready one of the profile, `answers` the text that it answers."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_TEXT)]
    code: str = ""
    answers: str = ""


class FileReport(_Command, frozen=True, kw_only=True, tag="file-report"):
    """A quick report: a form and its answers, by the profile's codes; place and time are the car's own."""

    form: str
    answers: dict[str, str] = {}


class LogIn(_Command, frozen=True, kw_only=True, tag="log-in"):
    """An officer comes on board."""

    badge: Annotated[str, msgspec.Meta(pattern=f"^[A-Za-z0-9_-]{{1,{LONGEST_BADGE}}}$")]
    pin: Annotated[str, msgspec.Meta(max_length=LONGEST_PIN)] = ""


class LogOut(_Command, frozen=True, kw_only=True, tag="log-out"):
    """An officer leaves."""

    badge: str


class StartShift(_Command, frozen=True, kw_only=True, tag="start-shift"):
    """The shift begins."""


class EndShift(_Command, frozen=True, kw_only=True, tag="end-shift"):
    """The shift ends."""


class OpenWorkshop(_Command, frozen=True, kw_only=True, tag="open-workshop"):
    """A technician wants the self-test; the PIN proves it."""

    pin: Annotated[str, msgspec.Meta(max_length=LONGEST_PIN)]


class CloseWorkshop(_Command, frozen=True, kw_only=True, tag="close-workshop"):
    """The technician is done."""


class Examine(_Command, frozen=True, kw_only=True, tag="examine"):
    """Try the disk, or let the boards test themselves, while the self-test is open."""

    what: Literal["disk", "boards"]


WorkCommand = AnswerJob | ReadText | SendText | FileReport | LogIn | LogOut | StartShift | EndShift
AlarmCommand = RaiseAlarm | CancelAlarm | ArmButton | StartCheckIn | AnswerCheckIn | StopCheckIn
WorkshopCommand = OpenWorkshop | CloseWorkshop | Examine
Command = AlarmCommand | SetDuty | WorkCommand | WorkshopCommand
ServerLine = Snapshot | Changes | Refused

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
