"""A car says that it is there, and how it goes; a line that carries nothing is noticed."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from terminal.contract.messages import Presence, decode_as
from terminal.core.line import PresenceFacts
from terminal.uplink.session import Holding
from tests.system.fake_broker import FakeBroker
from tests.system.uplink_car import CLOSELY, DOWN, WHO, Car, until


@pytest.mark.promise("P-SEND-09", "P-WATCH-05")
def test_a_silent_broker_is_noticed_on_an_idle_line(tmp_path: Path) -> None:
    """Presence is a publication, so its PUBACK is what an idle car's line is judged by."""

    async def drive() -> None:
        async with FakeBroker.listening() as broker, Car(tmp_path, broker.address) as car:
            await until(lambda: car.connected())
            broker.manners.puback = None
            await until(lambda: len(broker.clients) == 2, "a new connection")
            assert "acknowledged nothing" in car.problems()[0]

    asyncio.run(drive())


@pytest.mark.promise("P-WATCH-03")
def test_presence_names_the_connection_and_its_will_takes_back_that_one_only(tmp_path: Path) -> None:
    async def drive() -> None:
        async with FakeBroker.listening() as broker, Car(tmp_path, broker.address) as car:
            await until(lambda: broker.of("presence"))
            broker.drop()
            await until(lambda: len(broker.clients) == 2 and len(broker.of("presence")) > 1)
            wills = [client.will for client in broker.clients]
            told = [decode_as(Presence, will[1]) for will in wills if will is not None]
            assert [one.online for one in told] == [False, False]
            assert [will[0] for will in wills if will] == [f"patrola/1/LJ/up/{WHO.unit}/presence"] * 2
            online = [decode_as(Presence, one.payload) for one in broker.of("presence")]
            assert {one.incarnation for one in told} == {one.incarnation for one in online}
            assert told[0].incarnation != told[1].incarnation
            assert all(one.online and one.outbox == car.sender.outbox for one in online)
            assert broker.clients[1].subscribed == [f"{DOWN}/+"]

    asyncio.run(drive())


def test_a_car_that_stops_says_so_and_says_goodbye(tmp_path: Path) -> None:
    async def drive() -> None:
        async with FakeBroker.listening() as broker:
            async with Car(tmp_path, broker.address):
                await until(lambda: broker.of("presence"))
            await until(lambda: broker.clients[0].ended.is_set())
            assert broker.clients[0].goodbye
            last = decode_as(Presence, broker.of("presence")[-1].payload)
            assert (last.online, last.goodbye) == (False, True)
            assert broker.clients[0].will is not None
            assert not decode_as(Presence, broker.clients[0].will[1]).goodbye, "a Will is not the car's word"

    asyncio.run(drive())


@pytest.mark.promise("P-WATCH-02")
def test_an_ignition_that_is_switched_is_said_at_once(tmp_path: Path) -> None:
    """The next presence by itself is an hour away: with the ignition the terminal may go off any moment."""

    async def drive() -> None:
        patient = replace(CLOSELY, presence_every_s=3600.0)
        async with FakeBroker.listening() as broker, Car(tmp_path, broker.address, supervision=patient) as car:
            await until(lambda: broker.of("presence"), "the first presence")
            car.session.say(PresenceFacts(ignition_on=True, pending=3))
            await until(lambda: len(broker.of("presence")) == 2)
            car.session.say(PresenceFacts(ignition_on=True, pending=4))
            car.session.say(PresenceFacts(ignition_on=False, pending=5))
            await until(lambda: len(broker.of("presence")) == 3)
            told = [decode_as(Presence, one.payload) for one in broker.of("presence")]
            assert [(one.ignition_on, one.pending) for one in told] == [(None, 0), (True, 3), (False, 5)]

    asyncio.run(drive())


@pytest.mark.parametrize("manners", [{"connack": None}, {"suback": None}])
def test_a_car_stops_at_once_while_it_is_connecting(tmp_path: Path, manners: dict[str, None]) -> None:
    async def drive() -> None:
        async with FakeBroker.listening(**manners) as broker:
            async with Car(tmp_path, broker.address, holding=Holding(connect_within_s=3600)):
                await until(lambda: broker.clients and broker.clients[0].client_id, "CONNECT")
            await until(lambda: broker.clients[0].ended.is_set(), "the socket let go")

    asyncio.run(drive())
