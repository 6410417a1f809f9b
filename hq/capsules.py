"""Capsules as headquarters takes and gives them: one as a publication of its car, its receipt and answer. Pure."""

from base64 import b64encode
from collections.abc import Callable

import msgspec

from hq.arrivals import Arrival, Publication
from hq.incidents import Incident, in_full
from hq.marks import Weighed
from hq.routes import Back
from hq.units import Key
from terminal.contract.capsule import (
    AlarmCapsule,
    AnswerCapsule,
    ReceiptCapsule,
    Told,
    answer_body,
    epoch_mark,
    read,
    receipt_body,
    split,
    tail_of,
)
from terminal.contract.identity import identity_of
from terminal.contract.messages import Malformed
from terminal.contract.signed import CAPSULE, Parted
from terminal.contract.topics import Lane

WeighParts = Callable[[Key, str, Parted], Weighed]


def publication(data: bytes, weigh: WeighParts, bearer: str, answered: tuple[str, str] | None = None) -> Publication:
    """What a capsule holds that came by this bearer, and what its signature says of it; raises Malformed.

    What cannot be verified is a publication too, under an id of its own: it is kept and shown, and marked, and the
    gateway and address where it would be `answered` are nobody's.
    """
    body, signature = split(data)
    capsule = read(body)
    if not isinstance(capsule, AlarmCapsule):
        raise Malformed("expected an alarm, and it is a word of headquarters")
    realm, unit, message = capsule.realm, capsule.unit, capsule.message
    weighed = weigh((realm, unit), CAPSULE, Parted(body, b"", signature if any(signature) else b""))
    arrival = Arrival(
        realm=realm,
        unit=unit,
        lane=Lane.ALARM,
        id=message.id if weighed.credible else identity_of(data),
        place=None,
        who=message.who,
        body=kept(data, message, bearer),
        credible=weighed.credible,
        bearer=bearer,
    )
    is_answered = answered is not None and weighed.credible
    back = Back(*answered, message.incident, tail_of(message.id)) if answered is not None and is_answered else None
    return Publication(realm, unit, Lane.ALARM, (arrival,), message, weighed.mark, weighed.credible, bearer, back)


def kept(data: bytes, message: Told, bearer: str) -> bytes:
    """What is stored of it: the message as any other, and beside it the very bytes that were signed."""
    fields = msgspec.to_builtins(message)
    return msgspec.json.encode(fields | {"bearer": bearer, "capsule": b64encode(data).decode()})


def answer(back: Back, incident: Incident, epoch: str, most_bytes: int) -> bytes:
    """The body of what tells a car that a person has taken its alarm, or ended it."""
    ended = bool(incident.cleared_by)
    told = AnswerCapsule(
        incident=back.incident,
        tail=back.tail,
        signals=in_full(incident, incident.signals if ended else incident.taken_signals),
        epoch=epoch_mark(epoch),
        revision=incident.told_revision,
        acknowledged_by="" if ended else incident.acknowledged_by,
        cleared_by=incident.cleared_by,
        reason=incident.reason if ended else "",
    )
    return answer_body(told, most_bytes)


def receipt(back: Back, incident: Incident, most_bytes: int) -> bytes:
    """The body of headquarters' answer: the message is on disk, and who has taken all that was pressed, if one has."""
    told = ReceiptCapsule(
        incident=back.incident,
        tail=back.tail,
        signals=in_full(incident, incident.signals),
        acknowledged_by="" if incident.is_pressed_again else incident.acknowledged_by,
    )
    return receipt_body(told, most_bytes)
