"""What one batch of publications and all that is owed, or one act of a dispatcher, does to the store, each in one
transaction."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hq import escalation, incidents, noting, orders, presses
from hq.arrivals import Account, Publication
from hq.arrivals import Key as ArrivalKey
from hq.audit import Fact, What
from hq.incidents import Incident, Key, NotPossible
from hq.moment import Moment
from hq.orders import Order
from hq.owed import Act, Alarms, Came, Entry, acted, meant, publications
from hq.routes import Route
from hq.store import Kept, Store
from hq.units import Key as UnitKey
from hq.units import LastKnown
from terminal.contract.dead_zones import DeadZones
from terminal.contract.messages import (
    AlarmMoved,
    AlarmRaised,
    AlarmSignalled,
    JobAnswered,
    StateConfirmed,
    TextRead,
    Thinned,
)
from terminal.contract.topics import Lane
from terminal.contract.work import Officer


class Taken(Struct, frozen=True):
    """What a batch came to: what was new or clashed, each incident that it changed, each alarm chain that it proved.

    `again` are the presses that had come before, by another bearer. `homes` are the incidents in which they are, where
    their car has named another one now. `routes` are the ways back to cars, by incident and gateway.
    """

    kept: Kept
    incidents: dict[Key, Incident]
    proved: dict[UnitKey, int]
    again: set[ArrivalKey]
    homes: dict[ArrivalKey, str]
    routes: dict[tuple[Key, str], Route]

    def incident_of(self, publication: Publication) -> Key:
        """The incident here that an alarm message is about."""
        assert isinstance(publication.message, Alarms)
        homes = [self.homes[one.key] for one in publication.arrivals if one.key in self.homes]
        return (publication.realm, publication.unit, homes[0] if homes else publication.message.incident)


def take(
    store: Store, batch: Sequence[Publication], units: Iterable[LastKnown], now: Moment, owed: Sequence[Entry] = ()
) -> Taken:
    """Put what was owed, a batch, all that follows, and what is now known of their cars on disk; raises DiskFailed."""
    came = [*publications(owed), *batch]
    with store.transaction():
        kept = store.keep([one for publication in came for one in publication.arrivals], now.wall_ms)
        taken, untold = Taken(kept, {}, {}, set(), {}, {}), set(kept.new)
        for entry in (*owed, *(Came(publication, now) for publication in batch)):
            if isinstance(entry, Act):
                _acted(store, entry, taken)
            else:
                _took(store, entry, taken, untold)
        for entry in owed:
            _recall(store, entry.key if isinstance(entry, Act) else taken.incident_of(entry.publication), taken)
        for incident in taken.incidents.values():
            store.put_incident(incident)
        for last in units:
            store.put_unit(last)
    return taken


def news(batch: Sequence[Publication], new: Iterable[ArrivalKey]) -> Iterator[Publication]:
    """What means something besides being kept: no repeat, also none within the batch; a position is never kept."""
    untold = set(new)
    return (publication for publication in batch if _is_news(publication, untold))


def _is_news(publication: Publication, untold: set[ArrivalKey]) -> bool:
    """Whether it is `untold`, which it is not any more then."""
    if publication.message is None or isinstance(publication.message, AlarmMoved):
        return publication.message is not None
    key = publication.arrivals[0].key
    is_news = key in untold
    untold.discard(key)
    return is_news


def _took(store: Store, came: Came, taken: Taken, untold: set[ArrivalKey]) -> None:
    publication = came.publication
    home = presses.home(store, publication, taken.incidents)
    if home is not None and isinstance(publication.message, presses.OfPress):
        _came_before(store, publication, publication.message, home, taken)
    is_news = _is_news(publication, untold)
    if is_news:
        _mean(store, came, taken)
    if (back := publication.back) is not None:
        key = taken.incident_of(publication)
        taken.routes[key, back.gateway] = store.learn_route(key, back, is_new=is_news)


def _recall(store: Store, key: Key, taken: Taken) -> Incident | None:
    """The incident as it is by now, which whoever showed it otherwise is told."""
    known = taken.incidents.get(key) or store.incident(key)
    if known is not None:
        taken.incidents[known.key] = known
    return known


def _acted(store: Store, act: Act, taken: Taken) -> None:
    known = _recall(store, act.key, taken)
    after = acted(known, act)
    if known is not None and after is not None:
        taken.incidents[act.key] = _done(store, known, after, act.at.wall_ms, told_to_car=act.told_to_car)


def _mean(store: Store, came: Came, taken: Taken) -> None:
    publication, now = came.publication, came.at
    message, realm, unit = publication.message, publication.realm, publication.unit
    if isinstance(message, Alarms):
        _mean_of_incident(store, came, message, taken)
    elif isinstance(message, StateConfirmed):
        # One that speaks of an earlier life of this store, from before a backup, confirms no revision of this one.
        if message.epoch in ("", store.epoch):
            taken.proved.update(store.confirm((realm, unit), message.revision))
    elif isinstance(message, JobAnswered | TextRead):
        _answered(store, (realm, unit), message, now.wall_ms)
    elif isinstance(message, Thinned) and message.place is not None and message.lane is not Lane.ALARM:
        # A car never gives an alarm up: whoever says so hides that one is missing.
        account = Account(realm, unit, message.outbox or message.place.outbox)
        store.give_up(account, message.lane, message.dropped)


def _mean_of_incident(store: Store, came: Came, message: Alarms, taken: Taken) -> None:
    publication, now = came.publication, came.at
    key = taken.incident_of(publication)
    if key[2] != message.incident:
        _told_elsewhere(store, publication, key, taken, now)
        return
    known = taken.incidents.get(key) or store.incident(key)
    if incidents.knows(known, message):
        taken.again.update(one.key for one in publication.arrivals)
    after = meant(known, came)
    if after is None:
        return
    taken.incidents[key] = after
    stored_as = [taken.kept.new[one.key] for one in publication.arrivals]
    store.note(*noting.of_message(publication, stored_as, known, after, now.wall_ms))
    if _is_to_be_told(known, after, message):
        store.advance_revision(key[:2])


def _is_to_be_told(before: Incident | None, after: Incident, message: Alarms) -> bool:
    """Whether the car is told what has become of this message: it may have forgotten it in a crash."""
    is_news = before is None or (after.is_open and not before.is_open)
    return is_news or (isinstance(message, AlarmRaised | AlarmSignalled) and not incidents.knows(before, message))


def _came_before(store: Store, publication: Publication, message: presses.OfPress, home: str, taken: Taken) -> None:
    """A press comes again: its car is told where it is, if it names another incident or may think that it is open."""
    unit = (publication.realm, publication.unit)
    keys = {(*unit, name): name for name in (home, message.incident)}
    known = [one for key in keys if (one := taken.incidents.get(key) or store.incident(key)) is not None]
    if home == message.incident and all(one.is_open for one in known):
        return
    revision = store.advance_revision(unit)
    for one in known:
        taken.incidents[one.key] = replace(one, told_revision=revision)
    if home != message.incident:
        taken.homes.update({one.key: home for one in publication.arrivals})


def _told_elsewhere(store: Store, publication: Publication, home: Key, taken: Taken, now: Moment) -> None:
    """A press that came before, in another incident, by another bearer: it is stored, and changes nothing."""
    taken.again.update(one.key for one in publication.arrivals)
    known = taken.incidents[home]
    stored_as = [taken.kept.new[one.key] for one in publication.arrivals]
    store.note(*noting.of_message(publication, stored_as, known, known, now.wall_ms))


def _answered(store: Store, unit: UnitKey, message: JobAnswered | TextRead, now_ms: int) -> None:
    known = store.order(unit, orders.order_id(message))
    after = None if known is None else orders.answered(known, message, now_ms)
    if after is not None and after != known:
        store.put_order(after)
        store.advance_revision(unit)


def send_order(store: Store, order: Order) -> None:
    """A new job or text, and a new revision of what its car is told; raises DiskFailed."""
    with store.transaction():
        store.put_order(order)
        store.advance_revision((order.realm, order.unit))


def withdraw_order(store: Store, beginning: str, by: str, now_ms: int) -> Order:
    """The one order whose id begins so is taken back; raises NotPossible or DiskFailed."""
    with store.transaction():
        found = store.find_order(beginning) if beginning else []
        if len(found) != 1:
            raise NotPossible(f"{len(found) or 'no'} orders begin with {beginning!r}; `patrola hq job` lists them")
        after = orders.withdrawn(found[0], by, now_ms)
        store.put_order(after)
        store.advance_revision((after.realm, after.unit))
    return after


def put_officer(store: Store, realm: str, officer: Officer, units: Iterable[UnitKey]) -> None:
    """Someone who may be crew, and a new revision of what these cars are told; raises DiskFailed."""
    with store.transaction():
        store.put_officer(realm, officer)
        for unit in units:
            store.advance_revision(unit)


def drop_officer(store: Store, realm: str, badge: str, units: Iterable[UnitKey]) -> None:
    """Nobody any more, and a new revision of what these cars are told; raises DiskFailed."""
    with store.transaction():
        store.drop_officer(realm, badge)
        for unit in units:
            store.advance_revision(unit)


def act(
    store: Store, key: Key, step: Callable[[Incident], Incident], now_ms: int, *, told_to_car: bool = True
) -> Incident:
    """What was done to an incident, on disk, and a new revision for its car; raises NotPossible or DiskFailed."""
    with store.transaction():
        known = store.incident(key)
        if known is None:
            raise NotPossible(f"incident {key[2]} is not in the store")
        return _done(store, known, step(known), now_ms, told_to_car=told_to_car)


def _done(store: Store, known: Incident, after: Incident, now_ms: int, *, told_to_car: bool) -> Incident:
    if after != known:
        if told_to_car:
            after = replace(after, told_revision=store.advance_revision(known.key[:2]))
            store.answer(known.key[:2], after.told_revision, escalation.begin_of(after).wall_ms)
        store.put_incident(after)
        store.note(*noting.of_act(known, after, now_ms))
    return after


def keep_told(store: Store, key: Key, gateway: str, revision: int) -> None:
    """What a car knows by this gateway of what people did, on disk; raises DiskFailed."""
    with store.transaction():
        store.told_by(key, gateway, revision)


def keep_zones(store: Store, zones: DeadZones) -> None:
    """What was learnt of dead zones, on disk; raises DiskFailed."""
    with store.transaction():
        store.put_zones(zones)


def note(store: Store, facts: Iterable[Fact]) -> None:
    """Put these into the audit log; raises DiskFailed."""
    with store.transaction():
        store.note(*facts)


def new_epoch(store: Store, now_ms: int) -> str:
    """Begin another epoch, since a backup was restored; raises DiskFailed."""
    with store.transaction():
        before, after = store.epoch, store.new_epoch()
        store.note(Fact(what=What.STORE_RESTORED, utc_ms=now_ms, text=f"epoch {before} ended, {after} began"))
    return after


def keep_certificates(store: Store, unit: UnitKey, certificates: Sequence[bytes]) -> None:
    """Keep what this car's signatures are checked with; raises DiskFailed."""
    with store.transaction():
        store.put_certificates(unit, certificates)
