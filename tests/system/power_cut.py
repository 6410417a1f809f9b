"""A disk that loses its power at its k-th operation: what was synced stays, of the rest any part may (an apsw VFS)."""

import random
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import apsw

SECTOR = 512
"""What a disk writes whole; a longer write may be torn between two of these."""

Workload = Callable[[Path, str], Iterator[str]]
"""Works on the database at a path through a VFS, and yields each id once its commit was confirmed."""


class PowerCut(apsw.Error):
    """The power is gone; nothing more reaches the disk."""


class Surface:
    """One file as the disk keeps it: what is synced, and the changes since, in order."""

    def __init__(self) -> None:
        self.synced = bytearray()
        self.changes: list[tuple[int, bytes | None]] = []

    def sync(self) -> None:
        """All changes reach the disk."""
        for offset, data in self.changes:
            _change(self.synced, offset, data)
        self.changes.clear()

    def after_cut(self, chance: random.Random) -> bytes:
        """What is there when the power returns: the synced part, and any sectors of what came after."""
        left = bytearray(self.synced)
        share = chance.choice((0.0, 0.5, 0.9, 1.0))
        for offset, data in self.changes:
            if data is None and chance.random() < share:
                _change(left, offset, None)
            elif data is not None:
                for start, sector in _sectors(offset, data):
                    if chance.random() < share:
                        _change(left, start, sector)
        return bytes(left)


def _sectors(offset: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    while data:
        room = SECTOR - offset % SECTOR
        yield offset, data[:room]
        offset, data = offset + room, data[room:]


def _change(image: bytearray, offset: int, data: bytes | None) -> None:
    """Write `data` at `offset`, or cut the file off there."""
    if data is None:
        del image[offset:]
        return
    image.extend(bytes(max(0, offset - len(image))))
    image[offset : offset + len(data)] = data


class Disk(apsw.VFS):
    """Counts the operations that change the disk, and dies before the `cut_at`-th."""

    def __init__(self, name: str, cut_at: int) -> None:
        self.name = name
        self.operations = 0
        self.files: dict[str, Surface] = {}
        self._cut_at = cut_at
        super().__init__(name, "")

    def step(self) -> None:
        """One operation; raises PowerCut when there is no power for it."""
        self.operations += 1
        if self.operations >= self._cut_at:
            raise PowerCut

    def xOpen(self, name: Any, flags: list[int]) -> "File":  # noqa: N802 - SQLite's name
        return File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        self.step()
        super().xDelete(filename, syncdir)
        self.files.pop(filename, None)

    def leave(self, folder: Path, chance: random.Random) -> None:
        """Put into a folder what is there when the power returns."""
        for name, surface in self.files.items():
            (folder / Path(name).name).write_bytes(surface.after_cut(chance))


class File(apsw.VFSFile):
    """One file on that disk."""

    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        # A file without a name is temporary, and nobody looks for it when the power returns.
        self._surface = disk.files.setdefault(path, Surface()) if path else Surface()
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.step()
        self._surface.changes.append((offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._disk.step()
        self._surface.changes.append((newsize, None))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.step()
        self._surface.sync()


_names = count(1)


def cut(workload: Workload, folder: Path, cut_at: int, seed: int = 0) -> tuple[Path, set[str], int]:
    """Run to the power cut; the database as it is when the power returns, what had been confirmed, operations."""
    before, after = folder / "before", folder / "after"
    before.mkdir(parents=True)
    after.mkdir()
    disk = Disk(f"power-cut-{next(_names)}", cut_at)
    confirmed: set[str] = set()
    try:
        for message_id in workload(before / "a.db", disk.name):
            confirmed.add(message_id)
    finally:
        disk.unregister()
    disk.leave(after, random.Random(f"{cut_at} {seed}"))
    return after / "a.db", confirmed, disk.operations
