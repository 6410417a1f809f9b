"""Headquarters as a process with its files in a folder, asked and watched through its own socket."""

import contextlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.system.patrol_car import PATROLA, WITHIN_S, Gone, Lines, Process, Wrap

HQ = """\
name = "{name}"
realms = ["{realm}"]
store = "store/hq.db"
socket = "hq.sock"

[[brokers]]
host = "{host}"
port = {port}

[line]
heartbeat_every_s = {heartbeat_every_s}
longest_pause_s = 0.5
"""


class SaidNo(Exception):
    """Headquarters says why it did not do what was asked."""


class Headquarters:
    """The folder in which it lives, again and again."""

    def __init__(
        self,
        folder: Path,
        port: int,
        name: str = "HQ-1",
        realm: str = "+",
        more: str = "",
        *,
        host: str = "127.0.0.1",
        heartbeat_every_s: float = 0.5,
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.config = folder / "hq.toml"
        text = HQ.format(host=host, port=port, name=name, realm=realm, heartbeat_every_s=heartbeat_every_s)
        self.config.write_text(text + more)
        self.socket = folder / "hq.sock"
        self.store = folder / "store" / "hq.db"
        self.process: Process | None = None
        """The newest."""

    @contextlib.contextmanager
    def serving(self, wrap: Wrap = list) -> Iterator[Process]:
        """`patrola hq serve`, ready, and killed (if it still runs) when the block is left; Gone if it ends before."""
        with Process(wrap([*PATROLA, "hq", "serve", "--config", str(self.config)])) as self.process:
            try:
                self.process.err.until_told("patrola-hq: ready")
            except Gone:
                self.process.process.wait(WITHIN_S)
                raise
            yield self.process

    def ask(self, what: str, **fields: Any) -> dict[str, Any]:
        """One question, its answer; raises SaidNo, and Gone if it ends without one."""
        with self._connected() as api, api.makefile("rw") as lines:
            lines.write(json.dumps({"do": what, **fields}) + "\n")
            lines.flush()
            line = lines.readline()
            if not line:
                raise Gone("headquarters has ended")
            answer: dict[str, Any] = json.loads(line)
            if not answer["ok"]:
                raise SaidNo(answer["error"])
            return answer

    def incidents(self, unit: str) -> list[dict[str, Any]]:
        """All incidents of one car."""
        return [incident for incident in self.ask("incidents")["incidents"] if incident["unit"] == unit]

    def until_incidents(self, unit: str, *signals: tuple[str, int]) -> None:
        """Wait until a car's incidents are these, of each so many signals."""
        with self.watched() as watch:
            watch.until(lambda _: self.signals(unit) == list(signals))

    def signals(self, unit: str) -> list[tuple[str, int]]:
        """A car's incidents, and how many signals came of each."""
        return [(one["incident"], one["signals"]) for one in self.incidents(unit)]

    @contextlib.contextmanager
    def watched(self, by: str = "") -> Iterator["Watch"]:
        """What happens there, as it happens, from now on."""
        with self._connected() as api:
            api.sendall(json.dumps({"do": "watch", "by": by}).encode() + b"\n")
            watch = Watch(api)
            try:
                watch.until_told('"ok"')
                yield watch
            finally:
                with contextlib.suppress(OSError):
                    api.shutdown(socket.SHUT_RDWR)
                watch.join()

    @contextlib.contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        with socket.socket(socket.AF_UNIX) as api:
            api.settimeout(WITHIN_S)
            api.connect(str(self.socket))
            api.settimeout(None)
            yield api


class Watch(Lines):
    """The events that headquarters tells its desk."""

    def __init__(self, api: socket.socket) -> None:
        super().__init__(api.makefile("r"))

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Those of this kind so far."""
        return [event for line in list(self.told) if (event := json.loads(line)).get("event") == kind]
