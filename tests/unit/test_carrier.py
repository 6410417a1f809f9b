"""A bearer's work, on a bearer that is two queues: as little as another one has to be."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import ClassVar

import pytest
from msgspec.structs import replace

from hal.errors import PatrolaError, SourceError, SourceStale
from terminal.contract.capsule import (
    AlarmCapsule,
    AnswerCapsule,
    ReceiptCapsule,
    answer_body,
    read,
    receipt_body,
    split,
    tail_of,
)
from terminal.contract.identity import new_id, new_incident
from terminal.contract.messages import AlarmRaised, Who
from terminal.contract.signed import SIGNATURE_BYTES
from terminal.core.inputs import CapsuleAnswered, CapsuleReceipted, CarryFailed, Published, Told
from terminal.uplink.bearer import BearerSettings, Beside
from terminal.uplink.carrier import Carrier

WITHIN_S = 30.0
SIGNED = b"S" * SIGNATURE_BYTES


class Queues:
    """What is sent and what comes; `failure` is raised instead of sending, `hangs` never returns."""

    name = "pigeon"

    def __init__(self) -> None:
        self.sent: asyncio.Queue[bytes] = asyncio.Queue()
        self.came: asyncio.Queue[bytes | Exception] = asyncio.Queue()
        self.failure: Exception | None = None
        self.hangs = False

    async def send(self, capsule: bytes) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.failure is not None:
            raise self.failure
        self.sent.put_nowait(capsule)

    async def receive(self) -> bytes:
        came = await self.came.get()
        if isinstance(came, Exception):
            raise came
        return came


class Seal:
    def capsule_signature(self, _body: bytes) -> bytes:
        return SIGNED

    def capsule_doubt(self, _body: bytes, signature: bytes) -> str:
        return "" if signature == SIGNED else "its signature is wrong"


def alarm() -> AlarmRaised:
    return AlarmRaised(id=new_id(), who=Who(unit="LJ-101"), incident=new_incident())


Story = Callable[[Queues, Carrier, "asyncio.Queue[Told]"], Awaitable[None]]


def played(story: Story, unit: str = "LJ-101", kind: type[BearerSettings] = BearerSettings) -> None:
    async def play() -> None:
        bearer, told = Queues(), asyncio.Queue[Told]()
        carrier = Carrier(Beside(bearer, kind()), "LJ", unit, Seal(), told.put_nowait)
        running = asyncio.create_task(carrier.run())
        try:
            async with asyncio.timeout(WITHIN_S):
                await story(bearer, carrier, told)
            assert not running.done()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(play())


def test_an_alarm_goes_out_signed_and_a_receipt_comes_back() -> None:
    async def story(bearer: Queues, carrier: Carrier, told: "asyncio.Queue[Told]") -> None:
        message = alarm()
        carrier.carry(message)
        body, signature = split(await bearer.sent.get())
        capsule = read(body)
        assert isinstance(capsule, AlarmCapsule)
        assert (capsule.realm, capsule.unit, capsule.message.incident) == ("LJ", "LJ-101", message.incident)
        assert signature == SIGNED
        assert await told.get() == Published((message.id,), "pigeon")
        receipt = ReceiptCapsule(incident=message.incident, tail=tail_of(message.id), signals=1)
        bearer.came.put_nowait(receipt_body(receipt) + SIGNED)
        assert await told.get() == CapsuleReceipted("pigeon", receipt)
        answer = AnswerCapsule(
            incident=message.incident, tail=tail_of(message.id), epoch=bytes(4), revision=7, cleared_by="Novak"
        )
        for seal in (b"F" * SIGNATURE_BYTES, SIGNED):
            bearer.came.put_nowait(answer_body(answer) + seal)
        assert await told.get() == CapsuleAnswered("pigeon", answer)
        assert told.empty()

    played(story)


def test_what_is_not_headquarters_word_or_no_receipt_at_all_proves_nothing_and_the_next_one_is_taken() -> None:
    async def story(bearer: Queues, carrier: Carrier, told: "asyncio.Queue[Told]") -> None:
        message = alarm()
        receipt = ReceiptCapsule(incident=message.incident, tail=tail_of(message.id), signals=1)
        forged = receipt_body(replace(receipt, acknowledged_by="a forger")) + b"F" * SIGNATURE_BYTES
        carrier.carry(message)
        echo = await bearer.sent.get()
        await told.get()
        for came in (forged, echo, b"", b"your balance is low", receipt_body(receipt) + SIGNED):
            bearer.came.put_nowait(came)
        assert await told.get() == CapsuleReceipted("pigeon", receipt)
        assert told.empty()

    played(story)


@pytest.mark.parametrize(
    ("failure", "spent"),
    [
        (SourceError("modem", "no network"), False),
        (SourceStale("modem", "no answer"), True),
        (KeyError("defect"), True),
    ],
)
def test_what_could_not_be_sent_is_told_and_the_next_message_goes(failure: Exception, spent: bool) -> None:
    async def story(bearer: Queues, carrier: Carrier, told: "asyncio.Queue[Told]") -> None:
        message, other = alarm(), alarm()
        bearer.failure = failure
        carrier.carry(message)
        failed = await told.get()
        assert isinstance(failed, CarryFailed)
        assert (failed.bearer, failed.incident, failed.spent) == ("pigeon", message.incident, spent)
        bearer.failure = None
        carrier.carry(other)
        assert await told.get() == Published((other.id,), "pigeon")

    played(story)


def test_names_that_do_not_fit_are_told_and_end_nothing() -> None:
    async def story(bearer: Queues, carrier: Carrier, told: "asyncio.Queue[Told]") -> None:
        carrier.carry(alarm())
        failed = await told.get()
        assert isinstance(failed, CarryFailed)
        assert "at most" in failed.problem

    played(story, unit="U" * 32)


def test_a_bearer_that_hangs_still_brings_receipts_and_sends_the_newest_of_each_message_afterwards() -> None:
    async def story(bearer: Queues, carrier: Carrier, told: "asyncio.Queue[Told]") -> None:
        bearer.hangs = True
        message = alarm()
        for _ in range(1000):
            carrier.carry(message)
        receipt = ReceiptCapsule(incident=message.incident, tail=tail_of(message.id))
        bearer.came.put_nowait(receipt_body(receipt) + SIGNED)
        assert await told.get() == CapsuleReceipted("pigeon", receipt)
        assert bearer.sent.empty()

    played(story)


def test_a_bearer_that_cannot_be_listened_to_still_sends() -> None:
    async def story(bearer: Queues, carrier: Carrier, told: "asyncio.Queue[Told]") -> None:
        bearer.came.put_nowait(PatrolaError("pigeon", "flew away"))
        bearer.came.put_nowait(RuntimeError("a defect"))
        message = alarm()
        carrier.carry(message)
        assert await told.get() == Published((message.id,), "pigeon")

    played(story)


class Mute(BearerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing comes back by it."""

    brings_answers: ClassVar[bool] = False


def test_one_by_which_no_answers_come_is_not_asked_for_any_and_sends() -> None:
    async def story(bearer: Queues, carrier: Carrier, told: "asyncio.Queue[Told]") -> None:
        message = alarm()
        receipt = ReceiptCapsule(incident=message.incident, tail=tail_of(message.id))
        bearer.came.put_nowait(receipt_body(receipt) + SIGNED)
        carrier.carry(message)
        assert await told.get() == Published((message.id,), "pigeon")
        assert not bearer.came.empty()

    played(story, kind=Mute)


class Hasty(BearerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """It is not waited for."""

    sends_within_s: ClassVar[float] = 0.01


def test_one_that_hangs_is_left_after_its_time_and_the_next_message_is_tried() -> None:
    async def story(bearer: Queues, carrier: Carrier, told: "asyncio.Queue[Told]") -> None:
        bearer.hangs = True
        carrier.carry(alarm())
        failed = await told.get()
        assert isinstance(failed, CarryFailed)
        assert (failed.spent, failed.problem) == (True, "it took nothing within 0.01 s")
        bearer.hangs, message = False, alarm()
        carrier.carry(message)
        assert await told.get() == Published((message.id,), "pigeon")

    played(story, kind=Hasty)
