"""Which broker a car asks: one that fails in any way it can is passed over, named to the crew, and asked again."""

import asyncio
import socket
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from terminal.contract.mqtt import Broker
from terminal.core.line import PresenceFacts
from terminal.tools.certificates import Authority
from tests.system.fake_broker import DISCONNECT, FakeBroker, packet
from tests.system.uplink_car import CLOSELY, HASTY, Car, Hq, until

TLS_HANDSHAKE = b"\x16"


def dead() -> Broker:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return Broker(host="127.0.0.1", port=probe.getsockname()[1])


async def everything_arrives(tmp_path: Path, first: Broker, second: Broker) -> list[str]:
    """A car with these brokers and headquarters at the second; what the crew was shown on the way."""
    async with Hq(tmp_path, second) as hq, Car(tmp_path, first, second) as car:
        alarm = car.press()
        car.event()
        await car.points(100)
        await until(lambda: car.has_receipt(alarm), "the alarm's receipt")
        await car.nothing_owed()
        assert await hq.stored() == ({"messages": 2, "points": 100}, [])
        return car.problems()


@pytest.mark.promise("P-BEARER-01", "P-SEND-09")
def test_a_broker_that_is_down_is_passed_over(tmp_path: Path, mosquitto: Broker) -> None:
    first = dead()
    problems = asyncio.run(everything_arrives(tmp_path, first, mosquitto))
    assert problems[0].startswith(f"{first}: nothing listens there; is the broker up")


@pytest.mark.promise("P-SEND-09")
@pytest.mark.parametrize(
    ("manners", "said"),
    [
        ({"connack": None}, "no answer within 2 s"),
        ({"connack": 0x87}, "it refused us: Not authorized; is this certificate allowed"),
        ({"connack": 0x88}, "it refused us: Server unavailable"),
        ({"suback": None}, "did not answer the subscription"),
        ({"suback": 0x87}, "refused the subscription: Not authorized; see its ACL"),
        ({"puback": None}, "acknowledged nothing within 2 s; is it cut off, from us or from its cluster?"),
    ],
    ids=["no CONNACK", "not authorized", "unavailable", "no SUBACK", "subscription refused", "no PUBACK"],
)
def test_a_broker_that_does_not_serve_is_passed_over(
    tmp_path: Path, mosquitto: Broker, manners: dict[str, int | None], said: str
) -> None:
    async def drive() -> None:
        async with FakeBroker.listening(**manners) as first:
            problems = await everything_arrives(tmp_path, first.address, mosquitto)
            assert any(str(first.address) in one and said in one for one in problems), problems
            await until(lambda: all(client.ended.is_set() for client in first.clients), "every socket let go")

    asyncio.run(drive())


@pytest.mark.promise("P-BEARER-01")
def test_after_a_good_session_the_first_broker_is_asked_again(tmp_path: Path) -> None:
    async def drive() -> None:
        async with FakeBroker.listening(connack=0x88) as first, FakeBroker.listening() as second:
            holding = replace(HASTY, good_after_s=0.2)
            async with Car(tmp_path, first.address, second.address, dead(), holding=holding) as car:
                await until(lambda: len(second.of("presence")) >= 3, "a good session at the second broker")
                tries = len(first.clients)
                first.manners.connack = 0
                second.drop()
                await until(lambda: car.connected() == str(first.address), "back at the first")
                assert len(first.clients) == tries + 1
                assert len(second.clients) == 1
                assert sum("nothing listens there" in one for one in car.problems()) == 0, "the third was not asked"

    asyncio.run(drive())


@pytest.mark.promise("P-BEARER-01")
def test_after_a_short_session_the_next_broker_is_asked(tmp_path: Path) -> None:
    async def drive() -> None:
        async with (
            FakeBroker.listening() as first,
            FakeBroker.listening() as second,
            Car(tmp_path, first.address, second.address) as car,
        ):
            await until(lambda: car.connected() == str(first.address))
            first.drop()
            await until(lambda: car.connected() == str(second.address), "the next")

    asyncio.run(drive())


def test_with_another_broker_to_try_a_silent_headquarters_is_looked_for_there(tmp_path: Path) -> None:
    async def drive() -> None:
        async with FakeBroker.listening() as first, FakeBroker.listening() as second:
            holding = replace(HASTY, hq_within_s=0.5, good_after_s=0.2)
            async with Car(tmp_path, first.address, second.address, holding=holding) as car:
                car.sender.hq_heard = False
                await until(lambda: car.connected() == str(second.address), "the next")
                assert "headquarters was not heard through it" in car.problems()[-1]
                car.sender.hq_heard = True
                seen = len(second.of("presence"))
                await until(lambda: len(second.of("presence")) > seen + 3, "it stays where headquarters is heard")
                assert car.connected() == str(second.address)
                assert len(second.clients) == 1

    asyncio.run(drive())


def test_bytes_that_are_no_mqtt_end_the_line_with_words_and_the_next_is_tried(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    garbage = {
        "unknown reason": bytes([0x40, 4, 0, 1, 0x55, 0]),
        "unknown property": bytes([0x30, 5, 0, 1, 97, 1, 0xFF]),
        "length without end": bytes([0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]),
        "reserved packet": bytes([0xF0, 0]),
    }

    async def drive() -> None:
        async with FakeBroker.listening() as broker, Car(tmp_path, broker.address) as car:
            for what, data in garbage.items():
                await until(lambda: car.connected(), what)
                count, told = len(broker.clients), len(car.problems())
                broker.say_raw(data)
                await until(lambda count=count: len(broker.clients) > count, f"{what}: a new connection")
                assert car.problems()[told].startswith(f"{broker.address}: "), what
                assert "acknowledged nothing" not in car.problems()[told], f"{what}: seen at once"
            assert len(caplog.records) <= len(garbage)

    asyncio.run(drive())


@pytest.mark.promise("P-SEND-15")
def test_a_handshake_that_never_ends_does_not_hold_the_loop(tmp_path: Path) -> None:
    """A listener that accepts and then says nothing: TCP is there, TLS never comes."""
    Authority.at(tmp_path)

    async def drive() -> None:
        loop = asyncio.get_running_loop()
        with closing(socket.create_server(("127.0.0.1", 0))) as silent:
            silent.setblocking(False)
            broker = Broker(host="127.0.0.1", port=silent.getsockname()[1], ca=tmp_path / "ca.pem")
            async with Car(tmp_path, broker, holding=replace(HASTY, connect_within_s=5.0)) as car:
                line, _ = await loop.sock_accept(silent)
                with closing(line):
                    assert await loop.sock_recv(line, 1) == TLS_HANDSHAKE
                    await car.points(10)
                    assert not car.problems(), "points were committed while the handshake waited"
                    await until(car.problems)
                    assert f"{broker}: no answer within 5 s" in car.problems()[0]

    asyncio.run(drive())


def test_a_certificate_on_two_terminals_is_named_as_such(tmp_path: Path) -> None:
    async def drive() -> None:
        async with FakeBroker.listening() as broker, Car(tmp_path, broker.address) as car:
            await until(lambda: car.connected())
            broker.say_raw(packet(DISCONNECT << 4, bytes([0x8E])))
            await until(car.problems)
            assert car.problems()[0].startswith(f"{broker.address}: another connection took our name")

    asyncio.run(drive())


@pytest.mark.parametrize(
    ("host", "port"), [("", 1883), ("a\0b", 1883), ("ä" * 70, 1883), ("." * 9, 1883), ("127.0.0.1", 0), ("::1", 99_999)]
)
def test_an_address_that_is_none_is_named_and_passed_over(tmp_path: Path, host: str, port: int) -> None:
    async def drive() -> None:
        async with FakeBroker.listening() as second:
            first = Broker(host=host, port=port)
            async with Car(tmp_path, first, second.address) as car:
                await until(lambda: car.connected() == str(second.address))
                assert car.problems()[0].startswith(f"{first}: ")

    asyncio.run(drive())


def test_whatever_breaks_the_line_the_car_goes_on_looking_for_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Two errors that nobody declares: one in the thread that connects, one while the line is held."""

    async def drive() -> None:
        async with FakeBroker.listening() as broker:
            async with Car(tmp_path, broker.address, supervision=replace(CLOSELY, keepalive_s=100_000)) as car:
                await until(lambda: len(car.problems()) >= 2, "tried again")
                assert car.problems()[0].startswith(f"{broker.address}: ")
            async with Car(tmp_path, broker.address) as car:
                car.session.say(PresenceFacts(pending=1j))  # type: ignore[arg-type]
                await until(lambda: len(car.problems()) >= 2, "tried again")
                assert car.problems()[0].startswith(f"{broker.address}: TypeError")
                assert car.problems()[0].endswith("report this as a defect")
                car.session.say(PresenceFacts())
                await until(lambda: broker.of("presence"), "the line")

    asyncio.run(drive())
    assert "the line broke in a way that was not foreseen" in caplog.text


@pytest.mark.promise("P-SEND-15")
def test_a_name_that_nobody_knows_is_named_and_passed_over(tmp_path: Path) -> None:
    async def drive() -> None:
        async with FakeBroker.listening() as second:
            first = Broker(host="no-such-broker.invalid", port=1883)
            async with Car(tmp_path, first, second.address) as car:
                await until(lambda: car.connected() == str(second.address))
                assert car.problems()[0].startswith(f"{first}: ")

    asyncio.run(drive())
