"""The same receiver for everybody: a subscriber at headquarters' broker, and when it got what."""

import time

from terminal.contract.messages import AlarmRaised, decode_alarm
from terminal.contract.mqtt import Broker, Connection, Listener


class Receiver(Listener):
    """Stamps every alarm, and counts the batches of the track."""

    def __init__(self) -> None:
        self.alarms: dict[str, float] = {}
        """When each incident was first heard of."""
        self.tracks = 0

    def message(self, topic: str, payload: bytes) -> None:
        if topic.endswith("/alarm"):
            alarm = decode_alarm(payload)
            if isinstance(alarm, AlarmRaised):
                self.alarms.setdefault(alarm.incident, time.perf_counter())
        elif topic.endswith("/track"):
            self.tracks += 1

    async def connect(self, port: int) -> Connection:
        """Subscribe to what all cars say."""
        connection = Connection("RECEIVER", Broker(host="127.0.0.1", port=port), self)
        await connection.open()
        await connection.subscribe("patrola/1/+/up/+/+")
        return connection
