"""A progress bar on a person's terminal; nothing elsewhere."""

import sys

BAR_CELLS = 30


class Bar:
    """Writes over itself on standard error."""

    def __init__(self) -> None:
        self._shows = sys.stderr.isatty()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show how far it is."""
        if self._shows:
            sys.stderr.write(f"\r\x1b[K{bar(what, done, total)}")
            sys.stderr.flush()

    def clear(self) -> None:
        """Leave the line empty."""
        if self._shows:
            sys.stderr.write("\r\x1b[K")


def bar(what: str, done: int, total: int) -> str:
    """One line of progress."""
    full = BAR_CELLS * done // max(total, 1)
    return f"[{'#' * full}{'.' * (BAR_CELLS - full)}] {100 * done // max(total, 1):3}% {what}"
