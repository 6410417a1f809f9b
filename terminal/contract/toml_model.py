"""TOML files as frozen typed models: all errors at once, each with file, line, what was expected, the nearest key."""

import re
import tomllib
import types
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from enum import EnumType
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Struct

from hal.errors import ConfigError

T = TypeVar("T", bound=Struct)

Keys = tuple[str, ...]
"""Where a value stands: table names, keys, and places in arrays of tables."""

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]")
_KEY = re.compile(r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")


class Words(Protocol):
    """What a word in the configuration may choose, each with settings of its own."""

    def words(self) -> list[str]:
        """All that there are."""

    def settings_type(self, word: str) -> type[Struct]:
        """The settings that go with this one; raises ConfigError."""


class TomlFile:
    """One file's text as tables, its line numbers, and the problems found in it so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[str] = []
        try:
            text = path.read_text(encoding="utf-8")
            self.tables = tomllib.loads(text)
        except FileNotFoundError:
            raise ConfigError(str(path), "the file is not there", "check the path") from None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(str(path), f"cannot be read: {error}", "it must be a UTF-8 text file") from error
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(str(path), f"is not TOML: {error}", "see toml.io for the syntax") from error
        self._lines = dict(_lines(text))

    def problem(self, keys: Keys, text: str) -> None:
        """Note one error of the value at `keys`."""
        self.problems.append(f"{self.path}:{self._line(keys)}: {'.'.join(keys)}: {text}")

    def _line(self, keys: Keys) -> int:
        while keys and keys not in self._lines:
            keys = keys[:-1]
        return self._lines.get(keys, 1)

    def value(self, keys: Keys, value: Any, kind: Any) -> Any:
        """The value as this type, its paths absolute, or None after noting all that is wrong with it."""
        struct = _struct_in(kind)
        if struct is not None and isinstance(value, dict):
            return self._struct(keys, value, struct)
        inner = _element_in(kind)
        if inner is not None and isinstance(value, list):
            self._check_length(keys, value, kind)
            return tuple(self.value((*keys, str(place)), one, inner) for place, one in enumerate(value))
        try:
            return msgspec.convert(value, kind, dec_hook=self._convert)
        except msgspec.ValidationError as error:
            what = f"{str(error)[0].lower()}{str(error)[1:]}"
            if isinstance(value, str) and (words := _words_of(kind)):
                what = nearest(value, words)
            self.problem(keys, f"{value!r}: {what}")
            return None

    def chosen(self, keys: Keys, table: dict[str, Any], by: str, words: Words) -> tuple[str, Any] | None:
        """The word of key `by`, and the other keys as the settings of that; None after noting what is wrong."""
        word = table.get(by)
        if not isinstance(word, str):
            self.problem(keys, f'needs {by} = "..."; known are {", ".join(words.words())}')
            return None
        try:
            kind = words.settings_type(word)
        except ConfigError as error:
            self.problem((*keys, by), f"{error.problem}; {error.remedy}")
            return None
        settings = self.value(keys, {key: value for key, value in table.items() if key != by}, kind)
        return None if settings is None else (word, settings)

    def tables_in(self, key: str) -> list[tuple[str, dict[str, Any]]]:
        """The tables of this table, by name."""
        inner = self.tables.get(key, {})
        return [(name, one) for name, one in inner.items() if isinstance(one, dict)] if isinstance(inner, dict) else []

    def _check_length(self, keys: Keys, value: list[Any], kind: Any) -> None:
        for meta in get_args(kind)[1:] if get_origin(kind) is Annotated else ():
            if isinstance(meta, msgspec.Meta) and len(value) < (meta.min_length or 0):
                self.problem(keys, f"expected at least {meta.min_length} table")

    def _struct(self, keys: Keys, table: dict[str, Any], struct: type[Struct]) -> Any:
        fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
        for key in table.keys() - fields.keys():
            self.problem((*keys, key), f"unknown key; {nearest(key, fields)}")
        for name, field in fields.items():
            if name not in table and field.default is NODEFAULT and field.default_factory is NODEFAULT:
                self.problem((*keys, name), "is missing; it has no default")
        before = len(self.problems)
        known = {
            fields[key].name: self.value((*keys, key), value, fields[key].type)
            for key, value in table.items()
            if key in fields
        }
        return None if before < len(self.problems) or self._missing(table, fields) else struct(**known)

    @staticmethod
    def _missing(table: dict[str, Any], fields: dict[str, Any]) -> bool:
        return any(
            name not in table and field.default is NODEFAULT and field.default_factory is NODEFAULT
            for name, field in fields.items()
        )

    def _convert(self, kind: type, value: Any) -> Any:
        """A path is meant relative to its configuration file."""
        if kind is Path and isinstance(value, str):
            return (self.path.parent / Path(value).expanduser()).absolute()
        raise NotImplementedError(f"expected {kind.__name__}")

    def finish(self) -> None:
        """Raise ConfigError with all problems, a line each, if there are any."""
        if self.problems:
            first, *rest = self.problems
            source, _, text = first.partition(": ")
            raise ConfigError(source, "\n".join([text, *rest]))


def load_model(path: Path, kind: type[T], finish: Callable[[TomlFile, T | None], None] | None = None) -> T:
    """The file as this Struct; ConfigError holds every error in it. `finish` may look for more."""
    file = TomlFile(path)
    model: T | None = file.value((), file.tables, kind)
    if finish is not None:
        finish(file, model)
    file.finish()
    assert model is not None, "a model without problems is complete"
    return model


def nearest(word: str, known: Any) -> str:
    """`did you mean "..."?`, or what there is."""
    near = get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f'did you mean "{near[0]}"?' if near else f"known are {', '.join(sorted(known)) or 'none yet'}"


def _words_of(kind: Any) -> list[str]:
    """Those of an enumeration; none for any other type."""
    is_enumeration = isinstance(kind, EnumType)
    return [str(one.value) for one in kind] if is_enumeration else []


def _struct_in(kind: Any) -> type[Struct] | None:
    for one in (kind, *get_args(kind)) if isinstance(kind, types.UnionType) else (kind,):
        if isinstance(one, type) and issubclass(one, Struct):
            return one
    return _struct_in(get_args(kind)[0]) if get_origin(kind) is Annotated else None


def _element_in(kind: Any) -> type[Struct] | None:
    if get_origin(kind) is Annotated:
        return _element_in(get_args(kind)[0])
    return _struct_in(get_args(kind)[0]) if get_origin(kind) is tuple else None


def _lines(text: str) -> Iterator[tuple[Keys, int]]:
    """Where each key of the text stands; what stands in a line of another key has that line."""
    table: Keys = ()
    counts: dict[Keys, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _parts(header[2])
            if header[1] == "[[":
                place = counts[table] = counts.get(table, -1) + 1
                table = (*table, str(place))
            yield table, number
        elif key := _KEY.match(line):
            yield (*table, *_parts(key[1])), number


def _parts(dotted: str) -> Keys:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))
