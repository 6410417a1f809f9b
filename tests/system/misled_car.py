"""Run in a network and mount namespace of its own: a car whose name server fails it; prints what became of its alarm.

The second broker is a Mosquitto behind an address; the first is known by its name alone.
"""

import asyncio
import json
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from terminal.contract.mqtt import Broker
from tests.system.conftest import ANONYMOUS, Mosquitto
from tests.system.uplink_car import HASTY, Car, Hq, until

RESOLV_CONF = "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n"
NSSWITCH_CONF = "hosts: dns\n"
NAME, PORT = "mqtt.police.example", 8883
ADDRESSES = {"nobody's address": "127.0.0.7", "another server": "127.0.0.8"}
SILENT, NO_SUCH_NAME = "nothing", "no such name"
ANSWERED, NXDOMAIN = 0x8180, 0x8183
"""Flags of a response: recursion available, no error or no such name (RFC 1035, section 4.1.1)."""
A_RECORD = struct.pack(">HHHIH", 0xC00C, 1, 1, 60, 4)
"""The name asked for, type A, class IN, 60 s, four bytes (section 4.1.3)."""


def put_in_place(text: str, over: str) -> None:
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(text)
        file.flush()
        subprocess.run(["mount", "--bind", file.name, over], check=True)


def answer(query: bytes, answers: str) -> bytes:
    """A response to one question; for another type than A there is no record."""
    question = query[12:]
    wants_a = question.endswith(struct.pack(">HH", 1, 1))
    address = ADDRESSES.get(answers)
    record = A_RECORD + socket.inet_aton(address) if address is not None and wants_a else b""
    flags = NXDOMAIN if answers == NO_SUCH_NAME else ANSWERED
    return query[:2] + struct.pack(">HHHHH", flags, 1, bool(record), 0, 0) + question + record


def serve(answers: str, asked: threading.Event) -> None:
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))

    def hear() -> None:
        while True:
            query, whom = server.recvfrom(512)
            asked.set()
            if answers != SILENT:
                server.sendto(answer(query, answers), whom)

    threading.Thread(target=hear, daemon=True).start()


def be_another_server() -> None:
    """Where the broker should be: whoever connects is greeted as by a mail server, and let go."""
    server = socket.create_server((ADDRESSES["another server"], PORT))

    def greet() -> None:
        while True:
            line, _ = server.accept()
            line.sendall(b"220 mail.example ESMTP\r\n")
            line.close()

    threading.Thread(target=greet, daemon=True).start()


async def drive(second: Broker, folder: Path, asked: threading.Event) -> dict[str, object]:
    async with Hq(folder, second) as hq, Car(folder, Broker(host=NAME, port=PORT), second, holding=HASTY) as car:
        raised = car.press()
        turns = 0
        while not car.problems():
            turns += 1
            await asyncio.sleep(0.01)
        assert not car.has_receipt(raised)
        await until(lambda: car.has_receipt(raised), "the receipt by way of the second broker")
        await car.nothing_owed()
        incidents = (await hq.ask(do="incidents"))["incidents"]
        return {
            "asked": asked.is_set(),
            "problems": car.problems(),
            "turns": turns,
            "raised": raised.incident,
            "incidents": [[one["incident"], one["signals"]] for one in incidents],
        }


def main(answers: str) -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    put_in_place(RESOLV_CONF, "/etc/resolv.conf")
    put_in_place(NSSWITCH_CONF, "/etc/nsswitch.conf")
    asked = threading.Event()
    serve(answers, asked)
    be_another_server()
    with tempfile.TemporaryDirectory() as folder:
        server = Mosquitto(Path(folder), "user root\n" + ANONYMOUS)
        server.start()
        try:
            print(json.dumps(asyncio.run(drive(server.broker, Path(folder), asked))))
        finally:
            server.kill()


if __name__ == "__main__":
    main(sys.argv[1])
