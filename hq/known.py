"""Incidents as people see them: as they are on disk, and over that what the disk is owed."""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hq import acts, incidents, news
from hq.arrivals import Publication
from hq.at_hand import AtHand
from hq.incidents import Incident, Key, NotPossible
from hq.moment import Moment
from hq.owed import Act, Came, Entry, Owed, incident_of, is_elsewhere, key_of, meant, publications
from hq.taking import Taken
from hq.units import Key as UnitKey
from terminal.contract.messages import AlarmCancelled, AlarmRaised, AlarmSignalled

log = logging.getLogger(__name__)

NEWS = AlarmRaised | AlarmSignalled | AlarmCancelled
"""What a desk is told of although it is not stored."""

Emit = Callable[[str, dict[str, Any]], None]


class Known:
    """Whoever is in `on_changed` hears of every incident that is new or not as it was."""

    def __init__(self, at_hand: AtHand, emit: Emit) -> None:
        self.incidents = at_hand
        self.owed = Owed()
        self.on_changed: list[Callable[[Iterable[Incident]], None]] = []
        self._emit = emit
        self._set_aside: set[Key] = set()

    def changed(self, changed: Sequence[Incident]) -> None:
        """These incidents are new, or not as they were."""
        self.incidents.put(changed)
        for tell in self.on_changed:
            try:
                tell(changed)
            except Exception:
                # What is on disk is told to all others, and its receipt goes out.
                log.exception("an incident could not be told on; report this as a defect")

    def owes(self, key: Key) -> bool:
        """Whether something of this incident is shown that is not on disk."""
        return self.owed.speaks_of(key) or key in self._set_aside

    def set_aside(self, owed: Sequence[Entry], batch: Sequence[Publication]) -> None:
        """No disk takes these; what was shown of them stays, and counts as not stored."""
        shown = self.owed.done(owed, batch)
        keys = {key_of(one) for one in owed} | {incident_of(one) for one in batch if id(one) in shown}
        self._set_aside |= self.incidents.keys() & keys

    def acted_on_disk(self, incident: Incident) -> Incident:
        """What an act that is on disk comes to, with all that is owed beside it."""
        after = self.owed.over(incident)
        self.changed([after])
        return after

    def act(self, act: Act) -> Incident:
        """What an act comes to that the disk cannot take now; raises NotPossible."""
        known = self.incidents.get(act.key)
        if known is None:
            raise NotPossible(f"incident {act.key[2]} is not at hand while the disk refuses; try again when it works")
        after = act.step(known)
        if after != known:
            self.owed.act(act)
            self.changed([after])
        return after

    def show(self, publication: Publication, now: Moment) -> None:
        """A desk sees, and can take, an alarm that the disk does not take."""
        key, message = incident_of(publication), publication.message
        came = Came(publication, now, is_elsewhere(publication, self.incidents.of_car(_car(publication))))
        if key is None or not self.owed.came(came) or came.elsewhere:
            return
        known = self.incidents.get(key)
        after = meant(known, came)
        if after is None:
            return
        self.changed([after])
        if isinstance(message, NEWS) and not incidents.knows(known, message):
            self._emit("alarm-not-stored", news.of_alarm(publication, after))

    def stored(self, owed: Sequence[Entry], batch: Sequence[Publication], taken: Taken, now: Moment) -> set[int]:
        """All of this is on disk; the `id` of each publication among it that was shown before."""
        shown = self.owed.done(owed, batch)
        self._set_aside -= taken.incidents.keys()
        self.changed([self.owed.over(incident) for incident in taken.incidents.values()])
        self._end_those_elsewhere(owed, taken, now)
        return shown

    def _end_those_elsewhere(self, owed: Sequence[Entry], taken: Taken, now: Moment) -> None:
        """The disk knew better: what was shown unstored is in another incident, where its press came first.

        Since it is on no disk, it is not at hand any more either: its car is told of the other one alone.
        """
        named, still_owed = (set(map(incident_of, publications(one))) for one in (owed, self.owed.entries()))
        gone = named - taken.incidents.keys() - still_owed
        shown = [one for key in gone if key is not None and (one := self._open(key)) is not None]
        self.changed([acts.found_elsewhere(one, now.wall_ms) for one in shown])
        self.incidents.forget(one.key for one in shown)

    def _open(self, key: Key) -> Incident | None:
        one = self.incidents.get(key)
        return one if one is not None and one.is_open else None


def _car(publication: Publication) -> UnitKey:
    return (publication.realm, publication.unit)
