"""One input, one step: (state, input, moment) to (state, effects). Pure."""

from collections.abc import Callable, Collection
from typing import cast
from uuid import UUID

from msgspec.structs import replace

from terminal.asked import AlarmCommand, SetDuty, WorkCommand, WorkshopCommand
from terminal.contract.messages import (
    DutyChanged,
    SourceChanged,
    StateConfirmed,
    TerminalStarted,
)
from terminal.contract.topics import MQTT
from terminal.core import (
    arming,
    calling,
    carrying,
    commands,
    duty,
    emergency,
    examining,
    learning,
    position,
    proofs,
    receipts,
    reporting,
    restoring,
    sensing,
    vehicle,
    work,
)
from terminal.core.alarm import rung
from terminal.core.effects import (
    Effect,
    Note,
    RecordPoint,
    SaveEmergency,
    SaveWork,
    SendAlarm,
    ShowRung,
    StoreEvent,
)
from terminal.core.emergency import Emergency
from terminal.core.inputs import (
    CarryFailed,
    Commanded,
    Doubted,
    Input,
    LineChanged,
    OutboxRepaired,
    PendingCounted,
    PictureSeen,
    Published,
    PublishRefused,
    Restored,
    StateDesired,
    Stored,
    StoreFailed,
    Tick,
    TimerSaved,
)
from terminal.core.line import after_change, looked_at
from terminal.core.moment import Moment
from terminal.core.scene import scene_of
from terminal.core.state import Rules, State, current_fix, with_emergency
from terminal.shown import PictureView
from terminal.version import VERSION

Step = tuple[State, list[Effect]]

DOUBTED = "headquarters is not believed: "
"""How a problem of the line begins that a true word of headquarters ends."""
OUTBOX = "outbox"
"""As what headquarters is told of the outbox's own troubles."""


def step(state: State, told: Input, moment: Moment, rules: Rules) -> Step:
    """The state after this input, and what is to be done because of it."""
    state, effects = STEPS[type(told)](state, told, moment, rules)
    state = examining.noticed(state, told, moment, rules)
    return _carry(state, effects, moment, rules)


def _carry(state: State, effects: list[Effect], moment: Moment, rules: Rules) -> Step:
    """Whatever came: an alarm that the brokers do not bring to headquarters goes over the other bearers."""
    line = looked_at(state.line, moment.mono_ns, rules.supervision)
    if line is not state.line:
        state = replace(state, line=line)
    if not (rules.carrying and state.emergency.alarms):
        return state, effects
    where = position.report(state.place, moment.mono_ns)
    state, more = with_emergency(state, carrying.due(state.emergency, rules.carrying, line.down_mono_ns, where, moment))
    return state, [*effects, *more] if more else effects


def _tick(state: State, _tick: Tick, moment: Moment, rules: Rules) -> Step:
    if state.arming is not None:
        state = replace(state, arming=arming.ticked(state.arming, moment.mono_ns))
    called, effects = _called_by_time(state, moment, rules)
    after, more = emergency.ticked(called, moment)
    return with_emergency(state, (after, [*effects, *more]))


def _called_by_time(state: State, moment: Moment, rules: Rules) -> tuple[Emergency, list[Effect]]:
    """Nobody answered in time, or the car told of a crash and then no more."""
    before = state.emergency
    if not (before.check_in or before.vehicle_events):
        return before, []
    scene = scene_of(state, moment)
    missed, effects = calling.unanswered(before, scene, moment)
    after, more = calling.vehicle_waited(missed, scene, moment, rules.alarms)
    return after, [*effects, *more]


def _commanded(state: State, commanded: Commanded, moment: Moment, rules: Rules) -> Step:
    command = commanded.command
    if isinstance(command, SetDuty):
        return _duty(state, command, moment, rules)
    if isinstance(command, AlarmCommand):
        after, effects = commands.taken(state, command, scene_of(state, moment), moment, rules)
        return with_emergency(replace(after, emergency=state.emergency), (after.emergency, effects))
    if isinstance(command, WorkshopCommand):
        return examining.commanded(state, command, moment, rules)
    return _work(state, command, moment)


def _work(state: State, command: WorkCommand, moment: Moment) -> Step:
    driven = vehicle.view(state.vehicle, state.place.fix, moment.mono_ns)
    scene = work.Scene(position.report(state.place, moment.mono_ns), driven)
    after, messages = work.commanded(state.work, command, scene, moment)
    effects: list[Effect] = [StoreEvent(message) for message in messages]
    notes = [Note("work-done", {"what": str(type(message).__struct_config__.tag)}) for message in messages]
    return replace(state, work=after), [SaveWork(), *effects, *notes]


def _duty(state: State, command: SetDuty, moment: Moment, rules: Rules) -> Step:
    if not duty.is_status(rules.profile, command.status) or command.status == state.duty.status:
        return state, []
    where = position.report(state.place, moment.mono_ns)
    message = DutyChanged(**moment.envelope(), status=command.status, position=where)
    effects: list[Effect] = [StoreEvent(message), Note("duty-changed", {"status": command.status})]
    state = replace(state, duty=duty.Duty(command.status, message.id))
    fix = current_fix(state, moment.mono_ns)
    if fix is not None:
        effects.append(RecordPoint(reporting.point_of(fix, state.vehicle, UUID(moment.new_id()).bytes, moment.utc_ms)))
        state = replace(state, reported=reporting.Reported(moment.mono_ns, fix))
    return state, effects


def _stored(state: State, stored: Stored, _moment: Moment, _rules: Rules) -> Step:
    ids = stored.places.keys()
    if not _unseen(state, ids):
        state = replace(state, line=replace(state.line, disk_problem=""))
    return with_emergency(state, proofs.stored(state.emergency, ids))


def _unseen(state: State, ids: Collection[str]) -> bool:
    """Whether these messages are all of silent alarms, or confirm an answer: nothing that becomes of them may show."""
    return bool(ids) and emergency.are_silent(state.emergency, set(ids) - {state.confirming})


def _store_failed(state: State, failed: StoreFailed, _moment: Moment, _rules: Rules) -> Step:
    new = failed.problem != state.line.disk_problem
    state, effects = with_emergency(state, proofs.store_failed(state.emergency, failed.ids))
    if _unseen(state, failed.ids):
        return state, effects
    state = replace(state, line=replace(state.line, disk_problem=failed.problem))
    return state, [*effects, Note("store-failed", {"problem": failed.problem})] if new else effects


def _timer_saved(state: State, saved: TimerSaved, _moment: Moment, _rules: Rules) -> Step:
    return replace(state, saved_timer=saved.incident), []


def _restored(state: State, told: Restored, moment: Moment, rules: Rules) -> Step:
    """Go on where the last run ended; the crew's own word since then counts for more."""
    saved = emergency.in_full(told.emergency or Emergency(), told.owed)
    together = restoring.merged(state.emergency, saved, moment, rules)
    effects: list[Effect] = [SendAlarm(message) for alarm in together.alarms for message in alarm.unstored]
    effects += [SaveEmergency(), ShowRung(rung(together.alarms))]
    effects += [StoreEvent(TerminalStarted(**moment.envelope(), version=VERSION))]
    kept = state.work if told.work is None else work.in_store(work.restored(told.work), state.work.epoch)
    state = replace(state, emergency=together, zones=told.zones, restored=True, work=kept)
    if state.duty.message_id:
        return state, effects
    before = told.duty or ""
    status = before if duty.is_status(rules.profile, before) else state.duty.status
    message = DutyChanged(**moment.envelope(), status=status)
    return replace(state, duty=duty.Duty(status, message.id)), [*effects, StoreEvent(message)]


def _repaired(state: State, repaired: OutboxRepaired, moment: Moment, _rules: Rules) -> Step:
    """What stood in the damaged outbox is not stored any more; headquarters learns why numbers begin anew."""
    if repaired.problem == state.repaired:
        return state, []
    message = SourceChanged(**moment.envelope(), source=OUTBOX, up=True, problem=repaired.problem)
    state = replace(state, repaired=repaired.problem)
    state, effects = with_emergency(state, emergency.off_disk(state.emergency, moment))
    return state, [*effects, StoreEvent(message), Note("outbox-repaired", {"problem": repaired.problem})]


def _published(state: State, published: Published, moment: Moment, _rules: Rules) -> Step:
    if published.bearer == MQTT and not _unseen(state, published.ids):
        problem = "" if published.ids else state.line.problem
        state = replace(state, line=replace(state.line, broker_heard_mono_ns=moment.mono_ns, problem=problem))
    return with_emergency(state, proofs.published(state.emergency, published.ids, published.bearer))


def _not_carried(state: State, told: CarryFailed, _moment: Moment, _rules: Rules) -> Step:
    after = carrying.failed(state.emergency, told.bearer, told.incident, told.problem, spent=told.spent)
    return with_emergency(state, after)


def _desired(state: State, told: StateDesired, moment: Moment, _rules: Rules) -> Step:
    epoch, revision = told.state.epoch, told.state.revision
    # What another store said is not what is so now: it may have been under way since before a backup was restored.
    # Until a heartbeat tells which store that is, it is the one that the last run knew.
    present = state.line.epoch or state.emergency.epoch or epoch
    if epoch not in ("", present) or proofs.is_overtaken(state.emergency, told.state):
        return state, []
    state, effects = with_emergency(state, proofs.desired(state.emergency, told.state, moment))
    if (epoch, revision) == state.confirmed:
        return state, effects
    state = replace(state, work=work.desired(state.work, told.state))
    # Before the disk has told of earlier alarms and jobs, they are not as headquarters says: it says it again.
    if not state.restored:
        return state, effects
    confirmed = StateConfirmed(**moment.envelope(), revision=revision, epoch=epoch)
    state = replace(state, confirmed=(epoch, revision), confirming=confirmed.id)
    return state, [*effects, SaveWork(), StoreEvent(confirmed)]


def _picture(state: State, seen: PictureSeen, moment: Moment, _rules: Rules) -> Step:
    return replace(state, picture=PictureView(seen.picture, moment.mono_ns)), []


def _line(state: State, line: LineChanged, moment: Moment, _rules: Rules) -> Step:
    before = state.line
    state, effects = learning.lost_or_back(state, line, moment)
    state = replace(state, line=after_change(state.line, line, moment.mono_ns))
    if (before.connected, before.problem) == (line.connected, line.problem):
        return state, effects
    event = "connected" if line.connected else "disconnected"
    return state, [*effects, Note(event, {"broker": line.broker, "problem": line.problem})]


def _refused(state: State, refused: PublishRefused, moment: Moment, _rules: Rules) -> Step:
    new = state.line.problem != refused.problem
    line = replace(state.line, problem=refused.problem, broker_heard_mono_ns=moment.mono_ns)
    state = replace(state, line=line)
    return state, [Note("publish-refused", {"problem": refused.problem})] if new else []


def _doubted(state: State, doubted: Doubted, _moment: Moment, _rules: Rules) -> Step:
    line = state.line
    problem = f"{DOUBTED}{doubted.problem}" if doubted.problem else ""
    if problem or line.problem.startswith(DOUBTED):
        line = replace(line, problem=problem)
    notes: list[Effect] = [Note("headquarters-doubted", {"problem": problem})] if problem else []
    return replace(state, line=line), notes if line != state.line else []


def _pending(state: State, counted: PendingCounted, _moment: Moment, _rules: Rules) -> Step:
    return replace(state, line=replace(state.line, pending=counted.pending)), []


STEPS = (
    sensing.STEPS
    | examining.STEPS
    | receipts.STEPS
    | cast(
        dict[type[Input], Callable[[State, Input, Moment, Rules], Step]],
        {
            Tick: _tick,
            Commanded: _commanded,
            Stored: _stored,
            StoreFailed: _store_failed,
            TimerSaved: _timer_saved,
            Restored: _restored,
            OutboxRepaired: _repaired,
            Published: _published,
            CarryFailed: _not_carried,
            StateDesired: _desired,
            PictureSeen: _picture,
            LineChanged: _line,
            PublishRefused: _refused,
            Doubted: _doubted,
            PendingCounted: _pending,
        },
    )
)
"""Every kind of input, once; a test holds this against the types."""
