"""What has come to the disk, as events for whoever watches. Pure."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import msgspec

from hq import incidents, taking
from hq.arrivals import Publication
from hq.calls import called_by
from hq.incidents import Incident
from hq.taking import Taken
from terminal.contract.messages import (
    AlarmCancelled,
    AlarmRaised,
    AlarmSignalled,
    CrewChanged,
    JobAnswered,
    Message,
    ReportFiled,
    ShiftEnded,
    ShiftStarted,
    TextRead,
    TextSent,
)

ALARM_EVENTS = {
    AlarmRaised: "alarm-raised",
    AlarmSignalled: "alarm-signalled",
    AlarmCancelled: "alarm-cancelled",
}

CREW_WORDS = JobAnswered | TextRead | TextSent | ReportFiled | CrewChanged | ShiftStarted | ShiftEnded
"""What a crew says that a desk is told as it comes."""
ENVELOPE = frozenset((*Message.__struct_fields__, "position"))

Told = tuple[str, dict[str, Any]]


def events(came: Sequence[Publication], taken: Taken, shown: Collection[int]) -> Iterator[Told]:
    """An event and its fields for each thing that is new; of what was `shown` unstored (by `id`), that it is stored."""
    for publication in taking.news(came, taken.kept.new):
        message = publication.message
        if isinstance(message, AlarmRaised | AlarmSignalled | AlarmCancelled):
            incident = taken.incidents[taken.incident_of(publication)]
            again = publication.arrivals[0].key in taken.again
            event = "alarm-came-again" if again else ALARM_EVENTS[type(message)]
            yield "alarm-stored" if id(publication) in shown else event, of_alarm(publication, incident)
        elif isinstance(message, CREW_WORDS):
            told = {key: value for key, value in msgspec.to_builtins(message).items() if key not in ENVELOPE}
            yield told.pop("type"), {"unit": publication.unit, "realm": publication.realm, **told}
    for lane, count in Counter(lane for _realm, _unit, lane, _id in taken.kept.new).items():
        yield "messages-stored", {"lane": lane, "count": count}


def of_alarm(publication: Publication, incident: Incident) -> dict[str, Any]:
    """What is told of an alarm message, with its incident as it is by now; of a press what called."""
    message, told = publication.message, {"signature": publication.mark, "bearer": publication.bearer}
    by = {"called_by": called_by(message)} if isinstance(message, AlarmRaised | AlarmSignalled) else {}
    return incidents.named(incident) | by | told
