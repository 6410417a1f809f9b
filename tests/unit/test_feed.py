"""The screen's view of core: why it is gone; what is old counts from its last word, not from when that was noticed."""

import asyncio
import contextlib
from pathlib import Path
from time import monotonic_ns

import pytest
from msgspec.structs import replace

from terminal.link import LINK_VERSION, encode_line
from terminal.screen.feed import Feed, Gone, Seen
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
            assert feed.seen.gone is Gone.SILENT
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following

    asyncio.run(promise())


@pytest.mark.parametrize(
    ("line", "gone"),
    [
        (None, Gone.NOT_RUNNING),
        (b"", Gone.ENDED),
        (b"{}\n", Gone.FAILED),
        (encode_line(replace(snapshot(), version=LINK_VERSION + 1)), Gone.ANOTHER_VERSION),
    ],
    ids=["no socket", "an end", "no sense", "another version"],
)
def test_why_core_is_not_there(tmp_path: Path, line: bytes | None, gone: Gone) -> None:
    path = tmp_path / "core.sock"

    async def speak(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(line or b"")
        writer.close()

    async def promise() -> None:
        lost = asyncio.Event()
        feed = Feed(path, lambda _: lost.set())
        async with asyncio.timeout(DEADLINE_S), contextlib.AsyncExitStack() as stack:
            if line is not None:
                await stack.enter_async_context(await asyncio.start_unix_server(speak, str(path)))
            following = asyncio.create_task(feed.run())
            await lost.wait()
            assert feed.seen.gone is gone
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    asyncio.run(promise())
