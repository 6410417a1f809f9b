"""Tells cars, by the gateways that brought their alarms, that these are on disk and what people did about them.

A receipt goes by the gateway that brought its message. Who has taken or ended an alarm is told by every gateway that
brought something of it: nobody here can know which of them works downwards.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import partial
from math import inf
from typing import Any, Protocol

from msgspec.structs import replace

from hal.errors import PatrolaError
from hq import capsules, taking
from hq.budget import Budget, Budgets
from hq.gateway import Emit, GatewaySettings
from hq.incidents import Incident, Key
from hq.receiver import Receiver
from hq.route_store import MOST_ROUTES
from hq.routes import Back, Route
from terminal.contract.durable import DiskFailed
from terminal.contract.topics import MQTT

log = logging.getLogger(__name__)

TOLD_AGAIN_AFTER_S = 30.0
"""After an answer could not be sent."""

Name = tuple[Key, str]
"""An incident, and the gateway by which its car is answered."""


class Post(Protocol):
    """Where answers are handed over."""

    async def send(self, gateway: str, to: str, capsule: bytes) -> None:
        """By this gateway; PatrolaError if it took none."""


class Telling:
    """`seal` gives a body's signature; `known` are the ways back that the store has."""

    def __init__(
        self,
        receiver: Receiver,
        gateways: Mapping[str, GatewaySettings],
        post: Post,
        seal: Callable[[bytes], bytes],
        emit: Emit,
        known: Iterable[tuple[Key, Route]] = (),
    ) -> None:
        self._receiver = receiver
        self._gateways = gateways
        self._post = post
        self._seal = seal
        self._emit = emit
        self._budgets = {name: _budgets(settings) for name, settings in gateways.items()}
        self._routes: dict[Key, dict[str, Route]] = {}
        self._again_s: dict[Name, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        for key, route in known:
            self._put(key, route)

    def learnt(self, routes: Mapping[Name, Route]) -> None:
        """These ways back are on disk now."""
        for (key, gateway), route in routes.items():
            before = self._routes.get(key, {}).get(gateway)
            # What was told a moment ago may be on disk only after this.
            is_same = before is not None and before.back.to == route.back.to
            self._put(key, replace(route, told=max(route.told, before.told)) if before and is_same else route)
        for key in list(self._routes)[:-MOST_ROUTES]:
            self._forget(key)

    def _put(self, key: Key, route: Route) -> None:
        if route.back.gateway in self._gateways:
            self._routes[key] = self._routes.pop(key, {}) | {route.back.gateway: route}

    def _forget(self, key: Key) -> None:
        for gateway in self._routes.pop(key):
            self._again_s.pop((key, gateway), None)
            for budget in self._budgets[gateway]:
                budget.forget(key)

    def receipt(self, incident: Incident, back: Back, *, is_new: bool, unanswered: Callable[[], None]) -> None:
        """A message of this incident is on disk; what has come before is answered from a budget of its own.

        `unanswered` hears of one that is not answered, or whose answer does not go out.
        """
        route = self._routes.get(incident.key, {}).get(back.gateway)
        if route is not None and self._may_cost(incident, back.gateway, is_new=is_new):
            self._start(self._receipt(incident, replace(back, to=route.back.to), unanswered))
        else:
            unanswered()

    def acted(self, incident: Incident) -> None:
        """A person took or ended an incident, on disk: its car is told so if no broker reaches it."""
        self._look_at(incident.key)

    def look(self) -> None:
        """Tell each car that no broker reaches (any more) who has taken or ended its alarm."""
        for key in list(self._routes):
            self._look_at(key)

    def _look_at(self, key: Key) -> None:
        incident = self._receiver.incidents.get(key)
        if incident is None or key not in self._routes or not (incident.acknowledged_by or incident.cleared_by):
            return
        due = [route for route in self._routes[key].values() if self._is_due(incident, route)]
        if due and not (self._receiver.owes(key) or self._is_reached(incident)):
            for route in due:
                self._again_s[key, route.back.gateway] = inf
                self._start(self._tell(incident, route))

    def _is_due(self, incident: Incident, route: Route) -> bool:
        again_s = self._again_s.get((incident.key, route.back.gateway), -inf)
        return incident.told_revision > route.told and self._now_s() >= again_s

    def _is_reached(self, incident: Incident) -> bool:
        """Whether a broker takes to the car what it is to show; a line that its alarm did not come by may be dead."""
        hears = self._receiver.watching.deaf_since_ms is None
        return hears and MQTT in incident.bearers and self._receiver.units[incident.key[:2]].online

    async def _tell(self, incident: Incident, route: Route) -> None:
        gateway, knows = route.back.gateway, False
        try:
            knows = await self._confirmed(incident) or await self._answered(incident, route)
            if knows:
                self._told(incident, gateway)
        finally:
            self._let_try_again(incident, gateway)
        if knows:
            await self._keep_told(incident, gateway)

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
        back = route.back
        if not self._may_cost(incident, back.gateway, is_new=route.is_proved):
            return True
        most_bytes = self._gateways[back.gateway].takes_bytes
        return await self._sent(capsules.answer(back, incident, self._receiver.epoch, most_bytes), incident, back)

    async def _receipt(self, incident: Incident, back: Back, unanswered: Callable[[], None]) -> None:
        body = capsules.receipt(back, incident, self._gateways[back.gateway].takes_bytes)
        sent = await self._sent(body, incident, back)
        if not sent:
            unanswered()
        if sent and incident.is_open and incident.acknowledged_by:
            self._told(incident, back.gateway)
            await self._keep_told(incident, back.gateway)

    def _told(self, incident: Incident, gateway: str) -> None:
        """By this way the car knows what has been done so far."""
        route = self._routes.get(incident.key, {}).get(gateway)
        if route is not None:
            told = max(route.told, incident.told_revision)
            self._routes[incident.key][gateway] = replace(route, told=told)

    async def _keep_told(self, incident: Incident, gateway: str) -> None:
        """So that a restart does not tell it again, which would cost one answer more and no more."""
        call = partial(taking.keep_told, key=incident.key, gateway=gateway, revision=incident.told_revision)
        with contextlib.suppress(DiskFailed):
            await self._receiver.on_disk(call)

    def _let_try_again(self, tried: Incident, gateway: str) -> None:
        """What could not be told is told after a pause, and what has been done since at once."""
        route = self._routes.get(tried.key, {}).get(gateway)
        if route is not None:
            again_s = self._now_s() + TOLD_AGAIN_AFTER_S if tried.told_revision > route.told else -inf
            self._again_s[tried.key, gateway] = again_s

    def _now_s(self) -> float:
        return self._receiver.moment().mono_ms / 1000

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _may_cost(self, incident: Incident, gateway: str, *, is_new: bool) -> bool:
        """Whether its budget has an answer left: that for the car, or that for who may only repeat what it said."""
        budgets = self._budgets[gateway]
        budget = budgets.news if is_new else budgets.repeats
        if budget.spend(incident.key, self._now_s()):
            return True
        problem = f"the limit of [gateways.{gateway}] is reached"
        self._emit("receipt-not-sent", _fields(incident, gateway) | {"problem": problem})
        return False

    async def _sent(self, body: bytes, incident: Incident, back: Back) -> bool:
        """Whether it went out."""
        try:
            await self._post.send(back.gateway, back.to, body + self._seal(body))
        except PatrolaError as error:
            log.warning("%s: an answer could not be sent: %s", back.gateway, error)
            self._emit("receipt-not-sent", _fields(incident, back.gateway) | {"problem": str(error)})
            return False
        self._emit("receipt-sent", _fields(incident, back.gateway))
        return True

    async def close(self) -> None:
        """Let go what is being sent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _budgets(rules: GatewaySettings) -> Budgets:
    return Budgets(
        Budget(rules.most_per_incident, rules.most_per_hour),
        Budget(rules.most_repeats_per_incident, rules.most_repeats_per_hour),
    )


def _fields(incident: Incident, gateway: str) -> dict[str, Any]:
    return {"incident": incident.incident, "unit": incident.unit, "realm": incident.realm, "bearer": gateway}
