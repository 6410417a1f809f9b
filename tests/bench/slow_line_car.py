"""A car at the end of a slow line: queues a backlog, presses, and prints how long each alarm's receipt took."""

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from terminal.contract import topics
from terminal.contract.identity import new_id, new_incident
from terminal.contract.messages import AlarmRaised, Receipt, Who, decode_as, encode
from terminal.contract.mqtt import Broker
from terminal.contract.topics import Lane
from terminal.uplink import track
from terminal.uplink.outbox import Row
from terminal.uplink.sender import Sending
from terminal.uplink.session import Holding
from tests.system.uplink_car import REALM, Car, a_point, until

BETWEEN_PRESSES_S = 2.0
PAHO = "paho"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--broker", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--points", type=int, required=True)
    parser.add_argument("--presses", type=int, required=True)
    parser.add_argument("--window", required=True, help=f"publications in flight, or {PAHO} for all at once")
    args = parser.parse_args()
    broker = Broker(host=args.broker, port=args.port)
    if args.window == PAHO:
        times = [through_paho(broker, args.points)]
    else:
        times = asyncio.run(through_ours(broker, args.points, args.presses, int(args.window)))
    print(json.dumps(times))


async def through_ours(broker: Broker, points: int, presses: int, window: int) -> list[float]:
    who = Who(unit=f"SLOW-{window}-{points}", call_sign="Slow car", vehicle="V1")
    with tempfile.TemporaryDirectory() as folder:
        car = Car(Path(folder), broker, who=who, sending=Sending(window=window), holding=Holding())
        async with car:
            await until(car.hears_hq)
            await car.points(points)
            times = []
            for _ in range(presses):
                await asyncio.sleep(BETWEEN_PRESSES_S)
                began_s = time.monotonic()
                alarm = car.press()
                await until(lambda alarm=alarm: car.has_receipt(alarm))
                times.append(time.monotonic() - began_s)
            if points:
                assert (await car.owed())[Lane.TRACK], "the backlog was gone before the last press"
        return times


def through_paho(broker: Broker, points: int) -> float:
    """The same points and one alarm, all of it given to paho as it comes."""
    who, heard = Who(unit="SLOW-PAHO", call_sign="Slow car", vehicle="V1"), []
    alarm = AlarmRaised(id=new_id(), who=who, incident=new_incident())

    def take(_client: Client, _userdata: object, message: MQTTMessage) -> None:
        if message.topic.endswith(topics.RECEIPT) and alarm.id in decode_as(Receipt, bytes(message.payload)).ids:
            heard.append(time.monotonic())

    client = Client(CallbackAPIVersion.VERSION2, who.unit, protocol=MQTTProtocolVersion.MQTTv5)
    client.max_inflight_messages = 0
    client.on_message = take
    client.connect(broker.host, broker.port)
    client.loop_start()
    client.subscribe(topics.down_all(REALM, who.unit), qos=1)
    rows = [Row(seq, new_id(), Lane.TRACK, track.row_body(who, a_point(seq))) for seq in range(1, points + 1)]
    while rows:
        payload, count = track.batch("paho", rows, late=True)
        client.publish(topics.up(REALM, who.unit, Lane.TRACK), payload, qos=1)
        del rows[:count]
    began_s = time.monotonic()
    client.publish(topics.up(REALM, who.unit, Lane.ALARM), encode(alarm), qos=1)
    while not heard:
        time.sleep(0.005)
    client.loop_stop()
    return float(heard[0] - began_s)


if __name__ == "__main__":
    main()
