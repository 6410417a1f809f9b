"""The officers' screen as a process on a terminal of 50 x 15 cells, read as a person reads it; tmux is the terminal."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from tests.system.patrol_car import LOOK_S, PATROLA, ROOT, WITHIN_S

COLUMNS, ROWS = 50, 15


class OfficersScreen:
    """`patrola screen` on core's socket, until the block is left."""

    def __init__(self, folder: Path) -> None:
        self._tmux = ["tmux", "-S", str(folder / "tmux"), "-f", "/dev/null"]
        size = ["-x", str(COLUMNS), "-y", str(ROWS)]
        screen = [*PATROLA, "screen", "--socket", str(folder / "core.sock")]
        start = [*self._tmux, "-u", "new-session", "-d", *size, *screen]
        # As Python knows it: readline has put the size of another terminal behind its back.
        subprocess.run(start, cwd=ROOT, env=dict(os.environ), check=True, timeout=WITHIN_S)

    def text(self) -> str:
        """All that can be read now."""
        shown = [*self._tmux, "capture-pane", "-p"]
        return subprocess.run(shown, check=True, capture_output=True, text=True, timeout=WITHIN_S).stdout

    def until_says(self, *words: str) -> None:
        """Wait until all of these stand there at once."""
        self._until(lambda text: all(word in text for word in words), f"{words} not in")

    def until_says_no_more(self, words: str) -> None:
        """Wait until this stands there no more."""
        self._until(lambda text: words not in text, f"{words} still in")

    def _until(self, true: Callable[[str], bool], otherwise: str) -> None:
        ends_s = time.monotonic() + WITHIN_S
        while not true(text := self.text()):
            assert time.monotonic() < ends_s, f"{otherwise}:\n{text}"
            time.sleep(10 * LOOK_S)

    def crash(self) -> None:
        """End it as a defect of its own would, with nothing said to core."""
        asked = [*self._tmux, "display-message", "-p", "#{pane_pid}"]
        pid = subprocess.run(asked, check=True, capture_output=True, text=True, timeout=WITHIN_S).stdout
        os.kill(int(pid), signal.SIGKILL)

    def __enter__(self) -> "OfficersScreen":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        subprocess.run([*self._tmux, "kill-server"], check=False, timeout=WITHIN_S, capture_output=True)
