"""MicroPython's `machine` as files in the working folder, so that firmware/hardware.py itself runs on a PC.

`adc26`, `in3` and so on hold what is read, `out16` gets what is driven; scratch registers and watchdog are files too.
"""

import sys

PWRON_RESET, WDT_RESET = 1, 3


def _read(name: str, default: int) -> int:
    try:
        with open(name) as file:
            return int(file.read() or default)
    except OSError:
        return default


def _write(name: str, value: int) -> None:
    with open(name, "w") as file:
        file.write(str(int(value)))


def reset_cause() -> int:
    return _read("reset-cause", PWRON_RESET)


def unique_id() -> bytes:
    return b"\xe6\x61\x41\x04\x03\x12\x34\x56"


def reset() -> None:
    sys.exit(0)


class Pin:
    IN, OUT, PULL_UP = 0, 1, 1

    def __init__(self, number: int, mode: int = -1, pull: int = -1, value: int = -1) -> None:
        self.number = number
        self._mode = mode
        self._level = 0
        if value >= 0:
            self.value(value)

    def value(self, level: int = -1) -> int:
        if level < 0:
            return self._level if self._mode == self.OUT else _read("in%d" % self.number, 1)
        self._level = int(level)
        _write("out%d" % self.number, level)
        return self._level


class ADC:
    def __init__(self, pin: Pin) -> None:
        self._name = "adc%d" % pin.number

    def read_u16(self) -> int:
        return _read(self._name, 0x8000)


class WDT:
    def __init__(self, timeout: int) -> None:
        _write("watchdog", timeout)

    def feed(self) -> None:
        _write("fed", 1)


class _Registers:
    def __getitem__(self, address: int) -> int:
        return _read("register-%x" % address, 0)

    def __setitem__(self, address: int, word: int) -> None:
        _write("register-%x" % address, word)


mem32 = _Registers()
