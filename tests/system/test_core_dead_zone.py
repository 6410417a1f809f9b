"""Where the line dies and comes back: learnt by a running core, said to the crew, and known to the next run."""

import asyncio
from pathlib import Path

import pytest

from terminal.link import Snapshot
from terminal.shown import Trouble
from tests.system.fake_broker import FakeBroker
from tests.system.patrol_car import Car, Screen
from tests.system.receiver import Receiver, epoch

MORE = """
[supervision]
presence_every_s = 0.3
acknowledge_within_s = 1.5

[sources.gnss]
driver = "nmea_serial"
device = "{device}"
"""


async def drive(receiver: Receiver) -> None:
    """Past the same place for ever, a second of the drive each moment."""
    second = 0
    while True:
        second = (second + 1) % 3600
        receiver.say(epoch(second))
        await asyncio.sleep(0.1)


async def seen(screen: Screen, true: Trouble) -> Snapshot:
    return await asyncio.to_thread(screen.until, lambda snapshot: snapshot.line.trouble is true)


async def lose(broker: FakeBroker, screen: Screen, says: Trouble) -> None:
    """The broker swallows everything until the crew sees it, and then serves again."""
    await asyncio.to_thread(
        screen.until, lambda seen: seen.line.connected and not seen.position.stale and seen.line.trouble != says
    )
    broker.manners.puback = broker.manners.connack = None
    await seen(screen, says)
    broker.manners.puback = broker.manners.connack = 0
    broker.drop()
    await asyncio.to_thread(screen.until, lambda seen: seen.line.connected)


@pytest.mark.promise("P-WATCH-02")
def test_a_dead_zone_is_learnt_said_and_outlives_core(tmp_path: Path) -> None:
    receiver = Receiver(tmp_path / "gnss0")

    async def story() -> None:
        async with FakeBroker.listening() as broker:
            car = Car(tmp_path / "car", broker.address.port, more=MORE.format(device=receiver.path))
            driving = asyncio.create_task(drive(receiver))
            try:
                with car.core() as core:
                    with await asyncio.to_thread(car.screen, core) as screen:
                        for _ in range(2):
                            await lose(broker, screen, Trouble.HALF_OPEN)
                        await lose(broker, screen, Trouble.DEAD_ZONE)
                    assert await asyncio.to_thread(core.end) == 0
                with car.core() as core:
                    with await asyncio.to_thread(car.screen, core) as screen:
                        await lose(broker, screen, Trouble.DEAD_ZONE)
                    assert await asyncio.to_thread(core.end) == 0
            finally:
                driving.cancel()

    asyncio.run(story())
    receiver.unplug()
