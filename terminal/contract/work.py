"""What headquarters asks of a car and shows it: jobs, texts, the roster and the picture. Part of the wire's JSON."""

from enum import StrEnum

from msgspec import Struct

LONGEST_TEXT = 1000
"""Characters of a job's or a message's text: what a crew can read in a minute."""

MOST_JOBS = 20
MOST_TEXTS = 20
MOST_OFFICERS = 40
"""What headquarters tells one car at once; the newest of what there is, so that it stays one small message."""

MOST_CREW = 12
"""On board, each with a badge of at most twelve characters: so an alarm fits one TCP segment, whatever it says."""

MOST_NEIGHBOURS = 60
"""Patrols in a car's picture: the nearest."""


class Priority(StrEnum):
    """How soon."""

    ROUTINE = "routine"
    URGENT = "urgent"
    EMERGENCY = "emergency"


class JobStep(StrEnum):
    """How far a crew is with a job; a job only goes on, and ends done, declined or withdrawn by headquarters."""

    SENT = "sent"
    ACCEPTED = "accepted"
    EN_ROUTE = "en-route"
    ON_SCENE = "on-scene"
    DONE = "done"
    DECLINED = "declined"


ENDED = frozenset((JobStep.DONE, JobStep.DECLINED))


class Job(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One job of one car; `step` and `reason` are what headquarters has stored of the crew's answers."""

    job: str
    title: str
    priority: Priority = Priority.ROUTINE
    text: str = ""
    place: str = ""
    lat_deg: float | None = None
    lon_deg: float | None = None
    sent_ms: int = 0
    sent_by: str = ""
    step: JobStep = JobStep.SENT
    reason: str = ""


class Text(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A text from headquarters to a crew; `read` is what headquarters has stored of the crew's word."""

    text_id: str
    text: str
    priority: Priority = Priority.ROUTINE
    sent_ms: int = 0
    sent_by: str = ""
    read: bool = False


class Officer(Struct, frozen=True, omit_defaults=True):
    """Someone who may be this car's crew; `pin` is a verifier (terminal.contract.pin), "" where none is asked for."""

    badge: str
    name: str = ""
    pin: str = ""


class Neighbour(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Another patrol as headquarters knows it; `position_ms` is headquarters' time of it."""

    unit: str
    call_sign: str = ""
    duty: str = ""
    online: bool = False
    lat_deg: float | None = None
    lon_deg: float | None = None
    position_ms: int | None = None


class LiveAlarm(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An open alarm of another car, never a silent one."""

    incident: str
    unit: str
    call_sign: str = ""
    kind: str = "real"
    raised_ms: int = 0
    lat_deg: float | None = None
    lon_deg: float | None = None
    position_ms: int | None = None
    acknowledged_by: str = ""


class Picture(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who is near and who needs help, whole; the newest wins and none is kept."""

    utc_ms: int
    units: tuple[Neighbour, ...] = ()
    alarms: tuple[LiveAlarm, ...] = ()
