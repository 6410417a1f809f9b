"""What people at headquarters may do, and what each car is told because of it; the web desk will use this too."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from msgspec.structs import asdict

from hq import acts, incidents, orders, units
from hq.accounts import Gap
from hq.archive import Archive
from hq.at_hand import MOST_ENDED
from hq.config import Alarms
from hq.incidents import Incident, NotPossible
from hq.incidents import Key as IncidentKey
from hq.orders import Order
from hq.receiver import HANGS_AFTER_S, Receiver, loop_s
from hq.store import Store
from hq.units import Key, Unit
from terminal.contract.durable import DiskFailed
from terminal.contract.messages import DesiredState
from terminal.contract.work import Officer

TOLD_AFTER_CLEARING_S = 86400
"""A cleared incident stays in what its car is told for a day, in which the car must have been reached once."""

SendState = Callable[[str, str, DesiredState], None]


class Desk:
    """Acts on incidents: on disk, then to the car, then to whoever watches; a disk that refuses holds up no act."""

    def __init__(
        self,
        receiver: Receiver,
        archive: Archive,
        send_state: SendState,
        emit: Callable[[str, dict[str, Any]], None],
        alarms: Alarms,
    ) -> None:
        self._receiver = receiver
        self._archive = archive
        self._send_state = send_state
        self._emit = emit
        self._alarms = alarms
        self._unproved: set[Key] = set()
        self.acted_s = float("-inf")
        self.on_acted: Callable[[Incident], None] = lambda _incident: None

    def _now_ms(self) -> int:
        return self._receiver.moment().wall_ms

    def incidents(self, *, only_open: bool = False) -> list[Incident]:
        """The incidents at hand, newest last."""
        at_hand = self._receiver.incidents
        found = at_hand.open() if only_open else list(at_hand.values())
        return sorted(found, key=lambda one: one.raised_ms)

    def units(self) -> list[Unit]:
        """Every car that was ever heard."""
        return sorted(self._receiver.units.values(), key=lambda unit: unit.last.key)

    @property
    def deaf_since_ms(self) -> int | None:
        """Since when headquarters itself has no line to any broker; None while it has one."""
        return self._receiver.watching.deaf_since_ms

    def is_proved(self, unit: Unit) -> bool:
        """Whether the car's alarm chain was proved as lately as it should be."""
        return units.is_proved(unit, self._now_ms(), round(self._alarms.prove_within_h * 3_600_000))

    def look_for_unproved(self) -> None:
        """Tell once of each car on duty whose alarm chain was not proved for too long."""
        on_duty = [unit for unit in self.units() if units.is_on_duty(unit, self._alarms.off_duty)]
        unproved = {unit.last.key: unit for unit in on_duty if not self.is_proved(unit)}
        for key in unproved.keys() - self._unproved:
            fields = {"realm": key[0], "unit": key[1], "proved_ms": unproved[key].proved_ms}
            self._emit("unit-not-proved", fields)
        self._unproved = set(unproved)

    async def gaps(self) -> list[Gap]:
        """What cars have sent later messages than, and what is not here yet."""
        return await self._receiver.on_disk(Store.gaps)

    async def find(self, name: str) -> Incident:
        """The incident whose id, or unit/id, begins so; raises NotPossible unless there is exactly one, or DiskFailed.

        What is at hand counts first: no disk holds up an act on what is open. What ended before that is on disk alone.
        """
        every = self._receiver.incidents.values() if name else ()
        found = [one for one in every if one.incident.startswith(name) or f"{one.unit}/{one.incident}".startswith(name)]
        if name and not found:
            found = await self._ended_long_ago(name)
        if len(found) != 1:
            some = "none" if not found else "several incidents"
            raise NotPossible(f"{some} begin with {name!r}; `patrola hq incidents` lists them")
        return found[0]

    async def _ended_long_ago(self, name: str) -> list[Incident]:
        try:
            async with asyncio.timeout(HANGS_AFTER_S):
                return await self._archive.named(name, most=2)
        except TimeoutError:
            raise NotPossible(
                f"nothing that is open or ended lately begins with {name!r}, and the disk, where older incidents are,"
                " does not answer; try again when it works"
            ) from None

    async def acknowledge(self, name: str, by: str) -> Incident:
        """A named person takes an alarm; raises NotPossible."""
        now_ms = self._now_ms()
        key = (await self.find(name)).key
        incident = await self._receiver.act(key, lambda one: acts.acknowledged(one, by, now_ms))
        await self._acted(incident, "alarm-acknowledged", {"by": incident.acknowledged_by})
        return incident

    async def clear(self, name: str, by: str, reason: str, seen: int | None = None) -> Incident:
        """A named person ends an alarm of which so many presses were `seen`, or those taken; raises NotPossible."""
        key, now_ms = (await self.find(name)).key, self._now_ms()
        incident = await self._receiver.act(key, lambda one: acts.cleared(one, by, reason, now_ms, seen))
        await self._acted(incident, "alarm-cleared", {"by": incident.cleared_by, "reason": incident.reason})
        return incident

    async def close_test(self, key: IncidentKey) -> Incident:
        """Headquarters ends a test alarm by itself; raises NotPossible."""
        now_ms = self._now_ms()
        incident = await self._receiver.act(key, lambda one: acts.closed_test(one, now_ms))
        await self._told(incident, "alarm-cleared", {"by": incident.cleared_by, "reason": incident.reason})
        return incident

    async def _acted(self, incident: Incident, event: str, fields: dict[str, Any]) -> None:
        # "Attended" is a colour in the car, and must not say that somebody has taken a silent alarm.
        if not incident.silent:
            self.acted_s = loop_s()
        await self._told(incident, event, fields)

    async def _told(self, incident: Incident, event: str, fields: dict[str, Any]) -> None:
        if self.is_stored(incident):
            await self.kept(incident)
        self._emit(event, incidents.named(incident) | fields | {"stored": self.is_stored(incident)})

    async def kept(self, incident: Incident) -> None:
        """What was done to it is on disk, and may be told to its car."""
        # What cannot be read of it now the car is told with the next heartbeat.
        with contextlib.suppress(DiskFailed):
            await self.tell_car((incident.realm, incident.unit))
        self.on_acted(incident)

    def is_stored(self, incident: Incident) -> bool:
        """Whether all that is known of it is on disk."""
        return not self._receiver.owes(incident.key)

    def plain(self, incident: Incident) -> dict[str, Any]:
        """What a client of the API is given of it."""
        return public(incident) | {"stored": self.is_stored(incident)}

    async def tell_car(self, unit: Key, *, only_unconfirmed: bool = False) -> None:
        """Send the car what it should show."""
        # In one call: an act that came between two would be told under the revision before its own.
        on_disk = await self._receiver.on_disk(lambda store: _on_disk(store, unit, only_unconfirmed))
        if on_disk is not None:
            self._send_state(*unit, self._desired(unit, *on_disk))

    def _desired(
        self, unit: Key, revisions: tuple[int, int], asked: list[Order], roster: tuple[Officer, ...]
    ) -> DesiredState:
        revision, confirmed = revisions
        oldest_ms = self._now_ms() - TOLD_AFTER_CLEARING_S * 1000
        # Who is told that an alarm is taken is told that it is received; what is not named stays as it is.
        of_car = [one for one in self._receiver.incidents.of_car(unit) if self.is_stored(one)]
        of_car.sort(key=lambda one: one.raised_ms)
        # The wall's clock may have been stepped: what the car has not confirmed it is told, however old that looks.
        ended = [
            one
            for one in of_car
            if not one.is_open and (one.told_revision > confirmed or (one.cleared_ms or 0) > oldest_ms)
        ]
        ended = sorted(ended, key=lambda one: one.told_revision)[-MOST_ENDED:]
        told = [*(one for one in of_car if one.is_open), *ended]
        return DesiredState(
            revision=revision,
            epoch=self._receiver.epoch,
            alarms=tuple(incidents.status(one, self._now_ms()) for one in told),
            jobs=orders.jobs_told(asked, self._now_ms()),
            texts=orders.texts_told(asked, self._now_ms()),
            roster=roster,
        )


def _on_disk(
    store: Store, unit: Key, only_unconfirmed: bool
) -> tuple[tuple[int, int], list[Order], tuple[Officer, ...]] | None:
    """Revisions, orders and roster of what a car is told; None where there is nothing to tell."""
    revision, confirmed = store.revisions(unit)
    if not revision or (only_unconfirmed and confirmed >= revision):
        return None
    return (revision, confirmed), store.orders(unit), store.officers(unit[0])


def _judged(incident: Incident) -> dict[str, Any]:
    return {
        "open": incident.is_open,
        "untaken": incident.is_untaken,
        "cancelled": incident.cancelled,
        "late_s": incident.late_s,
    }


def public(value: Incident | Unit | Gap) -> dict[str, Any]:
    """What a client of the API is given."""
    if isinstance(value, Unit):
        told = asdict(value)
        return asdict(told.pop("last")) | told
    return asdict(value) | (_judged(value) if isinstance(value, Incident) else {})
