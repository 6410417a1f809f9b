"""A car's line against brokers that fail in every way they can: another is found, nothing is lost, nothing twice."""

import asyncio
import socket
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from terminal.contract.messages import Heartbeat, Presence, decode_alarm, decode_as, encode
from terminal.contract.mqtt import Broker
from terminal.contract.topics import Lane
from terminal.core.inputs import Published, PublishRefused
from terminal.core.line import PresenceFacts
from terminal.tools.certificates import Authority
from terminal.uplink.session import Holding
from tests.system.conftest import Mosquitto
from tests.system.fake_broker import DISCONNECT, MESSAGE_EXPIRY, TOPIC_ALIAS, FakeBroker, packet
from tests.system.uplink_car import CLOSELY, HASTY, WHO, Car, Hq, until

LONG_S = 30.0
"""Longer than any of this takes."""
TLS_HANDSHAKE = b"\x16"
DOWN = f"patrola/1/LJ/down/{WHO.unit}"


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
