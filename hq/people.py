"""The names under which people at headquarters act: as the car shows them and the audit log keeps them. Pure."""

import unicodedata

LONGEST_NAME = 64
HEADQUARTERS = "headquarters"
"""What headquarters does by itself stands under this name, which no person may have."""


class NoName(ValueError):
    """Not a name under which a person can act; the text says why."""


def person(text: str) -> str:
    """The name in one spelling: NFC, single spaces, nothing that does not print; raises NoName."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name:
        raise NoName("a name is needed")
    if len(name) > LONGEST_NAME:
        raise NoName(f"a name has at most {LONGEST_NAME} characters")
    # Also the marks that turn the direction of writing: a name must not read as another's.
    if any(unicodedata.category(character).startswith("C") for character in name):
        raise NoName("a name is made of characters that print")
    if name.casefold() == HEADQUARTERS:
        raise NoName(f"{name} is no person; a person's name is needed")
    return name


def is_same(one: str, other: str) -> bool:
    """Whether both names are one person's, however they were typed."""
    return one.casefold() == other.casefold()
