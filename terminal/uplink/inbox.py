"""What headquarters says to this car: receipts go to the outbox, the rest into the loop."""

import asyncio
import logging
from collections.abc import Callable

import msgspec

from terminal.contract import topics
from terminal.contract.messages import DesiredState, Heartbeat, Malformed, Receipt, Stored, decode_as
from terminal.contract.topics import Lane
from terminal.contract.work import Picture
from terminal.core.inputs import (
    HeartbeatHeard,
    OutboxRepaired,
    PendingCounted,
    PictureSeen,
    Received,
    StateDesired,
    Told,
    Unreceipted,
)
from terminal.uplink.outbox import Outbox, Row
from terminal.uplink.sender import Sender
from terminal.uplink.writer import OutboxFailed, Writer

log = logging.getLogger(__name__)

MOST_WAITING = 1000
"""Receipts that wait for the disk; a lost one is made up for by a repeat."""


class Inbox:
    """Takes what came down; receipts are dealt with one after the other, since each may need the disk.

    A receipt speaks of the store that headquarters' last heartbeat named, or it says nothing: it may have been under
    way since before a backup was restored. So it cannot name a new store either, unless none was ever heard of.
    """

    def __init__(self, writer: Writer, sender: Sender, tell: Callable[[Told], None]) -> None:
        self._writer = writer
        self._sender = sender
        self._tell = tell
        self._epoch = ""
        self._epoch_on_disk = ""
        self._waiting: asyncio.Queue[Receipt | str] = asyncio.Queue(MOST_WAITING)

    def came_down(self, what: str, payload: bytes) -> None:
        """One message on this car's down topic; what cannot be read is logged without its content."""
        try:
            if what == topics.RECEIPT:
                self._receipted(decode_as(Receipt, payload))
            elif what == topics.STATE:
                self._tell(StateDesired(decode_as(DesiredState, payload)))
            elif what == topics.PICTURE:
                self._tell(PictureSeen(decode_as(Picture, payload)))
            elif what == topics.HEARTBEAT:
                heartbeat = decode_as(Heartbeat, payload)
                self._epoch = heartbeat.epoch or self._epoch
                self._tell(HeartbeatHeard(heartbeat))
                self._queue(heartbeat.epoch)
        except Malformed as error:
            size = len(payload)
            log.warning("headquarters: a %s (%d bytes) that cannot be read: %s; is it of version 1?", what, size, error)

    def _receipted(self, receipt: Receipt) -> None:
        self._epoch = self._epoch or receipt.epoch
        if receipt.epoch == self._epoch:
            self._sender.received(receipt.ids)
            self._tell(Received(receipt.ids, epoch=receipt.epoch))
            self._queue(receipt)

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
            except Exception:
                # One receipt that cannot be taken must not take the others with it.
                log.exception("inbox: what came down (%s) could not be taken; report this", type(told).__name__)
            finally:
                self._waiting.task_done()

    async def _seen_epoch(self, epoch: str) -> None:
        """Tell the outbox, and open the account anew if its word differs from ours.

        What failed before may be done already, and the outbox may have been begun anew under a running core.
        """

        def look(outbox: Outbox) -> tuple[int, str, str]:
            forgotten = 0 if epoch in ("", outbox.epoch) else outbox.forget_receipts(epoch)
            return forgotten, outbox.id, outbox.epoch

        forgotten, account, on_disk = await self._writer.submit(look)
        if forgotten:
            log.warning("headquarters has another store (epoch %s): %d messages are sent again", epoch, forgotten)
        if (account, on_disk) != (self._sender.outbox, self._epoch_on_disk):
            before = self._epoch_on_disk
            alarms = await self._open_account()
            if before not in ("", on_disk):
                events = await self._writer.submit(lambda outbox: outbox.unreceipted(Lane.EVENT))
                messages = tuple(msgspec.json.decode(row.body, type=Stored) for row in alarms)
                self._tell(Unreceipted(messages, frozenset(events)))

    async def open_account(self) -> str:
        """Tell the sender which account this is and which alarms it still owes; returns the outbox id."""
        await self._open_account()
        return self._sender.outbox

    async def _open_account(self) -> list[Row]:
        outbox, self._epoch_on_disk, alarms, problem = await self._writer.submit(_account)
        self._epoch = self._epoch or self._epoch_on_disk
        if problem:
            self._tell(OutboxRepaired(problem))
        self._sender.opened(outbox, alarms)
        return alarms

    async def _settle(self, receipt: Receipt) -> None:
        if receipt.epoch != self._epoch_on_disk:
            await self._seen_epoch(receipt.epoch)
        if receipt.clash:
            await self._renew(receipt.outbox)
            return
        if not receipt.stored:
            return
        await self._settle_ranges(receipt)
        self._tell(PendingCounted(await self._writer.submit(lambda outbox: outbox.shown_pending())))

    async def _settle_ranges(self, receipt: Receipt) -> None:
        def settle(outbox: Outbox) -> list[str]:
            return outbox.settle(receipt.lane, receipt.stored, receipt.epoch) if outbox.id == receipt.outbox else []

        ids = await self._writer.submit(settle)
        self._sender.settled(ids)
        if receipt.lane is not Lane.TRACK and ids:
            self._tell(Received(tuple(ids), epoch=receipt.epoch))

    async def _renew(self, clashed: str) -> None:
        def renew(outbox: Outbox) -> bool:
            return outbox.id == clashed and bool(outbox.renew_identity())

        if await self._writer.submit(renew):
            log.warning("headquarters knows another card with this outbox: this car takes a new outbox id")
            await self.open_account()


def _account(outbox: Outbox) -> tuple[str, str, list[Row], str]:
    return outbox.id, outbox.epoch, outbox.pending(Lane.ALARM, limit=MOST_WAITING), outbox.problem
