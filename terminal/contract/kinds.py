"""Kinds of a thing, each in a file of its own whose name is its word in the configuration.

A word is a module of our package, or one with a prefix anywhere else on Python's path, so that a file from outside
outlives an upgrade of ours.
"""

import pkgutil
import re
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from msgspec import Struct

from hal.errors import ConfigError
from terminal.contract.toml_model import nearest
from terminal.contract.topics import MQTT

NAME = re.compile(r"[a-z][a-z0-9-]{0,11}")
"""A bearer's own name, in the car and at headquarters: it stands on the alarm's rungs, which have no room for more."""
_WORD = re.compile(r"[a-z][a-z0-9_]*")
_PARTS = ("Settings", "build")


class Kinds:
    """`what` is what they are kinds of, `settings` what the settings of each must be."""

    def __init__(self, what: str, package: str, prefix: str, settings: type[Struct]) -> None:
        self._what = what
        self._package = package
        self._prefix = prefix
        self._settings = settings

    def words(self) -> list[str]:
        """All that can be chosen."""
        ours = [one.name for one in pkgutil.iter_modules(import_module(self._package).__path__)]
        others = [one.name for one in pkgutil.iter_modules() if one.name.startswith(self._prefix)]
        return sorted({*ours, *(name.removeprefix(self._prefix) for name in others)})

    def module(self, word: str) -> ModuleType:
        """The module of this word, with `Settings` and `build`; ConfigError names what there is, or what it lacks."""
        places = (f"{self._package}.{word}", f"{self._prefix}{word}") if _WORD.fullmatch(word) else ()
        found = next((place for place in places if find_spec(place) is not None), None)
        if found is None:
            raise ConfigError(self._what, f"{word!r} is no kind of {self._what}", nearest(word, self.words()))
        try:
            module = import_module(found)
        except Exception as error:
            raise ConfigError(self._what, f"{word!r}: {found} cannot be loaded: {error!r}", "mend that file") from error
        if problem := self._lacks(module):
            raise ConfigError(self._what, f"{word!r}: {module.__file__} {problem}", "mend that file")
        return module

    def settings_type(self, word: str) -> type[Struct]:
        """The settings that this kind takes; raises ConfigError."""
        kind: type[Struct] = self.module(word).Settings
        return kind

    def _lacks(self, module: ModuleType) -> str:
        missing = [part for part in _PARTS if not hasattr(module, part)]
        if missing:
            return f"has no {' and no '.join(missing)}"
        kind = module.Settings
        is_one = isinstance(kind, type) and issubclass(kind, self._settings)
        return "" if is_one else f"has Settings that are no {self._settings.__module__}.{self._settings.__name__}"


def misnamed(name: str) -> str:
    """What is wrong with a bearer's name; "" for nothing."""
    if name == MQTT:
        return "is the name of the brokers' line; take another one"
    return "" if NAME.fullmatch(name) else "expected a name of 1 to 12 of a-z 0-9 -, a letter first"
