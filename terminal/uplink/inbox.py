"""What headquarters says to this car: receipts go to the outbox, the rest into the loop."""

import asyncio
import logging
from collections.abc import Callable

from terminal.contract import topics
from terminal.contract.messages import DesiredState, Heartbeat, Malformed, Receipt, decode_as
from terminal.contract.topics import Lane
from terminal.core.inputs import HeartbeatHeard, PendingCounted, Received, StateDesired, Told
from terminal.uplink.outbox import Outbox, Row
from terminal.uplink.sender import Sender
from terminal.uplink.writer import OutboxFailed, Writer

log = logging.getLogger(__name__)

MOST_WAITING = 1000
"""Receipts that wait for the disk; a lost one is made up for by a repeat."""


class Inbox:
    """Takes what came down; receipts are dealt with one after the other, since each may need the disk."""

    def __init__(self, writer: Writer, sender: Sender, tell: Callable[[Told], None]) -> None:
        self._writer = writer
        self._sender = sender
        self._tell = tell
        self._epoch = ""
        self._waiting: asyncio.Queue[Receipt | str] = asyncio.Queue(MOST_WAITING)

    def came_down(self, what: str, payload: bytes) -> None:
        """One message on this car's down topic; what cannot be read is logged without its content."""
        try:
            if what == topics.RECEIPT:
                receipt = decode_as(Receipt, payload)
                self._sender.received(receipt.ids)
                self._tell(Received(receipt.ids))
                self._queue(receipt)
            elif what == topics.STATE:
                self._tell(StateDesired(decode_as(DesiredState, payload)))
            elif what == topics.HEARTBEAT:
                heartbeat = decode_as(Heartbeat, payload)
                self._tell(HeartbeatHeard(heartbeat))
                self._queue(heartbeat.epoch)
        except Malformed as error:
            log.warning("headquarters: a %s that cannot be read: %s; do both ends speak version 1?", what, error)

    def _queue(self, told: Receipt | str) -> None:
        if not self._waiting.full():
            self._waiting.put_nowait(told)

    async def run(self) -> None:
        """Deal with receipts, for ever; a disk that fails leaves the rows to be sent and receipted again."""
        while True:
            told = await self._waiting.get()
            try:
                if isinstance(told, Receipt):
                    await self._settle(told)
                else:
                    await self._seen_epoch(told)
            except OutboxFailed as error:
                log.warning("%s", error)

    async def _seen_epoch(self, epoch: str) -> None:
        if epoch == self._epoch:
            return
        forgotten = await self._writer.submit(lambda outbox: outbox.forget_receipts(epoch))
        self._epoch = epoch
        if forgotten:
            log.warning("headquarters has another store (epoch %s): %d messages are sent again", epoch, forgotten)
            await self.open_account()

    async def open_account(self) -> str:
        """Tell the sender which account this is and which alarms it still owes; returns the outbox id."""
        outbox, alarms = await self._writer.submit(_account)
        # An outbox that was begun anew has yet to hear of the epoch, or it takes no receipt.
        self._epoch = ""
        self._sender.opened(outbox, alarms)
        return outbox

    async def _settle(self, receipt: Receipt) -> None:
        await self._seen_epoch(receipt.epoch)
        if receipt.clash:
            await self._renew(receipt.outbox)
            return
        if receipt.stored:
            await self._settle_ranges(receipt)
        counts = await self._writer.submit(lambda outbox: outbox.counts())
        self._tell(PendingCounted(sum(counts.values())))

    async def _settle_ranges(self, receipt: Receipt) -> None:
        def settle(outbox: Outbox) -> list[str]:
            return outbox.settle(receipt.lane, receipt.stored, receipt.epoch) if outbox.id == receipt.outbox else []

        ids = await self._writer.submit(settle)
        for stored in receipt.stored:
            self._sender.settled(ids, receipt.lane, stored.first, stored.last)
        if receipt.lane is not Lane.TRACK and ids:
            self._tell(Received(tuple(ids)))

    async def _renew(self, clashed: str) -> None:
        def renew(outbox: Outbox) -> bool:
            return outbox.id == clashed and bool(outbox.renew_identity())

        if await self._writer.submit(renew):
            log.warning("headquarters knows another card with this outbox: this car takes a new outbox id")
            await self.open_account()


def _account(outbox: Outbox) -> tuple[str, list[Row]]:
    return outbox.id, outbox.pending(Lane.ALARM, limit=MOST_WAITING)
