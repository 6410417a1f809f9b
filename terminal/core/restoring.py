"""What an earlier run left on disk, put together with what happened since: the disk may have given it late. Pure."""

from msgspec.structs import replace

from terminal.contract.messages import AlarmKind, Stored
from terminal.core import emergency, proving, vehicle_events
from terminal.core.alarm import Alarm, is_open
from terminal.core.calling import REMEMBERED_PRESSES
from terminal.core.emergency import Emergency
from terminal.core.ladder import Phase
from terminal.core.moment import Moment
from terminal.core.state import Rules

HEIGHT = list(Phase)


def merged(now: Emergency, saved: Emergency, moment: Moment, rules: Rules) -> Emergency:
    """Both together: of an incident that both know, the one that has come further, with the messages of both."""
    before = emergency.restored(saved, moment, rules.alarms, rules.check_in)
    since = {alarm.incident: alarm for alarm in now.alarms}
    older = [_joined(alarm, since.pop(alarm.incident, alarm)) for alarm in before.alarms]
    presses = dict.fromkeys((*before.presses, *now.presses))
    return Emergency(
        alarms=(*older, *since.values()),
        answer=now.answer if any(now.answer) else before.answer,
        presses=tuple(presses)[-REMEMBERED_PRESSES:],
        unconfirmed=(*before.unconfirmed, *now.unconfirmed),
        check_in=now.check_in or before.check_in,
        vehicle_events=vehicle_events.merged(before.vehicle_events, now.vehicle_events),
        proof=proving.later(before.proof, now.proof),
    )


def _joined(before: Alarm, now: Alarm) -> Alarm:
    if before == now:
        return before
    # The same press, told again by its board after a clearance, has opened the incident again at headquarters.
    open_again = before.phase is Phase.CLEARED and is_open(now)
    further = now if open_again else max(before, now, key=lambda alarm: HEIGHT.index(alarm.phase))
    # The press of a test that was told again after a crash counted as real, and headquarters was told so.
    kind = AlarmKind.REAL if AlarmKind.REAL in (before.kind, now.kind) else before.kind
    return replace(
        further,
        kind=kind,
        message_ids=tuple(dict.fromkeys((*before.message_ids, *now.message_ids))),
        signals=max(before.signals, now.signals),
        owed=_together(before.owed, now.owed),
        carried=before.carried or now.carried,
        stored=before.stored or now.stored,
        unstored=_together(before.unstored, now.unstored),
        cancelled=before.cancelled or now.cancelled,
    )


def _together(before: tuple[Stored, ...], now: tuple[Stored, ...]) -> tuple[Stored, ...]:
    known = {message.id for message in before}
    return (*before, *(message for message in now if message.id not in known))
