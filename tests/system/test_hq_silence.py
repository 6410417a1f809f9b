"""Headquarters as a process says why a car is silent, and of itself that it is deaf: once, with a since."""

import asyncio
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from terminal.contract import topics
from terminal.contract.messages import Presence, Who, encode
from terminal.contract.mqtt import Connection, Listener, Publication
from tests.system.conftest import Mosquitto
from tests.system.headquarters import Headquarters
from tests.system.patrol_car import PATROLA, ROOT, WITHIN_S

REALM = "LJ"


@pytest.fixture
def hq(tmp_path: Path, mosquitto_server: Mosquitto) -> Iterator[Headquarters]:
    headquarters = Headquarters(tmp_path / "hq", mosquitto_server.broker.port)
    with headquarters.serving():
        yield headquarters


def presence(unit: str, **facts: object) -> Publication:
    told = Presence(**({"incarnation": unit, "online": True, "who": Who(unit=unit)} | facts))  # type: ignore[arg-type]
    return Publication(topics.up(REALM, unit, topics.PRESENCE), encode(told))


async def comes_and_goes(server: Mosquitto, unit: str, *says: Publication, goodbye: bool = False) -> None:
    """A car says these, waits until each was acknowledged, and is cut off or says goodbye."""
    async with asyncio.timeout(WITHIN_S):
        await _comes_and_goes(server, unit, says, goodbye)


async def _comes_and_goes(server: Mosquitto, unit: str, says: Sequence[Publication], goodbye: bool) -> None:

    class Acknowledged(Listener):
        def acknowledged(self, mid: int, failure: str) -> None:
            taken.put_nowait(failure)

    taken: asyncio.Queue[str] = asyncio.Queue()
    connection = Connection(unit, server.broker, Acknowledged(), will=presence(unit, online=False))
    await connection.open()
    for said in says:
        # Until headquarters has subscribed, the broker says that nobody was there.
        failure = "not yet"
        while failure:
            connection.publish(said)
            failure = await taken.get()
    if goodbye:
        connection.publish(presence(unit, online=False, goodbye=True))
        await taken.get()
        await connection.close()
    connection.abort("cut off")


def listed(hq: Headquarters) -> list[str]:
    command = [*PATROLA, "hq", "units", "--config", str(hq.config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.promise("P-WATCH-02")
def test_a_car_that_went_as_it_said_is_told_from_one_that_needs_a_look(
    hq: Headquarters, mosquitto_server: Mosquitto
) -> None:
    with hq.watched() as watch:
        off = presence("OFF-1", ignition_on=False)
        asyncio.run(comes_and_goes(mosquitto_server, "OFF-1", presence("OFF-1", ignition_on=True), off))
        asyncio.run(comes_and_goes(mosquitto_server, "BYE-1", presence("BYE-1"), goodbye=True))
        asyncio.run(comes_and_goes(mosquitto_server, "LOST-1", presence("LOST-1", ignition_on=True)))
        watch.until(lambda _: len(watch.events("unit-offline")) == 3)
        causes = {one["unit"]: one["cause"] for one in watch.events("unit-offline")}
        assert causes == {"OFF-1": "planned", "BYE-1": "planned", "LOST-1": "unknown"}
        assert all(one["since_ms"] for one in watch.events("unit-offline"))
    bye, lost, off_line = listed(hq)
    assert "off since" in bye
    assert "SILENT since" in lost
    assert lost.split("since")[1].split()[1] == "LOOK"
    assert "off since" in off_line


@pytest.mark.promise("P-WATCH-02")
def test_a_headquarters_without_a_broker_says_that_it_is_deaf_and_calls_no_car_silent(
    hq: Headquarters, mosquitto_server: Mosquitto
) -> None:
    async def drive() -> None:
        with hq.watched() as watch:
            connection = Connection("LJ-1", mosquitto_server.broker, Listener())
            await connection.open()
            async with asyncio.timeout(WITHIN_S):
                while not watch.events("unit-online"):
                    connection.publish(presence("LJ-1"))
                    await asyncio.sleep(0.05)
            mosquitto_server.kill()
            await asyncio.to_thread(watch.until_told, '"deaf"')
            assert listed(hq)[0].startswith("HEADQUARTERS ITSELF HEARS NOTHING since ")
            assert "online" in listed(hq)[1]
            await asyncio.to_thread(mosquitto_server.start)
            await asyncio.to_thread(watch.until_told, '"hearing"')
            assert len(listed(hq)) == 1
            assert len(watch.events("deaf")) == 1, "told once, however often it tried"
            assert not watch.events("unit-offline")

    asyncio.run(drive())
