"""What headquarters has, by its receipts over any bearer, and in which store: each as a step of the state. Pure.

A receipt speaks of one store. What is called received is so of the one that headquarters has now, never of one before.
"""

from collections.abc import Callable
from typing import cast

from msgspec.structs import replace

from terminal.contract.messages import AlarmStatus, DutyChanged
from terminal.core import carrying, duty, proofs, work
from terminal.core.effects import Effect, SaveWork, StoreEvent
from terminal.core.inputs import CapsuleAnswered, CapsuleReceipted, HeartbeatHeard, Input, Received, Unreceipted
from terminal.core.line import after_beat
from terminal.core.moment import Moment
from terminal.core.state import Rules, State, with_emergency

Step = tuple[State, list[Effect]]


def _heartbeat(state: State, heard: HeartbeatHeard, moment: Moment, _rules: Rules) -> Step:
    beat = heard.heartbeat
    state = replace(state, line=after_beat(state.line, beat, moment.mono_ns))
    return _in_store(state, beat.epoch, moment)


def _received(state: State, received: Received, moment: Moment, _rules: Rules) -> Step:
    """A receipt of another store than the one that headquarters has now says nothing."""
    if received.epoch and state.line.epoch not in ("", received.epoch):
        return state, []
    if received.recalled:
        return _recalled(state, received, moment)
    state, effects = _in_store(state, received.epoch, moment)
    state = replace(state, duty=duty.received(state.duty, received.ids), work=work.received(state.work, received.ids))
    after, more = proofs.received(state.emergency, received.ids, received.bearer, moment)
    return with_emergency(state, (after, [*effects, *more]))


def _recalled(state: State, received: Received, moment: Moment) -> Step:
    """Where what was saved beside it is said of another store, nobody knows which of the two is the newer one."""
    done = work.in_store(state.work, received.epoch)
    if not work.is_of_another(state.work, received.epoch):
        done = work.received(done, received.ids)
    state = replace(state, work=done)
    if state.emergency.epoch not in ("", received.epoch):
        return state, []
    emergency, _ = proofs.in_store(state.emergency, received.epoch, moment)
    after, effects = proofs.received(emergency, received.ids, received.bearer, moment)
    return with_emergency(state, (replace(after, proof=emergency.proof), effects))


def _in_store(state: State, epoch: str, moment: Moment) -> Step:
    """Headquarters has the store of this epoch: what another one had is not known to be in it."""
    effects: list[Effect] = []
    if work.is_of_another(state.work, epoch):
        state = replace(state, duty=duty.unreceived(state.duty))
        # Before the disk has told what the last run left, this would take its place.
        effects = [SaveWork()] if state.restored else []
    state = replace(state, work=work.in_store(state.work, epoch))
    state, more = with_emergency(state, proofs.in_store(state.emergency, epoch, moment))
    return state, [*effects, *more]


def _unreceipted(state: State, told: Unreceipted, moment: Moment, _rules: Rules) -> Step:
    """A duty status of which the outbox has nothing any more is told anew."""
    state, effects = with_emergency(state, proofs.unreceipted(state.emergency, told.messages))
    known = state.duty
    if known.received or not known.message_id or known.message_id in told.events:
        return state, effects
    message = DutyChanged(**moment.envelope(), status=known.status)
    return replace(state, duty=duty.Duty(known.status, message.id)), [*effects, StoreEvent(message)]


def _receipted(state: State, told: CapsuleReceipted, moment: Moment, _rules: Rules) -> Step:
    """A receipt that names a message of another life of this car says nothing."""
    receipt = told.receipt
    message_id = carrying.named_by(state.emergency, receipt.incident, receipt.tail)
    if message_id is None:
        return state, []
    state, effects = with_emergency(state, proofs.received(state.emergency, (message_id,), told.bearer, moment))
    if not receipt.acknowledged_by:
        return state, effects
    status = AlarmStatus(receipt.incident, acknowledged_by=receipt.acknowledged_by, signals=receipt.signals)
    state, more = with_emergency(state, proofs.taken_beside(state.emergency, status, moment))
    return state, [*effects, *more]


def _answered_beside(state: State, told: CapsuleAnswered, moment: Moment, _rules: Rules) -> Step:
    """It is headquarters' receipt too, if it names a message of this life of the car, and says nothing if not."""
    answer = told.answer
    message_id = carrying.named_by(state.emergency, answer.incident, answer.tail)
    if message_id is None:
        return state, []
    state, effects = with_emergency(state, proofs.received(state.emergency, (message_id,), told.bearer, moment))
    state, more = with_emergency(state, proofs.answered_beside(state.emergency, answer, moment))
    return state, [*effects, *more]


STEPS = cast(
    dict[type[Input], Callable[[State, Input, Moment, Rules], Step]],
    {
        HeartbeatHeard: _heartbeat,
        Received: _received,
        Unreceipted: _unreceipted,
        CapsuleReceipted: _receipted,
        CapsuleAnswered: _answered_beside,
    },
)
