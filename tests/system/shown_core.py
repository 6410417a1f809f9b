"""Core as a screen sees it, always the same: `python -m tests.system.shown_core SOCKET`; prints what is commanded."""

import asyncio
import sys
import time
from pathlib import Path

import msgspec
from msgspec.structs import replace

from terminal.asked import Command
from terminal.core.link_server import LinkServer
from terminal.link import Role
from terminal.shown import LineView
from tests.screen.gallery import snapshot

BEAT_S = 0.5


def told(command: Command, *_: object) -> None:
    print(msgspec.json.encode(command).decode(), flush=True)


async def main() -> None:
    server = LinkServer(Path(sys.argv[1]), lambda _: Role.CREW, told)
    await server.start()
    print("listens", flush=True)
    shown = snapshot()
    while True:
        now_ns = time.monotonic_ns()
        heard = LineView(connected=True, storing=True, attended=True, hq_silent=False, hq_heard_mono_ns=now_ns)
        server.publish(replace(shown, line=heard))
        await asyncio.sleep(BEAT_S)


if __name__ == "__main__":
    asyncio.run(main())
