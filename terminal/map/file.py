"""A map's file: an SQLite database of tiles, written once by a technician and only read in the car."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import apsw
import msgspec

from hal.errors import PatrolaError
from terminal.map.features import Feature, Tile
from terminal.map.tiling import TileAt

APPLICATION_ID = 0x50415452
"""SQLite's mark of whose file it is: "PATR"."""

VERSION = 1
SCHEMA = f"""
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE tiles (level INTEGER NOT NULL, x INTEGER NOT NULL, y INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (level, x, y)) WITHOUT ROWID;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
"""

TILES_IN_MEMORY = 256

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Tile).decode


class BadMap(PatrolaError, ValueError):
    """A file that is no map of this version, or cannot be read."""


class MapFile:
    """One open map; `tile` raises BadMap."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._db = apsw.Connection(
                f"file:{path}?immutable=1", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
            )
            marks = (self._db.pragma("application_id"), self._db.pragma("user_version"))
        except apsw.Error as error:
            raise BadMap(str(path), f"cannot be read: {error}", "build it with `patrola map build`") from error
        if marks != (APPLICATION_ID, VERSION):
            self._db.close()
            raise BadMap(str(path), f"is no map of version {VERSION}", "build it with `patrola map build`")
        self.tile = lru_cache(maxsize=TILES_IN_MEMORY)(self._tile)

    def _tile(self, level: int, x: int, y: int) -> tuple[Feature, ...]:
        """What is drawn in a tile; nothing where the map has none."""
        try:
            body: Any = self._db.execute(
                "SELECT body FROM tiles WHERE level = ? AND x = ? AND y = ?", (level, x, y)
            ).get
            return () if body is None else _decode(body).features
        except (apsw.Error, msgspec.DecodeError) as error:
            raise BadMap(str(self.path), f"is damaged: {error}", "copy it anew") from error

    @property
    def attribution(self) -> str:
        """Whose data it is."""
        found: Any = self._db.execute("SELECT value FROM facts WHERE name = 'attribution'").get
        return str(found or "")

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def write(path: Path, tiles: Mapping[tuple[int, TileAt], Iterable[Feature]], attribution: str) -> None:
    """Write a map; one that is there is replaced when the new one is whole."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    db = apsw.Connection(str(new))
    with db:
        db.execute(SCHEMA)
        db.execute("INSERT INTO facts VALUES ('attribution', ?)", (attribution,))
        db.executemany(
            "INSERT INTO tiles VALUES (?, ?, ?, ?)",
            ((level, *at, _encode(Tile(tuple(features)))) for (level, at), features in sorted(tiles.items())),
        )
    db.close()
    new.replace(path)
