"""What a fleet is set beside: as many paho clients, each with the thread that its `loop_start` makes.

`plain_fleet.py PORT COUNT` prints KiB per client and the threads of the process as JSON.
"""

import json
import os
import sys
import threading

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.bench.processes import memory_mib


def main(port: int, count: int) -> None:
    before_mib, _ = memory_mib(os.getpid())
    granted = threading.Semaphore(0)
    clients = []
    for number in range(count):
        client = Client(CallbackAPIVersion.VERSION2, f"PLAIN-{number}", protocol=MQTTProtocolVersion.MQTTv5)
        client.will_set(f"plain/{number}", b"gone", qos=1)
        client.on_connect = lambda client, *_: client.subscribe("plain/down", qos=1)
        client.on_subscribe = lambda *_: granted.release()
        client.connect("127.0.0.1", port)
        client.loop_start()
        clients.append(client)
    for _ in clients:
        granted.acquire()
    kib_each = (memory_mib(os.getpid())[0] - before_mib) * 1024 / count
    print(json.dumps({"kib_each": kib_each, "threads": threading.active_count()}))
    for client in clients:
        client.disconnect()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
