"""What headquarters is set beside: a subscriber with a session, that counts what it is sent and keeps nothing.

`plain_subscriber.py PORT TOPIC COUNT` prints the seconds from the first of so many messages to the last.
"""

import sys
import time

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties


def main(port: int, topic: str, count: int) -> None:
    client = Client(CallbackAPIVersion.VERSION2, "PLAIN", protocol=MQTTProtocolVersion.MQTTv5)
    times: list[float] = []

    def took(_client, _userdata, _message) -> None:
        times.append(time.perf_counter())
        if len(times) == count:
            client.disconnect()

    def granted(*_) -> None:
        if not count:
            client.disconnect()

    client.on_connect = lambda *_: client.subscribe(topic, qos=1)
    client.on_message = took
    client.on_subscribe = granted
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 3600
    properties.ReceiveMaximum = 1000
    client.connect("127.0.0.1", port, clean_start=False, properties=properties)
    client.loop_forever()
    if times:
        print(times[-1] - times[0])


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
