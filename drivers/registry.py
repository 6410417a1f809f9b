"""Configuration word to driver: the one place that knows every driver's name; each is imported when it is used."""

from difflib import get_close_matches
from importlib import import_module
from typing import Any, Protocol, cast

from msgspec import Struct

from hal.clock import Clock
from hal.errors import ConfigError
from hal.ports import Source

MODULES = {
    "gpsd": "drivers.gpsd",
    "gpsd_file": "drivers.gpsd_feed",
    "nmea_serial": "drivers.nmea_serial",
    "nmea_file": "drivers.nmea_file",
    "socketcan": "drivers.socketcan",
    "can_file": "drivers.can_file",
    "io_board": "drivers.io_board",
    "modem_manager": "drivers.modem_manager",
    "simulator": "drivers.simulator",
}


MESSAGING = frozenset({"modem_manager"})
"""Those whose sources are `hal.ports.Messaging` too; a test holds this against what they build."""

BUTTONS = frozenset({"io_board"})
"""Those whose sources are `hal.ports.ButtonBoard` too, an emergency button; the same test holds it."""


class DriverModule(Protocol):
    """What every driver module offers."""

    Settings: type[Struct]

    def build(self, name: str, settings: Any, clock: Clock) -> Source: ...


def words() -> list[str]:
    """All that a source may be."""
    return sorted(MODULES)


def settings_type(word: str) -> type[Struct]:
    """The settings that this driver takes; ConfigError for a word that no driver has."""
    return _module(word).Settings


def build(word: str, name: str, settings: Struct, clock: Clock) -> Source:
    """A source of this name; it opens its device when it is read."""
    return _module(word).build(name, settings, clock)


def _module(word: str) -> DriverModule:
    if word not in MODULES:
        nearest = get_close_matches(word, MODULES, n=1)
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"the drivers are {', '.join(sorted(MODULES))}"
        raise ConfigError("driver", f"{word!r} is no driver", hint)
    return cast(DriverModule, import_module(MODULES[word]))
