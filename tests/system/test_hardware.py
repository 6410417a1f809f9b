"""firmware/hardware.py with MicroPython's `machine` stood in for: pins by number, memories, watchdog, service.

The one place where something inside is faked: no chip is at hand. Line, program and interpreter are real.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.simulated_board import HEAP, micropython
from firmware import pins
from firmware.frame import LineReader, encode
from firmware.simulated import CUT_PERMILLE, NORMAL_PERMILLE, PRESSED_PERMILLE

ROOT = Path(__file__).parents[2]
FAKE = ROOT / "tests" / "firmware" / "fake"
DEADLINE_S = 20
START = """
import sys
sys.path.insert(0, {fake!r})
sys.modules["machine"] = __import__("machine_of_files")
from firmware import hardware, main
from firmware.boot import main as boot
if not boot.is_for_service():
    main.start(hardware.Board({chip!r}))
"""


class Chip:
    """One board's program on its standard streams, and the files that are its pins."""

    def __init__(self, folder: Path, chip: str) -> None:
        self.folder = folder
        self.chip = chip
        self.pins = pins.BOARDS[pins.chip_of(chip)]
        self.reader = LineReader()
        self.frames: list[tuple[str, list[str]]] = []
        self.adc(NORMAL_PERMILLE)
        self.start()

    def start(self) -> None:
        found = micropython()
        assert found is not None
        (self.folder / "machine_of_files.py").write_text((FAKE / "machine.py").read_text())
        (self.folder / "start.py").write_text(START.format(fake=str(FAKE), chip=self.chip))
        self.process = subprocess.Popen(
            [found, "-X", f"heapsize={HEAP}", "start.py"],
            cwd=self.folder,
            env={"MICROPYPATH": f".frozen:{self.folder}:{ROOT}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()

    def adc(self, permille: int) -> None:
        """Set the button's line, or the two contacts that stand for it."""
        self.put(f"in{self.pins.contact_open}", int(permille != PRESSED_PERMILLE))
        self.put(f"in{self.pins.contact_closed}", int(permille != NORMAL_PERMILLE))
        self.put(f"adc{self.pins.button_adc}", (permille << 16) // 1000 + 32)

    def put(self, name: str, value: int) -> None:
        (self.folder / (name + ".new")).write_text(str(value))
        (self.folder / (name + ".new")).rename(self.folder / name)

    def out(self, pin: int) -> str:
        return (self.folder / f"out{pin}").read_text()

    def say(self, *words: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(encode(*words) * 2)  # type: ignore[arg-type]
        self.process.stdin.flush()

    def until(self, word: str, at: int, value: str) -> list[str]:
        assert self.process.stdout is not None
        deadline_s = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline_s:
            while self.frames:
                said, fields = self.frames.pop(0)
                if said == word and fields[at] == value:
                    return fields
            self.frames += self.reader.feed(self.process.stdout.read() or b"")
            time.sleep(0.005)
        raise AssertionError(f"no {word} with {value}")


@pytest.fixture(params=["RP2040", "RP2350-RISCV", "ESP32"])
def chip(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Chip]:
    if micropython() is None:
        pytest.skip("MicroPython has no package for this machine")
    made = Chip(tmp_path, request.param)
    yield made
    made.stop()


@pytest.mark.promise("P-PRESS-05")
def test_a_press_on_the_pins_of_each_board_is_told_kept_and_let_go_of(chip: Chip) -> None:
    nonce = chip.until("HELLO", 1, "E661410403123456")[2]
    chip.adc(PRESSED_PERMILLE)
    assert chip.until("PRESS", 1, "1")[0] == nonce
    chip.adc(NORMAL_PERMILLE)
    chip.stop()
    chip.put("reset-cause", 3)
    chip.reader, chip.frames = LineReader(), []
    chip.start()
    assert chip.until("HELLO", 1, "E661410403123456")[5] == "watchdog"
    assert chip.until("PRESS", 1, "1")[0] == nonce
    chip.say("STORED", nonce, 1)
    chip.until("STATE", 2, "-")


def test_each_input_pin_is_the_input_that_it_is_said_to_be(chip: Chip) -> None:
    for index, pin in enumerate(chip.pins.inputs):
        chip.put(f"in{pin}", 0)
        chip.until("STATE", 4, f"{2 << index:03X}")
        chip.put(f"in{pin}", 1)
        chip.until("STATE", 4, "000")
    chip.adc(CUT_PERMILLE)
    chip.until("STATE", 1, "cut")


def test_the_self_test_passes_and_the_watchdog_is_fed(chip: Chip) -> None:
    chip.until("STATE", 1, "ok")
    chip.say("TEST")
    late = chip.until("TEST", 1, "loop-ms")[2] == "fail"  # which a PC with other work is
    assert chip.until("TEST", 1, "all")[3] == str(int(late))
    assert (chip.folder / "fed").exists()
    assert (chip.folder / "watchdog").read_text() == str(pins.WATCHDOG_MS)
    assert chip.out(chip.pins.lamp) == chip.out(chip.pins.buzzer) == chip.out(chip.pins.cycle) == "0"


def test_service_gives_the_line_to_the_prompt_once(chip: Chip) -> None:
    chip.until("STATE", 1, "ok")
    chip.say("SERVICE")
    assert chip.process.wait(DEADLINE_S) == 0
    chip.stop()
    chip.put("reset-cause", 3)
    chip.start()
    assert chip.process.wait(DEADLINE_S) == 0
    chip.stop()
    chip.start()
    chip.until("STATE", 1, "ok")


def test_a_chip_without_pins_is_named() -> None:
    assert pins.chip_of("Raspberry Pi Pico2 with RP2350-RISCV") == "RP2350"
    assert pins.chip_of("TinyPICO with ESP32-PICO-D4") == "ESP32"
    with pytest.raises(ValueError, match="knows ESP32, RP2040, RP2350, not Generic ESP32S3 module with ESP32S3"):
        pins.chip_of("Generic ESP32S3 module with ESP32S3")
    assert set(pins.BOARDS) == {"RP2040", "RP2350", "ESP32"}
    for board in pins.BOARDS.values():
        used = [board.button_adc, board.reference_adc, board.contact_open, board.contact_closed]
        used += [board.lamp, board.buzzer, board.cycle, *board.inputs]
        assert len(set(used)) == len(used), f"{board.name} uses a pin twice"
        assert len(board.inputs) == 10
