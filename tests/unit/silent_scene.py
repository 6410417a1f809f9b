"""One shift told twice, to a car in which somebody raises a silent alarm and to one in which nobody does."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from hal.readings import ButtonHealth, ButtonState, LinkQuality, Press, SourceHealth
from terminal.asked import CancelAlarm, RaiseAlarm, SetDuty
from terminal.contract.messages import AlarmStatus, DesiredState, Heartbeat
from terminal.core.carrying import Carrying
from terminal.core.effects import Effect
from terminal.core.emergency import Alarm, Emergency
from terminal.core.inputs import (
    CarryFailed,
    Commanded,
    HeartbeatHeard,
    Input,
    LineChanged,
    Published,
    Received,
    Restored,
    StateDesired,
    Stored,
    StoreFailed,
    Tick,
)
from terminal.link import Snapshot
from tests.unit.core_scene import RULES, Car, fix, places

HIDDEN = [Press("board-2", 9, number) for number in (1, 2)]
Telling = Callable[[Car], Input]


class Told(NamedTuple):
    """What one of the two cars, or both, are told; `silent` is what only the silent alarm brings.

    None: core is started again, and finds everything on disk.
    """

    at_s: float
    what: Input | Telling | None
    silent: bool = False


def silent_alarm(car: Car) -> Alarm:
    return next(alarm for alarm in car.state.emergency.alarms if alarm.silent)


def hidden(at_s: float, press: Press | None, health: ButtonHealth = ButtonHealth.OK) -> ButtonState:
    return ButtonState(source="hidden", mono_ns=round(at_s * 1e9), latched=press, health=health, hidden=True)


def of_messages(kind: Callable[[tuple[str, ...]], Input]) -> Telling:
    return lambda car: kind(silent_alarm(car).message_ids)


def answer(revision: int, **answered: object) -> Telling:
    def told(car: Car) -> Input:
        alarm = silent_alarm(car)
        status = AlarmStatus(alarm.incident, signals=alarm.signals, **answered)  # type: ignore[arg-type]
        return StateDesired(DesiredState(revision=revision, epoch="E", alarms=(status,)))

    return told


BEGIN = [
    Told(0, SourceHealth(source="board", mono_ns=0, up=True)),
    Told(0, SourceHealth(source="hidden", mono_ns=0, up=True)),
    Told(0, ButtonState(source="board", mono_ns=0)),
    Told(0, hidden(0, None)),
    Told(1, fix(1)),
    Told(2, Commanded(SetDuty(status="on-scene"))),
]
ONLINE = [
    Told(3, LineChanged(connected=True, broker="b")),
    Told(3, HeartbeatHeard(Heartbeat(epoch="E", storing=True, attended=True))),
    Told(3, StateDesired(DesiredState(revision=1, epoch="E"))),
]
RAISED = [
    Told(10, hidden(10, HIDDEN[0]), silent=True),
    Told(10, of_messages(lambda ids: StoreFailed(ids, "the disk is full")), silent=True),
    Told(10, of_messages(lambda ids: Stored(places(*ids))), silent=True),
    Told(11, fix(11)),
    Told(12, hidden(12, HIDDEN[0], ButtonHealth.STUCK), silent=True),
    Told(13, Tick()),
    Told(14, hidden(14, None), silent=True),
    Told(15, Commanded(RaiseAlarm(silent=True)), silent=True),
    Told(15, of_messages(lambda ids: Stored(places(*ids))), silent=True),
    Told(18, Tick()),
]
ANSWERED = [
    Told(20, of_messages(Published), silent=True),
    Told(20, of_messages(Received), silent=True),
    Told(21, answer(2, acknowledged_by="Novak"), silent=True),
    Told(21, lambda car: StoreFailed((car.state.confirming,), "the disk is full"), silent=True),
    Told(22, Tick()),
]
LOUD = [
    Told(25, ButtonState(source="board", mono_ns=0, latched=Press("board-1", 7, 1))),
    Told(32, Tick()),
]
ENDED = [
    Told(35, lambda car: Commanded(CancelAlarm(incident=silent_alarm(car).incident)), silent=True),
    Told(36, answer(3, acknowledged_by="Novak", cleared_by="Kos", reason="spoken to"), silent=True),
    Told(37, hidden(37, HIDDEN[1]), silent=True),
    Told(38, Tick()),
    Told(50, Tick()),
]
BY_SMS = [
    Told(13, lambda car: CarryFailed("sms", silent_alarm(car).incident, "no network", spent=False), silent=True),
    Told(48, Tick()),
    Told(48, of_messages(lambda ids: Published(ids, "sms")), silent=True),
    Told(49, of_messages(lambda ids: Received(ids, "sms")), silent=True),
    Told(50, lambda car: LinkQuality(source="modem", mono_ns=round(50e9), registered=True)),
]
SHIFTS = {
    "on a good line": [*BEGIN, *ONLINE, *RAISED, *ANSWERED, *ENDED],
    "beside a loud alarm": [*BEGIN, *ONLINE, *RAISED, *ANSWERED, *LOUD, *ENDED],
    "offline": [*BEGIN, *RAISED, *LOUD, *ENDED[:1], Told(50, Tick()), Told(90, Tick())],
    "over another bearer": [*BEGIN, *RAISED, *BY_SMS, Told(60, Tick()), *ENDED],
    "and core is started again": [*BEGIN, *ONLINE, *RAISED, Told(19, None), *ANSWERED, *LOUD, Told(33, None), *ENDED],
}
BEARERS = replace(RULES, carrying={"sms": Carrying(after_s=1.0)})


class Seen(NamedTuple):
    """What both cars show after one thing was told, and what they did because of it."""

    with_it: Snapshot
    without_it: Snapshot
    effects_with: list[Effect]
    effects_without: list[Effect]


def twins(shift: list[Told]) -> Iterator[Seen]:
    """Both cars through the same shift, step by step."""
    with_it, without_it = Car(rules=BEARERS), Car(rules=BEARERS)
    for told in shift:
        if told.what is None:
            with_it, effects = started_again(with_it, told.at_s)
            without_it, effects_without = started_again(without_it, told.at_s)
        else:
            what = told.what(with_it) if callable(told.what) else told.what
            effects = with_it.take(what, told.at_s)
            effects_without = [] if told.silent else without_it.take(what, told.at_s)
        yield Seen(with_it.shown_at(told.at_s), without_it.shown_at(told.at_s), effects, effects_without)


def started_again(car: Car, at_s: float) -> tuple[Car, list[Effect]]:
    after = Car(rules=car.rules)
    after._numbers = car._numbers
    saved = msgspec.json.decode(msgspec.json.encode(car.state.emergency), type=Emergency)
    return after, after.take(Restored(saved, None), at_s)


def without_silent(snapshot: Snapshot) -> Snapshot:
    """What is left of a snapshot for everybody but the crew."""
    return replace(snapshot, alarms=tuple(alarm for alarm in snapshot.alarms if not alarm.silent))
