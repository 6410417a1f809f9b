"""What a finger can hit."""

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import Static


class Target(Static):
    """A place with words on it; a tap on it is told with its code."""

    class Tapped(Message):
        """A finger was lifted where it had come down."""

        def __init__(self, code: str) -> None:
            super().__init__()
            self.code = code

    def __init__(self, words: str, code: str, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(Content(words), id=id, classes=classes)
        self.code = code
        self._words = words

    def say(self, words: str) -> None:
        """Put other words on it; costs nothing when they are there already."""
        if words != self._words:
            self._words = words
            self.update(Content(words))

    def on_click(self, event: events.Click) -> None:
        """A tap."""
        event.stop()
        self.post_message(self.Tapped(self.code))
