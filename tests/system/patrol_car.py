"""A patrol car as processes: core with its files in a folder, its I/O board on a pty, a screen on core's socket."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from terminal.asked import Command, Refused
from terminal.contract.identity import incident_of_press
from terminal.link import Changes, Snapshot, decode_server_line, encode_line, merge
from terminal.shown import AlarmView

ROOT = Path(__file__).parents[2]
PATROLA = [sys.executable, "-m", "terminal.tools.command"]
WITHIN_S = 60.0
LOOK_S = 0.01
TOLD_LINES = 40

UNIT = """\
[unit]
realm = "LJ"
unit = "{unit}"

[[brokers]]
host = "{host}"
port = {port}

[storage]
folder = "car"
outbox_megabytes = 8
reserve_megabytes = 1

[link]
socket = "core.sock"

[holding]
first_pause_s = 0.1
longest_pause_s = 0.5

[sources.board]
driver = "io_board"
device = "board"
"""

Wrap = Callable[[list[str]], Sequence[str]]


class Gone(Exception):
    """The process has ended, and what was waited for will not come."""


class Denied(Exception):
    """Core says why it does not do, or let in."""


class Lines:
    """What a process writes, line by line as it comes."""

    def __init__(self, stream: IO[str]) -> None:
        self.told: list[str] = []
        self._stream = stream
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        for line in self._stream:
            with self._changed:
                self.told.append(line)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._stream.close()

    def until(self, true: Callable[[list[str]], object]) -> None:
        """Wait for it; raises Gone when the stream ends without it."""
        with self._changed:
            assert self._changed.wait_for(lambda: true(self.told) or self._ended, WITHIN_S), self.told
            if not true(self.told):
                raise Gone("".join(self.told[-20:]))

    def until_told(self, text: str) -> None:
        """Wait for a line that has this in it."""
        self.until(lambda told: any(text in line for line in told))

    def join(self) -> None:
        """Wait for the stream's end."""
        self._thread.join(WITHIN_S)


class Process:
    """One program of ours, its output and its errors."""

    def __init__(
        self, command: Sequence[str], *, feed: bool = False, environment: dict[str, str] | None = None
    ) -> None:
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            text=True,
            stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.out, self.err = Lines(self.process.stdout), Lines(self.process.stderr)

    def alive(self) -> bool:
        """Whether it runs."""
        return self.process.poll() is None

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Signal it, wait, and return its exit code."""
        if self.alive():
            self.process.send_signal(how)
        if self.process.stdin is not None:
            self.process.stdin.close()
        code = self.process.wait(WITHIN_S)
        self.out.join()
        self.err.join()
        return code

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.end(signal.SIGKILL)
        if kind is not None:
            # For the report of a test that fails.
            sys.stderr.write("".join(self.err.told[-TOLD_LINES:]))


class Board(Process):
    """`patrola simulate-board` with its link in the car's folder; with `pins` every blink of its lamp is told."""

    def __init__(self, folder: Path, name: str = "board", board_id: str = "B-1", *, pins: bool = False) -> None:
        command = [*PATROLA, "simulate-board", "--link", str(folder / name), "--board-id", board_id]
        super().__init__([*command, *(["--pins"] if pins else [])], feed=True)
        try:
            self.out.until_told("plugged")
        except BaseException:
            self.end(signal.SIGKILL)
            raise

    def tell(self, command: str) -> None:
        """One of its commands."""
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def events(self, kind: str) -> list[dict[str, Any]]:
        """What of this kind has happened on it."""
        return [event for line in list(self.out.told) if (event := json.loads(line))["event"] == kind]

    def press(self) -> str:
        """Press the button until it is felt, also while the board starts; the incident that a first press becomes."""
        before = len(self.events("press"))
        self.tell("hold")
        self.out.until(lambda _: len(self.events("press")) > before)
        self.tell("release")
        self.out.until(lambda _: len(self.events("released")) > before)
        press = self.events("press")[-1]
        return incident_of_press(press["board_id"], press["boot_nonce"], press["number"])


class Screen:
    """A client of core's socket, and all the snapshots it was given."""

    def __init__(self, path: Path, core: Process) -> None:
        deadline_s = time.monotonic() + WITHIN_S
        while True:
            try:
                self._link = socket.socket(socket.AF_UNIX)
                self._link.settimeout(WITHIN_S)
                self._link.connect(str(path))
            except OSError as error:
                self._link.close()
                if not core.alive():
                    raise Gone("core has ended") from error
                assert time.monotonic() < deadline_s, core.err.told
                time.sleep(LOOK_S)
            else:
                break
        self._lines = self._link.makefile("rb")
        self.seen: list[Snapshot] = []

    def until(self, true: Callable[[Snapshot], object]) -> Snapshot:
        """The next snapshot of which this is true, the newest one included."""
        deadline_s = time.monotonic() + WITHIN_S
        while not (self.seen and true(self.seen[-1])):
            assert time.monotonic() < deadline_s, self.seen[-1]
            self.seen.append(self._next())
        return self.seen[-1]

    def until_alarm(self, true: Callable[[AlarmView], object]) -> AlarmView:
        """The alarm of which this is true."""
        snapshot = self.until(lambda snapshot: any(true(alarm) for alarm in snapshot.alarms))
        return next(alarm for alarm in snapshot.alarms if true(alarm))

    def _next(self) -> Snapshot:
        try:
            line = self._lines.readline()
        except ConnectionError:
            line = b""
        if not line:
            raise Gone("core has ended")
        told = decode_server_line(line)
        if isinstance(told, Snapshot):
            return told
        if isinstance(told, Refused):
            raise Denied(told.reason)
        assert isinstance(told, Changes)
        return merge(self.seen[-1], told)

    def send(self, command: Command) -> None:
        """Do as a finger would."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._link.sendall(encode_line(command))

    def close(self) -> None:
        """Go."""
        self._lines.close()
        self._link.close()

    def __enter__(self) -> "Screen":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class Car:
    """The folder in which a car's core lives, again and again."""

    def __init__(
        self, folder: Path, port: int, more: str = "", unit: str = "LJ-101", *, host: str = "127.0.0.1"
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.unit = unit
        self.config = folder / "unit.toml"
        self.config.write_text(UNIT.format(host=host, port=port, unit=unit) + more)
        self.outbox = folder / "car" / "outbox.db"

    @contextlib.contextmanager
    def core(self, wrap: Wrap = list) -> Iterator[Process]:
        """Core as a process, ended (killed, if it still runs) when the block is left."""
        with Process(wrap([*PATROLA, "core", "--config", str(self.config), "--echo"])) as core:
            yield core

    def screen(self, core: Process) -> Screen:
        """A screen on its socket, once it is there."""
        return Screen(self.folder / "core.sock", core)
