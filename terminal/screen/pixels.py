"""A picture in cells of the screen, as sixels, in any palette's colours. Pure."""

from msgspec import Struct

from terminal.screen.palettes import COLOURS, Palette


class Ink(Struct, frozen=True):
    """One colour of a picture: that of a tone's letters, or of what is behind them."""

    tone: str
    is_behind: bool = False

    def colour(self, palette: Palette) -> str:
        """It as #rrggbb."""
        colour = COLOURS[palette][self.tone]
        return colour.behind if self.is_behind else colour.letters


class Pixels(Struct, frozen=True):
    """A picture's sixels, its size, and what its colours are, by number."""

    sixels: str
    height_px: int
    width_px: int
    inks: tuple[Ink, ...]


def shown(pixels: Pixels, palette: Palette) -> str:
    """What draws it where the cursor stands, as DCS; a pixel of the picture is one of the panel."""
    colours = "".join(_defined(number, ink.colour(palette)) for number, ink in enumerate(pixels.inks))
    return f'\x1bP9;0q"1;1;{pixels.width_px};{pixels.height_px}{colours}{pixels.sixels}\x1b\\'


def _defined(number: int, colour: str) -> str:
    """A colour as sixels have it, in whole percent."""
    red, green, blue = (round(int(colour[place : place + 2], 16) / 2.55) for place in (1, 3, 5))
    return f"#{number};2;{red};{green};{blue}"
