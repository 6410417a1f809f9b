"""One line of the page."""

from textual.content import Content
from textual.widgets import Static

from terminal.screen.words import NOTHING, Said

COLOURS = ("good", "warn", "bad", "urgent", "plain", "dim")


class Line(Static):
    """Words in the colour of their meaning; text from elsewhere is never read as markup."""

    _said: Said | None = None

    def say(self, said: Said = NOTHING) -> None:
        """Show these words; costs nothing when they are there already."""
        if said == self._said:
            return
        self._said = said
        words, colour = said
        self.update(Content(words))
        for other in COLOURS:
            self.set_class(other == colour, other)
