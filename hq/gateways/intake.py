"""Takes in what came by SMS, whichever gateway brought it, and answers once it is on disk."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, NamedTuple, Protocol

import msgspec
from msgspec import Struct

from hal.errors import PatrolaError
from hq.gateways import capsules
from hq.gateways.capsules import WeighParts
from hq.incidents import Incident, Key
from hq.receiver import Receiver
from terminal.contract.capsule import Told
from terminal.contract.messages import Malformed

log = logging.getLogger(__name__)

HOUR_S = 3600.0
MOST_ROUTES = 1000
"""Incidents of which it is known where their car can be answered; the oldest is forgotten."""

Reply = Callable[[bytes], Awaitable[None]]
"""Sends a capsule to whoever sent one; raises PatrolaError."""


class ReplyTo(Protocol):
    """The way back to a number, in the form in which it wrote."""

    def __call__(self, number: str, *, is_text: bool) -> Reply: ...


class Answering(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What answers by SMS may cost."""

    most_per_incident: Annotated[int, msgspec.Meta(ge=0)] = 12
    most_per_hour: Annotated[int, msgspec.Meta(ge=0)] = 120


class Route(NamedTuple):
    """How the car of an incident is answered, and for which message."""

    reply: Reply
    message: Told
    told: str = ""


class Intake:
    """`seal` gives a body's signature. Only what its car has signed is answered, so that nobody can make us pay."""

    def __init__(
        self,
        receiver: Receiver,
        weigh: WeighParts,
        seal: Callable[[bytes], bytes],
        emit: Callable[[str, dict[str, Any]], None],
        rules: Answering,
    ) -> None:
        self._receiver = receiver
        self._weigh = weigh
        self._seal = seal
        self._emit = emit
        self._rules = rules
        self._routes: dict[Key, Route] = {}
        self._answers: dict[Key, int] = {}
        self._sent_s: deque[float] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    async def took(self, data: bytes, reply: Reply) -> Incident:
        """The incident, once what came is on disk; raises Malformed or DiskFailed."""
        try:
            publication = capsules.publication(data, self._weigh)
        except Malformed as error:
            log.warning("sms: a message (%d bytes) that is no alarm: %s", len(data), error)
            self._emit("sms-not-understood", {"bytes": len(data), "problem": str(error)})
            raise
        incident = await self._receiver.keep(publication)
        message = publication.message
        if publication.credible and isinstance(message, Told):
            self._routes[incident.key] = Route(reply, message)
            self._forget_old()
            self._answer(incident)
        return incident

    def acted(self, incident: Incident) -> None:
        """A person took an incident: its car is told by SMS while it has reached us by nothing else."""
        route = self._routes.get(incident.key)
        is_news = route is not None and incident.acknowledged_by not in ("", route.told)
        if is_news and set(incident.bearers) == {capsules.SMS}:
            self._answer(incident)

    def _answer(self, incident: Incident) -> None:
        route = self._routes[incident.key]
        if not self._may_cost(incident.key):
            self._emit("receipt-not-sent", _fields(incident) | {"problem": "the limit of [sms] is reached"})
            return
        self._routes[incident.key] = route._replace(told=incident.acknowledged_by)
        body = capsules.receipt(route.message, incident)
        task = asyncio.create_task(self._reply(route.reply, body + self._seal(body), incident))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _may_cost(self, key: Key) -> bool:
        now_s = time.monotonic()
        while self._sent_s and now_s - self._sent_s[0] > HOUR_S:
            self._sent_s.popleft()
        count = self._answers.get(key, 0)
        if count >= self._rules.most_per_incident or len(self._sent_s) >= self._rules.most_per_hour:
            return False
        self._answers[key] = count + 1
        self._sent_s.append(now_s)
        return True

    async def _reply(self, reply: Reply, capsule: bytes, incident: Incident) -> None:
        try:
            await reply(capsule)
        except PatrolaError as error:
            log.warning("sms: a receipt could not be sent: %s", error)
            self._emit("receipt-not-sent", _fields(incident) | {"problem": str(error)})
        else:
            self._emit("receipt-sent", _fields(incident) | {"bearer": capsules.SMS})

    def _forget_old(self) -> None:
        for key in list(self._routes)[:-MOST_ROUTES]:
            del self._routes[key]
            self._answers.pop(key, None)

    async def close(self) -> None:
        """Let go what is being sent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _fields(incident: Incident) -> dict[str, Any]:
    return {"incident": incident.incident, "unit": incident.unit, "realm": incident.realm}
