"""Incidents as people see them: as they are on disk, and over that what the disk is owed."""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hq import incidents, news
from hq.arrivals import Publication
from hq.at_hand import AtHand
from hq.incidents import Incident, Key, NotPossible
from hq.moment import Moment
from hq.owed import Act, Came, Entry, Owed, incident_of, is_elsewhere, meant, publications
from hq.taking import Taken
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

    def changed(self, changed: Sequence[Incident]) -> None:
        """These incidents are new, or not as they were."""
        self.incidents.put(changed)
        for tell in self.on_changed:
            try:
                tell(changed)
            except Exception:
                # What is on disk is told to all others, and its receipt goes out.
                log.exception("an incident could not be told on; report this as a defect")

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
        came = Came(publication, now, is_elsewhere(publication, self.incidents.values()))
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
        self.changed([self.owed.over(incident) for incident in taken.incidents.values()])
        self._end_those_elsewhere(owed, taken, now)
        return shown

    def _end_those_elsewhere(self, owed: Sequence[Entry], taken: Taken, now: Moment) -> None:
        """The disk knew better: what was shown unstored is in another incident, where its press came first."""
        named = {incident_of(one) for one in publications(owed)} - taken.incidents.keys()
        shown = [one for key in named if key is not None and (one := self._open(key)) is not None]
        self.changed([incidents.found_elsewhere(one, now.wall_ms) for one in shown])

    def _open(self, key: Key) -> Incident | None:
        one = self.incidents.get(key)
        return one if one is not None and one.is_open else None
