"""The screen in a browser, for training: the whole picture comes, taps go, and only this machine is served."""

import asyncio
import contextlib
import socket
import sys
import time
from pathlib import Path

import aiohttp
import pytest

from tests.screen.gallery import SIZES
from tests.system.conftest import _free_port
from tests.system.kiosk_scene import middle
from tests.system.patrol_car import LOOK_S, PATROLA, WITHIN_S, Process

HEIGHT, WIDTH = SIZES[0]


async def _tapped(port: int, scene_taps: list[tuple[int, int]], words: list[bytes]) -> None:
    """As a browser does: take the picture, tap, take the next; each tap comes after the word before it was seen."""
    address = f"http://127.0.0.1:{port}/ws?width={WIDTH}&height={HEIGHT}"
    async with aiohttp.ClientSession() as session, session.ws_connect(address) as page:
        for word, tap in zip(words, [*scene_taps, None], strict=True):
            seen = b""
            while word not in seen:
                message = await page.receive(WITHIN_S)
                seen += message.data if isinstance(message.data, bytes) else str(message.data).encode()
            if tap is not None:
                column, row = tap[0] + 1, tap[1] + 1
                await page.send_json(["stdin", f"\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m"])


def _served(port: int, served: Process) -> None:
    ends_s = time.monotonic() + WITHIN_S
    while True:
        assert served.alive(), "".join(served.err.told)
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < ends_s, "it serves nobody"
            time.sleep(10 * LOOK_S)
        else:
            return


def _until_no_screen_is_left(socket_path: str) -> None:
    ends_s = time.monotonic() + WITHIN_S
    while left := _screens_on(socket_path):
        assert time.monotonic() < ends_s, left
        time.sleep(10 * LOOK_S)


def _screens_on(socket_path: str) -> list[bytes]:
    """Command lines that name core's socket, core's own apart."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = process.read_bytes()
            if socket_path.encode() in line and b"shown_core" not in line:
                found.append(line)
    return found


def test_a_browser_of_this_machine_gets_the_screen_and_no_other_machine_does(tmp_path: Path) -> None:
    port, path = _free_port(), str(tmp_path / "core.sock")
    with (
        Process([sys.executable, "-m", "tests.system.shown_core", path]) as core,
        Process([*PATROLA, "screen", "--socket", path, "--browser", str(port)]) as served,
    ):
        core.out.until_told("listens")
        _served(port, served)
        listening = Path("/proc/net/tcp").read_text()
        assert f" 0100007F:{port:04X} 00000000:0000 0A" in listening
        assert f" 00000000:{port:04X}" not in listening
        taps = [middle("duty", "page:jobs", WIDTH, HEIGHT)]
        asyncio.run(_tapped(port, taps, [b"HQ has", b"Tree"]))
        # Ended as a technician ends it; a visitor's screen ends with its visit, which the page's end was.
        served.end()
        _until_no_screen_is_left(path)


def test_without_textual_serve_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from terminal.tools.command import BAD_USE, main

    monkeypatch.setitem(sys.modules, "textual_serve.server", None)
    assert main(["screen", "--browser", "8000"]) == BAD_USE
