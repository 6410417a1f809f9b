"""What dispatchers send to cars and see of them besides alarms: jobs, texts, reports, the roster, the picture."""

import asyncio
import contextlib
from functools import partial
from typing import Any

import msgspec

from hq import orders, picture, taking
from hq.archive import Archive
from hq.desk import Desk
from hq.incidents import Incident, NotPossible
from hq.incidents import Key as IncidentKey
from hq.orders import Asked, Order
from hq.receiver import HANGS_AFTER_S, Receiver, now_ms
from hq.units import Key
from terminal.contract import pin
from terminal.contract.durable import DiskFailed
from terminal.contract.messages import Malformed, decode_event
from terminal.contract.work import Officer, Picture

FROM_CREWS = ("text-sent", "report-filed", "crew-changed", "shift-started", "shift-ended")
"""What crews tell that a dispatcher reads; by the types of the contract."""

LISTED = 100
INCIDENTS_LISTED = 2000
"""The newest, unless fewer are asked for, and all that are open: more would hold up the loop (2 kB each)."""

Answer = dict[str, Any]


class Dispatch:
    """Everything first on disk, then to the car; answers are what the API's clients are given."""

    def __init__(self, receiver: Receiver, desk: Desk, archive: Archive) -> None:
        self._receiver = receiver
        self._archive = archive
        self._desk = desk

    async def done(self, question: dict[str, Any]) -> Answer | None:
        """The answer to a question of this kind, None to any other; raises NotPossible, NoName or DiskFailed."""
        match question.get("do"):
            case "job" | "message" as what:
                return {"order": plain(await self._send(what, question))}
            case "incidents":
                return {"incidents": [self._desk.plain(one) for one in await self._incidents(question)]}
            case "orders":
                return {"orders": [plain(one) for one in await self._orders(question)]}
            case "told":
                return {"told": await self._told(question)}
            case "withdraw":
                return {"order": plain(await self._withdraw(question))}
            case "picture":
                return {"picture": plain(self.picture(self._unit(question)))}
            case "officer":
                return await self._officer(question)
            case "roster":
                found = await self._receiver.on_disk(lambda store: store.officers(str(question.get("realm", ""))))
                return {"roster": [{"badge": one.badge, "name": one.name, "pin": bool(one.pin)} for one in found]}
        return None

    def picture(self, unit: Key) -> Picture:
        """What this car is shown of the others."""
        return picture.of(unit, self._receiver.units.values(), self._receiver.incidents.open(), now_ms())

    def _unit(self, question: dict[str, Any]) -> Key:
        """The car of this name; one that was never heard needs its realm, as REALM/UNIT."""
        name = str(question.get("unit", ""))
        realm, slash, unit = name.partition("/")
        if slash and realm and unit:
            return realm, unit
        found = [key for key in self._receiver.units if key[1] == name]
        if len(found) != 1:
            some = "no car" if not found else f"{len(found)} cars"
            raise NotPossible(
                f"{some} of the name {name!r} was heard; `patrola hq units` lists them, or say REALM/UNIT"
            )
        return found[0]

    async def _send(self, what: str, question: dict[str, Any]) -> Order:
        unit = self._unit(question)
        try:
            asked = msgspec.convert(question.get("asked"), Asked)
        except msgspec.ValidationError as error:
            raise NotPossible(f"cannot be sent: {error}") from None
        make = orders.job if what == "job" else orders.text
        order = make(*unit, asked, now_ms())
        await self._receiver.on_disk(partial(taking.send_order, order=order))
        await self._desk.tell_car(unit)
        return order

    async def _incidents(self, question: dict[str, Any]) -> list[Incident]:
        """What is on disk, and over it what is at hand: an alarm that the disk refuses is there all the same.

        Of a disk that does not answer, what is at hand alone.
        """
        unit = self._unit(question) if question.get("unit") else None
        asked = question.get("most")
        most = min(asked, INCIDENTS_LISTED) if isinstance(asked, int) and asked > 0 else INCIDENTS_LISTED
        found: dict[IncidentKey, Incident] = {}
        with contextlib.suppress(DiskFailed, TimeoutError):
            async with asyncio.timeout(HANGS_AFTER_S):
                found = {one.key: one for one in await self._archive.incidents(unit, most)}
        at_hand = self._desk.incidents()
        found |= {one.key: one for one in at_hand if unit is None or one.key[:2] == unit}
        every = sorted(found.values(), key=lambda one: one.raised_ms)
        # What is open is news, however old a clock that was set makes it look.
        return [*(one for one in every[:-most] if one.is_open), *every[-most:]]

    async def _orders(self, question: dict[str, Any]) -> list[Order]:
        unit = self._unit(question) if question.get("unit") else None
        return await self._receiver.on_disk(lambda store: store.orders(unit))

    async def _told(self, question: dict[str, Any]) -> list[Answer]:
        unit = self._unit(question) if question.get("unit") else None
        found = await self._archive.told(FROM_CREWS, unit, LISTED)
        return [_told(*one) for one in found]

    async def _withdraw(self, question: dict[str, Any]) -> Order:
        order = str(question.get("order", ""))
        withdraw = partial(taking.withdraw_order, beginning=order, by=str(question.get("by", "")), now_ms=now_ms())
        after = await self._receiver.on_disk(withdraw)
        await self._desk.tell_car((after.realm, after.unit))
        return after

    async def _officer(self, question: dict[str, Any]) -> Answer:
        realm, badge = str(question.get("realm", "")), str(question.get("badge", ""))
        if not realm or not badge:
            raise NotPossible("whose roster, and who? a realm and a badge are needed")
        units = [key for key in self._receiver.units if key[0] == realm]
        if question.get("drop"):
            await self._receiver.on_disk(partial(taking.drop_officer, realm=realm, badge=badge, units=units))
        else:
            code = str(question.get("pin", ""))
            officer = Officer(badge, str(question.get("name", "")), pin.verifier(code) if code else "")
            await self._receiver.on_disk(partial(taking.put_officer, realm=realm, officer=officer, units=units))
        for unit in units:
            await self._desk.tell_car(unit)
        return {"badge": badge}


def plain(value: Order | Picture) -> Answer:
    """As JSON would have it."""
    told: Answer = msgspec.to_builtins(value)
    return told | ({"id": value.id, "over": value.is_over} if isinstance(value, Order) else {})


def _told(received_ms: int, realm: str, unit: str, body: bytes) -> Answer:
    try:
        message: Answer = msgspec.to_builtins(decode_event(body))
    except Malformed:
        message = {"type": "unreadable"}
    told: Answer = {"received_ms": received_ms, "realm": realm, "unit": unit}
    return told | message
