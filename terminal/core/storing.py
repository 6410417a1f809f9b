"""Carries the loop's wishes to the writer thread and brings back what became of them."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any
from uuid import UUID

import msgspec

from terminal.contract.messages import Event, Place, Point, Stored, Who, encode
from terminal.contract.topics import Lane
from terminal.core import emergency, inputs
from terminal.core.channels import TELEMETRY_COMMIT_EVERY_S
from terminal.core.emergency import Emergency
from terminal.core.inputs import PendingCounted, StoreFailed, Told
from terminal.uplink import track
from terminal.uplink.outbox import Entry, Outbox, Row
from terminal.uplink.sender import Sender
from terminal.uplink.writer import OutboxFailed, Writer

MOST_POINTS_HELD = 3600
"""Points kept in memory while the disk refuses; an hour at one a second."""

EMERGENCY = "emergency"
DUTY = "duty"
CLEAN = "clean"


class Storing:
    """Commits alarms at once with the emergency's state, events alone, points in batches."""

    def __init__(self, writer: Writer, sender: Sender, who: Who, tell: Callable[[Told], None]) -> None:
        self._writer = writer
        self._sender = sender
        self._who = who
        self._tell = tell
        self._points: list[Point] = []
        self._committed_s = float("-inf")
        self._committing = False
        self._tasks: set[asyncio.Task[object]] = set()

    def alarms(self, messages: Sequence[Stored], state: Emergency) -> None:
        """Put alarm messages and the state in which they are stored on disk, in one transaction, ahead of all else."""
        ids = tuple(message.id for message in messages)
        entries = [Entry(message.id, Lane.ALARM, encode(message)) for message in messages]
        saved = msgspec.json.encode(emergency.on_disk(state, ids))
        self._start(self._commit(entries, saved, EMERGENCY, urgent=True))

    def event(self, message: Event, state: bytes | None = None, name: str = DUTY) -> None:
        """Put one event on disk, alone."""
        self._start(self._commit([Entry(message.id, Lane.EVENT, encode(message))], state, name, urgent=False))

    def point(self, point: Point) -> None:
        """Put a point on disk with the next batch."""
        self._points.append(point)
        del self._points[:-MOST_POINTS_HELD]
        self.flush_if_due()

    def flush_if_due(self) -> None:
        """Commit the points that wait, if the last batch is long enough ago."""
        now_s = asyncio.get_running_loop().time()
        if self._points and not self._committing and now_s - self._committed_s >= TELEMETRY_COMMIT_EVERY_S:
            self._committed_s = now_s
            self._start(self._commit_points())

    async def close(self) -> None:
        """Put what waits on disk."""
        if self._points:
            await self._commit_points()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _commit_points(self) -> None:
        points, self._committing = list(self._points), True
        entries = [Entry(str(UUID(bytes=point.id)), Lane.TRACK, track.row_body(self._who, point)) for point in points]
        try:
            if await self._commit(entries, None, DUTY, urgent=False):
                done = {point.id for point in points}
                self._points = [point for point in self._points if point.id not in done]
        finally:
            self._committing = False

    async def _commit(self, entries: list[Entry], state: bytes | None, name: str, *, urgent: bool) -> bool:
        def commit(outbox: Outbox) -> tuple[list[int], str, int]:
            seqs = outbox.commit(entries, state, name)
            return seqs, outbox.id, sum(outbox.counts().values())

        try:
            seqs, outbox_id, pending = await self._writer.submit(commit, urgent=urgent)
        except OutboxFailed as error:
            self._tell(StoreFailed(tuple(entry.id for entry in entries), str(error)))
            return False
        rows = [Row(seq, entry.id, entry.lane, entry.body) for seq, entry in zip(seqs, entries, strict=True)]
        self._hand_on(rows, outbox_id)
        self._tell(inputs.Stored({row.id: Place(outbox_id, row.lane, row.seq) for row in rows}))
        self._tell(PendingCounted(pending))
        return True

    def _hand_on(self, rows: list[Row], outbox: str) -> None:
        for row in rows:
            if row.lane is Lane.ALARM:
                self._sender.placed(row, outbox)
        self._sender.committed([row for row in rows if row.lane is not Lane.ALARM], outbox)

    def _start(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
