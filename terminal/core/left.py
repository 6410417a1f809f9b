"""What the last run of core left on disk, and how it is read."""

import logging
from typing import NamedTuple

import msgspec

from terminal.contract.topics import Lane
from terminal.core.emergency import Emergency
from terminal.core.storing import DUTY, EMERGENCY, TIME, WORK, ZONES
from terminal.core.work import Work
from terminal.uplink.outbox import Outbox

log = logging.getLogger(__name__)


class Left(NamedTuple):
    """What the last run left on disk, as it stands there; the store of `epoch` has receipted alarms and events."""

    emergency: bytes | None
    duty: bytes | None
    work: bytes | None
    zones: bytes | None
    time: bytes | None
    receipted: tuple[str, ...]
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
        epoch=outbox.epoch,
    )


def decoded_emergency(saved: bytes) -> Emergency:
    """The emergency as it was; none that can be read is an empty one, whose alarms are in the outbox all the same."""
    try:
        return msgspec.json.decode(saved, type=Emergency)
    except msgspec.DecodeError:
        log.exception("outbox: the saved emergency cannot be read; its alarms are still in the outbox")
        return Emergency()


def decoded_work(saved: bytes) -> Work | None:
    """The work as it was; None for what cannot be read."""
    try:
        return msgspec.json.decode(saved, type=Work)
    except msgspec.DecodeError:
        log.exception("outbox: the saved work cannot be read; headquarters will tell jobs and texts again")
        return None
