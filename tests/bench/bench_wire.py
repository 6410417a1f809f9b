"""Bytes that a position costs on the line: through our own connection, a counting relay, a real broker, a real HQ."""

import asyncio
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from uuid import UUID

import msgspec

from drivers.road_network import load
from drivers.simulated_car import DEFAULT_MAP, RATE_HZ, drive
from terminal.contract import topics
from terminal.contract.identity import new_id
from terminal.contract.messages import Point, Who
from terminal.contract.mqtt import Broker, Connection, Listener, Publication
from terminal.contract.topics import Lane
from terminal.uplink import track
from terminal.uplink.outbox import Row as OutboxRow
from tests.bench.processes import broker, configured, folder_on_disk, hq, started, wait_for_port
from tests.bench.relay import Relay
from tests.bench.rows import Row, row

NAME = "Bytes on the wire per position: MQTT 5 at QoS 1, topic included; without TCP, IP and TLS"
REALM, UNIT = "DEMO", "DEMO-1"
WHO = Who(unit=UNIT, call_sign="Patrola 1", vehicle="DEMO-CAR-1", crew=("1042", "2217"))
POSITIONS = 480
BEGAN_MS = 1_777_000_000_000


class Answers(Listener):
    """Waits until a publication has its PUBACK and, if one is due, headquarters' receipt."""

    def __init__(self) -> None:
        self.acknowledgement = asyncio.Event()
        self.receipt = asyncio.Event()

    def message(self, topic: str, payload: bytes) -> None:
        if topic.endswith(topics.RECEIPT):
            self.receipt.set()

    def acknowledged(self, mid: int, failure: str) -> None:
        self.acknowledgement.set()


def points() -> list[Point]:
    """One position a second of the simulated drive."""
    return list(islice(_points(), POSITIONS))


def _points() -> Iterator[Point]:
    for moment in drive(load(DEFAULT_MAP), 1, RATE_HZ):
        fix = moment.epoch
        if fix is not None and fix.lat_deg is not None and fix.lon_deg is not None:
            yield Point(
                seq=0,
                id=UUID(new_id()).bytes,
                utc_ms=BEGAN_MS + round(moment.t_s * 1000),
                lat_e7=round(fix.lat_deg * 1e7),
                lon_e7=round(fix.lon_deg * 1e7),
                speed_cmps=round((fix.speed_mps or 0) * 100),
                track_cdeg=round((fix.track_deg or 0) * 100),
                flags=12,
            )


def as_batches(count: int) -> list[bytes]:
    """So many positions a message, as the sender makes them."""
    outbox, rows = (
        new_id(),
        [
            OutboxRow(seq, str(UUID(bytes=point.id)), Lane.TRACK, track.row_body(WHO, point))
            for seq, point in enumerate(points(), 1000)
        ],
    )
    late = count == track.MOST_POINTS
    return [track.batch(outbox, rows[first : first + count], late=late)[0] for first in range(0, len(rows), count)]


def as_json() -> list[bytes]:
    """What a plain program sends: each position as a JSON object with the same facts."""
    return [
        json.dumps(
            {
                "id": str(UUID(bytes=point.id)),
                "seq": seq,
                "who": msgspec.to_builtins(WHO),
                "utc_ms": point.utc_ms,
                "lat_deg": point.lat_e7 / 1e7,
                "lon_deg": point.lon_e7 / 1e7,
                "speed_mps": (point.speed_cmps or 0) / 100,
                "track_deg": (point.track_cdeg or 0) / 100,
                "flags": point.flags,
            },
            separators=(",", ":"),
        ).encode()
        for seq, point in enumerate(points(), 1000)
    ]


def measure() -> list[Row]:
    with folder_on_disk() as folder:
        port = configured(folder)
        with started(broker(folder)):
            wait_for_port(port)
            with started(hq(folder)):
                return asyncio.run(_measured(folder, port))


async def _measured(folder: Path, port: int) -> list[Row]:
    relay = Relay(port)
    relay_port = await relay.open()
    answers = Answers()
    car = Connection(UNIT, Broker(host="127.0.0.1", port=relay_port), answers, keepalive_s=600)
    await car.open()
    await car.subscribe(topics.down_all(REALM, UNIT))
    await _until_receipted(car, answers)
    plain_up, _ = await _sent(car, relay, answers, f"{UNIT}/position", as_json(), receipted=False)
    rows = [row("plain JSON, one a message, up", plain_up, "bytes")]
    topic = topics.up(REALM, UNIT, Lane.TRACK)
    for what, count in (
        ("live, one a message (a report each 11 s)", 1),
        ("live, 5 a message (1 Hz)", 5),
        (f"late, {track.MOST_POINTS} a message (after an outage)", track.MOST_POINTS),
    ):
        up, down = await _sent(car, relay, answers, topic, as_batches(count), receipted=True)
        rows += [
            row(f"{what}, up", up, "bytes", f"{up / plain_up:.2f} of plain JSON"),
            row("   PUBACK and receipt, down", down, "bytes", f"{(up + down) / plain_up:.2f} of plain JSON both ways"),
        ]
    await car.close()
    await relay.ended.wait()
    relay.cut()
    return rows


async def _until_receipted(car: Connection, answers: Answers) -> None:
    """Headquarters listens once it has receipted something."""
    while not answers.receipt.is_set():
        car.publish(Publication(topics.up(REALM, UNIT, Lane.TRACK), as_batches(1)[0]))
        await asyncio.sleep(0.2)


async def _sent(
    car: Connection, relay: Relay, answers: Answers, topic: str, payloads: list[bytes], *, receipted: bool
) -> tuple[float, float]:
    """Bytes per position up and down; each message waits for the answers to the one before."""
    up, down = relay.up, relay.down
    for payload in payloads:
        answers.acknowledgement.clear()
        answers.receipt.clear()
        car.publish(Publication(topic, payload))
        await answers.acknowledgement.wait()
        if receipted:
            await answers.receipt.wait()
    return (relay.up - up) / POSITIONS, (relay.down - down) / POSITIONS
