"""What the last run of core left on disk, and how it is read."""

import contextlib
import logging
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from terminal.contract.messages import Stored
from terminal.contract.topics import Lane
from terminal.core.emergency import Emergency
from terminal.core.storing import DUTY, EMERGENCY, TIME, WORK, ZONES
from terminal.core.work import Work
from terminal.uplink.outbox import Outbox

log = logging.getLogger(__name__)


class Left(NamedTuple):
    """What the last run left on disk, as it stands there.

    `receipted` are alarms and events, by the store of `epoch`; `owed` are the alarms that it has not receipted.
    """

    emergency: bytes | None
    duty: bytes | None
    work: bytes | None
    zones: bytes | None
    time: bytes | None
    receipted: tuple[str, ...]
    owed: tuple[bytes, ...]
    epoch: str


def load(outbox: Outbox) -> Left:
    """All of it; raises OutboxFailed."""
    return Left(
        emergency=outbox.load_state(EMERGENCY),
        duty=outbox.load_state(DUTY),
        work=outbox.load_state(WORK),
        zones=outbox.load_state(ZONES),
        time=outbox.load_state(TIME),
        receipted=(*outbox.receipted(Lane.ALARM), *outbox.receipted(Lane.EVENT)),
        owed=tuple(row.body for row in outbox.pending(Lane.ALARM)),
        epoch=outbox.epoch,
    )


def decoded_emergency(saved: bytes) -> Emergency:
    """The emergency as it was; none that can be read is an empty one, whose alarms are in the outbox all the same."""
    try:
        return msgspec.json.decode(saved, type=Emergency)
    except msgspec.DecodeError:
        log.exception("outbox: the saved emergency cannot be read; its alarms are still in the outbox")
        return Emergency()


def decoded_alarms(bodies: Iterable[bytes]) -> tuple[Stored, ...]:
    """The alarm messages that can be read; the line sends the others as they are."""
    read: list[Stored] = []
    for body in bodies:
        with contextlib.suppress(msgspec.DecodeError):
            read.append(msgspec.json.decode(body, type=Stored))
    return tuple(read)


def decoded_work(saved: bytes) -> Work | None:
    """The work as it was; None for what cannot be read."""
    try:
        return msgspec.json.decode(saved, type=Work)
    except msgspec.DecodeError:
        log.exception("outbox: the saved work cannot be read; headquarters will tell jobs and texts again")
        return None
