"""Opens a SQLite database that keeps what it says it keeps, in the car and at headquarters."""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import apsw

from hal.errors import PatrolaError


class DiskFailed(PatrolaError, OSError):
    """The disk did not take or give what was asked; nothing of that transaction counts as stored."""


class DiskFull(DiskFailed):
    """There is no space left."""


DURABLE = {
    "journal_mode": "wal",
    "synchronous": 2,
    "fullfsync": 1,
    "checkpoint_fullfsync": 1,
    "foreign_keys": 1,
    "busy_timeout": 2000,
}
"""`synchronous` 2 is FULL: in WAL mode each commit reaches the disk before it returns (sqlite.org/pragma.html)."""

APPLICATION_ID = 0x50617472
"""What marks a database as Patrola's: "Patr" (sqlite.org/pragma.html#pragma_application_id)."""

QUICK_CHECK_BYTES = 64 << 20
"""Up to this size a database is read through when it is opened; a bigger one would hold up the start."""


NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
LEAST_ROOM_BYTES = 32768
"""What SQLite takes at once for the index of its log (sqlite.org/walformat.html)."""
NO_PLACE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.EEXIST, errno.ENOTDIR, errno.ELOOP)
"""Of the folder; it, and not the disk below it, is what somebody has to look at."""


FILES = ("-journal", "-wal", "-shm", "")
"""What a database is made of, by the ends of the names (sqlite.org/tempfiles.html); its own file last."""


class Tables(NamedTuple):
    """A database's tables in SQL, their version, and what makes the next version of an earlier one."""

    schema: str
    version: int
    upgrades: Mapping[int, str]


NO_UPGRADES: Mapping[int, str] = MappingProxyType({})


def open_database(
    path: Path,
    schema: str,
    version: int,
    *,
    upgrades: Mapping[int, str] = NO_UPGRADES,
    page_bytes: int = 4096,
    exclusive: bool = False,
    vfs: str | None = None,
) -> tuple[apsw.Connection, str]:
    """The database at `path`, and what had to be repaired ("" for nothing).

    One that is damaged is moved aside, never deleted, and a new one begun. An exclusive one lets no other process
    in while it is open. `upgrades` has for an earlier version the SQL that makes the next one of it. A commit writes
    whole pages of `page_bytes`. Raises DiskFailed.
    """

    def connect() -> apsw.Connection:
        db = apsw.Connection(str(path), vfs=vfs)
        db.pragma("page_size", page_bytes)
        # A VFS written in Python has no shared memory, which WAL needs unless one process has it all.
        if exclusive or vfs is not None:
            db.pragma("locking_mode", "exclusive")
        return db

    tables = Tables(schema, version, upgrades)
    try:
        return _opened(path, tables, connect), ""
    except (apsw.CorruptError, apsw.NotADBError) as error:
        damage = str(error)
    except (apsw.Error, OSError) as error:
        raise failed(path, error) from error
    aside = _number_aside(path)
    try:
        _rename(path, aside)
        repaired = f"was damaged ({damage}); it stands beside as {aside.name}, and a new one was begun"
        return _opened(path, tables, connect), repaired
    except (apsw.Error, OSError) as error:
        # Whoever opens it next, on a disk that has room again, is to be told of the damage too.
        _put_back(path, aside)
        raise failed(path, error) from error


def shut(db: apsw.Connection) -> None:
    """Close a database; a disk that fails at this too has nothing more to say."""
    with contextlib.suppress(apsw.Error):
        # Left to `close`, this would hold the interpreter's lock, and every thread, for as long as the disk takes.
        db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with contextlib.suppress(apsw.Error):
        db.close()


def nothing() -> None:
    """What is to be called while nobody wants to know."""


@contextlib.contextmanager
def transaction(db: apsw.Connection, at_disk: Callable[[], None] = nothing) -> Iterator[None]:
    """All of it on disk at the end, or nothing; other threads go on while the disk is waited for.

    `at_disk` is called when there is nothing left to do but to wait for it.
    apsw's own, `with db`, holds the interpreter's lock in its commit: a disk that stalls would stall the program.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        at_disk()
        db.execute("COMMIT")
        _require_writable(db.filename)
    except BaseException:
        with contextlib.suppress(apsw.Error):
            if db.in_transaction:
                db.execute("ROLLBACK")
        raise


def _require_writable(path: str) -> None:
    """Raise ReadOnlyError where the file system has become read-only under an open database.

    After an emergency remount ext4 takes what overwrites a file and says that it is synced, and it is in memory alone.
    """
    with contextlib.suppress(OSError):
        if os.statvfs(path).f_flag & os.ST_RDONLY:
            raise apsw.ReadOnlyError("its file system is read-only")


@contextlib.contextmanager
def failing(path: Path) -> Iterator[None]:
    """What the database raises in here comes out as DiskFailed."""
    try:
        yield
    except apsw.Error as error:
        raise failed(path, error) from error


def failed(path: Path, error: Exception) -> DiskFailed:
    """The error of a database operation, as one of ours."""
    if isinstance(error, DiskFailed):
        return error
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, apsw.FullError) or number in NO_SPACE or (isinstance(error, apsw.IOError) and _is_full(path)):
        return DiskFull(str(path), "the disk is full", "free space on the card, or give the outbox less")
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return DiskFailed(str(path), f"{_holder(path)} holds it", "stop the other one")
    if isinstance(error, apsw.CantOpenError | apsw.ReadOnlyError) or number in NO_PLACE:
        return DiskFailed(str(path), f"cannot be written: {error}", "check the folder, its owner and its mount")
    return DiskFailed(str(path), f"the disk failed: {error}", "test the card with patrola doctor; replace it")


def _is_full(path: Path) -> bool:
    """Whether the disk has no room; SQLite calls some of what follows from that an I/O error."""
    with contextlib.suppress(OSError):
        disk = os.statvfs(path.parent)
        return disk.f_bavail * disk.f_frsize < LEAST_ROOM_BYTES
    return False


def _holder(path: Path) -> str:
    """Who has a lock on the database, as far as the kernel tells (proc_locks(5))."""
    with contextlib.suppress(OSError, ValueError):
        inode = path.stat().st_ino
        for line in Path("/proc/locks").read_text().splitlines():
            _, kind, *_, pid, file, _, _ = line.split()
            if kind == "POSIX" and file.endswith(f":{inode}"):
                return f"process {pid} ({Path(f'/proc/{pid}/comm').read_text().strip()})"
    return "another process"


def _opened(path: Path, tables: Tables, connect: Callable[[], apsw.Connection]) -> apsw.Connection:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    db = connect()
    try:
        _require_ours(db, path)
        _set_and_read_back(db, path)
        _check(db)
        _make_tables(db, path, tables)
        _sync_folder(path.parent)
    except BaseException:
        shut(db)
        raise
    return db


def _set_and_read_back(db: apsw.Connection, path: Path) -> None:
    for setting, wanted in DURABLE.items():
        db.pragma(setting, wanted)
        found = db.pragma(setting)
        if found != wanted:
            raise DiskFailed(str(path), f"{setting} is {found}, not {wanted}", "the file system cannot hold it")


def _require_ours(db: apsw.Connection, path: Path) -> None:
    """Raise DiskFailed for another program's database, which must not be changed by so much as a setting."""
    tables = db.execute("SELECT count(*) FROM sqlite_schema").get
    if tables and db.pragma("application_id") != APPLICATION_ID:
        raise DiskFailed(str(path), "is a database of another program", "move it away, or name another file")


def _check(db: apsw.Connection) -> None:
    """Raise CorruptError for damage."""
    if db.pragma("page_count") * db.pragma("page_size") <= QUICK_CHECK_BYTES:
        found = str(db.pragma("quick_check", 1))
        if found != "ok":
            raise apsw.CorruptError(found)


def _make_tables(db: apsw.Connection, path: Path, tables: Tables) -> None:
    found = db.pragma("user_version")
    steps = [tables.schema] if found == 0 else [tables.upgrades.get(at, "") for at in range(found, tables.version)]
    if found > tables.version or not all(steps):
        problem = f"is of version {found}, this program of {tables.version}"
        raise DiskFailed(str(path), problem, "update the older of the two")
    if steps:
        with transaction(db):
            db.execute(";".join(steps))
            db.pragma("application_id", APPLICATION_ID)
            db.pragma("user_version", tables.version)


def _number_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.corrupt-{number}")).exists():
        number += 1
    return aside


def _rename(path: Path, to: Path) -> None:
    """A database and what belongs to it; its logs first, since a new database must never find another one's."""
    for suffix in FILES:
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(to.with_name(to.name + suffix))
    _sync_folder(path.parent)


def _put_back(path: Path, aside: Path) -> None:
    """In the place of what was begun of a new one, which holds nothing yet."""
    with contextlib.suppress(OSError):
        if aside.exists():
            for suffix in FILES:
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            _rename(aside, path)


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder as durable as its files."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
