"""One lane's rows that have no receipt: fresh ones in memory, the others on disk. Bounded, whatever waits there."""

from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable

from terminal.contract.topics import Lane
from terminal.uplink.outbox import Row

Pending = Callable[[Lane, int, int], Awaitable[tuple[str, list[Row]]]]
"""(lane, after seq, limit) to the account and its rows that have no receipt; raises OutboxFailed."""

LIVE_ROWS = 256
"""Freshly committed rows kept in memory; what does not fit is read from the disk again."""
OLD_ROWS = 96
"""Read from the disk at once."""


class Waiting:
    """What of one lane goes next; times are monotonic nanoseconds."""

    def __init__(self, lane: Lane, *, live_for_s: float, receipt_within_s: float, most_unreceipted: int) -> None:
        self._lane = lane
        self._live_for_ns = round(live_for_s * 1e9)
        self._receipt_within_ns = round(receipt_within_s * 1e9)
        self._most_unreceipted = most_unreceipted
        self._live: deque[tuple[int, Row]] = deque()
        self._old: deque[Row] = deque()
        self._due: dict[str, int] = {}
        self._cursor: int | None = 0
        self._looks = 0
        self._looked_ns = 0

    def start_over(self) -> None:
        """All that has no receipt is to go again."""
        self._due.clear()
        self._look_again()

    def forget(self) -> None:
        """The account is another: only the disk knows what is in it."""
        self._live.clear()
        self.start_over()

    def committed(self, rows: Iterable[Row], now_ns: int) -> None:
        """These are on disk now."""
        self._live.extend((now_ns, row) for row in rows)
        while len(self._live) > LIVE_ROWS:
            self._leave_to_disk()

    def settled(self, ids: Collection[str]) -> None:
        """Headquarters has these."""
        for message_id in ids:
            self._due.pop(message_id, None)
        if self._old:
            self._old = deque(row for row in self._old if row.id not in ids)

    def live(self, limit: int, now_ns: int) -> list[Row]:
        """The first rows that are news still; they stay until they are `taken`."""
        while self._live and self._live[0][0] < now_ns - self._live_for_ns:
            self._leave_to_disk()
        return [self._live[at][1] for at in range(min(limit, len(self._live)))] if self._may_send() else []

    def old(self, limit: int) -> list[Row]:
        """The first rows that waited out an outage, as far as they have been read."""
        return [self._old[at] for at in range(min(limit, len(self._old)))] if self._may_send() else []

    def taken(self, count: int, *, late: bool) -> None:
        """The first so many are not to be offered again, whatever became of them."""
        for _ in range(count):
            _ = self._old.popleft() if late else self._live.popleft()

    def sent(self, rows: Iterable[Row], now_ns: int) -> None:
        """These were handed to the line, and headquarters' receipt is due."""
        for row in rows:
            # Taken out first, so that the order stays that of the times.
            self._due.pop(row.id, None)
            self._due[row.id] = now_ns + self._receipt_within_ns

    def look_for_overdue(self, now_ns: int) -> None:
        """Rows whose receipt is overdue are looked for on the disk again.

        So is, as seldom, what came there unannounced: an account of what was thinned, or a commit that only seemed
        to fail.
        """
        overdue = []
        for message_id, due_ns in self._due.items():
            if due_ns > now_ns:
                break
            overdue.append(message_id)
        for message_id in overdue:
            del self._due[message_id]
        if overdue or (self._cursor is None and now_ns >= self._looked_ns + self._receipt_within_ns):
            self._looked_ns = now_ns
            self._look_again()

    async def read(self, pending: Pending, outbox: str) -> None:
        """Read on until there are old rows that may go, or none are left in this account."""
        while not self._old and self._cursor is not None and self._may_send():
            look = self._looks
            account, rows = await pending(self._lane, self._cursor, OLD_ROWS)
            if account != outbox or self._looks != look:
                return
            self._cursor = rows[-1].seq if rows else None
            fresh = {row.id for _, row in self._live}
            self._old.extend(row for row in rows if row.id not in self._due and row.id not in fresh)

    def _may_send(self) -> bool:
        return len(self._due) < self._most_unreceipted

    def _leave_to_disk(self) -> None:
        self._live.popleft()
        self._look_again()

    def _look_again(self) -> None:
        """From the beginning, and what is being read meanwhile does not count."""
        self._old.clear()
        self._cursor = 0
        self._looks += 1
