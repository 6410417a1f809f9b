"""What the board starts: the newest whole firmware, else the sign that there is none. Needs no other file.

Flashing writes a firmware into one of two folders and names in `current` which to start, the newest first, each with
the hash of its SHA256SUMS. A flashing that was cut short leaves the firmware before it running. With none that is
whole the lamp shows NO_FIRMWARE_MS, the buzzer nothing, and the line says a HELLO of frame version 0: core refuses it
with the command that mends it. Ctrl-C then gives MicroPython's prompt, and so does `service`, a file that
`firmware.hardware` leaves when a technician asked for it.
"""

import hashlib
import os
import sys
import time
from binascii import hexlify

LAMP_PIN = -1
"""Flashing writes here what firmware/pins.py has for the board."""

NO_FIRMWARE_MS = (100, 200, 100, 200, 100, 200, 100, 200, 100, 900)
"""On and off in turn."""

NO_FIRMWARE = 2 * b"$HELLO 0*2C5A\n"
"""An identity counts when it came twice."""


def sha256(path):
    """A file's hash in hexadecimal."""
    digest, block = hashlib.sha256(), bytearray(512)
    with open(path, "rb") as file:
        while True:
            size = file.readinto(block)
            if not size:
                return hexlify(digest.digest()).decode()
            digest.update(memoryview(block)[:size])


def is_whole(folder, sums_hash):
    """Whether every file is there as it was flashed."""
    sums = folder + "/SHA256SUMS"
    try:
        if sha256(sums) != sums_hash:
            return False
        with open(sums) as lines:
            return all(sha256(folder + "/" + path) == wanted for wanted, path in [line.split() for line in lines])
    except OSError:
        return False


def newest():
    """The folder of the firmware to start, or None."""
    try:
        with open("current") as file:
            lines = file.read().split("\n")
    except OSError:
        return None
    for line in lines:
        folder, _, sums_hash = line.partition(" ")
        if folder and is_whole(folder, sums_hash):
            return folder
    return None


def is_for_service():
    """Whether this start is for the technician: then the line is the prompt's, until the next reset.

    A board that lost its power between the asking and the restart is in a car again, not on a bench.
    """
    import machine

    try:
        os.remove("service")
    except OSError:
        return False
    return machine.reset_cause() != machine.PWRON_RESET


def is_silent():
    """Whether the latch's record, where firmware/latch.py keeps it, says that this board shows nothing."""
    record = bytearray(16)
    try:
        with open("latch", "rb") as file:
            file.readinto(record)
    except OSError:
        try:
            import esp32

            esp32.NVS("patrola").get_blob("latch", record)
        except (ImportError, OSError):
            return False
    return record[10] & 1 != 0


def start(folder):
    """Run the board's program; never returns."""
    sys.path.insert(0, "/" + folder)
    from firmware import hardware, main

    main.start(hardware.Board())


def show_no_firmware():
    """Tell those who look and those who listen, for ever."""
    import machine

    lamp = None if LAMP_PIN < 0 or is_silent() else machine.Pin(LAMP_PIN, machine.Pin.OUT, value=0)
    while True:
        for index, ms in enumerate(NO_FIRMWARE_MS):
            if lamp:
                lamp.value(index % 2 == 0)
            if index % 2 == 0:
                sys.stdout.buffer.write(NO_FIRMWARE)
            time.sleep_ms(ms)


def run():
    """Start what can be started."""
    if is_for_service():
        return
    try:
        folder = newest()
        if folder:
            start(folder)
    except Exception as error:  # noqa: BLE001 - whatever it is, it must be seen
        sys.print_exception(error)
    show_no_firmware()


if __name__ == "__main__":
    run()
