"""Words on one line: text from elsewhere made harmless, times that have passed. Pure."""

from rich.cells import cell_len, set_cell_size

Said = tuple[str, str]
"""(words, tone)."""

KMH_PER_MPS = 3.6


def clean(text: str) -> str:
    """Text from elsewhere on one line, without what would move the cursor."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def age(span_ns: int) -> str:
    """A time that has passed, in the unit that fits it."""
    seconds = max(span_ns, 0) // 1_000_000_000
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


def on_one_line(words: str, width: int) -> str:
    """The words, or as much of them as fits with a sign that there is more."""
    return words if cell_len(words) <= width else set_cell_size(words, max(width - 1, 0)).rstrip() + "…"
