"""The I/O board without the board: its own firmware in a process, behind a pty that core finds; for demo and tests.

The firmware runs in MicroPython's unix port where that is installed, else in this Python; it is the same source. Real
are the firmware and the line. Stood in for are the pins and the ADC (lines on a pipe), the memories (files, which
outlive the process as scratch registers outlive a reset; a power cut deletes the one that stands for them), and the
watchdog, which here is this class.
"""

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import tty
from collections.abc import Callable, Sequence
from pathlib import Path

from firmware.simulated import CUT_PERMILLE, NORMAL_PERMILLE, PRESSED_PERMILLE, SHORT_PERMILLE
from hal.readings import Press

ROOT = Path(__file__).parents[1]
HEAP = "400k"
"""What a Pico leaves to Python, some 200 kB, twice: words are twice as long here."""

WATCHDOG_S = 3.0
READ_BYTES = 4096

Event = dict[str, object]

CIRCUIT = {
    "press": PRESSED_PERMILLE,
    "release": NORMAL_PERMILLE,
    "ok": NORMAL_PERMILLE,
    "cut": CUT_PERMILLE,
    "short": SHORT_PERMILLE,
    "stuck": PRESSED_PERMILLE,
    "implausible": (SHORT_PERMILLE + PRESSED_PERMILLE) // 2,
}
"""The voltage on the button's line for each thing that can happen to it."""


def micropython() -> str | None:
    """MicroPython's unix port: beside this Python, or wherever a shell finds it."""
    beside = Path(sys.executable).parent / "micropython"
    return str(beside) if beside.exists() else shutil.which("micropython")


def command() -> list[str]:
    """The interpreter that runs the firmware."""
    found = micropython()
    return [found, "-X", f"heapsize={HEAP}"] if found else [sys.executable]


class SimulatedBoard:
    """One board; programs find its line at `link` while it is plugged in. `notice` gets what a person would notice."""

    def __init__(
        self,
        board_id: str,
        link: Path,
        folder: Path,
        notice: Callable[[Event], None],
        interpreter: Sequence[str] = (),
    ) -> None:
        self._interpreter = interpreter or command()
        self.board_id = board_id
        self.link = link
        self.starts = 0
        self.told_s = 0.0
        """When the board did what is noticed, by the machine's monotonic clock."""
        self._folder = folder.absolute()
        self._notice = notice
        self._loop = asyncio.get_running_loop()
        self._process: subprocess.Popen[bytes] | None = None
        self._ends: tuple[int, int] | None = None
        self._pins = self._told = -1
        self._rest = b""
        self._watchdog: asyncio.TimerHandle | None = None
        self._finger: asyncio.TimerHandle | None = None

    def plug(self) -> None:
        """Give it power and a line: it boots."""
        if self._ends is not None:
            return
        self._ends = host, device = os.openpty()
        tty.setraw(device)
        os.set_blocking(host, False)
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(os.ttyname(device))
        self._start("power")
        self._notice({"event": "plugged", "link": str(self.link)})

    def unplug(self) -> None:
        """Pull the plug, which is a power cut for the board."""
        if self._ends is None:
            return
        self.kill()
        for end in self._ends:
            os.close(end)
        self._ends = None
        self.link.unlink(missing_ok=True)
        (self._folder / "scratch").unlink(missing_ok=True)

    def reset(self, cause: str = "watchdog") -> None:
        """What the watchdog does: the program starts anew, the scratch registers hold."""
        self.kill()
        self._start(cause)

    def kill(self) -> None:
        """End the firmware's process with SIGKILL; the line stays."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._process = None
        if self._watchdog is not None:
            self._watchdog.cancel()
        self._listen()
        self._loop.remove_reader(self._told)
        os.close(self._told)
        os.close(self._pins)

    @property
    def pid(self) -> int | None:
        """The firmware's process while there is one."""
        return None if self._process is None else self._process.pid

    def press(self, for_s: float) -> None:
        """A finger presses the button for so long, unless something else happens to its circuit before."""
        self.circuit("press")
        self._finger = self._loop.call_later(for_s, self.circuit, "release")

    def circuit(self, what: str) -> None:
        """One of CIRCUIT happens to the button."""
        if self._finger is not None:
            self._finger.cancel()
            self._finger = None
        self.pins(f"adc {CIRCUIT[what]}")

    def pins(self, *lines: str) -> None:
        """Set pins, as `firmware.simulated` has it."""
        if self._process is not None:
            os.write(self._pins, "".join(line + "\n" for line in lines).encode())

    def send(self, data: bytes) -> None:
        """Put raw bytes on the line as if the board had."""
        if self._ends is not None:
            with contextlib.suppress(BlockingIOError):
                os.write(self._ends[0], data)

    def _start(self, cause: str) -> None:
        assert self._ends is not None
        self._folder.mkdir(parents=True, exist_ok=True)
        pins_end, self._pins = os.pipe()
        self._told, told_end = os.pipe()
        for end in (pins_end, told_end, self._told):
            os.set_blocking(end, False)
        files = (self._ends[0], pins_end, told_end)
        arguments = [*map(str, files), str(self._folder), self.board_id, "simulated", cause]
        # The line's far end must see a hung board and not a closed line when this process is killed alone.
        self._process = subprocess.Popen(
            [*self._interpreter, "-m", "firmware.simulated", *arguments],
            pass_fds=files,
            cwd=self._folder,
            env={"MICROPYPATH": f".frozen:{ROOT}", "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
        )
        os.close(pins_end)
        os.close(told_end)
        self.starts += 1
        self._rest = b""
        self._loop.add_reader(self._told, self._listen)
        self._feed()

    def _feed(self) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
        self._watchdog = self._loop.call_later(WATCHDOG_S, self.reset)

    def _listen(self) -> None:
        try:
            data = os.read(self._told, READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            self._loop.remove_reader(self._told)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            at_us, what, *values = line.decode().split(" ")
            self.told_s = int(at_us) / 1e6
            self._hear(what, *values)

    def _hear(self, what: str, *values: str) -> None:
        match what, values:
            case "fed", _:
                self._feed()
            case "press" | "stored", [nonce, number]:
                named = {"board_id": self.board_id, "boot_nonce": int(nonce), "number": int(number)}
                self._notice({"event": what, **named})
            case "lamp", [word]:
                self._notice({"event": "lamp", "rung": word})
            case "pins", [lamp, buzzer]:
                self._notice({"event": "pins", "lamp": lamp == "1", "buzzer": buzzer == "1"})
            case "cycle", [on]:
                self._notice({"event": "cycle", "on": on == "1"})
            case _:
                self._notice({"event": what})


def press_of(event: Event) -> Press:
    """The press that an event names."""
    return Press(str(event["board_id"]), int(str(event["boot_nonce"])), int(str(event["number"])))
