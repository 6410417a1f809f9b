"""Puts core together from a configuration: the only module that names drivers."""

from drivers import registry
from hal.clock import Clock, SystemClock
from hal.ports import Source
from terminal.config import Config
from terminal.core.daemon import Core


def sources(config: Config, clock: Clock) -> list[Source]:
    """Every configured source, unopened; raises ConfigError."""
    return [registry.build(word, name, settings, clock) for name, (word, settings) in config.sources.items()]


def core(config: Config, *, echo: bool = False) -> Core:
    """patrola-core on this machine's clocks; `echo` writes the journal to standard output too."""
    clock = SystemClock()
    return Core(config, sources(config, clock), clock, echo=echo)
