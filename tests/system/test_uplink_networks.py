"""Networks that repeat, reorder, forget or misdirect: an alarm arrives, once, as one incident."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from hq.arrivals import Arrival
from hq.store import Store
from terminal.contract.identity import new_id
from terminal.contract.messages import AlarmCancelled, AlarmSignalled
from terminal.contract.mqtt import Broker
from tests.system import network
from tests.system.conftest import Mosquitto
from tests.system.shuffler import Shuffler
from tests.system.uplink_car import Car, Hq, until

ROOT = Path(__file__).parents[2]
PERSISTENT = """\
listener {{port}} 127.0.0.1
allow_anonymous true
set_tcp_nodelay true
max_queued_messages 0
persistence true
persistence_location {folder}/
autosave_interval 1
autosave_on_changes true
user root
"""


async def disturb(folder: Path, broker: Broker, random: Random) -> None:
    """Presses, events and points, on lines of the car's and of headquarters' that repeat and reorder, both ways."""
    async with (
        Shuffler.before(broker, random) as of_car,
        Shuffler.before(broker, random) as of_hq,
        Hq(folder, of_hq.address) as hq,
        Car(folder, of_car.address) as car,
    ):
        await until(car.hears_hq, "headquarters")
        raised = car.press()
        again = [car.tell(AlarmSignalled, incident=raised.incident, signal=number) for number in range(2, 7)]
        cancelled = car.tell(AlarmCancelled, incident=raised.incident)
        for _ in range(20):
            car.event()
        await car.points(200)
        await until(lambda: all(car.has_receipt(one) for one in (raised, *again, cancelled)), "receipts")
        await car.nothing_owed()
        (incident,) = (await hq.ask(do="incidents"))["incidents"]
        assert (incident["incident"], incident["signals"], incident["cancelled"]) == (raised.incident, 6, True)
        assert of_car.overtaken
        assert of_car.repeated
        assert of_hq.repeated
        assert await hq.stored() == ({"messages": 27, "points": 200}, [])


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 12))])
def test_publications_that_are_repeated_and_overtake_each_other_make_one_incident(
    tmp_path: Path, mosquitto_server: Mosquitto, seed: int
) -> None:
    asyncio.run(disturb(tmp_path, mosquitto_server.broker, Random(seed)))


def test_a_headquarters_that_stores_a_repeat_anew_would_be_noticed(
    tmp_path: Path, mosquitto_server: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored_as = Store._stored_as

    def anew(store: Store, one: Arrival, now_ms: int) -> str:
        return stored_as(store, one if one.point else replace(one, kept_as=new_id()), now_ms)

    monkeypatch.setattr(Store, "_stored_as", anew)
    with pytest.raises(AssertionError) as noticed:
        asyncio.run(disturb(tmp_path, mosquitto_server.broker, Random(1)))
    assert "messages" in str(noticed.value), "every receipt came"


@pytest.fixture
def keeping_broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A Mosquitto that keeps its sessions on disk."""
    folder = tmp_path / "broker"
    folder.mkdir()
    server = Mosquitto(folder, PERSISTENT.format(folder=folder))
    server.start()
    yield server
    server.kill()


def test_a_broker_wiped_in_the_middle_of_an_open_alarm_and_a_backlog_loses_nothing(
    tmp_path: Path, keeping_broker: Mosquitto
) -> None:
    """Headquarters is away, so the broker alone holds what it acknowledged; then its disk is emptied."""
    kept = tmp_path / "broker" / "mosquitto.db"

    async def drive() -> None:
        broker = keeping_broker.broker
        async with Hq(tmp_path, broker) as hq, Car(tmp_path, broker) as car:
            await until(car.hears_hq, "headquarters")
            raised = car.press()
            await until(lambda: car.has_receipt(raised), "the press's receipt")
            await hq.stop()
            again = car.tell(AlarmSignalled, incident=raised.incident, signal=2)
            car.event()
            await car.points(300)
            await until(lambda: car.is_acknowledged(again), "the broker's word for the second press")
            await until(kept.exists, "the broker's sessions on its disk")
            assert not car.has_receipt(again), "the broker's word is no receipt"
            keeping_broker.kill()
            kept.unlink()
            await asyncio.to_thread(keeping_broker.start)
            await hq.start()
            await until(lambda: car.has_receipt(again), "the second press's receipt")
            await car.nothing_owed()
            (incident,) = (await hq.ask(do="incidents"))["incidents"]
            assert (incident["incident"], incident["signals"]) == (raised.incident, 2)
            assert await hq.stored() == ({"messages": 3, "points": 300}, [])

    asyncio.run(drive())


@pytest.mark.promise("P-SEND-15")
@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ("nothing", "no answer within"),
        ("no such name", "its name"),
        ("nobody's address", "nothing listens there"),
        pytest.param("another server", "hung up", marks=pytest.mark.long),
    ],
)
def test_a_name_server_that_fails_keeps_no_alarm_from_the_next_broker(answers: str, said: str) -> None:
    """In a network of its own, with the first broker known by its name alone."""
    problem = network.why_not()
    if problem:
        pytest.skip(problem)
    command = [*network.apart("--mount"), sys.executable, "-m", "tests.system.misled_car", answers]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["asked"], "the name server was asked"
    assert answers != "nothing" or told["turns"] > 10, "the loop went on while it waited"
    assert said in told["problems"][0], told
    assert told["problems"][0].startswith("mqtt.police.example:8883: ")
    assert told["incidents"] == [[told["raised"], 1]]
