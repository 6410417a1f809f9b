"""What a client of the local socket may ask of core, and why core does not do it."""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Struct

from terminal.contract.work import LONGEST_TEXT, JobStep

UUID = "^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?$"
"""As text in its usual form, or nothing."""

LONGEST_BADGE = LONGEST_PIN = 12


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
