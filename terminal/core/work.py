"""What the crew does for headquarters: jobs, texts, reports, who is on board, the shift. Pure steps of their own.

All of it is one value that is saved with the messages that tell of it, so that a restart in a valley loses nothing.
"""

from collections.abc import Callable
from typing import cast

from msgspec import Struct
from msgspec.structs import replace

from hal.readings import Fix
from terminal.asked import AnswerJob, EndShift, FileReport, LogIn, LogOut, ReadText, SendText, StartShift, WorkCommand
from terminal.contract.messages import (
    CrewChanged,
    DesiredState,
    Event,
    JobAnswered,
    Position,
    ReportFiled,
    ShiftEnded,
    ShiftStarted,
    TextRead,
    TextSent,
)
from terminal.core import crew, jobs, texts
from terminal.core.crew import Crew, Member
from terminal.core.jobs import Jobs
from terminal.core.moment import Moment
from terminal.core.texts import Texts
from terminal.shown import FiledView, JobView, ShiftView, VehicleView


class Shift(Struct, frozen=True, kw_only=True):
    """The shift, if one is on, and what the car said of itself when it began."""

    on: bool = False
    began_utc_ms: int | None = None
    odometer_km: float | None = None
    fuel_percent: float | None = None


class Filed(Struct, frozen=True):
    """The newest report of this crew, and whether headquarters has stored it."""

    message_id: str
    form: str
    utc_ms: int | None = None
    received: bool = False


class Work(Struct, frozen=True, kw_only=True):
    """Everything between crew and headquarters that is no emergency.

    `epoch` is that of the store that has what is called received, `told_epoch` that of the store that told the jobs.
    """

    epoch: str = ""
    told_epoch: str = ""
    crew: Crew = Crew()
    shift: Shift = Shift()
    jobs: Jobs = ()
    texts: Texts = Texts()
    filed: Filed | None = None


class Scene(Struct, frozen=True):
    """What the car itself can say."""

    position: Position | None
    vehicle: VehicleView


Step = tuple[Work, list[Event]]


def begin(badges: tuple[str, ...]) -> Work:
    """What a new terminal starts with: the crew of its configuration."""
    return Work(crew=Crew(aboard=tuple(Member(badge) for badge in badges)))


def restored(work: Work) -> Work:
    """What the last run left."""
    return replace(work, crew=crew.restored(work.crew))


def desired(work: Work, state: DesiredState) -> Work:
    """What headquarters wants the car to show."""
    return replace(
        work,
        jobs=jobs.desired(work.jobs, state.jobs),
        texts=texts.desired(work.texts, state.texts),
        told_epoch=state.epoch,
        crew=replace(work.crew, roster=state.roster),
    )


def is_of_another(work: Work, epoch: str) -> bool:
    """Whether what is called received is so of another store than headquarters has, as far as either is known."""
    return bool(epoch and work.epoch) and epoch != work.epoch


def in_store(work: Work, epoch: str) -> Work:
    """Headquarters has the store of this epoch: what another one had is not known to be in it."""
    if epoch in ("", work.epoch):
        return work
    if not work.epoch:
        return replace(work, epoch=epoch)
    filed = work.filed and replace(work.filed, received=False)
    return replace(work, epoch=epoch, texts=texts.unreceived(work.texts), filed=filed)


def jobs_view(work: Work, fix: Fix | None, speed_mps: float | None) -> tuple[JobView, ...]:
    """What the screen may show of the jobs."""
    return jobs.view(work.jobs, fix, speed_mps, is_present=work.epoch in ("", work.told_epoch))


def received(work: Work, ids: tuple[str, ...]) -> Work:
    """Headquarters has these messages on its disk."""
    known, filed = texts.received(work.texts, ids), work.filed
    if filed is not None and filed.message_id in ids and not filed.received:
        return replace(work, texts=known, filed=replace(filed, received=True))
    return work if known is work.texts else replace(work, texts=known)


def commanded(work: Work, command: WorkCommand, scene: Scene, moment: Moment) -> Step:
    """The crew tapped; what headquarters is told of it."""
    return _COMMANDS[type(command)](work, command, scene, moment)


def _answer(work: Work, command: AnswerJob, scene: Scene, moment: Moment) -> Step:
    after = jobs.answered(work.jobs, command.job, command.step, command.reason)
    if after is None:
        return work, []
    message = JobAnswered(
        **moment.envelope(), job=command.job, step=command.step, reason=command.reason, position=scene.position
    )
    return replace(work, jobs=after), [message]


def _read(work: Work, command: ReadText, _scene: Scene, moment: Moment) -> Step:
    after = texts.read(work.texts, command.text_id)
    if after is None:
        return work, []
    return replace(work, texts=after), [TextRead(**moment.envelope(), text_id=command.text_id)]


def _send(work: Work, command: SendText, scene: Scene, moment: Moment) -> Step:
    message = TextSent(
        **moment.envelope(), text=command.text, code=command.code, answers=command.answers, position=scene.position
    )
    return replace(work, texts=texts.sent(work.texts, message)), [message]


def _report(work: Work, command: FileReport, scene: Scene, moment: Moment) -> Step:
    message = ReportFiled(**moment.envelope(), form=command.form, answers=command.answers, position=scene.position)
    return replace(work, filed=Filed(message.id, command.form, message.utc_ms)), [message]


def _log_in(work: Work, command: LogIn, _scene: Scene, moment: Moment) -> Step:
    after = crew.logged_in(work.crew, command.badge, command.pin, moment.mono_ns)
    new = [one for one in after.aboard if one not in work.crew.aboard]
    told = [_crew_changed(after, one, moment, aboard=True) for one in new]
    return replace(work, crew=after), list(told)


def _log_out(work: Work, command: LogOut, _scene: Scene, moment: Moment) -> Step:
    after = crew.logged_out(work.crew, command.badge)
    gone = [one for one in work.crew.aboard if one not in after.aboard]
    told = [_crew_changed(after, one, moment, aboard=False) for one in gone]
    return replace(work, crew=after), list(told)


def _crew_changed(after: Crew, member: Member, moment: Moment, *, aboard: bool) -> CrewChanged:
    envelope = moment.envelope() | {"who": replace(moment.who, crew=crew.badges(after))}
    return CrewChanged(**envelope, badge=member.badge, aboard=aboard, checked=member.checked)


def _start(work: Work, _command: StartShift, scene: Scene, moment: Moment) -> Step:
    if work.shift.on:
        return work, []
    odometer_km, fuel_percent = scene.vehicle.odometer_km, scene.vehicle.fuel_percent
    message = ShiftStarted(
        **moment.envelope(), odometer_km=odometer_km, fuel_percent=fuel_percent, position=scene.position
    )
    shift = Shift(on=True, began_utc_ms=moment.utc_ms, odometer_km=odometer_km, fuel_percent=fuel_percent)
    return replace(work, shift=shift), [message]


def _end(work: Work, _command: EndShift, scene: Scene, moment: Moment) -> Step:
    if not work.shift.on:
        return work, []
    message = ShiftEnded(
        **moment.envelope(),
        odometer_km=scene.vehicle.odometer_km,
        fuel_percent=scene.vehicle.fuel_percent,
        position=scene.position,
    )
    return replace(work, shift=Shift()), [message]


_COMMANDS = cast(
    dict[type[WorkCommand], Callable[[Work, WorkCommand, Scene, Moment], Step]],
    {
        AnswerJob: _answer,
        ReadText: _read,
        SendText: _send,
        FileReport: _report,
        LogIn: _log_in,
        LogOut: _log_out,
        StartShift: _start,
        EndShift: _end,
    },
)
"""Every command of this kind, once; a test holds this against the types."""


def filed_view(filed: Filed | None) -> FiledView | None:
    """What the screen may show."""
    return None if filed is None else FiledView(form=filed.form, utc_ms=filed.utc_ms, received=filed.received)


def shift_view(shift: Shift) -> ShiftView:
    """What the screen may show."""
    return ShiftView(
        on=shift.on,
        began_utc_ms=shift.began_utc_ms,
        odometer_km=shift.odometer_km,
        fuel_percent=shift.fuel_percent,
    )
