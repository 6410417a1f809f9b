"""Real servers on the loopback: a Mosquitto that can be stopped, killed and started again on its port."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from terminal.contract.mqtt import Broker
from tests.system.flash_board import FlashBoard
from tests.system.flash_scene import NEW

STARTS_WITHIN_S = 20.0


ANONYMOUS = (
    "listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n"
    "max_queued_messages 0\nmax_inflight_messages 0\n"
)


class Mosquitto:
    """One broker process on a free loopback port; anonymous and without TLS, unless a configuration says otherwise."""

    def __init__(self, folder: Path, config: str = ANONYMOUS) -> None:
        program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
        assert program is not None, "mosquitto is not installed; ./scripts/test installs it"
        self._program = program
        self._log = folder / "mosquitto.log"
        self._config = folder / "mosquitto.conf"
        self.broker = Broker(host="127.0.0.1", port=_free_port())
        self._config.write_text(config.format(port=self.broker.port))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and return once it accepts connections."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([self._program, "-c", self._config], stdout=log, stderr=log)
        deadline_s = time.monotonic() + STARTS_WITHIN_S
        while not _accepts(self.broker.port):
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline_s, self._log.read_text()
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a power cut would; sessions and queued messages are gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 0.5).close()
    except OSError:
        return False
    return True


@pytest.fixture
def mosquitto_server(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running Mosquitto that the test may kill and start again."""
    server = Mosquitto(tmp_path)
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture
def mosquitto(mosquitto_server: Mosquitto) -> Broker:
    """Where a running Mosquitto listens."""
    return mosquitto_server.broker


@pytest.fixture
def flash_boards(tmp_path: Path) -> Iterator[Callable[..., FlashBoard]]:
    made: list[FlashBoard] = []

    def plugged(**settings: object) -> FlashBoard:
        folder = tmp_path / f"board-{len(made)}"
        folder.mkdir()
        board = FlashBoard(folder, **settings)
        made.append(board)
        return board

    yield plugged
    for board in made:
        board.close()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sets the commit of the checkout that is flashed from, by a git of its own."""
    git = tmp_path / "bin" / "git"
    git.parent.mkdir()
    git.write_text('#!/bin/sh\n[ "$3" != rev-parse ] || echo "$TEST_COMMIT"\n')
    git.chmod(0o755)
    monkeypatch.setenv("PATH", f"{git.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("TEST_COMMIT", NEW)
    return lambda commit: monkeypatch.setenv("TEST_COMMIT", commit)
