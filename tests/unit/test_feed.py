"""The screen's view of core: what is old counts from core's last word, not from when that was noticed."""

import asyncio
import contextlib
from pathlib import Path
from time import monotonic_ns

from terminal.link import encode_line
from terminal.screen.feed import Feed, Seen
from tests.screen.gallery import snapshot

DEADLINE_S = 30


def test_a_core_that_hangs_is_old_since_its_last_word(tmp_path: Path) -> None:
    path, told_ns, lost = tmp_path / "core.sock", list[int](), asyncio.Event()

    def changed(seen: Seen) -> None:
        if seen.connected:
            told_ns.append(monotonic_ns())
        elif seen.last is not None:
            lost.set()

    async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(encode_line(snapshot()))
        await lost.wait()
        writer.close()

    async def promise() -> None:
        feed = Feed(path, changed)
        async with asyncio.timeout(DEADLINE_S), await asyncio.start_unix_server(hang, str(path)):
            following = asyncio.create_task(feed.run())
            await lost.wait()
            assert feed.seen.lost_mono_ns <= told_ns[0]
            assert feed.seen.newest == snapshot()
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following

    asyncio.run(promise())
