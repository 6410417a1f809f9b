"""A car at the wire: 1000 CAN frames a second on a multicast bus that stays on this machine, and NMEA at 1 Hz on a pty.

`car_at_speed.py GROUP DEVICE` makes a link to the pty at DEVICE and runs until it is ended.
"""

import itertools
import sys
import time
from pathlib import Path

import can
import cantools

from tests.system.receiver import Receiver, epoch

DBC = Path(__file__).parent.parent / "golden" / "car.dbc"
FRAMES_PER_S = 1000
TURN = ("MOTION", "ENGINE", "MOTION", "ENGINE", "BODY")


def frames(database: cantools.database.Database) -> list[can.Message]:
    """A few seconds of a drive whose speed and engine never stand still; lights and doors as they are."""
    made = []
    for number, name in zip(range(5 * FRAMES_PER_S), itertools.cycle(TURN), strict=False):
        message = database.get_message_by_name(name)
        values = dict.fromkeys((signal.name for signal in message.signals), 0) | {
            "Speed": 50 + number % 700 / 100,
            "Rpm": 1800 + number % 990,
            "Ignition": 2,
            "Gear": 3,
            "Coolant": 80,
            "Fuel": 60,
        }
        data = database.encode_message(name, {signal.name: values[signal.name] for signal in message.signals})
        made.append(can.Message(arbitration_id=message.frame_id, is_extended_id=message.is_extended_frame, data=data))
    return made


def main(group: str, device: str) -> None:
    receiver = Receiver(Path(device))
    began_s = time.monotonic()
    # A hop limit of 0 keeps the datagrams on this machine.
    with can.Bus(interface="udp_multicast", channel=group, hop_limit=0) as bus:
        for number, frame in enumerate(itertools.cycle(frames(cantools.database.load_file(DBC)))):
            if number % FRAMES_PER_S == 0:
                receiver.say(epoch(number // FRAMES_PER_S % 3600))
            time.sleep(max(began_s + number / FRAMES_PER_S - time.monotonic(), 0))
            bus.send(frame)


if __name__ == "__main__":
    main(*sys.argv[1:])
