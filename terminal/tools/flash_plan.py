"""What must be done to a board so that it starts a firmware, whatever is on it; pure.

    main.py         starts the newest whole firmware of `current` (firmware/boot/main.py)
    current         "FOLDER HASH" a line, the one to start first; HASH is that of the folder's SHA256SUMS
    a/, b/          a firmware each, with its SHA256SUMS

The folder that the board would start stays as it is until the other one is whole and verified; then `current` is
replaced in one step. So a board that is unplugged at any moment starts a whole firmware, or has none to start and says
so.
"""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from terminal.tools.flash_image import LOADER, BoardFile, Image

CURRENT = "current"
FOLDERS = ("a", "b")
FREE_BYTES = 64 * 1024
"""What the program's own files and the file system's copies of what it changes need."""

BLOCK_BYTES = 4096
"""littlefs on a Pico's or an ESP32's flash gives a file whole blocks."""


class OnBoard(Struct, frozen=True):
    """What stands on a board: the hash of each of our files, what `current` says, and the room that is left."""

    hashes: Mapping[str, str]
    current: tuple[tuple[str, str], ...] = ()
    free_bytes: int = 0

    def is_whole(self, folder: str, image: Image) -> bool:
        """Whether this folder holds this firmware, every file of it."""
        wanted = {f"{folder}/{file.path}": file.sha256 for file in (*image.files, image.sums)}
        return all(self.hashes.get(path) == sha256 for path, sha256 in wanted.items())


class Plan(Struct, frozen=True):
    """What to do, in this order: the loader first where there is none, files, folder's sums, loader, `current`."""

    folder: str
    files: tuple[BoardFile, ...] = ()
    stale: tuple[str, ...] = ()
    loader: BoardFile | None = None
    loader_first: bool = False
    current: BoardFile | None = None

    @property
    def writes(self) -> tuple[BoardFile, ...]:
        """Every file that will be written."""
        return (*self.files, *(file for file in (self.loader, self.current) if file is not None))

    @property
    def needed_bytes(self) -> int:
        """The room that the writes take at most."""
        return sum(BLOCK_BYTES * (1 + len(file.data) // BLOCK_BYTES) for file in self.writes)


def paths(image: Image) -> Iterator[str]:
    """The files of a board that a plan looks at, besides `current`."""
    yield LOADER
    for folder in FOLDERS:
        yield from (f"{folder}/{file.path}" for file in (*image.files, image.sums))


def plan(image: Image, board: OnBoard) -> Plan:
    """The least that makes the board start this firmware."""
    loader_hash = board.hashes.get(LOADER)
    loader = None if loader_hash == image.loader.sha256 else image.loader
    first = board.current[0] if board.current else ("", "")
    if first[1] == image.sums.sha256 and board.is_whole(first[0], image):
        return Plan(first[0], loader=loader, loader_first=loader_hash is None)
    folder = next(name for name in FOLDERS if name != first[0])
    files = tuple(
        BoardFile(f"{folder}/{file.path}", file.data)
        for file in (*image.files, image.sums)
        if board.hashes.get(f"{folder}/{file.path}") != file.sha256
    )
    lines = [(folder, image.sums.sha256), *(line for line in board.current if line[0] != folder)]
    current = BoardFile(CURRENT, "".join(f"{name} {sha256}\n" for name, sha256 in lines).encode())
    ours = {f"{folder}/{file.path}" for file in (*image.files, image.sums)}
    stale = tuple(sorted(path for path in board.hashes if path.startswith(f"{folder}/") and path not in ours))
    return Plan(folder, files, stale, loader, loader_hash is None, current)
