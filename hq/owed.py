"""What the disk has not taken: alarms of cars and what people did about them, in their order. Pure.

A desk sees and acts on what all of it comes to; the disk is given it in the same order once it works again.
"""

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from hq import escalation, incidents
from hq.arrivals import Publication
from hq.incidents import Incident, Key, NotPossible
from hq.moment import Moment
from terminal.contract.messages import AlarmCancelled, AlarmMoved, AlarmRaised, AlarmSignalled

Alarms = AlarmRaised | AlarmSignalled | AlarmCancelled | AlarmMoved

MOST_OWED = 10_000
"""Alarm messages that wait for a disk that refuses; of more each is shown, and its car sends it again."""


class Came(Struct, frozen=True):
    """What a car published, and when it came; a press that is `elsewhere` has come before in another incident."""

    publication: Publication
    at: Moment
    elsewhere: bool = False


class Act(Struct, frozen=True):
    """What somebody did to an incident, and when; `step` may be done twice."""

    key: Key
    step: Callable[[Incident], Incident]
    at: Moment
    told_to_car: bool


Entry = Came | Act


def incident_of(publication: Publication) -> Key | None:
    """The incident that it speaks of."""
    message = publication.message
    return (publication.realm, publication.unit, message.incident) if isinstance(message, Alarms) else None


def meant(known: Incident | None, came: Came) -> Incident | None:
    """The incident after what came of it; None for what begins none."""
    publication, message = came.publication, came.publication.message
    assert isinstance(message, Alarms)
    after = incidents.told(
        known,
        publication.realm,
        publication.unit,
        message,
        came.at.wall_ms,
        publication.mark,
        credible=publication.credible,
        bearer=publication.bearer,
    )
    return None if after is None else escalation.begun(known, after, came.at)


def is_elsewhere(publication: Publication, of_car: Iterable[Incident]) -> bool:
    """Whether its press is in another one of its car's incidents, where it came first, proved alike."""
    match publication.message:
        case AlarmRaised(id=message_id, incident=named) | AlarmSignalled(id=message_id, incident=named):
            others = (one for one in of_car if one.incident != named and one.signature is publication.mark)
            press = incidents.press_of(message_id)
            return publication.credible and any(press in one.presses for one in others)
    return False


def acted(known: Incident | None, act: Act) -> Incident | None:
    """The incident after an act; as it was, if that is not possible any more."""
    try:
        return None if known is None else act.step(known)
    except NotPossible:
        return known


class Owed:
    """In their order; of the same message the first counts, and of positions of an incident the newest."""

    def __init__(self) -> None:
        self._entries: dict[object, Entry] = {}
        self._of: dict[Key | None, dict[object, Entry]] = {}

    def __bool__(self) -> bool:
        return bool(self._entries)

    def entries(self) -> tuple[Entry, ...]:
        """All that is owed now."""
        return tuple(self._entries.values())

    def came(self, came: Came) -> bool:
        """Owe this alarm message; False if it is owed already."""
        name = _name(came.publication)
        if isinstance(came.publication.message, AlarmMoved) and name in self._entries:
            self._drop(name)
        if name in self._entries:
            return False
        if len(self._entries) < MOST_OWED:
            self._put(name, came)
        return True

    def act(self, act: Act) -> None:
        """Owe this act."""
        self._put(id(act), act)

    def _put(self, name: object, entry: Entry) -> None:
        self._entries[name] = entry
        self._of.setdefault(key_of(entry), {})[name] = entry

    def _drop(self, name: object) -> None:
        key = key_of(self._entries.pop(name))
        del self._of[key][name]
        if not self._of[key]:
            del self._of[key]

    def done(self, entries: Sequence[Entry], batch: Iterable[Publication]) -> set[int]:
        """These are on disk; the `id` of each publication among them that was owed."""
        shown = set[int]()
        for entry in entries:
            name = id(entry) if isinstance(entry, Act) else _name(entry.publication)
            if self._entries.get(name) is entry:
                self._drop(name)
        for publication in batch:
            owed = self._entries.get(_name(publication))
            # Of an incident's positions a newer one than this may be owed by now.
            if isinstance(owed, Came) and (publication.arrivals or owed.publication is publication):
                self._drop(_name(publication))
                shown.add(id(publication))
        return shown | {id(one) for one in publications(entries)}

    def speaks_of(self, key: Key) -> bool:
        """Whether anything of this incident is owed."""
        return key in self._of

    def over(self, incident: Incident) -> Incident:
        """What it comes to with all that is still owed of it."""
        for one in self._of.get(incident.key, {}).values():
            if isinstance(one, Act):
                incident = acted(incident, one) or incident
            elif not one.elsewhere:
                incident = meant(incident, one) or incident
        return incident


def publications(entries: Iterable[Entry]) -> list[Publication]:
    """What cars sent of it."""
    return [one.publication for one in entries if isinstance(one, Came)]


def key_of(entry: Entry) -> Key | None:
    """The incident that it is about."""
    return entry.key if isinstance(entry, Act) else incident_of(entry.publication)


def _name(publication: Publication) -> object:
    """By what it is known that it has come before; a place that is new is news."""
    if publication.arrivals:
        return (publication.arrivals[0].key, publication.arrivals[0].place)
    return incident_of(publication)
