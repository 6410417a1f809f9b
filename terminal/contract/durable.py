"""Opens a SQLite database that keeps what it says it keeps, in the car and at headquarters."""

import contextlib
from pathlib import Path

import apsw

from hal.errors import PatrolaError


class DiskFailed(PatrolaError, OSError):
    """The disk did not take or give what was asked; nothing of that transaction counts as stored."""


DURABLE = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 2000}
"""`synchronous` 2 is FULL: in WAL mode each commit reaches the disk before it returns (sqlite.org/pragma.html)."""


def open_database(path: Path, schema: str, version: int, *, vfs: str | None = None) -> tuple[apsw.Connection, str]:
    """The database at `path`, and what had to be repaired ("" for nothing).

    One that is damaged is moved aside, never deleted, and a new one begun. Raises DiskFailed.
    """
    try:
        return _opened(path, schema, version, vfs), ""
    except (apsw.CorruptError, apsw.NotADBError) as error:
        aside = _move_aside(path)
        repaired = f"was damaged ({error}); it stands beside as {aside.name}, and a new one was begun"
    except (apsw.Error, OSError) as error:
        raise failed(path, error) from error
    try:
        return _opened(path, schema, version, vfs), repaired
    except (apsw.Error, OSError) as error:
        raise failed(path, error) from error


def failed(path: Path, error: Exception) -> DiskFailed:
    """The error of a database operation, as one of ours."""
    if isinstance(error, apsw.FullError):
        return DiskFailed(str(path), "the disk is full", "free space on the card, or give the outbox less")
    if isinstance(error, apsw.CantOpenError | apsw.ReadOnlyError | FileNotFoundError | PermissionError):
        return DiskFailed(str(path), f"cannot be written: {error}", "check the folder, its owner and its mount")
    return DiskFailed(str(path), f"the disk failed: {error}", "test the card with patrola doctor; replace it")


def _opened(path: Path, schema: str, version: int, vfs: str | None) -> apsw.Connection:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    db = apsw.Connection(str(path), vfs=vfs)
    try:
        for setting, wanted in DURABLE.items():
            db.pragma(setting, wanted)
            found = db.pragma(setting)
            if found != wanted:
                raise DiskFailed(str(path), f"{setting} is {found}, not {wanted}", "the file system cannot hold it")
        _make_tables(db, path, schema, version)
    except BaseException:
        with contextlib.suppress(apsw.Error):
            db.close()
        raise
    return db


def _make_tables(db: apsw.Connection, path: Path, schema: str, version: int) -> None:
    found = db.pragma("user_version")
    if found == 0:
        with db:
            db.execute(schema)
            db.pragma("user_version", version)
    elif found != version:
        raise DiskFailed(str(path), f"is of version {found}, this program of {version}", "update the older of the two")


def _move_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside
