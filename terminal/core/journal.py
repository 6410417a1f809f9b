"""The journal: one JSON line for each thing that happened, without personal data, in files of bounded size.

A thread writes, so that a slow disk never holds the loop; what it cannot take is counted, and the count is a line.
"""

import json
import logging
import logging.handlers
import queue
import sys
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct


class Journalling(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of the journal's files."""

    file_bytes: int = 4_000_000
    files: int = 5


MOST_WAITING = 2000
"""Lines that wait for the disk; more are counted and not kept."""


class Journal:
    """Lines to a file in `folder`, or to standard output; `write` never waits."""

    def __init__(self, folder: Path | None, rules: Journalling, where: str, *, echo: bool = False) -> None:
        self._where = where
        self._missed = 0
        self._lines: queue.Queue[logging.LogRecord] = queue.Queue(MOST_WAITING)
        handlers = _handlers(folder, rules, echo=echo)
        self._listener = logging.handlers.QueueListener(self._lines, *handlers)
        self._handlers = handlers
        self._listener.start()

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

    def close(self) -> None:
        """Write what waits."""
        self._listener.stop()
        for handler in self._handlers:
            handler.close()


def _handlers(folder: Path | None, rules: Journalling, *, echo: bool) -> list[logging.Handler]:
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stdout)] if echo else []
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        handlers.append(
            logging.handlers.RotatingFileHandler(
                folder / "journal.jsonl", maxBytes=rules.file_bytes, backupCount=rules.files, delay=True
            )
        )
    return handlers


def _record(line: str) -> logging.LogRecord:
    return logging.LogRecord("journal", logging.INFO, "", 0, line, None, None)
