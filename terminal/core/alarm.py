"""One alarm of this car: how far it has come, and what may be shown of it. Pure."""

from collections.abc import Iterable
from typing import Annotated

import msgspec
from msgspec import Struct

from terminal.contract.messages import AlarmKind, Stored, Trigger
from terminal.contract.topics import MQTT
from terminal.core.channels import MOST_CLEARED_SHOWN
from terminal.core.ladder import Phase
from terminal.shown import AlarmView, PressView, Urgency

Seconds = Annotated[float, msgspec.Meta(ge=0)]


class AlarmRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the configuration decides about alarms.

    `armed_for_s`: how long a press may be a test once the crew asked for it. `prove_every_s`: after so long the way
    should be proved by a test alarm. `vehicle_events`: signals (VSS) that raise an alarm once they are true for
    `vehicle_event_for_s`.
    """

    not_confirmed_after_s: Seconds = 5.0
    use_the_radio_after_s: Seconds = 20.0
    armed_for_s: Seconds = 15.0
    prove_every_s: Seconds = 86400.0
    vehicle_events: tuple[str, ...] = ()
    vehicle_event_for_s: Seconds = 0.2


class Carried(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one bearer beside the brokers has had of an incident: messages, tries in all, when the next repeat is due.

    The cap outlives a restart of core; a time of another boot says nothing.
    """

    bearer: str
    boot: str
    ids: tuple[str, ...] = ()
    times: int = 0
    again_ns: int = 0


class Spent(Struct, frozen=True, kw_only=True):
    """One try by a bearer beside the brokers, of whatever incident, and when it was."""

    bearer: str
    boot: str
    mono_ns: int


class Pressed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One press that this car tells of, whatever it came from: its message, and what is proved of that.

    `sent_by` and `received_by` are the bearers that took it, or brought headquarters' receipt for it. `known`:
    headquarters has answered about the incident, and knew of it then. Its receipt is waited for since `mono_ns`.
    """

    id: str
    number: int
    mono_ns: int
    stored: bool = False
    sent_by: tuple[str, ...] = ()
    received_by: tuple[str, ...] = ()
    known: bool = False

    @property
    def received(self) -> bool:
        """Whether headquarters has it."""
        return bool(self.received_by) or self.known

    @property
    def sent(self) -> bool:
        """Whether it has left the car."""
        return bool(self.sent_by) or self.received


class Alarm(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One incident of this car; `unstored` are its messages that are not known to be on disk.

    `signals` is the number of the last press; `elsewhere` is how many of these turned out to be in another incident.
    `presses` are the tails (hex) of the messages that tell of its presses, here or at headquarters, and
    `cancelled_signals` how many of them the crew has said were a mistake. `told` are those of this car, the first
    first; there is none while headquarters alone has told of it.

    `owed` are the messages that headquarters is not known to have. `answered`: a broker has brought headquarters'
    answer about it. `untaken`: it has been pressed again since a person took it. Since `owed_since_ns`, if at all,
    headquarters has another store, to which the brokers bring what the one before had.
    """

    incident: str
    kind: AlarmKind
    trigger: Trigger
    silent: bool
    vehicle_event: str = ""
    phase: Phase = Phase.RAISED
    message_ids: tuple[str, ...] = ()
    presses: tuple[str, ...] = ()
    told: tuple[Pressed, ...] = ()
    boot: str
    pressed_mono_ns: int
    signals: int = 1
    elsewhere: int = 0
    store_failed: bool = False
    owed: tuple[Stored, ...] = ()
    owed_since_ns: int = 0
    carried: tuple[Carried, ...] = ()
    unstored: tuple[Stored, ...] = ()
    store_again_ns: int = 0
    answered: bool = False
    acknowledged_by: str = ""
    untaken: bool = False
    cleared_by: str = ""
    reason: str = ""
    cleared_mono_ns: int | None = None
    cancelled_signals: int = 0

    @property
    def raised_id(self) -> str:
        """The first message that tells of a press, "" while none of this car does."""
        return self.told[0].id if self.told else ""

    @property
    def stored(self) -> bool:
        """Whether every press of this car is on its disk."""
        return bool(self.told) and all(one.stored for one in self.told)

    @property
    def sent(self) -> bool:
        """Whether every press has left the car."""
        return all(one.sent for one in self.told)

    @property
    def received(self) -> bool:
        """Whether headquarters has every press."""
        return all(one.received for one in self.told)

    @property
    def taken(self) -> bool:
        """Whether a person has taken it who knew of every press."""
        return bool(self.acknowledged_by) and not self.untaken and all(one.known for one in self.told)

    @property
    def cancelled(self) -> bool:
        """Whether the crew says that it was a mistake, and has not pressed again since."""
        return self.cancelled_signals >= self.signals


def is_open(alarm: Alarm) -> bool:
    """Whether headquarters has not cleared it."""
    return alarm.phase is not Phase.CLEARED


def without_old(alarms: tuple[Alarm, ...], done: Iterable[Alarm]) -> tuple[Alarm, ...]:
    """Without those that are `done` and older than the last few; silent ones push no others out of sight."""
    ended = list(done)
    old = set[str]()
    for silent in (False, True):
        old |= {alarm.incident for alarm in [one for one in ended if one.silent is silent][:-MOST_CLEARED_SHOWN]}
    return tuple(alarm for alarm in alarms if alarm.incident not in old) if old else alarms


def shown(alarms: tuple[Alarm, ...]) -> tuple[Alarm, ...]:
    """What a crew may see: a disk that refuses keeps more of what is cleared, which would cost every turn."""
    return without_old(alarms, (alarm for alarm in alarms if not is_open(alarm)))


def view(alarm: Alarm, now_ns: int, rules: AlarmRules) -> AlarmView:
    """What the screen may show of one alarm."""
    return AlarmView(
        incident=alarm.incident,
        kind=alarm.kind,
        trigger=alarm.trigger,
        silent=alarm.silent,
        signals=alarm.signals - alarm.elsewhere,
        pressed_mono_ns=alarm.pressed_mono_ns,
        stored=alarm.stored,
        store_failed=alarm.store_failed,
        sent=alarm.sent,
        received=alarm.received,
        sent_by=_least(one.sent_by for one in alarm.told),
        received_by=_least(one.received_by for one in alarm.told),
        acknowledged_by=alarm.acknowledged_by,
        taken=alarm.taken,
        cleared_by=alarm.cleared_by,
        reason=alarm.reason,
        cancelled=alarm.cancelled,
        urgency=urgency(alarm, now_ns, rules),
        vehicle_event=alarm.vehicle_event,
        presses=tuple(PressView(one.id, kept=one.stored or one.received) for one in alarm.told),
    )


def _least(bearers: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Of the presses' bearers those that prove least: none, or else other ones than the brokers."""
    return min(bearers, key=lambda by: (MQTT in by, len(by)), default=())


def urgency(alarm: Alarm, now_ns: int, rules: AlarmRules) -> Urgency:
    """What the crew must be told because headquarters has not received every press, by the oldest that it lacks."""
    since_ns = min((one.mono_ns for one in alarm.told if not one.received), default=None)
    if since_ns is None or not is_open(alarm):
        return Urgency.NONE
    age_s = (now_ns - since_ns) / 1e9
    if age_s < rules.not_confirmed_after_s:
        return Urgency.NONE
    return Urgency.NOT_CONFIRMED if age_s < rules.use_the_radio_after_s else Urgency.USE_THE_RADIO


def rung(alarms: tuple[Alarm, ...]) -> str:
    """The lowest proved rung of the open alarms that are not silent, for the button's lamp; "" when there is none."""
    rungs = ["pressed", "stored", "sent", "received", "acknowledged"]
    heights = [_height(alarm) for alarm in alarms if is_open(alarm) and not alarm.silent]
    return rungs[min(heights)] if heights else ""


def _height(alarm: Alarm) -> int:
    proved = (alarm.taken, alarm.received, alarm.sent, alarm.stored)
    return next((4 - index for index, proof in enumerate(proved) if proof), 0)
