"""Puts core together from a configuration: the only module that names drivers."""

from collections.abc import AsyncIterator

from drivers import registry
from hal.clock import Clock, SystemClock
from hal.errors import ConfigError
from hal.ports import Source
from hal.readings import AnyReading
from terminal.config import Config
from terminal.core.daemon import Core


class Unusable:
    """A source whose files cannot be used, a signal map or a DBC: it is down, and the emergency button is not."""

    def __init__(self, name: str, error: ConfigError) -> None:
        self.name = name
        self._error = error

    async def readings(self) -> AsyncIterator[AnyReading]:
        """Raise what is wrong with it, with the file's name."""
        error = self._error
        raise ConfigError(self.name, f"{error.source}: {error.problem}", error.remedy)
        yield


def sources(config: Config, clock: Clock) -> list[Source]:
    """Every configured source, unopened; raises ConfigError."""
    return [registry.build(word, name, settings, clock) for name, (word, settings) in config.sources.items()]


def core(config: Config, *, echo: bool = False) -> Core:
    """patrola-core on this machine's clocks; `echo` writes the journal to standard output too."""
    clock = SystemClock()
    return Core(config, _usable(config, clock), clock, echo=echo)


def _usable(config: Config, clock: Clock) -> list[Source]:
    found: list[Source] = []
    for name, (word, settings) in config.sources.items():
        try:
            found.append(registry.build(word, name, settings, clock))
        except ConfigError as error:
            found.append(Unusable(name, error))
    return found
