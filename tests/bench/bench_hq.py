"""What headquarters stores and receipts in a second, beside a bare subscriber that keeps nothing, on one broker."""

import asyncio
import sys
import time
from pathlib import Path
from uuid import UUID

from terminal.contract import topics
from terminal.contract.identity import new_id
from terminal.contract.messages import (
    Place,
    Point,
    Receipt,
    TrackBatch,
    VehicleChanged,
    Who,
    decode_as,
    encode,
)
from terminal.contract.mqtt import Broker, Connection, Listener, Publication
from terminal.contract.topics import Lane
from terminal.uplink.track import MOST_POINTS
from tests.bench.processes import Command, broker, configured, cpu_s, folder_on_disk, hq, started, wait_for_port
from tests.bench.rows import Row, row

NAME = "Headquarters: what waited at the broker, stored and receipted (100 cars)"
REALM = "DEMO"
CARS = 100
PUBLICATIONS = 20_000
IN_FLIGHT = 500
SUBSCRIBER = Path(__file__).with_name("plain_subscriber.py")


class Sending(Listener):
    """Counts what the broker has taken."""

    def __init__(self) -> None:
        self.taken = 0
        self.changed = asyncio.Event()

    def acknowledged(self, mid: int, failure: str) -> None:
        self.taken += 1
        self.changed.set()


class Receipts(Listener):
    """Counts the places that receipts name, and how far each car's reach; notes when the first and the last came."""

    def __init__(self) -> None:
        self.places = 0
        self.reach: dict[str, int] = {}
        self.first_s = self.last_s = 0.0
        self.changed = asyncio.Event()

    def message(self, topic: str, payload: bytes) -> None:
        self.last_s = time.perf_counter()
        self.first_s = self.first_s or self.last_s
        for one in decode_as(Receipt, payload).stored:
            self.places += one.last - one.first + 1
            self.reach[topic] = max(one.last, self.reach.get(topic, 0))
        self.changed.set()

    def are_all_in(self, last: int) -> bool:
        """Whether each car's receipts have come to its last place."""
        return len(self.reach) == CARS and min(self.reach.values()) == last


def events() -> list[Publication]:
    """As many small events, the cars taking turns."""
    outboxes = [new_id() for _ in range(CARS)]
    return [
        Publication(topics.up(REALM, f"CAR-{number % CARS}", Lane.EVENT), _event(number, outboxes[number % CARS]))
        for number in range(PUBLICATIONS)
    ]


def _event(number: int, outbox: str) -> bytes:
    place = Place(outbox, Lane.EVENT, number // CARS + 1)
    who = Who(unit=f"CAR-{number % CARS}", call_sign="Patrola 1", vehicle="DEMO-CAR-1", crew=("1042",))
    return encode(VehicleChanged(id=new_id(), who=who, place=place, what="lightbar", on=bool(number % 2)))


def batches() -> list[Publication]:
    """As many full track batches, the cars taking turns."""
    outboxes = [new_id() for _ in range(CARS)]
    return [
        Publication(topics.up(REALM, f"CAR-{number % CARS}", Lane.TRACK), _batch(number, outboxes[number % CARS]))
        for number in range(PUBLICATIONS // 10)
    ]


def _batch(number: int, outbox: str) -> bytes:
    first = number // CARS * MOST_POINTS + 1
    points = tuple(
        Point(seq, UUID(new_id()).bytes, 1_777_000_000_000 + seq, 460_512_345, 145_054_321, 1390, 27_050, 13)
        for seq in range(first, first + MOST_POINTS)
    )
    return encode(TrackBatch(outbox=outbox, who=Who(unit=f"CAR-{number % CARS}"), points=points))


def measure() -> list[Row]:
    rows = []
    for what, make, messages_each in (
        ("events, one a publication", events, 1),
        (f"points, {MOST_POINTS} a publication", batches, MOST_POINTS),
    ):
        with folder_on_disk() as folder:
            port = configured(folder)
            with started(broker(folder)):
                wait_for_port(port)
                rows += asyncio.run(_measured(folder, port, what, make(), messages_each))
    return rows


async def _measured(
    folder: Path, port: int, what: str, publications: list[Publication], messages_each: int
) -> list[Row]:
    at = Broker(host="127.0.0.1", port=port)
    plain: Command = (sys.executable, SUBSCRIBER, str(port), topics.up_all("+"))
    # Both come once, so that the broker keeps for them what is sent while they are away.
    with started(hq(folder)):
        await _heard_once(at)
    await _run(*plain, "0")
    await _send(at, publications)
    bare = len(publications) * messages_each / float(await _run(*plain, str(len(publications))))
    ours, cpu_us, busy = await _drained(at, folder, len(publications) // CARS * messages_each)
    return [
        row(
            f"{what}: stored and receipted", ours, "messages/s", f"{ours / bare:.2f} of a bare subscriber ({bare:.0f})"
        ),
        row("   CPU of headquarters, a message", cpu_us, "us", f"{busy:.0%} of a core"),
    ]


async def _run(*command: str | Path) -> bytes:
    """What the command prints."""
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    printed, _ = await process.communicate()
    assert process.returncode == 0, command
    return printed


async def _heard_once(at: Broker) -> None:
    """Until headquarters has subscribed: it answers a presence."""
    heard = Receipts()
    car = Connection("CAR-0", at, heard)
    await car.open()
    await car.subscribe(topics.down(REALM, "CAR-0", topics.RECEIPT))
    place = Place(new_id(), Lane.EVENT, 1)
    first = VehicleChanged(id=new_id(), who=Who(unit="CAR-0"), place=place, what="siren", on=False)
    while not heard.places:
        car.publish(Publication(topics.up(REALM, "CAR-0", Lane.EVENT), encode(first)))
        await asyncio.sleep(0.1)
    await car.close()


async def _send(at: Broker, publications: list[Publication]) -> None:
    sending = Sending()
    cars = Connection("CARS", at, sending, receive_maximum=1000)
    await cars.open()
    for handed, publication in enumerate(publications):
        while handed - sending.taken >= IN_FLIGHT:
            await _next(sending.changed)
        cars.publish(publication)
    while sending.taken < len(publications):
        await _next(sending.changed)
    await cars.close()


async def _drained(at: Broker, folder: Path, last: int) -> tuple[float, float, float]:
    """Messages a second from the first receipt to the last, CPU per message in us, and the share of a core."""
    receipts = Receipts()
    listening = Connection("LISTENING", at, receipts, receive_maximum=1000)
    await listening.open()
    await listening.subscribe(topics.down("+", "+", topics.RECEIPT))
    with started(hq(folder)) as [process]:
        while not receipts.places:
            await _next(receipts.changed)
        before_s, before = cpu_s(process.pid), receipts.places
        while not receipts.are_all_in(last):
            await _next(receipts.changed)
        used_s, places = cpu_s(process.pid) - before_s, receipts.places - before
    await listening.close()
    taken_s = receipts.last_s - receipts.first_s
    return places / taken_s, used_s / places * 1e6, used_s / taken_s


async def _next(changed: asyncio.Event) -> None:
    await changed.wait()
    changed.clear()
