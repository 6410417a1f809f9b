"""Signals of the car that call for help by themselves, such as an airbag's: once for each event. Pure."""

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from hal.readings import VehicleSignals
from terminal.core.channels import stale_after_ns


class VehicleEvent(Struct, frozen=True, kw_only=True):
    """One signal: whether it `called`, and since when it has said the opposite of that.

    Its incident is named before it calls, so that a crash in that moment leads to no second one.
    """

    path: str
    incident: str
    called: bool = False
    since_ns: int | None = None


Events = tuple[VehicleEvent, ...]


def apply(
    events: Events, reading: VehicleSignals, watched: tuple[str, ...], for_s: float, new_incident: Callable[[], str]
) -> tuple[Events, Events]:
    """The events after a reading, and those among them that call now: true for so long, with no other word between."""
    known = {event.path: event for event in events}
    calling: list[VehicleEvent] = []
    for path in watched:
        value = reading.signals.get(path)
        if not isinstance(value, bool) or not (value or path in known):
            continue
        before = known.pop(path, None) or VehicleEvent(path=path, incident=new_incident())
        after = _told(before, value, reading.mono_ns, round(for_s * 1e9))
        if after is not None:
            known[path] = after
            calling += [after] if after.called and not before.called else []
    return tuple(known.values()), tuple(calling)


def waited(events: Events, now_ns: int, for_s: float) -> tuple[Events, Events]:
    """The events after a while without a word, and those that call now: a crash may have silenced the bus as well.

    Not before what was told last is stale: the next word of a sound bus may come as seldom as that.
    """
    for_ns = max(round(for_s * 1e9), stale_after_ns(VehicleSignals))
    calling = {
        event.path: replace(event, called=True, since_ns=None)
        for event in events
        if not event.called and event.since_ns is not None and now_ns - event.since_ns >= for_ns
    }
    return tuple(calling.get(event.path, event) for event in events), tuple(calling.values())


def _told(event: VehicleEvent, value: bool, at_ns: int, for_ns: int) -> VehicleEvent | None:
    """None when the event is over, and the signal may call again."""
    if value is event.called:
        return replace(event, since_ns=None)
    since_ns = at_ns if event.since_ns is None else event.since_ns
    if at_ns - since_ns < for_ns:
        return replace(event, since_ns=since_ns)
    return None if event.called else replace(event, called=True, since_ns=None)


def restored(events: Events) -> Events:
    """The events as they were on disk, in this boot."""
    return tuple(replace(event, since_ns=None) for event in events)


def merged(saved: Events, now: Events) -> Events:
    """Both together: what called once has called."""
    known = {event.path: event for event in saved}
    for event in now:
        before = known.get(event.path)
        known[event.path] = before if before is not None and before.called and not event.called else event
    return tuple(known.values())


def to_save(events: Events) -> tuple[tuple[str, str, bool], ...]:
    """What of them must outlive core: since when a signal has spoken need not."""
    return tuple((event.path, event.incident, event.called) for event in events)
