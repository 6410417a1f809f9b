"""Takes in what came beside the brokers, whichever gateway brought it, and has it answered once it is on disk."""

import logging
from collections.abc import Mapping
from functools import partial

from hq import capsules
from hq.capsules import WeighParts
from hq.gateway import Emit, GatewaySettings
from hq.incidents import Incident
from hq.marks import Mark
from hq.receiver import Receiver
from hq.replays import Replays
from hq.telling import Telling
from terminal.contract.messages import Malformed

log = logging.getLogger(__name__)


class Intake:
    """Only what its car has signed is answered, so that nobody can make us pay."""

    def __init__(
        self,
        receiver: Receiver,
        weigh: WeighParts,
        telling: Telling,
        gateways: Mapping[str, GatewaySettings],
        emit: Emit,
    ) -> None:
        self._receiver = receiver
        self._weigh = weigh
        self._telling = telling
        self._answers_by = {name: _answers_by(name, gateways) for name in gateways}
        self._emit = emit
        self._replays = Replays()

    async def took(self, gateway: str, data: bytes, to: str) -> Incident:
        """The incident, once what came is on disk; raises Malformed or DiskFailed.

        What was signed, taken and answered changes nothing and costs nothing when it comes again.
        """
        played = self._replays.incident_of(data)
        if played is not None:
            log.info("%s: a capsule that was answered before came again, the same in every byte", gateway)
            return await self._receiver.known(played)
        by = self._answers_by[gateway]
        try:
            publication = capsules.publication(data, self._weigh, gateway, None if by is None else (by, to))
        except Malformed as error:
            log.warning("%s: a message (%d bytes) that is no alarm: %s", gateway, len(data), error)
            fields = {"bearer": gateway, "bytes": len(data), "problem": str(error)}
            self._emit("capsule-not-understood", fields)
            raise
        incident, is_new = await self._receiver.keep(publication)
        if publication.mark is Mark.VERIFIED:
            self._replays.put(data, incident.key)
        if publication.back is not None:
            unanswered = partial(self._replays.drop, data)
            self._telling.receipt(incident, publication.back, is_new=is_new, unanswered=unanswered)
        return incident


def _answers_by(name: str, gateways: Mapping[str, GatewaySettings]) -> str | None:
    """The gateway by which what this one brings is answered; None if by none."""
    by = gateways[name].answers_by or name
    return by if gateways[by].answers else None
