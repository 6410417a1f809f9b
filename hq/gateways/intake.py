"""Takes in what came by SMS, whichever gateway brought it, and answers once it is on disk.

What was never here before only the holder of the car's key can have made, and no replay uses up its answers. What was
here before is the car that has missed its answer, or somebody who plays a recorded SMS: nobody can tell which. It is
answered from a budget of its own, and to where the car wrote from last.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, NamedTuple, Protocol

import msgspec
from msgspec import Struct

from hal.errors import PatrolaError
from hq.gateways import capsules
from hq.gateways.budget import Budget
from hq.gateways.capsules import WeighParts
from hq.incidents import Incident, Key
from hq.receiver import Receiver
from terminal.contract.capsule import Told
from terminal.contract.messages import Malformed

log = logging.getLogger(__name__)

MOST_ROUTES = 1000
"""Incidents of which it is known where their car can be answered; the oldest is forgotten."""

Reply = Callable[[bytes], Awaitable[None]]
"""Sends a capsule to whoever sent one; raises PatrolaError."""


class ReplyTo(Protocol):
    """The way back to a number, in the form in which it wrote."""

    def __call__(self, number: str, *, is_text: bool) -> Reply: ...


class Answering(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What answers by SMS may cost: those to what is new, and beside them those to what has come before."""

    most_per_incident: Annotated[int, msgspec.Meta(ge=0)] = 12
    most_per_hour: Annotated[int, msgspec.Meta(ge=0)] = 120
    most_repeats_per_incident: Annotated[int, msgspec.Meta(ge=0)] = 6
    most_repeats_per_hour: Annotated[int, msgspec.Meta(ge=0)] = 30


class Route(NamedTuple):
    """How the car of an incident is answered, and for which message; only what is new proves that it is the car."""

    reply: Reply
    message: Told
    is_proved: bool
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
        self._routes: dict[Key, Route] = {}
        self._news = Budget(rules.most_per_incident, rules.most_per_hour)
        self._repeats = Budget(rules.most_repeats_per_incident, rules.most_repeats_per_hour)
        self._tasks: set[asyncio.Task[None]] = set()

    async def took(self, data: bytes, reply: Reply) -> Incident:
        """The incident, once what came is on disk; raises Malformed or DiskFailed."""
        try:
            publication = capsules.publication(data, self._weigh)
        except Malformed as error:
            log.warning("sms: a message (%d bytes) that is no alarm: %s", len(data), error)
            self._emit("sms-not-understood", {"bytes": len(data), "problem": str(error)})
            raise
        incident, is_new = await self._receiver.keep(publication)
        message = publication.message
        if publication.credible and isinstance(message, Told):
            self._learn(incident.key, reply, message, is_new=is_new)
            self._answer(incident, self._news if is_new else self._repeats)
        return incident

    def _learn(self, key: Key, reply: Reply, message: Told, *, is_new: bool) -> None:
        """Where the car of this incident is answered from now on."""
        before = self._routes.pop(key, None)
        if before is not None and before.is_proved and not is_new:
            self._routes[key] = before._replace(message=message)
        else:
            self._routes[key] = Route(reply, message, is_new)
        self._forget_old()

    def acted(self, incident: Incident) -> None:
        """A person took an incident: its car is told by SMS while it has reached us by nothing else."""
        route = self._routes.get(incident.key)
        is_news = route is not None and incident.acknowledged_by not in ("", route.told)
        if is_news and set(incident.bearers) == {capsules.SMS}:
            self._answer(incident, self._news)

    def _answer(self, incident: Incident, budget: Budget) -> None:
        route = self._routes[incident.key]
        if not budget.spend(incident.key, time.monotonic()):
            self._emit("receipt-not-sent", _fields(incident) | {"problem": "the limit of [sms] is reached"})
            return
        self._routes[incident.key] = route._replace(told=incident.acknowledged_by)
        body = capsules.receipt(route.message, incident)
        task = asyncio.create_task(self._reply(route.reply, body + self._seal(body), incident))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

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
            self._news.forget(key)
            self._repeats.forget(key)

    async def close(self) -> None:
        """Let go what is being sent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _fields(incident: Incident) -> dict[str, Any]:
    return {"incident": incident.incident, "unit": incident.unit, "realm": incident.realm}
