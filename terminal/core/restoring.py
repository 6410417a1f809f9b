"""What an earlier run left on disk, put together with what happened since: the disk may have given it late. Pure."""

from msgspec.structs import replace

from terminal.contract.messages import AlarmKind, Stored
from terminal.core import emergency, proofs, proving, vehicle_events
from terminal.core.alarm import Alarm, Carried, Pressed, is_open
from terminal.core.calling import REMEMBERED_PRESSES
from terminal.core.emergency import Emergency
from terminal.core.ladder import Phase
from terminal.core.moment import Moment
from terminal.core.state import Rules

HEIGHT = list(Phase)


def merged(now: Emergency, saved: Emergency, moment: Moment, rules: Rules) -> Emergency:
    """Both together: of an incident that both know, what is newer or has come further, with the messages of both."""
    before = emergency.restored(saved, moment, rules.alarms, rules.check_in)
    before, _ = proofs.in_store(before, now.epoch, moment)
    since = {alarm.incident: alarm for alarm in now.alarms}
    older = [_joined(alarm, since.pop(alarm.incident, alarm)) for alarm in before.alarms]
    presses = dict.fromkeys((*before.presses, *now.presses))
    return Emergency(
        alarms=(*older, *since.values()),
        answer=now.answer if any(now.answer) else before.answer,
        epoch=before.epoch,
        presses=tuple(presses)[-REMEMBERED_PRESSES:],
        spent=(*before.spent, *now.spent),
        unconfirmed=(*before.unconfirmed, *now.unconfirmed),
        check_in=now.check_in or before.check_in,
        vehicle_events=vehicle_events.merged(before.vehicle_events, now.vehicle_events),
        proof=proving.later(before.proof, now.proof),
    )


def _joined(before: Alarm, now: Alarm) -> Alarm:
    if before == now:
        return before
    further = _further(before, now)
    # What was known of an alarm that had ended says nothing of the press that came since.
    known = (now,) if before.phase is Phase.CLEARED and is_open(further) else (before, now)
    presses = _both(before.presses, now.presses)
    count = len(presses) if before.kind is now.kind else 0
    return replace(
        further,
        # The press of a test that was told again after a crash counted as real, and headquarters was told so.
        kind=AlarmKind.REAL if AlarmKind.REAL in (before.kind, now.kind) else before.kind,
        trigger=before.trigger,
        message_ids=_both(before.message_ids, now.message_ids),
        presses=presses,
        signals=max(before.signals, now.signals, count),
        elsewhere=max(before.elsewhere, now.elsewhere),
        pressed_mono_ns=min(alarm.pressed_mono_ns for alarm in known),
        told=_told(before.told, now.told),
        owed=_together(before.owed, now.owed),
        owed_since_ns=max(before.owed_since_ns, now.owed_since_ns),
        carried=_carried(before.carried, now.carried),
        unstored=_together(before.unstored, now.unstored),
        cancelled_signals=max(before.cancelled_signals, now.cancelled_signals),
    )


def _carried(before: tuple[Carried, ...], now: tuple[Carried, ...]) -> tuple[Carried, ...]:
    """What each bearer has had, as it was on disk where it was there."""
    known = {one.bearer for one in before}
    return (*before, *(one for one in now if one.bearer not in known))


def _told(before: tuple[Pressed, ...], now: tuple[Pressed, ...]) -> tuple[Pressed, ...]:
    """The presses of both; what either proves of one is proved."""
    since = {one.id: one for one in now}
    older = [_proved(one, since.pop(one.id, one)) for one in before]
    return (*older, *since.values())


def _proved(before: Pressed, now: Pressed) -> Pressed:
    return replace(
        before,
        mono_ns=min(before.mono_ns, now.mono_ns),
        stored=before.stored or now.stored,
        sent_by=_both(before.sent_by, now.sent_by),
        received_by=_both(before.received_by, now.received_by),
        known=before.known or now.known,
    )


def _further(before: Alarm, now: Alarm) -> Alarm:
    is_pressed = not set(now.presses).issubset(before.presses)
    # What headquarters has said since is newer, and a press that it had not heard of is not dealt with.
    if now.answered or (before.phase is Phase.CLEARED and is_pressed):
        return now
    return max(before, now, key=lambda alarm: HEIGHT.index(alarm.phase))


def _both(*parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for part in parts for one in part))


def _together(before: tuple[Stored, ...], now: tuple[Stored, ...]) -> tuple[Stored, ...]:
    known = {message.id for message in before}
    return (*before, *(message for message in now if message.id not in known))
