"""The table of promises, tests/promises.toml, as types."""

import tomllib
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

PATH = Path(__file__).parent.parent / "promises.toml"


class Figure(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bound on one row of a benchmark (its `name` in the benchmark's table)."""

    bench: str
    row: str
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    def holds(self, value: float) -> bool:
        """Whether a measured value keeps the bound."""
        return (self.at_most is None or value <= self.at_most) and (self.at_least is None or value >= self.at_least)

    def bound(self) -> str:
        """In words, as `<= 3 x`."""
        signs = ((">=", self.at_least), ("<=", self.at_most))
        if self.at_least == self.at_most:
            signs = (("=", self.at_most),)
        return ", ".join(f"{sign} {value:g} {self.unit}".strip() for sign, value in signs if value is not None)


class Promise(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One sentence that can be found false; `open` says what is missing while nothing holds it."""

    id: str
    text: str
    figures: tuple[Figure, ...] = ()
    open: str = ""


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Promises of one area; their ids are P-AREA-NN, counted from 01."""

    area: str
    title: str
    promises: tuple[Promise, ...]


def load(path: Path = PATH) -> tuple[Section, ...]:
    """The sections in their order; raises ValueError with the file's name where the table cannot be used."""
    try:
        with path.open("rb") as file:
            sections = msgspec.convert(tomllib.load(file), dict[str, tuple[Section, ...]])["section"]
    except (KeyError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ValueError(f"{path.name}: {error}") from error
    for section in sections:
        _check_numbers(section, path.name)
    return sections


def _check_numbers(section: Section, name: str) -> None:
    for number, promise in enumerate(section.promises, 1):
        expected = f"P-{section.area}-{number:02d}"
        if promise.id != expected:
            raise ValueError(f"{name}: expected {expected}, found {promise.id}; a number is never given again")


def promises(sections: Sequence[Section]) -> dict[str, Promise]:
    """All of them by their id."""
    return {promise.id: promise for section in sections for promise in section.promises}
