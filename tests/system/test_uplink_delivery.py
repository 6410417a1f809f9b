"""What a car gives a broker: it is owed until headquarters' receipt, whatever the broker drops, refuses or makes up."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from terminal.contract.messages import Heartbeat, decode_alarm, encode
from terminal.contract.mqtt import Broker
from terminal.contract.topics import Lane
from terminal.core.inputs import Published, PublishRefused
from tests.system.conftest import Mosquitto
from tests.system.fake_broker import MESSAGE_EXPIRY, TOPIC_ALIAS, FakeBroker
from tests.system.uplink_car import CLOSELY, DOWN, HASTY, Car, Hq, until

LONG_S = 30.0
"""Longer than any of this takes."""


@pytest.mark.promise("P-SEND-01")
def test_an_alarm_goes_right_behind_the_subscription_and_does_not_wait_for_its_answer(tmp_path: Path) -> None:
    async def drive() -> None:
        patient = replace(HASTY, connect_within_s=LONG_S)
        async with FakeBroker.listening(suback=None) as broker, Car(tmp_path, broker.address, holding=patient) as car:
            alarm = car.press()
            await until(lambda: car.is_acknowledged(alarm), "an alarm that the broker took")
            assert broker.clients[0].subscribed == [f"{DOWN}/+"], "what comes back would find nobody"
            assert (len(broker.clients), car.connected()) == (1, "")

    asyncio.run(drive())


@pytest.mark.promise("P-SEND-01")
def test_a_broker_that_refuses_the_subscription_takes_alarms_all_the_same_and_is_named(tmp_path: Path) -> None:
    async def drive() -> None:
        slowly = replace(CLOSELY, acknowledge_within_s=LONG_S)
        async with (
            FakeBroker.listening(suback=0x87, puback=None) as broker,
            Car(tmp_path, broker.address, supervision=slowly) as car,
        ):
            alarm = car.press()
            await until(lambda: bool(broker.of("alarm")), "an alarm on its way")
            await until(lambda: bool(broker.clients[0].subscribed))
            broker.acknowledge(broker.of("alarm")[0])
            await until(lambda: car.is_acknowledged(alarm), "an alarm that the broker took")
            await until(lambda: any("refused the subscription" in one for one in car.problems()), "the line's trouble")
            assert car.connected() == ""

    asyncio.run(drive())


@pytest.mark.promise("P-RECEIPT-04")
def test_a_broker_killed_and_wiped_in_mid_stream_loses_nothing(tmp_path: Path, mosquitto_server: Mosquitto) -> None:
    async def drive() -> None:
        broker = mosquitto_server.broker
        async with Hq(tmp_path, broker) as hq, Car(tmp_path, broker) as car:
            await until(car.hears_hq, "headquarters")
            for _ in range(4):
                alarm = car.press()
                car.event()
                await car.points(150)
                mosquitto_server.kill()
                await car.points(20)
                await asyncio.to_thread(mosquitto_server.start)
                await until(lambda alarm=alarm: car.has_receipt(alarm), "the alarm's receipt")
            await car.nothing_owed()
            assert await hq.stored() == ({"messages": 8, "points": 680}, [])

    asyncio.run(drive())


@pytest.mark.promise("P-RECEIPT-02")
def test_what_the_broker_took_while_headquarters_was_away_is_owed_until_its_receipt(
    tmp_path: Path, mosquitto_server: Mosquitto
) -> None:
    async def drive() -> None:
        broker = mosquitto_server.broker
        async with Hq(tmp_path, broker) as hq, Car(tmp_path, broker) as car:
            await until(car.hears_hq, "headquarters")
            await hq.stop()
            alarm = car.press()
            car.event()
            await car.points(60)
            acknowledged = await taken_by_the_broker(car, alarm.id)
            assert acknowledged, "the broker acknowledged the alarm"
            assert not car.has_receipt(alarm)
            assert await car.owed() == {Lane.ALARM: 1, Lane.EVENT: 1, Lane.TRACK: 60}
            # The broker forgets what it had acknowledged: the car alone still knows of it.
            mosquitto_server.kill()
            await asyncio.to_thread(mosquitto_server.start)
            await until(lambda: car.connected(), "the line again")
            await hq.start()
            await until(lambda: car.has_receipt(alarm), "the alarm's receipt")
            await car.nothing_owed()
            assert await hq.stored() == ({"messages": 2, "points": 60}, [])

    asyncio.run(drive())


async def taken_by_the_broker(car: Car, message_id: str) -> bool:
    await until(lambda: any(message_id in one.ids for one in car.told if isinstance(one, Published)), "a PUBACK")
    return True


@pytest.mark.promise("P-SEND-04")
def test_what_a_broker_dropped_is_sent_again_on_the_same_line(tmp_path: Path) -> None:
    """The fake broker acknowledges everything and passes nothing on."""

    async def drive() -> None:
        async with FakeBroker.listening() as broker, Car(tmp_path, broker.address) as car:
            await until(lambda: car.connected())
            alarm = car.press()
            car.event()
            await car.points(5)
            await until(lambda: len(broker.of("event")) >= 2, "the event again")
            await until(lambda: len(broker.of("track")) >= 2, "the points again")
            await until(lambda: len(broker.of("alarm")) >= 4, "the alarm again and again")
            assert {decode_alarm(one.payload).id for one in broker.of("alarm")} == {alarm.id}
            assert len(broker.clients) == 1
            assert await car.owed() == {Lane.ALARM: 1, Lane.EVENT: 1, Lane.TRACK: 5}

    asyncio.run(drive())


@pytest.mark.promise("P-SEND-10")
@pytest.mark.parametrize(
    ("code", "word"), [(0x10, "No matching subscribers"), (0x87, "Not authorized"), (0x97, "Quota exceeded")]
)
def test_a_refused_publication_reaches_the_crew_and_does_not_count_as_sent(
    tmp_path: Path, code: int, word: str
) -> None:
    async def drive() -> None:
        async with FakeBroker.listening(puback=code) as broker, Car(tmp_path, broker.address) as car:
            await until(lambda: car.connected())
            alarm = car.press()
            await until(lambda: len(broker.of("alarm")) >= 3, "the alarm again")
            await until(lambda: car.of(PublishRefused))
            assert word in car.problems()[-1]
            assert not any(one.ids for one in car.told if isinstance(one, Published))
            broker.manners.puback = 0
            await taken_by_the_broker(car, alarm.id)

    asyncio.run(drive())


@pytest.mark.promise("P-SEND-10")
def test_mosquitto_says_that_nobody_is_there_and_the_crew_sees_it(tmp_path: Path, mosquitto: Broker) -> None:
    async def drive() -> None:
        async with Car(tmp_path, mosquitto) as car:
            await until(lambda: car.of(PublishRefused), "reason code 0x10")
            assert "No matching subscribers" in car.problems()[-1]

    asyncio.run(drive())


def test_nothing_of_a_publication_depends_on_an_earlier_one(tmp_path: Path) -> None:
    """No topic alias: one that was queued would come back without its name after a reconnect."""

    async def drive() -> None:
        async with FakeBroker.listening() as broker, Car(tmp_path, broker.address) as car:
            await until(lambda: car.connected())
            car.press()
            car.event()
            await car.points(30)
            await until(lambda: broker.of("alarm") and broker.of("event") and len(broker.of("track")) > 1)
            assert not any(TOPIC_ALIAS in one.properties or not one.topic for one in broker.published)
            assert not any(MESSAGE_EXPIRY in one.properties for one in broker.of("event") + broker.of("track"))

    asyncio.run(drive())


def test_a_message_that_cannot_be_taken_does_not_come_back_for_ever(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret = b"Janez-Novak"
    epoch = '"epoch":"e"'
    bad = {
        "receipt": [
            b"",
            b"\xff\xfe",
            b"{" + secret,
            b'"' + secret + b'"',
            b'{"epoch":7}',
            b'{"epoch":"e","lane":"' + secret + b'"}',
            f'{{{epoch},"stored":[[1,99999999999999999999,"x"]]}}'.encode(),
            f'{{{epoch},"stored":[["{secret.decode()}",2,"x"]]}}'.encode(),
            b'{"epoch":"e","x":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        ],
        "state": [b"[]", b'{"revision":"' + secret + b'"}', b'{"revision":' + b"9" * 400 + b"}"],
        "heartbeat": [b"null", b'{"epoch":"e","storing":"' + secret + b'","attended":true}'],
        "weather": [secret],
    }

    async def drive() -> None:
        async with FakeBroker.listening() as broker, Car(tmp_path, broker.address) as car:
            await until(lambda: car.connected())
            broker.say_raw(bytes([0x30, 4, 0, 1, 0xFF, 0]))
            for what, payloads in bad.items():
                for payload in payloads:
                    broker.say(f"{DOWN}/{what}", payload)
            broker.say(f"{DOWN}/heartbeat", encode(Heartbeat(epoch="e", storing=True, attended=True)))
            await until(car.hears_hq, "the good one after the bad ones")
            assert len(broker.clients) == 1, "the line stays"

    asyncio.run(drive())
    no_utf8, *lines = [record.getMessage() for record in caplog.records]
    assert "could not be taken" in no_utf8
    assert len(lines) == sum(len(payloads) for what, payloads in bad.items() if what != "weather")
    assert all("headquarters: a " in line and "cannot be read" in line for line in lines), lines
    assert not any(secret.decode() in line or len(line) > 300 for line in lines), lines


@pytest.mark.promise("P-RECEIPT-05")
def test_receipts_for_absurd_ranges_settle_nothing_and_hold_nothing_up(tmp_path: Path) -> None:
    absurd = [[1, 2**62, "0"], [5, 1, "0"], [0, 0, "0"], [1, 60, "0" * 16]] * 500

    async def drive() -> None:
        async with FakeBroker.listening() as broker, Car(tmp_path, broker.address) as car:
            await until(lambda: car.connected())
            await car.points(60)
            await until(lambda: len(broker.of("track")) >= 3)
            receipt = {"epoch": "e", "outbox": car.sender.outbox, "lane": "track", "stored": absurd}
            for _ in range(20):
                broker.say(f"{DOWN}/receipt", msgspec.json.encode(receipt))
            await until(lambda: len(broker.of("track")) >= 9, "the points again, since none was receipted")
            assert (await car.owed())[Lane.TRACK] == 60

    asyncio.run(drive())
