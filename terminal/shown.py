"""What core shows over the local socket: one value a section of the snapshot, whole and the newest wins."""

from enum import StrEnum

from msgspec import Struct

from hal.readings import Fault, Fix
from terminal.contract.work import Job, JobStep, Picture


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
    FULL = "full"


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
