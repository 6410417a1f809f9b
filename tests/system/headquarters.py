"""Headquarters as a process with its files in a folder, asked and watched through its own socket."""

import contextlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.system.patrol_car import PATROLA, WITHIN_S, Lines, Process, Wrap

HQ = """\
name = "HQ-1"
store = "store/hq.db"
socket = "hq.sock"

[[brokers]]
host = "127.0.0.1"
port = {port}

[line]
heartbeat_every_s = 0.5
longest_pause_s = 0.5
"""


class Headquarters:
    """The folder in which it lives, again and again."""

    def __init__(self, folder: Path, port: int) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.config = folder / "hq.toml"
        self.config.write_text(HQ.format(port=port))
        self.socket = folder / "hq.sock"
        self.store = folder / "store" / "hq.db"

    @contextlib.contextmanager
    def serving(self, wrap: Wrap = list) -> Iterator[Process]:
        """`patrola hq serve`, ready, and killed (if it still runs) when the block is left; Gone if it ends before."""
        with Process(wrap([*PATROLA, "hq", "serve", "--config", str(self.config)])) as hq:
            hq.err.until_told("patrola-hq: ready")
            yield hq

    def ask(self, what: str, **fields: str) -> dict[str, Any]:
        """One question, its answer."""
        with self._connected() as api, api.makefile("rw") as lines:
            lines.write(json.dumps({"do": what, **fields}) + "\n")
            lines.flush()
            answer: dict[str, Any] = json.loads(lines.readline())
            assert answer["ok"], answer
            return answer

    def incidents(self, unit: str) -> list[dict[str, Any]]:
        """All incidents of one car."""
        return [incident for incident in self.ask("incidents")["incidents"] if incident["unit"] == unit]

    @contextlib.contextmanager
    def watched(self) -> Iterator["Watch"]:
        """What happens there, as it happens, from now on."""
        with self._connected() as api:
            api.sendall(b'{"do": "watch"}\n')
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
