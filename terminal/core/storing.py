"""Carries the loop's wishes to the writer thread and brings back what became of them."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from terminal.contract.identity import new_id
from terminal.contract.messages import Event, Place, Point, Stored, Thinned, Who, encode
from terminal.contract.topics import Lane
from terminal.core import emergency, inputs
from terminal.core.channels import ALARM_ON_DISK_WITHIN_S, ALARM_TO_DISK_WITHIN_S, TELEMETRY_COMMIT_EVERY_S
from terminal.core.emergency import Emergency
from terminal.core.inputs import PendingCounted, StoreFailed, Told
from terminal.uplink import track
from terminal.uplink.outbox import NO_STATES, Entry, Outbox, Row
from terminal.uplink.sender import Sender
from terminal.uplink.writer import Job, OutboxFailed, Writer

log = logging.getLogger(__name__)

MOST_POINTS_HELD = 3600
"""Points kept in memory while the disk refuses; an hour at one a second."""
MOST_EVENTS_HELD = 1000
"""Events kept in memory while the disk refuses, each below 1 kB."""
CLOSES_WITHIN_S = 3.0
"""How long a disk that hangs may hold up the end."""

EMERGENCY = "emergency"
DUTY = "duty"
WORK = "work"
ZONES = "dead-zones"
TIME = "time"
"""The states that stand in the outbox, by name."""


class Commit(NamedTuple):
    """What became of a commit: the entries' places, the account, what waits in it, and what was repaired.

    `pending` is None of alarms alone, which are not counted.
    """

    seqs: list[int]
    outbox: str
    pending: int | None
    problem: str


class Handed:
    """Entries that the writer has, and whether it has been told what became of them."""

    def __init__(self, job: Job[Commit], entries: Sequence[Entry]) -> None:
        self.job = job
        self.entries = entries
        self.told = False


class Storing:
    """Commits alarms at once with the emergency's state, events as they come, points in batches.

    What the disk refuses is kept, up to a bound, and goes in its old order once the disk takes it: events and points
    by `flush_if_due`, alarms and the emergency's state (`state_owed`) by whoever has the newest state.
    """

    def __init__(
        self, writer: Writer, sender: Sender, who: Who, tell: Callable[[Told], None], new_account: Callable[[], None]
    ) -> None:
        self._writer = writer
        self._sender = sender
        self.who = who
        self._tell = tell
        self._new_account = new_account
        self._problem = ""
        self._given_up = {Lane.EVENT: 0, Lane.TRACK: 0}
        self.state_owed = False
        self._alarms_under_way: set[str] = set()
        self._alarm_commits = 0
        self._just_handed: list[Handed] = []
        self._next_state: Emergency | None = None
        self._events: list[Entry] = []
        self._kept: dict[str, bytes] = {}
        self._storing_events = False
        self._points: list[tuple[Who, Point]] = []
        self._committed_s = float("-inf")
        self._committing = False
        self._tasks: set[asyncio.Task[object]] = set()

    def alarms(self, messages: Sequence[Stored], state: Emergency | None) -> None:
        """Put alarm messages and the state in which they are stored on disk, in one transaction, ahead of all else.

        Without a state the one on disk stays: nobody has read yet what it knows. A disk that stalls is asked once for
        each message, and for a state alone once the last one is through: nothing piles up before it.
        """
        new = [message for message in messages if message.id not in self._alarms_under_way]
        if self._alarm_commits and not new:
            self._next_state = state or self._next_state
            return
        if state is not None:
            self._next_state, self.state_owed = None, False
        ids = tuple(message.id for message in new)
        entries = [Entry(message.id, Lane.ALARM, encode(message)) for message in new]
        saved = NO_STATES if state is None else {EMERGENCY: msgspec.json.encode(emergency.to_save(state, ids))}
        timer = "" if state is None or state.check_in is None else state.check_in.incident
        self._alarm_commits += 1
        self._alarms_under_way.update(ids)
        # Handed over now and not in the loop's next turn: what a press waits for most is the disk.
        handed = self._hand_over(entries, saved, urgent=True)
        if entries:
            handed.job.until_at_disk(ALARM_TO_DISK_WITHIN_S)
            self._just_handed.append(handed)
        self._start(self._commit_alarms(handed, None if state is None else timer))

    def soon(self) -> list[Told]:
        """What has become of the alarms that were just handed over, if the disk takes but a moment."""
        just_handed, self._just_handed = self._just_handed, []
        told: list[Told] = []
        ends_s = time.monotonic() + ALARM_ON_DISK_WITHIN_S
        for handed in just_handed:
            commit = handed.job.until_over(max(ends_s - time.monotonic(), 0))
            if commit is not None:
                handed.told = True
                told += self._became(commit, handed.entries)
        return told

    def keep(self, name: str, state: bytes) -> None:
        """Put a state on disk with the next events; the newest of a name is what counts."""
        self._kept[name] = state

    def event(self, message: Event) -> None:
        """Put one event on disk, with the states that are to be kept."""
        self._events.append(Entry(message.id, Lane.EVENT, encode(message)))
        if len(self._events) > MOST_EVENTS_HELD:
            del self._events[0]
            self._give_up(Lane.EVENT)
        if len(self._events) == 1:
            self._start(self._commit_events())

    def point(self, point: Point) -> None:
        """Put a point on disk with the next batch."""
        self._points.append((self.who, point))
        if len(self._points) > MOST_POINTS_HELD:
            del self._points[0]
            self._give_up(Lane.TRACK)
        self.flush_if_due()

    def _give_up(self, lane: Lane) -> None:
        """Count what found no room while the disk refused; headquarters learns of it with the next commit."""
        if not self._given_up[lane]:
            log.error("outbox: the disk refuses, and the oldest of the %ss that wait are given up", lane)
        self._given_up[lane] += 1

    def _tell_given_up(self) -> None:
        for lane, count in self._given_up.items():
            if count:
                self._given_up[lane] = 0
                reason = f"the disk refused for so long that {count} were given up before they had a place"
                self.event(Thinned(id=new_id(), who=self.who, lane=lane, dropped=(), reason=reason))

    def flush_if_due(self) -> None:
        """Commit what the disk refused, and the points that wait if the last batch is long enough ago."""
        if (self._events or self._kept) and not self._storing_events:
            self._start(self._commit_events())
        now_s = asyncio.get_running_loop().time()
        if self._points and not self._committing and now_s - self._committed_s >= TELEMETRY_COMMIT_EVERY_S:
            self._committed_s = now_s
            self._start(self._commit_points())

    async def close(self) -> None:
        """Put what waits on disk, unless the disk hangs."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSES_WITHIN_S):
                while self._tasks:
                    ending = tuple(self._tasks)
                    await asyncio.gather(*ending)
                    # From Python 3.12 on, what has ended already gives the loop no turn in which it is discarded.
                    self._tasks.difference_update(ending)
                await self._commit_events()
                await self._commit_points()

    async def _commit_alarms(self, handed: Handed, timer: str | None) -> None:
        ids = {entry.id for entry in handed.entries}
        try:
            if not await self._committed(handed):
                self.state_owed = True
            elif timer is not None:
                self._tell(inputs.TimerSaved(timer))
        finally:
            self._alarm_commits -= 1
            self._alarms_under_way -= ids
            if self._next_state is not None:
                self.alarms([], self._next_state)

    async def _commit_events(self) -> None:
        """In their order, those that came meanwhile together, until none waits or the disk refuses."""
        self._storing_events = True
        try:
            while self._events or self._kept:
                batch, kept = tuple(self._events), dict(self._kept)
                if not await self._commit(batch, kept, urgent=False):
                    return
                done = {entry.id for entry in batch}
                self._events = [entry for entry in self._events if entry.id not in done]
                self._kept = {name: state for name, state in self._kept.items() if kept.get(name) != state}
                self._tell_given_up()
        finally:
            self._storing_events = False

    async def _commit_points(self) -> None:
        if not self._points:
            return
        points, self._committing = list(self._points), True
        try:
            entries = [_entry_of(who, point) for who, point in points]
            if await self._commit(entries, NO_STATES, urgent=False):
                done = {point.id for _, point in points}
                self._points = [(who, point) for who, point in self._points if point.id not in done]
                self._tell_given_up()
        finally:
            self._committing = False

    async def _commit(self, entries: Sequence[Entry], states: Mapping[str, bytes], *, urgent: bool) -> bool:
        return await self._committed(self._hand_over(entries, states, urgent=urgent))

    def _hand_over(self, entries: Sequence[Entry], states: Mapping[str, bytes], *, urgent: bool) -> Handed:
        def pending(outbox: Outbox) -> int | None:
            return None if urgent and not outbox.problem else outbox.shown_pending()

        def commit(outbox: Outbox, job: Job[Commit]) -> Commit:
            seqs = outbox.commit(entries, states, job.at_disk)
            return Commit(seqs, outbox.id, pending(outbox), outbox.problem)

        return Handed(self._writer.hand(commit, urgent=urgent), entries)

    async def _committed(self, handed: Handed) -> bool:
        entries = handed.entries
        try:
            commit = await handed.job.future
        except OutboxFailed as error:
            if entries:  # The state alone is committed unseen: it may be a silent alarm's.
                self._tell(StoreFailed(tuple(entry.id for entry in entries), str(error)))
            return False
        if not handed.told:
            for told in self._became(commit, entries):
                self._tell(told)
        # The screen and the button are told first: what has a place now has gone to the brokers without one.
        await asyncio.sleep(0)
        if commit.outbox == self._sender.outbox:
            rows = [Row(seq, one.id, one.lane, one.body) for seq, one in zip(commit.seqs, entries, strict=True)]
            self._hand_on(rows, commit.outbox)
        else:
            # Whoever opens the new account finds these rows in it.
            self._new_account()
        return True

    def _became(self, commit: Commit, entries: Sequence[Entry]) -> list[Told]:
        told: list[Told] = []
        # One that is opened again without a problem has not been repaired by that.
        if commit.problem and commit.problem != self._problem:
            self._problem = commit.problem
            log.error("outbox: %s", commit.problem)
            told.append(inputs.OutboxRepaired(commit.problem))
        if entries:
            places = zip(commit.seqs, entries, strict=True)
            told.append(inputs.Stored({one.id: Place(commit.outbox, one.lane, seq) for seq, one in places}))
        if entries and commit.pending is not None:
            told.append(PendingCounted(commit.pending))
        return told

    def _hand_on(self, rows: list[Row], outbox: str) -> None:
        for row in rows:
            if row.lane is Lane.ALARM:
                self._sender.placed(row, outbox)
        self._sender.committed([row for row in rows if row.lane is not Lane.ALARM], outbox)

    def _start(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _entry_of(who: Who, point: Point) -> Entry:
    return Entry(str(UUID(bytes=point.id)), Lane.TRACK, track.row_body(who, point))
