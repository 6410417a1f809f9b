"""The registry knows every driver, and a wrong word is answered with the nearest right one."""

import sys
from importlib import import_module
from pathlib import Path
from typing import get_type_hints

import msgspec
import pytest

from drivers import nmea_file, registry
from hal.clock import SystemClock
from hal.errors import ConfigError
from hal.ports import ButtonBoard, Messaging


def test_a_word_builds_its_driver(tmp_path: Path) -> None:
    settings = registry.settings_type("nmea_file")(path=tmp_path)
    built = registry.build("nmea_file", "gnss", settings, SystemClock())
    assert isinstance(built, nmea_file.NmeaFile)
    assert built.name == "gnss"


@pytest.mark.parametrize(
    ("word", "hint"), [("nmea_serail", "did you mean 'nmea_serial'"), ("xyz", "the drivers are can_file")]
)
def test_an_unknown_word_is_answered_with_the_nearest(word: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=hint):
        registry.settings_type(word)


@pytest.mark.parametrize("word", sorted(registry.MODULES))
def test_every_driver_offers_frozen_settings_that_refuse_unknown_keys(word: str) -> None:
    settings = registry.settings_type(word)
    assert settings.__struct_config__.frozen
    assert settings.__struct_config__.forbid_unknown_fields
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"no_such_key": 1}, settings)


def test_drivers_are_imported_when_they_are_used() -> None:
    assert "drivers.nmea_file" in sys.modules
    assert not {"can", "serial", "drivers"} & set(vars(registry))


@pytest.mark.parametrize("word", sorted(registry.MODULES))
def test_the_drivers_that_send_sms_and_that_have_a_button_are_named_so(word: str) -> None:
    built = get_type_hints(import_module(registry.MODULES[word]).build)["return"]
    assert (built is Messaging) is (word in registry.MESSAGING)
    assert (built is ButtonBoard) is (word in registry.BUTTONS)
