"""What core is set beside: python-can and cantools, each frame decoded and kept, nothing else. `plain_can.py GROUP`."""

import sys

import can
import cantools

from tests.bench.car_at_speed import DBC


def main(group: str) -> None:
    database = cantools.database.load_file(DBC)
    newest: dict[str, object] = {}
    with can.Bus(interface="udp_multicast", channel=group) as bus:
        for frame in bus:
            newest.update(database.decode_message(frame.arbitration_id, frame.data))  # type: ignore[arg-type]


if __name__ == "__main__":
    main(sys.argv[1])
