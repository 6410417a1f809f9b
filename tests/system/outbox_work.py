"""`python -m tests.system.outbox_work FOLDER`: a car's work on its outbox, that says of each id when it is stored.

Reads ids from standard input, and commits them in turn as alarm, event and point through the real writer thread,
again until the disk takes them; halfway a receipt and an epoch come, and a job that thins.
"""

import asyncio
import sys
from pathlib import Path

from terminal.contract.identity import digest_of_ids
from terminal.contract.messages import StoredRange
from terminal.contract.topics import Lane
from terminal.uplink.outbox import Entry, Limits, Outbox
from terminal.uplink.writer import OutboxFailed, Writer

LANES = (Lane.ALARM, Lane.EVENT, Lane.TRACK)
LIMITS = Limits(most_bytes=50_000_000, reserve_bytes=8192)
AGAIN_AFTER_S = 0.05
EPOCH = "first"


def entries(ids: list[str]) -> list[Entry]:
    """Bodies of more than a page, so that a commit is several writes."""
    return [Entry(message_id, LANES[number % 3], b"body" * 300) for number, message_id in enumerate(ids)]


async def work(path: Path, ids: list[str]) -> None:
    """Store all, one commit an entry."""
    writer = Writer(path, LIMITS)
    writer.start()
    for number, entry in enumerate(entries(ids)):
        await _again_until_done(
            writer, lambda outbox, entry=entry: outbox.commit([entry], {"emergency": entry.id.encode()})
        )
        print(entry.id, flush=True)
        if number == len(ids) // 2:
            await _again_until_done(writer, _settle)
    writer.close()


async def _again_until_done(writer: Writer, call) -> None:
    while True:
        try:
            await writer.submit(call)
        except OutboxFailed as error:
            print(error, file=sys.stderr, flush=True)
            await asyncio.sleep(AGAIN_AFTER_S)
        else:
            return


def _settle(outbox: Outbox) -> None:
    outbox.forget_receipts(EPOCH)
    rows = outbox.pending(Lane.EVENT)
    digest = digest_of_ids([row.id for row in rows])
    outbox.settle(Lane.EVENT, [StoredRange(rows[0].seq, rows[-1].seq, digest)], EPOCH)


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1]) / "outbox.db", sys.stdin.read().split()))
