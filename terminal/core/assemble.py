"""Puts core together from a configuration: the only module that names drivers."""

import logging
from collections.abc import AsyncIterator, Sequence

from drivers import registry
from hal.clock import Clock, SystemClock
from hal.errors import ConfigError
from hal.ports import Source
from hal.readings import AnyReading
from terminal.config import Config
from terminal.core.daemon import Core
from terminal.uplink.bearer import KINDS, Beside

log = logging.getLogger(__name__)


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
    usable = _usable(config, clock)
    return Core(config, usable, clock, bearers=bearers(config, usable), echo=echo)


def bearers(config: Config, sources: Sequence[Source]) -> list[Beside]:
    """Every configured way to headquarters beside the brokers that can be used."""
    found: list[Beside] = []
    for name in config.bearers:
        try:
            found.append(bearer(config, name, sources))
        except ConfigError as error:
            log.error("bearer %s is not used: %s", name, error)  # noqa: TRY400 - it says all that there is to say
        except Exception:
            # The other ways are not to suffer for it.
            log.exception("bearer %s is not used; report this as a defect of its file", name)
    return found


def bearer(config: Config, name: str, sources: Sequence[Source]) -> Beside:
    """The bearer of this name, with nothing sent yet; raises ConfigError, or whatever its file does."""
    kind, settings = config.bearers[name]
    return Beside(KINDS.module(kind).build(name, settings, {one.name: one for one in sources}), settings)


def _usable(config: Config, clock: Clock) -> list[Source]:
    found: list[Source] = []
    for name, (word, settings) in config.sources.items():
        try:
            found.append(registry.build(word, name, settings, clock))
        except ConfigError as error:
            found.append(Unusable(name, error))
    return found
