"""What the crew has chosen on the screen outlives it: language, colours, sound, light, and that it is dark."""

import contextlib
from pathlib import Path
from threading import Lock
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from terminal.screen.backlight import SHARES
from terminal.screen.language import Language
from terminal.screen.palettes import Palette
from terminal.screen.sound import VOLUMES
from terminal.screen.state import ScreenState

UNTOUCHED = ScreenState()


class Choices(Struct, frozen=True, kw_only=True):
    """All of them; `dark_mono_ns` is when it became dark, by the monotonic clock."""

    language: Language | None = UNTOUCHED.language
    palette: Palette | None = UNTOUCHED.palette
    volume: Annotated[int, Meta(ge=0, lt=len(VOLUMES))] = UNTOUCHED.volume
    brightness: Annotated[int, Meta(ge=0, lt=len(SHARES))] = UNTOUCHED.brightness
    dark_mono_ns: int | None = None


class Memory:
    """Their file; without one, or with one that cannot be used, nothing is remembered and nothing else is lost."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._kept = Choices() if path is None else _read(path)
        self._writing = Lock()

    def recalled(self, now_ns: int) -> ScreenState:
        """What the screen begins with; dark only within one boot, which the clock tells: a new boot's is behind."""
        kept = self._kept
        return ScreenState(
            language=kept.language,
            palette=kept.palette,
            volume=kept.volume,
            brightness=kept.brightness,
            is_dark=kept.dark_mono_ns is not None and kept.dark_mono_ns <= now_ns,
        )

    def keep(self, state: ScreenState, now_ns: int) -> bool:
        """Take note of what was chosen; whether there is something to write down."""
        dark_ns = (self._kept.dark_mono_ns or now_ns) if state.is_dark else None
        choices = Choices(
            language=state.language,
            palette=state.palette,
            volume=state.volume,
            brightness=state.brightness,
            dark_mono_ns=dark_ns,
        )
        is_new, self._kept = choices != self._kept, choices
        return is_new and self._path is not None

    def write(self) -> None:
        """Write down what was chosen last; takes as long as the disk does, so that it is for a thread."""
        with self._writing:
            if self._path is not None:
                _write(self._path, self._kept)


def _read(path: Path) -> Choices:
    with contextlib.suppress(OSError, ValueError):
        return msgspec.json.decode(path.read_bytes(), type=Choices)
    return Choices()


def _write(path: Path, choices: Choices) -> None:
    # Not synced: a power cut may cost the newest choice, no more.
    new = path.with_name(f"{path.name}.new")
    with contextlib.suppress(OSError):
        new.write_bytes(msgspec.json.encode(choices))
        new.replace(path)
