"""The loop's way in: what turns it at once, what waits for a common turn, and that no edge is lost in it."""

import asyncio

import pytest

from hal.readings import ButtonState, Fix, FixMode, SignalValue, VehicleSignals
from terminal.core.channels import TELEMETRY_TURN_S
from terminal.core.inputs import Input, Tick
from terminal.core.intake import Intake

DEADLINE_S = 20
FIX = Fix(source="gnss", mono_ns=1, mode=FixMode.FIX_3D)
BUTTON = ButtonState(source="board", mono_ns=1)
LIGHTBAR = "Vehicle.Police.Lightbar.IsActive"


def signals(mono_ns: int = 1, source: str = "can", **values: SignalValue) -> VehicleSignals:
    return VehicleSignals(source=source, mono_ns=mono_ns, signals=values)


def at_once(intake: Intake) -> list[Input] | None:
    """What there is to take without waiting; None when it must be waited for."""
    taking = intake.take()
    try:
        taking.send(None)
    except StopIteration as taken:
        return taken.value
    taking.close()
    return None


@pytest.mark.promise("P-FLOW-01")
def test_an_edge_or_a_command_turns_the_loop_at_once_and_takes_the_telemetry_along() -> None:
    async def scene() -> None:
        intake = Intake()
        for told in (FIX, BUTTON, signals(rpm=900), Tick()):
            intake.put(told)
        assert at_once(intake) == [BUTTON, Tick(), FIX, signals(rpm=900)]

    asyncio.run(scene())


def test_telemetry_alone_comes_in_one_turn_of_its_own_each_time() -> None:
    async def scene() -> None:
        intake = Intake()
        for mono_ns in (1, 2):
            intake.put(signals(mono_ns, rpm=mono_ns))
            await asyncio.sleep(0)
            intake.put(signals(mono_ns, speed=40))
            intake.put(signals(mono_ns, source="obd", rpm=mono_ns))
            assert at_once(intake) is None
            taken = await asyncio.wait_for(intake.take(), DEADLINE_S)
            assert taken == [signals(mono_ns, rpm=mono_ns, speed=40), signals(mono_ns, source="obd", rpm=mono_ns)]

    asyncio.run(scene())


def test_a_turn_that_an_edge_took_along_is_not_made_again() -> None:
    async def scene() -> None:
        intake = Intake()
        intake.put(FIX)
        intake.put(BUTTON)
        assert at_once(intake) == [BUTTON, FIX]
        taking = asyncio.create_task(intake.take())
        await asyncio.wait({taking}, timeout=3 * TELEMETRY_TURN_S)
        assert not taking.done()
        taking.cancel()

    asyncio.run(scene())


@pytest.mark.promise("P-FLOW-01")
@pytest.mark.parametrize("values", [(True, False, True), (False, True, False), ("ON", "OFF", "ON")])
def test_a_signal_without_values_in_between_keeps_each_of_them_in_order(values: tuple[SignalValue, ...]) -> None:
    async def scene() -> None:
        intake = Intake()
        for mono_ns, value in enumerate(values):
            intake.put(signals(mono_ns, rpm=mono_ns, **{LIGHTBAR: value}))
        taken = at_once(intake)
        assert taken == [signals(mono_ns, rpm=mono_ns, **{LIGHTBAR: value}) for mono_ns, value in enumerate(values)]

    asyncio.run(scene())
