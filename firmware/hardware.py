"""The real board: pins, ADC, watchdog, USB serial line and memories; runs under MicroPython only.

Nothing is decided here. `firmware.simulated` offers the same to a program on a PC.
"""

import asyncio
import gc
import os
import select
import sys
import time
from binascii import hexlify

import machine
import micropython

from firmware import build, pins
from firmware.inputs import NORMAL, bands, supervised, two_contacts
from firmware.lamp import BUZZER, LAMP

KEPT, KEPT_NEW, SERVICE = "latch", "latch.new", "service"
"""The files that the program makes; flashing leaves the first two alone, `boot/main.py` takes the third away."""

WATCHDOG_BASE = {"RP2040": 0x40058000, "RP2350": 0x400D8000}
SCRATCH_0 = 0x0C
"""The watchdog's scratch registers: data sheets of RP2040 (4.7) and RP2350 (12.9). The SDK itself uses 4 to 7."""

LINE_BYTES = 256


class Scratch:
    """Four 32-bit registers that outlive every reset but that of the power supply."""

    def __init__(self, address: int) -> None:
        self._address = address

    def load(self) -> bytes:
        words = [machine.mem32[self._address + 4 * index] & 0xFFFFFFFF for index in range(4)]
        return b"".join([word.to_bytes(4, "little") for word in words])

    def save(self, record: bytes) -> None:
        for index in range(4):
            machine.mem32[self._address + 4 * index] = int.from_bytes(record[4 * index : 4 * index + 4], "little")


class File:
    """A file that is replaced in one step: littlefs renames atomically and spreads the wear."""

    def load(self) -> "bytes | None":
        try:
            with open(KEPT, "rb") as file:
                return file.read()
        except OSError:
            return None

    def save(self, record: bytes) -> None:
        with open(KEPT_NEW, "wb") as file:
            file.write(record)
        os.rename(KEPT_NEW, KEPT)


class Nvs:
    """The ESP32's non-volatile storage, which spreads the wear itself."""

    def __init__(self) -> None:
        import esp32

        self._nvs = esp32.NVS("patrola")

    def load(self) -> "bytes | None":
        record = bytearray(16)
        try:
            self._nvs.get_blob("latch", record)
        except OSError:
            return None
        return bytes(record)

    def save(self, record: bytes) -> None:
        self._nvs.set_blob("latch", record)
        self._nvs.commit()


class Board:
    """The hardware as the program uses it."""

    def __init__(self, chip: str = "") -> None:
        chip = pins.chip_of(chip or sys.implementation._machine)
        self._pins = pins.BOARDS[chip]
        self.identity = (hexlify(machine.unique_id()).decode().upper(), build.VERSION, build.GIT_HASH, _cause())
        self._bands = bands(pins.PULL_OHM, pins.LINE_OHM, pins.CONTACT_OHM, pins.TOLERANCE_PERCENT)
        self._make_pins()
        if chip == "ESP32":
            self.fast = self.kept = Nvs()
        else:
            self.fast, self.kept = Scratch(WATCHDOG_BASE[chip] + SCRATCH_0), File()
        self._line = sys.stdin.buffer
        self._out = sys.stdout.buffer
        self._poll = select.poll()
        self._poll.register(self._line, select.POLLIN)
        self._poll_out = select.poll()
        self._poll_out.register(self._out, select.POLLOUT)
        self._watchdog = None
        # What noise makes of a byte must not stop the program; SERVICE does.
        micropython.kbd_intr(-1)

    def _make_pins(self) -> None:
        p = self._pins
        self._button = machine.ADC(machine.Pin(p.button_adc))
        self._reference = machine.ADC(machine.Pin(p.reference_adc))
        self._contacts = [
            machine.Pin(pin, machine.Pin.IN, machine.Pin.PULL_UP) for pin in (p.contact_open, p.contact_closed)
        ]
        self._inputs = [machine.Pin(pin, machine.Pin.IN, machine.Pin.PULL_UP) for pin in p.inputs]
        self._lamp = machine.Pin(p.lamp, machine.Pin.OUT, value=0)
        self._buzzer = machine.Pin(p.buzzer, machine.Pin.OUT, value=0)
        self._cycle = machine.Pin(p.cycle, machine.Pin.OUT, value=0)

    def ticks_ms(self) -> int:
        """The board's clock."""
        return time.ticks_ms()

    def levels(self) -> int:
        """The button's circuit and the other inputs, as `firmware.inputs` has them."""
        raw, bit = NORMAL, 2
        for pin in self._inputs:
            if not pin.value():
                raw |= bit
            bit <<= 1
        if self._pins.supervised:
            return raw | supervised(self.button_permille(), self._bands)
        opened, closed = self._contacts
        return raw | two_contacts(not opened.value(), not closed.value())

    def button_permille(self) -> int:
        """The voltage on the button's line, in permille of the reference; -1 without resistors."""
        return self._button.read_u16() * 1000 >> 16 if self._pins.supervised else -1

    def reference_permille(self) -> int:
        """What the ADC makes of the reference divider; -1 without resistors."""
        return self._reference.read_u16() * 1000 >> 16 if self._pins.supervised else -1

    def show(self, levels: int) -> None:
        """Drive lamp and buzzer."""
        self._lamp.value(levels & LAMP != 0)
        self._buzzer.value(levels & BUZZER != 0)

    def shown(self) -> int:
        """What the pins of lamp and buzzer carry."""
        return LAMP * self._lamp.value() | BUZZER * self._buzzer.value()

    def cycle(self, on: bool) -> None:
        """Take the terminal's supply away while this is on."""
        self._cycle.value(on)

    def start_watchdog(self) -> None:
        """From here on `feed` must be called."""
        self._watchdog = machine.WDT(timeout=pins.WATCHDOG_MS)

    def feed(self) -> None:
        """Keep the watchdog from resetting the board."""
        self._watchdog.feed()

    def read(self) -> bytes:
        """What has come over the line."""
        data = b""
        while len(data) < LINE_BYTES and self._poll.poll(0):
            data += self._line.read(1)
        return data

    def write(self, line: bytes) -> None:
        """Say a line; without anybody to take it it is lost."""
        if self._poll_out.poll(0):
            self._out.write(line)

    def new_nonce(self) -> int:
        """A boot nonce."""
        return int.from_bytes(os.urandom(4), "little")

    def collect(self) -> None:
        """Give back what is not used any more, so that it does not pile up to a long pause."""
        gc.collect()

    def free_bytes(self) -> int:
        """Memory that is free."""
        return gc.mem_free()

    def notice(self, what: str, *values: object) -> None:
        """On a board nobody listens but core."""

    def service(self) -> None:
        """Start anew without the program: the watchdog, once started, can only be stopped so."""
        with open(SERVICE, "w") as file:
            file.write("once\n")
        machine.reset()

    async def sleep_ms(self, ms: int) -> None:
        """Let the other tasks run."""
        await asyncio.sleep_ms(ms)


def _cause() -> str:
    cause = machine.reset_cause()
    if cause == machine.PWRON_RESET:
        return "power"
    return "watchdog" if cause == machine.WDT_RESET else "other"
