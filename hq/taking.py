"""What one batch of publications, or one act of a dispatcher, does to the store: each in one transaction."""

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from hq import incidents
from hq.arrivals import Account, Publication
from hq.incidents import Incident, Key, NotPossible
from hq.store import Kept, Store
from hq.units import LastKnown
from terminal.contract.dead_zones import DeadZones
from terminal.contract.messages import (
    AlarmCancelled,
    AlarmMoved,
    AlarmRaised,
    AlarmSignalled,
    StateConfirmed,
    Thinned,
)

Alarms = AlarmRaised | AlarmSignalled | AlarmCancelled | AlarmMoved


class Taken(Struct, frozen=True):
    """What a batch came to: what was new or clashed, and each incident that it changed, as it is now."""

    kept: Kept
    incidents: dict[Key, Incident]


def take(store: Store, batch: Sequence[Publication], units: Iterable[LastKnown], now_ms: int) -> Taken:
    """Put a batch, all that follows from it, and what is now known of its cars on disk; raises DiskFailed."""
    with store.transaction():
        kept = store.keep([one for publication in batch for one in publication.arrivals], now_ms)
        changed: dict[Key, Incident] = {}
        for publication in batch:
            _mean(store, publication, kept.new, changed, now_ms)
        for incident in changed.values():
            store.put_incident(incident)
        for last in units:
            store.put_unit(last)
    return Taken(kept, changed)


def _mean(
    store: Store, publication: Publication, new: frozenset[str], changed: dict[Key, Incident], now_ms: int
) -> None:
    """What a message means besides being kept; a repeat means nothing, and a position is never kept."""
    message, realm, unit = publication.message, publication.realm, publication.unit
    if message is None or not (isinstance(message, AlarmMoved) or message.id in new):
        return
    if isinstance(message, Alarms):
        key = (realm, unit, message.incident)
        known = changed.get(key) or store.incident(key)
        after = incidents.told(known, realm, unit, message, now_ms)
        if after is not None:
            changed[key] = after
        if known is not None and after is not None and after.is_open and not known.is_open:
            store.advance_revision((realm, unit))
    elif isinstance(message, StateConfirmed):
        # One that speaks of an earlier life of this store, from before a backup, confirms no revision of this one.
        if message.epoch in ("", store.epoch):
            store.confirm((realm, unit), message.revision)
    elif isinstance(message, Thinned) and message.place is not None:
        account = Account(realm, unit, message.outbox or message.place.outbox)
        store.give_up(account, message.lane, message.dropped)


def act(store: Store, key: Key, step: Callable[[Incident], Incident]) -> Incident:
    """What a person did to an incident, on disk, and a new revision for its car; raises NotPossible or DiskFailed."""
    with store.transaction():
        known = store.incident(key)
        if known is None:
            raise NotPossible(f"incident {key[2]} is not in the store")
        after = step(known)
        store.put_incident(after)
        store.advance_revision(key[:2])
    return after


def keep_zones(store: Store, zones: DeadZones) -> None:
    """What was learnt of dead zones, on disk; raises DiskFailed."""
    with store.transaction():
        store.put_zones(zones)


def new_epoch(store: Store) -> str:
    """Begin another epoch, since a backup was restored; raises DiskFailed."""
    with store.transaction():
        return store.new_epoch()
