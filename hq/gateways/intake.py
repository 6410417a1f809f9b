"""Takes in what came by SMS, whichever gateway brought it, and answers once it is on disk.

What was never here before only the holder of the car's key can have made, and no replay uses up its answers. What was
here before is the car that has missed its answer, or somebody who plays a recorded SMS: nobody can tell which. It is
answered from a budget of its own, and to where the car wrote from last.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from math import inf
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
from terminal.contract.durable import DiskFailed
from terminal.contract.messages import Malformed
from terminal.contract.topics import MQTT

log = logging.getLogger(__name__)

TOLD_AGAIN_AFTER_S = 30.0
"""After an answer could not be sent."""
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
    """How the car of an incident is answered, and for which message; only what is new proves that it is the car.

    `told` is the revision up to which the car knows what people did; the next try is made at `again_s`.
    """

    reply: Reply
    message: Told
    is_proved: bool
    told: int = 0
    again_s: float = -inf


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
            if self._may_cost(incident, self._news if is_new else self._repeats):
                self._start(self._receipt(incident, self._routes[incident.key]))
        return incident

    def _learn(self, key: Key, reply: Reply, message: Told, *, is_new: bool) -> None:
        """Where the car of this incident is answered from now on."""
        before = self._routes.pop(key, None)
        if before is not None and before.is_proved and not is_new:
            self._routes[key] = before._replace(message=message)
        else:
            # What was told to whoever only repeated what is known may never have reached the car.
            told = before.told if before is not None and before.is_proved >= is_new else 0
            self._routes[key] = Route(reply, message, is_new, told)
        self._forget_old()

    def acted(self, incident: Incident) -> None:
        """A person took or ended an incident, on disk: its car is told by SMS if no broker reaches it."""
        route = self._routes.get(incident.key)
        if route is not None:
            self._look_at(incident.key, route)

    def look(self) -> None:
        """Tell each car that no broker reaches (any more) who has taken or ended its alarm."""
        for key, route in list(self._routes.items()):
            self._look_at(key, route)

    def _look_at(self, key: Key, route: Route) -> None:
        incident = self._receiver.incidents.get(key)
        if incident is None or incident.told_revision <= route.told or self._now_s() < route.again_s:
            return
        is_answered = incident.acknowledged_by or incident.cleared_by
        if is_answered and not (self._receiver.owes(key) or self._is_reached(incident)):
            self._routes[key] = route._replace(again_s=inf)
            self._start(self._tell(incident, route))

    def _is_reached(self, incident: Incident) -> bool:
        """Whether a broker takes to the car what it is to show; a line that its alarm did not come by may be dead."""
        hears = self._receiver.watching.deaf_since_ms is None
        return hears and MQTT in incident.bearers and self._receiver.units[incident.key[:2]].online

    async def _tell(self, incident: Incident, route: Route) -> None:
        try:
            if await self._confirmed(incident) or await self._answered(incident, route):
                self._told(incident)
        finally:
            self._let_try_again(incident)

    async def _confirmed(self, incident: Incident) -> bool:
        """Whether the car has shown it by now, told by a broker."""
        # A disk that cannot be read now is no reason to leave the car without an answer.
        with contextlib.suppress(DiskFailed):
            if self._receiver.stores:
                _, confirmed = await self._receiver.on_disk(lambda store: store.revisions(incident.key[:2]))
                return confirmed >= incident.told_revision
        return False

    async def _answered(self, incident: Incident, route: Route) -> bool:
        """Whether it went out, or is not to be tried again, since it would cost too much."""
        body = capsules.answer(route.message, incident, self._receiver.epoch)
        return not self._may_cost(incident, self._news) or await self._sent(body, incident, route.reply)

    async def _receipt(self, incident: Incident, route: Route) -> None:
        sent = await self._sent(capsules.receipt(route.message, incident), incident, route.reply)
        if sent and incident.is_open and incident.acknowledged_by:
            self._told(incident)

    def _told(self, incident: Incident) -> None:
        """The car knows what has been done so far."""
        route = self._routes.get(incident.key)
        if route is not None:
            self._routes[incident.key] = route._replace(told=max(route.told, incident.told_revision))

    def _let_try_again(self, tried: Incident) -> None:
        """What could not be told is told after a pause, and what has been done since at once."""
        route = self._routes.get(tried.key)
        if route is not None:
            again_s = self._now_s() + TOLD_AGAIN_AFTER_S if tried.told_revision > route.told else -inf
            self._routes[tried.key] = route._replace(again_s=again_s)

    def _now_s(self) -> float:
        return self._receiver.moment().mono_ms / 1000

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _may_cost(self, incident: Incident, budget: Budget) -> bool:
        if budget.spend(incident.key, self._now_s()):
            return True
        self._emit("receipt-not-sent", _fields(incident) | {"problem": "the limit of [sms] is reached"})
        return False

    async def _sent(self, body: bytes, incident: Incident, reply: Reply) -> bool:
        """Whether it went out."""
        try:
            await reply(body + self._seal(body))
        except PatrolaError as error:
            log.warning("sms: an answer could not be sent: %s", error)
            self._emit("receipt-not-sent", _fields(incident) | {"problem": str(error)})
            return False
        self._emit("receipt-sent", _fields(incident) | {"bearer": capsules.SMS})
        return True

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
