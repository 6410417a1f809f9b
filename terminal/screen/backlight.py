"""The panel's own light, as Linux has it below /sys/class/backlight: how bright it is to be, and setting it.

The files' meaning is the kernel's (Documentation/ABI/stable/sysfs-class-backlight); who may write to them is decided by
config/kiosk/61-patrola-backlight.rules.
"""

from enum import Enum, auto
from pathlib import Path

from terminal.screen.palettes import Palette

SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)
"""Of the most that the panel has; by the number that the crew chooses."""

AT_NIGHT = 0.3
"""So much of what was chosen while the colours are not those of the day."""

BEST_FIRST = ("firmware", "platform", "raw")
"""Where one panel has more than one of them, the kernel's documentation says which to prefer."""


class Light(Enum):
    """What can be done about it."""

    SET = auto()
    NONE = auto()
    REFUSED = auto()


def share(level: int, palette: Palette, *, is_dark: bool, is_dim: bool = False) -> float:
    """How much of its most a panel is to give; dim it gives the least that can be chosen."""
    if is_dark:
        return 0.0
    level = 0 if is_dim else level
    return SHARES[level] if palette is Palette.DAY else SHARES[level] * AT_NIGHT


class Backlight:
    """The light of the panel that this screen is on; without a folder it is on none of its own."""

    def __init__(self, folder: Path | None) -> None:
        self.light = Light.NONE
        self._folder = folder
        self._shown: float | None = None

    def show(self, share: float) -> None:
        """Set it if that is new; what cannot be set is tried again with the next call."""
        if share == self._shown:
            return
        self.light = self._set(share)
        self._shown = share if self.light is Light.SET else None

    def _set(self, share: float) -> Light:
        place = None if self._folder is None else _found(self._folder)
        if place is None:
            return Light.NONE
        try:
            most = int((place / "max_brightness").read_text())
            # 0 may be no light at all: that is for darkness alone.
            (place / "brightness").write_text(str(max(round(most * share), 1) if share else 0))
        except (OSError, ValueError):
            return Light.REFUSED
        return Light.SET


def _found(folder: Path) -> Path | None:
    """The light to set; None while there is none."""
    return min(folder.glob("*"), key=_rank, default=None)


def _rank(place: Path) -> tuple[int, str]:
    try:
        return BEST_FIRST.index((place / "type").read_text().strip()), place.name
    except (OSError, ValueError):
        return len(BEST_FIRST), place.name
