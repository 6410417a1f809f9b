"""Run in a network and mount namespace of its own: a car whose name server never answers; prints what became of it."""

import asyncio
import json
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

from terminal.contract.mqtt import Broker
from tests.system.uplink_car import HASTY, Car

RESOLV_CONF = "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n"
NSSWITCH_CONF = "hosts: dns\n"


def put_in_place(text: str, over: str) -> None:
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(text)
        file.flush()
        subprocess.run(["mount", "--bind", file.name, over], check=True)


def be_silent(asked: threading.Event) -> None:
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))

    def hear() -> None:
        while server.recv(512):
            asked.set()

    threading.Thread(target=hear, daemon=True).start()


async def drive(asked: threading.Event) -> dict[str, object]:
    turns = 0
    with tempfile.TemporaryDirectory() as folder:
        async with Car(Path(folder), Broker(host="mqtt.police.example", port=8883), holding=HASTY) as car:
            while not car.problems():
                turns += 1
                await asyncio.sleep(0.01)
            return {"asked": asked.is_set(), "problem": car.problems()[0], "turns": turns}


def main() -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    put_in_place(RESOLV_CONF, "/etc/resolv.conf")
    put_in_place(NSSWITCH_CONF, "/etc/nsswitch.conf")
    asked = threading.Event()
    be_silent(asked)
    print(json.dumps(asyncio.run(drive(asked))))


if __name__ == "__main__":
    main()
