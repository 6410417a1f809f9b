"""Whether a press has come before, and in which incident it is then, whatever its car says after a crash."""

from collections.abc import Container

from hq.arrivals import Publication
from hq.incidents import Key, press_of
from hq.press_store import Press
from hq.store import Store
from terminal.contract.identity import message_of_call
from terminal.contract.messages import AlarmCancelled, AlarmRaised, AlarmSignalled

OfPress = AlarmRaised | AlarmSignalled | AlarmCancelled


def home(store: Store, publication: Publication, begun: Container[Key]) -> str | None:
    """The incident in which is what this tells of; None if it is news, or is not to be believed.

    A cancellation is no news where the press that its incident is named after has come before in another one, unless
    its own incident is there, or has `begun` in this batch.
    """
    if not publication.credible:
        return None
    match publication.message:
        case AlarmRaised(id=message_id, incident=incident) | AlarmSignalled(id=message_id, incident=incident):
            press = _press(publication, message_id)
            return None if store.settled(press, incident) else store.home(press)
        case AlarmCancelled(incident=incident, kind=kind):
            key = (publication.realm, publication.unit, incident)
            is_there = key in begun or store.incident(key) is not None
            return None if is_there else store.home(_press(publication, message_of_call(incident, kind)))
    return None


def _press(publication: Publication, message_id: str) -> Press:
    return Press(publication.realm, publication.unit, press_of(message_id), publication.mark)
