"""A disk that hangs: cars are told that headquarters does not store, and nothing else waits for it."""

import asyncio
import threading
from pathlib import Path
from typing import Any

from hq.moment import Moment
from hq.receiver import HANGS_AFTER_S, Receiver
from tests.unit.hq_scene import NOW_MS, store_at


def test_a_call_that_takes_too_long_is_a_headquarters_that_does_not_store(tmp_path: Path) -> None:
    mono_ms = 0

    def emit(_event: str, _fields: dict[str, Any]) -> None:
        """Nobody watches."""

    async def story() -> None:
        nonlocal mono_ms
        receiver = Receiver(store_at(tmp_path), emit, lambda *_: None, clock=lambda: Moment("boot", mono_ms, NOW_MS))
        let_go, reached = threading.Event(), threading.Event()

        def hang(_store: object) -> bool:
            reached.set()
            return let_go.wait(20)

        assert receiver.stores
        call = asyncio.create_task(receiver.on_disk(hang))
        await asyncio.to_thread(reached.wait, 20)
        assert receiver.stores, "a disk may take its time"
        mono_ms = round(HANGS_AFTER_S * 1000) + 1
        assert not receiver.stores
        let_go.set()
        assert await call
        assert receiver.stores
        receiver.close()

    asyncio.run(story())
