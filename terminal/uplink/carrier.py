"""Takes alarm messages to headquarters over one bearer, signed, and brings back the receipts that can be believed."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from hal.errors import PatrolaError
from terminal.contract.capsule import AnswerCapsule, ReceiptCapsule, Told, alarm_body, read, split
from terminal.contract.messages import Malformed
from terminal.core.inputs import CapsuleAnswered, CapsuleReceipted, CarryFailed, Published
from terminal.core.inputs import Told as Input
from terminal.uplink.bearer import Beside

log = logging.getLogger(__name__)

AGAIN_AFTER_S = 5.0
"""After a bearer could not be listened to."""


class Notary(Protocol):
    """Signs for this car, and knows headquarters' signatures."""

    def capsule_signature(self, body: bytes) -> bytes:
        """64 bytes; zeros when it cannot sign, since no alarm waits for that."""

    def capsule_doubt(self, body: bytes, signature: bytes) -> str:
        """Why this is not headquarters' word; "" if it is."""


class Carrier:
    """One bearer's work; what it is given to carry and cannot yet waits here, the newest of each message."""

    def __init__(self, beside: Beside, realm: str, unit: str, notary: Notary, tell: Callable[[Input], None]) -> None:
        self._bearer = beside.bearer
        self._rules = beside.rules
        self._realm = realm
        self._unit = unit
        self._notary = notary
        self._tell = tell
        self._waiting: dict[str, Told] = {}
        self._wanted = asyncio.Event()

    def carry(self, message: Told) -> None:
        """Send it as soon as the one before is sent; returns at once."""
        self._waiting[message.id] = message
        self._wanted.set()

    async def run(self) -> None:
        """Send, and listen where answers come, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._send(), name=f"{self._bearer.name} out")
            if self._rules.brings_answers:
                group.create_task(self._listen(), name=f"{self._bearer.name} in")

    async def _send(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            while self._waiting:
                await self._send_one(self._waiting.pop(next(iter(self._waiting))))

    async def _send_one(self, message: Told) -> None:
        name = self._bearer.name
        try:
            body = alarm_body(self._realm, self._unit, message)
            async with asyncio.timeout(self._rules.sends_within_s):
                await self._bearer.send(body + self._notary.capsule_signature(body))
        except TimeoutError as error:
            # A SourceStale too: what was not answered in time may be on its way all the same.
            problem = str(error) or f"it took nothing within {self._rules.sends_within_s:g} s"
            self._tell(CarryFailed(name, message.incident, problem, spent=True))
        except PatrolaError as error:
            self._tell(CarryFailed(name, message.incident, str(error), spent=False))
        except Exception as error:
            # A bearer's defect must not end the sending of the next message.
            log.exception("%s: an alarm could not be sent; report this as a defect", name)
            self._tell(CarryFailed(name, message.incident, repr(error), spent=True))
        else:
            self._tell(Published((message.id,), name))

    async def _listen(self) -> None:
        while True:
            try:
                self._took(await self._bearer.receive())
            except (PatrolaError, Malformed) as error:
                log.warning("%s: what came was left: %s", self._bearer.name, error)
                await asyncio.sleep(AGAIN_AFTER_S if isinstance(error, PatrolaError) else 0)
            except Exception:
                log.exception("%s: what came could not be taken; report this as a defect", self._bearer.name)
                await asyncio.sleep(AGAIN_AFTER_S)

    def _took(self, data: bytes) -> None:
        body, signature = split(data)
        capsule = read(body)
        if not isinstance(capsule, ReceiptCapsule | AnswerCapsule):
            raise Malformed("expected a receipt or an answer")
        doubt = self._notary.capsule_doubt(body, signature)
        if doubt:
            log.warning("%s: a receipt is not believed: %s", self._bearer.name, doubt)
        elif isinstance(capsule, ReceiptCapsule):
            self._tell(CapsuleReceipted(self._bearer.name, capsule))
        else:
            self._tell(CapsuleAnswered(self._bearer.name, capsule))
