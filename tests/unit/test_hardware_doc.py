"""docs/hardware.md against the code, and its arithmetic: pins, thresholds, input currents, lamp patterns."""

import itertools
import math
import re
from pathlib import Path
from runpy import run_path
from typing import NamedTuple

import pytest

from firmware import pins
from firmware.frame import INPUTS
from firmware.inputs import BUTTON, CUT, LEAK_OHM, NORMAL, SHORT, WIRE_OHM, bands, supervised
from firmware.lamp import PATTERNS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "hardware.md").read_text()
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if line.startswith("|")]

RESISTOR_ERROR = 0.016
"""1 % as bought, and 100 ppm/K over 60 K."""

ADC_ERROR_PERMILLE = 10
"""Twice what was measured of an RP2040's: docs/hardware.md names the source."""

SUPPLY_V = 3.3
BANDS = bands(pins.PULL_OHM, pins.LINE_OHM, pins.CONTACT_OHM, pins.TOLERANCE_PERCENT)

MODULE_PIN = {2: 4, 3: 5, 4: 6, 5: 7, 6: 9, 7: 10, 8: 11, 9: 12, 10: 14, 11: 15, 16: 21, 17: 22, 18: 24, 20: 26, 21: 27}
MODULE_PIN |= {26: 31, 27: 32}
"""GPIO to the pin of a Pico or a Pico 2: its data sheet's figure 4, which is the same for both."""

SERIES_OHM, SHUNT_OHM, LED_V, DIODE_MA, LED_MA = 2200, 1000, 1.2, 300, 50
"""An input's parts: what the doc's parts list has, and what PC817 and 1N4148W stand."""


class Level(NamedTuple):
    """What the ADC reads at least, nominally and at most, in permille, worst case."""

    least: float
    nominal: float
    most: float


def line_ohm(pressed: bool, error: float) -> float:
    line, contact = pins.LINE_OHM * (1 + error), pins.CONTACT_OHM * (1 + error)
    return line * contact / (line + contact) if pressed else line


def level(least_ohm: float, nominal_ohm: float, most_ohm: float) -> Level:
    """The ends are those of line, wire, pull-up and ADC together, each at its worst."""

    def permille(ohm: float, pull_ohm: float) -> float:
        return 1000.0 if math.isinf(ohm) else 1000 * ohm / (ohm + pull_ohm)

    pull = pins.PULL_OHM
    least = permille(least_ohm, pull * (1 + RESISTOR_ERROR)) - ADC_ERROR_PERMILLE
    most = permille(most_ohm, pull * (1 - RESISTOR_ERROR)) + ADC_ERROR_PERMILLE
    return Level(max(least, 0), permille(nominal_ohm, pull), min(most, 1000))


LEVELS = {
    "shorted": level(0, 0, WIRE_OHM),
    "pressed": level(line_ohm(True, -RESISTOR_ERROR), line_ohm(True, 0), line_ohm(True, RESISTOR_ERROR) + WIRE_OHM),
    "normal": level(line_ohm(False, -RESISTOR_ERROR), line_ohm(False, 0), line_ohm(False, RESISTOR_ERROR) + WIRE_OHM),
    "cut": level(LEAK_OHM, math.inf, math.inf),
}
MEANT = {"shorted": SHORT, "pressed": BUTTON, "normal": NORMAL, "cut": CUT}


def threshold_row(name: str) -> list[str]:
    at, index = LEVELS[name], 2 * list(LEVELS).index(name)
    low, high = BANDS[index], BANDS[index + 1]
    margins = [margin for margin, edge in ((at.least - low, low), (high - at.most, high)) if 0 < edge < 1000]
    return [
        name,
        f"{at.nominal:.0f}",
        f"{at.nominal * SUPPLY_V / 1000:.2f} V",
        f"{math.floor(at.least)} - {math.ceil(at.most)}",
        f"{low} - {high}",
        f"{math.floor(min(margins))}",
    ]


def input_row(volts: float) -> list[str]:
    total_ma = 1000 * (volts - LED_V) / SERIES_OHM
    led_ma = total_ma - 1000 * LED_V / SHUNT_OHM
    return [f"{volts:g} V", f"{total_ma:.1f} mA", f"{led_ma:.1f} mA", f"{(volts - LED_V) ** 2 / SERIES_OHM:.2f} W"]


def pattern(times_ms: tuple[int, ...]) -> str:
    on_off = itertools.cycle(("**{}**", "{}"))
    return " ".join(style.format(ms) for style, ms in zip(on_off, times_ms, strict=False)) or "nothing"


@pytest.mark.parametrize("name", list(LEVELS))
def test_each_threshold_holds_at_the_worst_case_and_is_as_written(name: str) -> None:
    at = LEVELS[name]
    steps = range(math.floor(at.least), math.ceil(at.most) + 1)
    assert {supervised(permille, BANDS) for permille in steps} == {MEANT[name]}
    assert threshold_row(name) in ROWS, threshold_row(name)


@pytest.mark.parametrize("volts", [9, 12, 14.4, 16, 24, 35, 101])
def test_an_input_stands_every_voltage_and_works_from_nine_volts(volts: float) -> None:
    row = input_row(volts)
    assert float(row[2].split()[0]) < LED_MA
    assert float(row[2].split()[0]) >= 2
    assert row in ROWS, row


def test_what_an_input_needs_to_be_on_is_as_written() -> None:
    least_v = LED_V + SERIES_OHM * LED_V / SHUNT_OHM
    assert f"below {least_v:.1f} V" in TEXT
    reverse_ma = 1000 * 150 / SERIES_OHM
    assert reverse_ma < DIODE_MA
    assert f"{reverse_ma:.0f} mA" in TEXT


def test_every_pin_is_as_written_and_none_is_missing() -> None:
    pico, esp32 = pins.BOARDS["RP2040"], pins.BOARDS["ESP32"]
    assert vars(pico) | {"name": ""} == vars(pins.BOARDS["RP2350"]) | {"name": ""}
    names = ["button_adc", "reference_adc", "contact_open", "contact_closed", "lamp", "buzzer", "cycle"]
    wired = {name: (getattr(pico, name), getattr(esp32, name)) for name in names}
    wired |= dict(zip(INPUTS[1:], zip(pico.inputs, esp32.inputs, strict=True), strict=True))
    for name, (gpio, esp_gpio) in wired.items():
        rows = [row for row in ROWS if row[0] == f"`{name}`"]
        on_esp32 = "-" if name.endswith("_adc") and not esp32.supervised else str(esp_gpio)
        assert [row[1:4] for row in rows] == [[str(gpio), str(MODULE_PIN[gpio]), on_esp32]], name
    described = {row[0].strip("`") for row in ROWS if re.fullmatch("`[a-z_]+`", row[0])}
    assert described == set(wired)


def test_the_resistors_are_as_written() -> None:
    for word, ohm in (("pull-up", pins.PULL_OHM), ("end of line", pins.LINE_OHM), ("contact", pins.CONTACT_OHM)):
        assert any(word in row[0] and f"{ohm} ohm, 1 %" in row[1] for row in ROWS), word
    for error, word in ((-RESISTOR_ERROR, "least"), (RESISTOR_ERROR, "most")):
        assert word
        for pressed in (False, True):
            ohm = line_ohm(pressed, error)
            assert f"{ohm:.0f}" in TEXT, f"{ohm:.0f}"
    assert f"{line_ohm(True, 0):.0f} ohm" in TEXT


@pytest.mark.parametrize("shown", [name for name in PATTERNS if name != "off"])
def test_every_lamp_pattern_is_as_written(shown: str) -> None:
    lamp, buzzer = PATTERNS[shown]
    rows = [row for row in ROWS if row[0].startswith(f"{shown}:")]
    assert [row[1:3] for row in rows] == [["steady" if len(lamp) == 1 else pattern(lamp), pattern(buzzer)]], shown


def test_the_sign_for_no_firmware_is_as_written_and_no_other_pattern() -> None:
    sign = run_path(str(ROOT / "firmware" / "boot" / "main.py"))["NO_FIRMWARE_MS"]
    assert [row[1] for row in ROWS if row[0].startswith("no firmware:")] == [pattern(sign)]
    assert sign not in [lamp for lamp, _ in PATTERNS.values()]


def test_the_drawing_names_every_pin() -> None:
    drawing = (ROOT / "docs" / "wiring.svg").read_text()
    pico = pins.BOARDS["RP2040"]
    for gpio in (pico.button_adc, pico.reference_adc, pico.lamp, pico.buzzer, pico.cycle, *pico.inputs):
        assert f">GP{gpio}<" in drawing, gpio


def test_the_other_document_has_the_same_bands() -> None:
    other = (ROOT / "docs" / "board.md").read_text()
    for low, high in zip(BANDS[::2], BANDS[1::2], strict=True):
        assert f"| {low} - {high} |" in other
