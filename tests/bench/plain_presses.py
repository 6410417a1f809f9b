"""The same press over paho-mqtt: to the broker and the answer back, or over a bridge that stands between the two.

`plain_presses.py hq PORT` answers every alarm and says "ready"; `plain_presses.py car PORT COUNT` prints, as JSON, how
many seconds each answer took. With `nodelay` behind it the socket sends small messages at once, as paho's does not
unless somebody sees to it.
"""

import json
import queue
import sys
import threading
import time
from socket import IPPROTO_TCP, TCP_NODELAY

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from terminal.contract import topics
from terminal.contract.identity import new_id, new_incident
from terminal.contract.messages import AlarmRaised, Position, Who, encode
from terminal.contract.topics import Lane

REALM, UNIT = "DEMO", "PLAIN"
PRESSED, ANSWERED = topics.up(REALM, UNIT, Lane.ALARM), topics.down(REALM, UNIT, topics.RECEIPT)
WITHIN_S = 30.0


def connected(name: str, port: int, topic: str, *, nodelay: bool) -> tuple[Client, "queue.Queue[bytes]"]:
    """A client that has subscribed, and what comes to it."""
    client = Client(CallbackAPIVersion.VERSION2, name, protocol=MQTTProtocolVersion.MQTTv5)
    came: queue.Queue[bytes] = queue.Queue()
    granted = threading.Event()
    client.on_connect = lambda *_: client.subscribe(topic, qos=1)
    client.on_subscribe = lambda *_: granted.set()
    client.on_message = lambda _client, _userdata, message: came.put(message.payload)
    if nodelay:
        client.on_socket_open = lambda _client, _userdata, sock: sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    client.connect("127.0.0.1", port)
    client.loop_start()
    if not granted.wait(WITHIN_S):
        raise TimeoutError(f"the broker at port {port} grants nothing")
    return client, came


def answer(port: int, *, nodelay: bool) -> None:
    """Say of every alarm that it came, for ever."""
    client, came = connected("PLAIN-HQ", port, PRESSED, nodelay=nodelay)
    print("ready", flush=True)
    while True:
        client.publish(ANSWERED, came.get()[:100], qos=1)


def press(port: int, count: int, *, nodelay: bool) -> list[float]:
    """How long each answer took, one press after the other."""
    client, came = connected("PLAIN-CAR", port, ANSWERED, nodelay=nodelay)
    took: list[float] = []
    for _ in range(count):
        began = time.perf_counter()
        client.publish(PRESSED, _alarm(), qos=1)
        came.get(timeout=WITHIN_S)
        took.append(time.perf_counter() - began)
    return took


def _alarm() -> bytes:
    track = tuple((120 - second, 46.05, 14.5) for second in range(0, 120, 4))
    where = Position(lat_deg=46.05, lon_deg=14.5, mode=3, eph_m=4.0)
    return encode(AlarmRaised(id=new_id(), who=Who(unit=UNIT), incident=new_incident(), position=where, track=track))


if __name__ == "__main__":
    at_once = sys.argv[-1] == "nodelay"
    if sys.argv[1] == "hq":
        answer(int(sys.argv[2]), nodelay=at_once)
    else:
        print(json.dumps(press(int(sys.argv[2]), int(sys.argv[3]), nodelay=at_once)))
