"""Core and headquarters tell systemd that they serve, and that their loops turn; only turns do that."""

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from terminal.contract.systemd import Watchdog

DEADLINE_S = 30
HQ = """
name = "HQ-1"
store = "hq.db"
socket = "hq.sock"
[[brokers]]
host = "127.0.0.1"
port = 1
"""
UNIT = """
[unit]
realm = "LJ"
unit = "LJ-101"
[[brokers]]
host = "127.0.0.1"
port = 1
[storage]
folder = "car"
outbox_megabytes = 8
[link]
socket = "core.sock"
"""


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listening.bind(str(tmp_path / "notify"))
    listening.settimeout(DEADLINE_S)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "2000000")
    return listening


@pytest.mark.promise("P-WATCH-06")
@pytest.mark.parametrize(("program", "config"), [(("core",), UNIT), (("hq", "serve"), HQ)], ids=["core", "hq"])
def test_it_says_ready_and_that_its_loop_turns_until_it_is_stopped(
    tmp_path: Path, systemd: socket.socket, program: tuple[str, ...], config: str
) -> None:
    (tmp_path / "config.toml").write_text(config)
    service = subprocess.Popen(["patrola", *program, "--config", str(tmp_path / "config.toml")], env=os.environ)
    with systemd, service:
        try:
            told = [systemd.recv(100) for _ in range(4)]
        finally:
            service.send_signal(signal.SIGTERM)
    assert sorted(told) == [b"READY=1", *[b"WATCHDOG=1"] * 3]
    assert service.returncode == 0


@pytest.mark.promise("P-WATCH-06")
def test_the_watchdog_is_fed_by_turns_alone_and_not_by_each(systemd: socket.socket) -> None:
    now_s = [0.0]
    watchdog = Watchdog(lambda: now_s[0])
    systemd.setblocking(False)
    fed = []
    with systemd:
        for at_s in (0.0, 0.1, 0.4, 0.6, 10.0, 10.1):
            now_s[0] = at_s
            watchdog.turned()
            try:
                fed.append((at_s, systemd.recv(100)))
            except BlockingIOError:
                continue
    assert fed == [(0.0, b"WATCHDOG=1"), (0.6, b"WATCHDOG=1"), (10.0, b"WATCHDOG=1")]
