"""Colours by the meaning of what is said: for day, for night, and red for eyes that must stay used to the dark."""

from enum import StrEnum

from msgspec import Struct


class Palette(StrEnum):
    """Which colours."""

    DAY = "day"
    NIGHT = "night"
    RED = "red"


class Colour(Struct, frozen=True):
    """Letters and what is behind them, as #rrggbb."""

    letters: str
    behind: str
    bold: bool = False


LEAST_CONTRAST = {Palette.DAY: 3.0, Palette.NIGHT: 5.0, Palette.RED: 5.0}
"""The ratio of WCAG 2.2 that letters must have at least."""

DAY = {
    "plain": Colour("#101418", "#f4f6f8"),
    "dim": Colour("#525a62", "#f4f6f8"),
    "title": Colour("#101418", "#f4f6f8", bold=True),
    "good": Colour("#0b6b34", "#f4f6f8", bold=True),
    "warn": Colour("#7a4a00", "#ffe9b8", bold=True),
    "bad": Colour("#ffffff", "#b00018", bold=True),
    "urgent": Colour("#ffffff", "#b00018", bold=True),
    "button": Colour("#101418", "#d3dae2"),
    "pressed": Colour("#ffffff", "#404a54", bold=True),
    "felt": Colour("#101418", "#a8b2bc"),
    "chosen": Colour("#ffffff", "#1a5aa8", bold=True),
    "proposed": Colour("#101418", "#ffd24d", bold=True),
    "sos": Colour("#ffffff", "#b00018", bold=True),
    "locked": Colour("#525a62", "#e4e8ec"),
    "dark": Colour("#000000", "#000000"),
    "map-water": Colour("#2a5fa0", "#f4f6f8"),
    "map-rail": Colour("#70767c", "#f4f6f8"),
    "map-street": Colour("#6a7078", "#f4f6f8"),
    "map-road": Colour("#8a4a00", "#f4f6f8"),
    "map-motorway": Colour("#b00018", "#f4f6f8"),
    "map-border": Colour("#7a1fa0", "#f4f6f8"),
    "map-place": Colour("#101418", "#f4f6f8"),
    "own": Colour("#ffffff", "#1a5aa8"),
    "other": Colour("#ffffff", "#0b6b34"),
    "old": Colour("#525a62", "#e4e8ec"),
    "job": Colour("#101418", "#ffd24d"),
}
NIGHT = {
    "plain": Colour("#d0d4d8", "#000000"),
    "dim": Colour("#8a929a", "#000000"),
    "title": Colour("#ffffff", "#000000", bold=True),
    "good": Colour("#5fd38a", "#000000"),
    "warn": Colour("#ffc24d", "#000000"),
    "bad": Colour("#ffffff", "#a01018", bold=True),
    "urgent": Colour("#ffffff", "#a01018", bold=True),
    "button": Colour("#d0d4d8", "#1b2530"),
    "pressed": Colour("#000000", "#d0d4d8", bold=True),
    "felt": Colour("#d0d4d8", "#3c4650"),
    "chosen": Colour("#ffffff", "#1f4f86", bold=True),
    "proposed": Colour("#000000", "#ffc24d", bold=True),
    "sos": Colour("#ffffff", "#a01018", bold=True),
    "locked": Colour("#8a929a", "#0c1014"),
    "dark": Colour("#000000", "#000000"),
    "map-water": Colour("#5f9fe8", "#000000"),
    "map-rail": Colour("#8a929a", "#000000"),
    "map-street": Colour("#8a929a", "#000000"),
    "map-road": Colour("#e0b060", "#000000"),
    "map-motorway": Colour("#ff8a5a", "#000000"),
    "map-border": Colour("#d08aff", "#000000"),
    "map-place": Colour("#ffffff", "#000000"),
    "own": Colour("#ffffff", "#1f4f86"),
    "other": Colour("#000000", "#5fd38a"),
    "old": Colour("#8a929a", "#0c1014"),
    "job": Colour("#000000", "#ffc24d"),
}
RED = {
    "plain": Colour("#ff4a3a", "#000000"),
    "dim": Colour("#f03020", "#000000"),
    "title": Colour("#ff6a5a", "#000000", bold=True),
    "good": Colour("#ff7a6a", "#000000"),
    "warn": Colour("#ff8a7a", "#000000", bold=True),
    "bad": Colour("#000000", "#ff4a3a", bold=True),
    "urgent": Colour("#000000", "#ff4a3a", bold=True),
    "button": Colour("#ff6a5a", "#240402"),
    "pressed": Colour("#000000", "#ff6a5a", bold=True),
    "felt": Colour("#ff8a7a", "#500c06"),
    "chosen": Colour("#000000", "#ff5a4a", bold=True),
    "proposed": Colour("#000000", "#ff8a7a", bold=True),
    "sos": Colour("#000000", "#ff3a2a", bold=True),
    "locked": Colour("#f03020", "#000000"),
    "dark": Colour("#000000", "#000000"),
    "map-water": Colour("#f03020", "#000000"),
    "map-rail": Colour("#f03020", "#000000"),
    "map-street": Colour("#f03020", "#000000"),
    "map-road": Colour("#ff4a3a", "#000000"),
    "map-motorway": Colour("#ff7a6a", "#000000"),
    "map-border": Colour("#ff8a7a", "#000000"),
    "map-place": Colour("#ff8a7a", "#000000"),
    "own": Colour("#000000", "#ff5a4a"),
    "other": Colour("#000000", "#ff7a6a"),
    "old": Colour("#f03020", "#000000"),
    "job": Colour("#000000", "#ff8a7a"),
}
COLOURS: dict[Palette, dict[str, Colour]] = {Palette.DAY: DAY, Palette.NIGHT: NIGHT, Palette.RED: RED}


def contrast(colour: Colour) -> float:
    """The ratio of the letters' and the ground's luminance (WCAG 2.2, relative luminance of sRGB)."""
    one, other = sorted((_luminance(colour.letters), _luminance(colour.behind)), reverse=True)
    return (one + 0.05) / (other + 0.05)


def _luminance(colour: str) -> float:
    channels = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
