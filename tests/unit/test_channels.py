"""What the table says of each kind of reading is what the steps do."""

import pytest

from hal.readings import (
    AnyReading,
    ButtonState,
    LightbarState,
    LinkQuality,
    PowerState,
    SourceHealth,
    VehicleSignals,
)
from terminal.core.channels import CHANNELS, ToHq
from terminal.core.effects import Effect, Note, RecordPoint, SendAlarm, StoreEvent
from terminal.core.vehicle import LIGHTBAR
from tests.unit.core_scene import PRESS, Car, fix

CHANGES: list[AnyReading] = [
    fix(0.0),
    VehicleSignals(source="can", mono_ns=0, signals={LIGHTBAR: True}),
    LightbarState(source="board", mono_ns=0, lights_on=True),
    ButtonState(source="board", mono_ns=0, latched=PRESS),
    LinkQuality(source="modem", mono_ns=0, registered=True),
    PowerState(source="board", mono_ns=0, ignition_on=True),
    SourceHealth(source="gnss", mono_ns=0, up=False, problem="gone"),
]
WAYS = {SendAlarm: ToHq.URGENT, StoreEvent: ToHq.EVERY, RecordPoint: ToHq.LATEST}


def way(effects: list[Effect]) -> ToHq:
    """The most urgent way in which these effects reach headquarters."""
    return next((to for kind, to in WAYS.items() if any(isinstance(one, kind) for one in effects)), ToHq.NEVER)


@pytest.mark.promise("P-FLOW-03")
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: type(change).__name__)
def test_a_change_reaches_headquarters_and_the_journal_as_the_table_says(change: AnyReading) -> None:
    effects = Car().take(change)
    channel = CHANNELS[type(change)]
    assert way(effects) is channel.to_hq
    assert any(isinstance(one, Note) for one in effects) is channel.journalled


@pytest.mark.promise("P-FLOW-03")
def test_every_kind_of_reading_is_tried() -> None:
    assert {type(change) for change in CHANGES} == set(CHANNELS)
