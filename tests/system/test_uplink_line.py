"""One line, closely: it leaves nothing behind, nothing outside holds core's loop, an alarm waits for two packets."""

import asyncio
import gc
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from terminal.contract import topics
from terminal.contract.messages import Presence, TrackBatch, decode_alarm, decode_event, decode_track, encode
from terminal.contract.mqtt import Broker, Connection, Listener, Lost, Publication
from terminal.contract.topics import Lane
from tests.system.conftest import Mosquitto
from tests.system.fake_broker import FakeBroker
from tests.system.uplink_car import CLOSELY, QUICK, REALM, WHO, Car, Hq, until

CYCLES = 1000


def left_behind() -> tuple[int, int, int]:
    """Open files, threads and tasks of this process."""
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), len(asyncio.all_tasks())


async def cycle(broker: Broker, end: Callable[[Connection], object]) -> None:
    connection = Connection("LJ-101", broker, Listener(), will=Publication("will", b"x"))
    await connection.open()
    await connection.subscribe("down/+")
    connection.publish(Publication("up", b"x" * 100))
    done = end(connection)
    if asyncio.iscoroutine(done):
        await done
    assert connection.closed.done()


def test_a_thousand_connections_leave_nothing_behind(mosquitto: Broker) -> None:
    def hang_up(connection: Connection) -> None:
        connection.abort("enough")
        connection.abort("and again")

    async def drive() -> None:
        await cycle(mosquitto, Connection.close)
        before = left_behind()
        for number in range(CYCLES):
            await cycle(mosquitto, hang_up if number % 2 else Connection.close)
        await until(lambda: left_behind() == before, f"{left_behind()} as before: {before}")

    asyncio.run(drive())


def test_a_hundred_failed_tries_leave_nothing_behind(tmp_path: Path) -> None:
    async def drive() -> None:
        async with FakeBroker.listening(connack=0x87) as refusing:
            nowhere = Broker(host="127.0.0.1", port=1)
            badly = replace(refusing.address, ca=tmp_path / "missing.pem")
            before = left_behind()
            for _ in range(100):
                for broker in (refusing.address, nowhere, badly):
                    connection = Connection("LJ-101", broker, Listener())
                    with pytest.raises(Lost):
                        await connection.open()
                    with pytest.raises(Lost):
                        connection.publish(Publication("up", b"x"))
                    with pytest.raises(Lost):
                        await connection.subscribe("down")
                    await connection.close()
            await until(lambda: left_behind() == before, f"{left_behind()} as before: {before}")

    asyncio.run(drive())


def test_hanging_up_with_much_unread_takes_nothing_of_it(mosquitto: Broker) -> None:
    """What is still in the socket's buffer when the line is dropped is not delivered, and holds no socket open."""

    class Counting(Listener):
        count = 0

        def message(self, topic: str, payload: bytes) -> None:
            self.count += 1

    async def drive() -> None:
        counting = Counting()
        reader = Connection("reader", mosquitto, counting)
        writer = Connection("writer", mosquitto, Listener())
        await reader.open()
        await writer.open()
        await reader.subscribe("much")
        before = left_behind()[0]
        for _ in range(100):
            writer.publish(Publication("much", b"x" * 1000))
        await until(lambda: counting.count)
        reader.abort("enough")
        taken = counting.count
        await until(lambda: left_behind()[0] == before - 1, "its socket is closed")
        await writer.close()
        assert counting.count == taken

    asyncio.run(drive())


def test_an_error_in_taking_an_answer_ends_the_line_and_is_told(
    mosquitto: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Listener):
        def acknowledged(self, mid: int, failure: str) -> None:
            raise KeyError(mid)

    async def drive() -> None:
        connection = Connection("LJ-101", mosquitto, Broken())
        await connection.open()
        connection.publish(Publication("up", b"x"))
        async with asyncio.timeout(20):
            assert "could not be taken; report this" in await connection.closed

    asyncio.run(drive())
    assert "what it sent could not be taken" in caplog.text


@pytest.mark.promise("P-SEND-01", "P-SEND-03")
def test_a_hundred_thousand_points_hold_an_alarm_up_by_two_packets(tmp_path: Path) -> None:
    """The broker does not acknowledge until it has seen the alarm: what is on its way is all that is before it."""

    async def drive() -> None:
        async with FakeBroker.listening(puback=None) as broker:
            patient = replace(CLOSELY, acknowledge_within_s=60.0)
            async with Car(tmp_path, broker.address, supervision=patient) as car:
                for _ in range(20):
                    await car.points(5_000)
                await until(lambda: len(broker.of("track")) == QUICK.window, "the window is full")
                alarm = car.press()
                await until(lambda: broker.of("alarm"))
                assert decode_alarm(broker.of("alarm")[0].payload).id == alarm.id
                ahead = [one for one in broker.published if one.what != "presence"]
                assert [one.what for one in ahead[:3]] == ["track", "track", "alarm"]
                assert all(one.wire_bytes <= 1400 for one in ahead)

    asyncio.run(drive())


@pytest.mark.promise("P-SEND-02")
def test_after_an_outage_news_go_first_and_what_waited_is_called_late(tmp_path: Path) -> None:
    async def drive() -> None:
        async with FakeBroker.listening() as broker:
            async with Car(tmp_path, replace(broker.address, port=1), sending=replace(QUICK, late_after_s=0.1)) as car:
                await car.points(200)
                old = car.event("at-station")
                await until(car.problems)
            brief = replace(QUICK, window=1, receipt_within_s=30.0)
            broker.manners.puback = None
            async with Car(tmp_path, broker.address, sending=brief) as car:
                await until(lambda: car.connected())
                await until(lambda: broker.of("event"))
                assert decode_event(broker.of("event")[0].payload).id == old.id
                # The one place in the window is taken: what comes now is sent before everything that waited.
                await car.points(3)
                news = car.event("en-route")
                await until(lambda: len(car.told) and car.sender._waiting[Lane.EVENT].live(1, 0), "it is on disk")
                broker.manners.puback = 0
                broker.acknowledge(broker.of("event")[0])
                await until(lambda: sum(len(batch.points) for batch in batches(broker)) == 203)
                told = [one for one in broker.published if one.what in (Lane.EVENT, Lane.TRACK)]
                assert [one.what for one in told[:3]] == ["event", "event", "track"]
                assert decode_event(told[1].payload).id == news.id
                first, *others = batches(broker)
                assert (first.late, len(first.points)) == (False, 3)
                assert all(batch.late for batch in others)

    asyncio.run(drive())


def batches(broker: FakeBroker) -> list[TrackBatch]:
    return [decode_track(one.payload) for one in broker.of("track")]


@pytest.mark.promise("P-WATCH-03")
def test_a_will_that_comes_late_does_not_end_a_newer_session(tmp_path: Path, mosquitto_server: Mosquitto) -> None:
    """The old line is cut only after the car has come by another way: its Will is about a line that was replaced."""
    broker = mosquitto_server.broker
    topic = topics.up(REALM, WHO.unit, topics.PRESENCE)

    async def session(name: str) -> Connection:
        told = [encode(Presence(incarnation=name, online=online, who=WHO)) for online in (False, True)]
        connection = Connection(name, broker, Listener(), will=Publication(topic, told[0]))
        await connection.open()
        connection.publish(Publication(topic, told[1]))
        return connection

    async def drive() -> None:
        async with Hq(tmp_path, broker) as hq:
            await hq.caught_up()
            old = await session("old")
            await until_online(hq, online=True)
            new = await session("new")
            await hq.caught_up()
            old.abort("cut")
            await hq.caught_up()
            await until_online(hq, online=True)
            new.abort("cut")
            await until_online(hq, online=False)

    asyncio.run(drive())


async def until_online(hq: Hq, *, online: bool) -> None:
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + 15
    while await hq.is_online(WHO.unit) is not online:
        assert loop.time() < deadline_s, f"never online={online}"
        await asyncio.sleep(0.02)
