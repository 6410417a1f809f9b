"""DBC files, read by cantools; what it refuses is refused with file, line, reason and remedy."""

import logging
import re
from pathlib import Path
from typing import NamedTuple

import cantools
from cantools.database.can import Database, Message, Signal
from cantools.database.errors import UnsupportedDatabaseFormatError

from hal.errors import ConfigError

log = logging.getLogger(__name__)


class Dbc(NamedTuple):
    """A DBC file's messages; `lenient` when cantools accepts it only without its consistency checks."""

    path: Path
    messages: list[Message]
    lenient: bool

    def signals(self) -> dict[str, tuple[Message, Signal]]:
        """Every signal by `MESSAGE.SIGNAL`."""
        return {
            f"{message.name}.{signal.name}": (message, signal)
            for message in self.messages
            for signal in message.signals
        }


def load(path: Path) -> Dbc:
    """Read a DBC; ConfigError says file, line where cantools names one, and what to do."""
    try:
        return Dbc(path, _messages(path, strict=True), lenient=False)
    except (OSError, ConfigError, UnsupportedDatabaseFormatError) as error:
        if isinstance(error, OSError | ConfigError):
            raise _unreadable(path, error) from error
        strictly = error
    try:
        loaded = Dbc(path, _messages(path, strict=False), lenient=True)
    except UnsupportedDatabaseFormatError as error:
        raise _refused(path, error) from error
    log.warning("%s: %s Read without that check; compare the signals you map with the car", path, _reason(strictly))
    return loaded


def _messages(path: Path, *, strict: bool) -> list[Message]:
    try:
        database = cantools.database.load_file(path, strict=strict)
    except (OSError, UnsupportedDatabaseFormatError):
        raise
    except Exception as error:  # cantools lets its parsers' own errors through on hostile files
        raise UnsupportedDatabaseFormatError(None, error, None, None, None) from error
    messages = database.messages if isinstance(database, Database) else []
    if not any(message.signals for message in messages):
        raise ConfigError(str(path), "describes no CAN signal", "is this the right file, and is it whole?")
    return [message for message in messages if not message.is_container]


def _unreadable(path: Path, error: OSError | ConfigError) -> ConfigError:
    if isinstance(error, ConfigError):
        return error
    return ConfigError(str(path), f"cannot be read: {error.strerror}", "check the path and its permissions")


def _reason(error: UnsupportedDatabaseFormatError) -> str:
    return " ".join(str(error).removeprefix('DBC: "').removesuffix('"').split())


def _refused(path: Path, error: UnsupportedDatabaseFormatError) -> ConfigError:
    reason = _reason(error)
    line = _line(path, reason)
    where = f"{path}:{line}" if line else str(path)
    remedy = "correct that line or delete it; CM_ and VAL_ lines only explain, no value needs them"
    return ConfigError(where, f"cantools refuses it: {reason}", remedy if line else "repair or replace the file")


def _line(path: Path, reason: str) -> int | None:
    if named := re.search(r"line (\d+)", reason):
        return int(named[1])
    unused = re.search(r"VAL_ \d+ \w+", reason)
    lines = path.read_text(encoding="cp1252", errors="replace").splitlines() if unused else []
    return next((number for number, text in enumerate(lines, 1) if unused and text.startswith(unused[0])), None)


def scaled(signal: Signal, raw: float) -> float:
    """The signal's physical value, in the DBC's unit."""
    return signal.conversion.raw_to_scaled(raw, decode_choices=False)  # type: ignore[return-value]  # no names asked
