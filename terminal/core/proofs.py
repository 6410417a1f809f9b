"""What came back of an emergency's messages: from the disk, the broker, headquarters and its people. Pure."""

from collections.abc import Collection

from msgspec.structs import replace

from terminal.contract.capsule import AnswerCapsule, epoch_mark, tail_of
from terminal.contract.messages import AlarmStatus, DesiredState, Stored
from terminal.core import following, proving
from terminal.core.alarm import Alarm, Pressed, is_open
from terminal.core.effects import ConfirmPress, Effect, SaveEmergency, SendAlarm
from terminal.core.emergency import (
    Emergency,
    Step,
    notes,
    on_disk,
    open_alarm,
    put,
    unstored,
)
from terminal.core.ladder import TABLE, Cause, Phase
from terminal.core.moment import Moment


def stored(emergency: Emergency, ids: Collection[str]) -> Step:
    """These messages are on disk: the board may let go."""
    after = on_disk(emergency, ids)
    effects: list[Effect] = []
    for alarm, before in zip(after.alarms, emergency.alarms, strict=True):
        effects += notes("alarm-stored", alarm) if alarm.stored and not before.stored else []
    done = [waiting for waiting in emergency.unconfirmed if waiting.message_id in ids]
    effects += [ConfirmPress(waiting.source, waiting.press) for waiting in done]
    return after, effects


def store_failed(emergency: Emergency, ids: tuple[str, ...]) -> Step:
    """The disk refused: the crew is told, the alarm goes out all the same, and the commit is tried again."""
    effects: list[Effect] = []
    for alarm in emergency.alarms:
        if any(message.id in ids for message in alarm.unstored):
            effects += [] if alarm.store_failed else notes("alarm-not-stored", alarm)
            emergency = put(emergency, replace(alarm, store_failed=True))
    return emergency, effects


def published(emergency: Emergency, ids: tuple[str, ...], bearer: str) -> Step:
    """This bearer's network took these messages."""
    effects: list[Effect] = []
    for alarm in emergency.alarms:
        told = tuple(
            replace(one, sent_by=(*one.sent_by, bearer)) if one.id in ids and bearer not in one.sent_by else one
            for one in alarm.told
        )
        if told != alarm.told:
            alarm = replace(alarm, told=told)
            emergency = put(emergency, alarm)
            effects += notes("alarm-sent", alarm, bearer=bearer)
    return emergency, effects


def received(emergency: Emergency, ids: tuple[str, ...], bearer: str, moment: Moment) -> Step:
    """Headquarters has these messages on its disk; one that came without its place still wants its commit here."""
    effects: list[Effect] = []
    for alarm in emergency.alarms:
        told = tuple(
            replace(one, received_by=(*one.received_by, bearer))
            if one.id in ids and bearer not in one.received_by
            else one
            for one in alarm.told
        )
        owed = tuple(message for message in alarm.owed if message.id not in ids)
        after = replace(alarm, told=told, owed=owed)
        if told != alarm.told:
            after = replace(after, phase=TABLE[alarm.phase, Cause.RECEIPT])
            effects += notes("alarm-received", after, bearer=bearer)
        if after != alarm:
            emergency = _proving(put(emergency, after), alarm, after, moment)
            effects.append(SaveEmergency())
    return emergency, effects


def in_store(emergency: Emergency, epoch: str, moment: Moment) -> Step:
    """Headquarters has the store of this epoch; what another one had is not known to be in it.

    Nor is it of what has ended: a store of before may open it again.
    """
    before = emergency.epoch
    if epoch in ("", before):
        return emergency, []
    emergency = replace(emergency, epoch=epoch)
    if not (before and emergency.alarms):
        return emergency, []
    # What the disk never took is in no outbox from which it would be sent again.
    again: list[Effect] = [SendAlarm(message) for message in unstored(emergency)]
    alarms: list[Alarm] = []
    for alarm in emergency.alarms:
        after, told = following.told_again(_unproved(alarm, moment), moment)
        # Of what nobody can prove any more headquarters may tell again.
        alarms += [after] if after.told or not is_open(after) else []
        again += told
    return replace(emergency, alarms=tuple(alarms)), [*again, SaveEmergency()]


def _unproved(alarm: Alarm, moment: Moment) -> Alarm:
    told = tuple(
        replace(one, received_by=(), known=False, mono_ns=moment.mono_ns) if one.received else one for one in alarm.told
    )
    return _owing(replace(alarm, told=told, owed_since_ns=moment.mono_ns), alarm.unstored)


def unreceipted(emergency: Emergency, messages: Collection[Stored]) -> Step:
    """These messages on disk have no receipt of the store that headquarters has now."""
    alarms = tuple(_owing(alarm, messages) for alarm in emergency.alarms)
    return replace(emergency, alarms=alarms), [] if alarms == emergency.alarms else [SaveEmergency()]


def _owing(alarm: Alarm, messages: Collection[Stored]) -> Alarm:
    """The alarm that owes headquarters those of these messages which are its own and not known to be there."""
    there = {one.id for one in alarm.told if one.received} | {message.id for message in alarm.owed}
    mine = [message for message in messages if message.id in alarm.message_ids and message.id not in there]
    return replace(alarm, owed=(*alarm.owed, *mine))


def desired(emergency: Emergency, state: DesiredState, moment: Moment) -> Step:
    """Headquarters says which incidents there are and how it has dealt with them; what it does not name stays as it is.

    It says everything at once, so an answer that a newer one of the same store has overtaken says nothing.
    """
    if is_overtaken(emergency, state):
        return emergency, []
    emergency, effects = following.followed(emergency, state.alarms, moment)
    for status in state.alarms:
        alarm = next((alarm for alarm in emergency.alarms if alarm.incident == status.incident), None)
        if alarm is not None:
            after = _answered_in_full(alarm, status, moment)
            emergency, more = _put_answer(emergency, alarm, after, moment)
            effects += more
    return replace(emergency, answer=(state.epoch, state.revision)), effects


def taken_beside(emergency: Emergency, status: AlarmStatus, moment: Moment) -> Step:
    """A receipt over a bearer beside the brokers says who has taken an incident.

    It may come late and does not say what it was before or after: where a broker has brought an answer, that counts.
    """
    alarm = open_alarm(emergency, status.incident)
    if alarm is None or alarm.answered:
        return emergency, []
    return _put_answer(emergency, alarm, _answered(alarm, status, moment), moment)


def answered_beside(emergency: Emergency, answer: AnswerCapsule, moment: Moment) -> Step:
    """A bearer beside the brokers says who has taken or ended an incident: whichever way brings it first counts.

    It has its place among what brokers bring of the same store. Of a store that is not known here, what any broker
    has brought about this incident counts for more.
    """
    alarm = open_alarm(emergency, answer.incident)
    epoch, revision = emergency.answer
    is_same = bool(epoch) and epoch_mark(epoch) == answer.epoch
    if alarm is None or (answer.revision <= revision if is_same else alarm.answered):
        return emergency, []
    status = AlarmStatus(
        answer.incident, answer.acknowledged_by, answer.cleared_by, answer.reason, signals=answer.signals
    )
    after, effects = _put_answer(emergency, alarm, _answered(alarm, status, moment), moment)
    return (replace(after, answer=(epoch, answer.revision)) if is_same else after), effects


def is_overtaken(emergency: Emergency, state: DesiredState) -> bool:
    """Whether a newer answer of the same store is shown already."""
    epoch, revision = emergency.answer
    return state.epoch == epoch and state.revision < revision


def _put_answer(emergency: Emergency, before: Alarm, after: Alarm, moment: Moment) -> Step:
    if after == before:
        return emergency, []
    return _proving(put(emergency, after), before, after, moment), [*_answer_notes(before, after), SaveEmergency()]


def _proving(emergency: Emergency, before: Alarm, after: Alarm, moment: Moment) -> Emergency:
    """Headquarters has a press: the way there and back is proved; a silent one must not show, not even by this."""
    if after.silent or _received(after) <= _received(before):
        return emergency
    return replace(emergency, proof=proving.proved(moment))


def _received(alarm: Alarm) -> int:
    return sum(one.received for one in alarm.told)


def _answered_in_full(alarm: Alarm, status: AlarmStatus, moment: Moment) -> Alarm:
    """A broker brings every name: who is not in it took the alarm in a store that headquarters has no more."""
    after = _answered(alarm, status, moment)
    taken_by = status.acknowledged_by if after.cleared_by else after.acknowledged_by
    return replace(after, acknowledged_by=taken_by, answered=True)


def _answered(alarm: Alarm, status: AlarmStatus, moment: Moment) -> Alarm:
    every_press = _has_every_press(alarm, status)
    alarm = _known(_given_back(_with_presses(alarm, status), status), status)
    if status.acknowledged_by:
        phase = TABLE[alarm.phase, Cause.ACKNOWLEDGEMENT]
        alarm = replace(alarm, phase=phase, acknowledged_by=status.acknowledged_by, untaken=status.untaken)
    # A press that headquarters had not heard of is not dealt with; when it gets there, the incident is open again.
    if status.cleared_by and every_press:
        # Another bearer may have told it before, in fewer words.
        ended_ns = alarm.cleared_mono_ns if alarm.phase is Phase.CLEARED else moment.mono_ns
        alarm = replace(
            alarm,
            phase=TABLE[alarm.phase, Cause.CLEARANCE],
            cleared_by=status.cleared_by,
            reason=status.reason,
            cleared_mono_ns=ended_ns,
        )
    return alarm


def _has_every_press(alarm: Alarm, status: AlarmStatus) -> bool:
    """Whether headquarters knew of all that was pressed here; by their number, where it does not name them."""
    if status.presses:
        return set(status.presses).issuperset(alarm.presses)
    return status.signals is None or status.signals >= alarm.signals - alarm.elsewhere


def _with_presses(alarm: Alarm, status: AlarmStatus) -> Alarm:
    """The alarm with the presses that a crash made this car forget."""
    presses = tuple(dict.fromkeys((*alarm.presses, *status.presses)))
    return replace(alarm, presses=presses, signals=max(alarm.signals, status.signals or 0))


def _known(alarm: Alarm, status: AlarmStatus) -> Alarm:
    """The alarm with what headquarters must have received, since it knows of it."""
    told = tuple(replace(one, known=one.known or _knew_of(status, one)) for one in alarm.told)
    if told == alarm.told:
        return alarm
    return replace(alarm, told=told, phase=TABLE[alarm.phase, Cause.RECEIPT])


def _knew_of(status: AlarmStatus, one: Pressed) -> bool:
    """Whether this press was meant; where headquarters names none, the first so many of what a person deals with."""
    if status.presses:
        return tail_of(one.id).hex() in status.presses
    most = 1 if status.signals is None else status.signals
    return bool(status.acknowledged_by or status.cleared_by) and one.number <= most


def _given_back(alarm: Alarm, status: AlarmStatus) -> Alarm:
    """The alarm without the names that headquarters does not name any more."""
    ended = alarm.cleared_by and not status.cleared_by
    left = alarm.acknowledged_by and not (status.acknowledged_by or status.cleared_by)
    if not (ended or left):
        return alarm
    phase = TABLE[alarm.phase, Cause.WITHDRAWAL]
    return replace(alarm, phase=phase, acknowledged_by="", cleared_by="", reason="", cleared_mono_ns=None)


def _answer_notes(before: Alarm, after: Alarm) -> list[Effect]:
    effects: list[Effect] = []
    if after.acknowledged_by != before.acknowledged_by:
        effects += notes("alarm-acknowledged" if after.acknowledged_by else "alarm-not-taken", after)
    if after.cleared_by != before.cleared_by:
        effects += notes("alarm-cleared" if after.cleared_by else "alarm-opened-again", after)
    return effects
