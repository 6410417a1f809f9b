"""Sends each car its picture of the others when it has changed: at once if an alarm has, else from time to time."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable

from msgspec.structs import replace

from hq import picture
from hq.incidents import Incident
from hq.incidents import Key as IncidentKey
from hq.receiver import Receiver
from hq.units import Key
from terminal.contract.work import Picture

AT_MOST_EVERY_S = 1.0
"""However many alarms change: in a large realm a round of pictures takes a while."""


class Painting:
    """What each car was shown last, and what of the alarms."""

    def __init__(
        self, receiver: Receiver, of: Callable[[Key], Picture], send: Callable[[Key, Picture], None], every_s: float
    ) -> None:
        self._receiver = receiver
        self._of = of
        self._send = send
        self._every_s = every_s
        self._shown: dict[Key, Picture] = {}
        self._alarms: dict[IncidentKey, picture.Look] = {}
        self._changed = asyncio.Event()
        self.changed(receiver.incidents.values())

    def changed(self, incidents: Iterable[Incident]) -> None:
        """These incidents are new, or not as they were; where an alarm is may wait for the next round."""
        for incident in incidents:
            look = picture.look(incident)
            if look == self._alarms.get(incident.key):
                continue
            self._changed.set()
            if look is None:
                self._alarms.pop(incident.key, None)
            else:
                self._alarms[incident.key] = look

    def came(self, key: Key) -> None:
        """This car is there, and may have missed anything."""
        self._shown.pop(key, None)
        self._show(key)

    async def run(self) -> None:
        """Send what is due, for ever."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every_s):
                    await self._changed.wait()
            self._changed.clear()
            for key in [unit.last.key for unit in self._receiver.units.values() if unit.online]:
                self._show(key)
                # Receipts go between any two pictures.
                await asyncio.sleep(0)
            await asyncio.sleep(AT_MOST_EVERY_S)

    def _show(self, key: Key) -> None:
        painted, before = self._of(key), self._shown.get(key)
        if before is None or replace(before, utc_ms=painted.utc_ms) != painted:
            self._shown[key] = painted
            self._send(key, painted)
