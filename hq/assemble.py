"""Puts headquarters' gateways together from the configuration: its only module that names a driver."""

import msgspec

from drivers import registry
from hal.clock import SystemClock
from hal.errors import ConfigError
from hal.ports import Messaging
from hq.config import Texting

DRIVER = "modem_manager"
NAME = "modem"


def modem(config: Texting) -> Messaging | None:
    """The modem of `[sms.modem]`, unopened; ConfigError for settings that it does not have."""
    if config.modem is None:
        return None
    try:
        settings = msgspec.convert(config.modem, registry.settings_type(DRIVER))
    except msgspec.ValidationError as error:
        raise ConfigError("sms.modem", str(error), "the keys are those of driver modem_manager") from error
    built = registry.build(DRIVER, NAME, settings, SystemClock())
    assert isinstance(built, Messaging)
    return built
