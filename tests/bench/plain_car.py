"""What one would use instead of the car's uplink: paho-mqtt with its own queue, to the broker or to a bridge.

`plain_car.py HOST PORT UNIT POINTS ALARMS` queues so many points, as core batches them, and then so many alarms. It
says "queued" when all of it is in paho's queue, "taken" when all is acknowledged, and goes on until it is ended.
"""

import sys
import threading
from collections.abc import Iterator
from uuid import UUID

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from terminal.contract import topics
from terminal.contract.identity import new_id, new_incident
from terminal.contract.messages import AlarmRaised, Point, Who, encode
from terminal.contract.topics import Lane
from terminal.uplink import track
from terminal.uplink.outbox import Row

REALM = "DEMO"
ROWS_AT_ONCE = 1000


def payloads(who: Who, points: int) -> Iterator[bytes]:
    """The points in batches as core makes them after an outage."""
    for first in range(0, points, ROWS_AT_ONCE):
        rows = [_row(who, number) for number in range(first, min(first + ROWS_AT_ONCE, points))]
        while rows:
            payload, count = track.batch("paho", rows, late=True)
            yield payload
            del rows[:count]


def _row(who: Who, number: int) -> Row:
    name = new_id()
    point = Point(number + 1, UUID(name).bytes, 1_780_000_000_000 + number, 460_500_000, 145_000_000, 1389, 9000, 4)
    return Row(number + 1, name, Lane.TRACK, track.row_body(who, point))


def main(host: str, port: int, unit: str, points: int, alarms: int) -> None:
    who = Who(unit=unit, call_sign="Plain car", vehicle="V1")
    client = Client(CallbackAPIVersion.VERSION2, unit, protocol=MQTTProtocolVersion.MQTTv5)
    client.max_queued_messages_set(0)
    client.reconnect_delay_set(min_delay=1, max_delay=1)
    client.connect_async(host, port)
    taken = threading.Semaphore(0)
    client.on_publish = lambda *_: taken.release()
    raised = [AlarmRaised(id=new_id(), who=who, incident=new_incident()) for _ in range(alarms)]
    messages = [(Lane.TRACK, one) for one in payloads(who, points)] + [(Lane.ALARM, encode(one)) for one in raised]
    for lane, payload in messages:
        client.publish(topics.up(REALM, unit, lane), payload, qos=1)
    print("queued", flush=True)
    client.loop_start()
    for _ in messages:
        taken.acquire()
    print("taken", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
