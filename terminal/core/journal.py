"""The journal: one JSON line for each thing that happened, without personal data, in files of bounded size.

A thread writes, so that a slow disk never holds the loop; what it cannot take is counted, and the count is a line.
"""

import contextlib
import json
import logging
import logging.handlers
import queue
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from msgspec import Struct

log = logging.getLogger(__name__)


class Journalling(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of the journal's files."""

    file_bytes: int = 4_000_000
    files: int = 5


MOST_WAITING = 2000
"""Lines that wait for the disk; more are counted and not kept."""


GATHERS_S = 0.05
"""Lines that come together are written together: a thread that woke for each would take the loop's time at a press."""

CLOSES_WITHIN_S = 1.0
"""How long a disk that hangs may hold up the end, once or, with all places taken, twice."""


class JournalFile(logging.handlers.RotatingFileHandler):
    """The files in `folder`; a disk that refuses lines is told of once, and how many when it takes one again."""

    def __init__(self, folder: Path, rules: Journalling) -> None:
        self._folder = folder
        self._refused = 0
        super().__init__(folder / "journal.jsonl", maxBytes=rules.file_bytes, backupCount=rules.files, delay=True)

    def _open(self) -> Any:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        return super()._open()

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, opening the file if need be."""
        before = self._refused
        super().emit(record)
        if before and self._refused == before:
            log.warning("journal: %s is written again; %d lines are missing", self._folder, before)
            self._refused = 0

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """The line is lost; core is not."""
        if not self._refused:
            log.warning("journal: %s cannot be written: %s; check the folder and its disk", self._folder, _problem())
        self._refused += 1
        # A stream that failed keeps the line that it could not write, and would grow.
        stream, self.stream = self.stream, cast(Any, None)
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


def _problem() -> str:
    return str(sys.exc_info()[1])


class Journal:
    """Lines to a file in `folder`, or to standard output; `write` never waits."""

    def __init__(self, folder: Path | None, rules: Journalling, where: str, *, echo: bool = False) -> None:
        self._where = where
        self._missed = 0
        self._lines: queue.Queue[logging.LogRecord | None] = queue.Queue(MOST_WAITING)
        self._handlers = _handlers(folder, rules, echo=echo)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def write(self, event: str, fields: dict[str, object], utc: datetime | None) -> None:
        """One line; returns at once."""
        line = {"t": round((utc or datetime.now(UTC)).timestamp(), 3), "where": self._where, "event": event, **fields}
        if self._missed:
            line["missed_lines"] = self._missed
        try:
            self._lines.put_nowait(_record(json.dumps(line, ensure_ascii=False)))
            self._missed = 0
        except queue.Full:
            self._missed += 1

    def close(self, timeout_s: float = CLOSES_WITHIN_S) -> bool:
        """Write what waits; False when a disk that hangs has not let it within `timeout_s`."""
        self._closing.set()
        with contextlib.suppress(queue.Full):
            self._lines.put(None, timeout=timeout_s)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (record := self._lines.get()) is not None:
            if self._lines.empty():
                self._closing.wait(GATHERS_S)
            for handler in self._handlers:
                handler.handle(record)
        for handler in self._handlers:
            handler.close()


def _handlers(folder: Path | None, rules: Journalling, *, echo: bool) -> list[logging.Handler]:
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stdout)] if echo else []
    if folder is not None:
        handlers.append(JournalFile(folder, rules))
    return handlers


def _record(line: str) -> logging.LogRecord:
    return logging.LogRecord("journal", logging.INFO, "", 0, line, None, None)
