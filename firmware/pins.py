"""Which pin does what on each board, and what hangs on them: the one place for it."""

PULL_OHM = 2200
LINE_OHM = 4700
CONTACT_OHM = 1000
TOLERANCE_PERCENT = 5
"""The button's line: a resistor to the ADC's reference, one at the far end, one beside it while the button is down."""

REFERENCE_PERMILLE = 500
REFERENCE_TOLERANCE_PERMILLE = 25
"""What the ADC reads of a divider of two equal resistors, which the self-test looks at."""

WATCHDOG_MS = 3000


class Pins:
    """Numbers of one board's pins; inputs in the order of `frame.INPUTS` without the button, low is on."""

    def __init__(
        self,
        name: str,
        button_adc: int,
        reference_adc: int,
        contact_open: int,
        contact_closed: int,
        lamp: int,
        buzzer: int,
        cycle: int,
        inputs: "tuple[int, ...]",
        supervised: bool = True,
    ) -> None:
        self.name = name
        self.button_adc = button_adc
        self.reference_adc = reference_adc
        self.contact_open = contact_open
        self.contact_closed = contact_closed
        self.lamp = lamp
        self.buzzer = buzzer
        self.cycle = cycle
        self.inputs = inputs
        self.supervised = supervised


_PICO = (26, 27, 20, 21, 16, 17, 18, (2, 3, 4, 5, 6, 7, 8, 9, 10, 11))

BOARDS = {
    "RP2040": Pins("Raspberry Pi Pico", *_PICO),
    "RP2350": Pins("Raspberry Pi Pico 2", *_PICO),
    "ESP32": Pins("ESP32", 34, 35, 32, 33, 25, 26, 27, (4, 5, 13, 14, 16, 17, 18, 19, 21, 22), supervised=False),
}
"""By the chip's name, which ends MicroPython's `sys.implementation._machine` ("... with RP2040").

Supervised is the button by resistors and the ADC; else by two contacts, normally open and normally closed, without
resistors. An ESP32's ADC does not reach to its supply (0.95 V, with attenuation 2.45 V, of 3.3): it cannot tell a cut
line from one that is well.

A Pico's ADC 0 and 1 are GPIO 26 and 27; GPIO 23 to 25 and 29 serve the module itself. On an ESP32 only ADC 1, GPIO 32
to 39, works beside its radio, and 34 to 39 are inputs only.
"""


def chip_of(machine: str) -> str:
    """The chip in MicroPython's name of a board; ValueError for one whose pins are not known.

    The whole word counts, since an ESP32S3 has other pins than an ESP32; but an RP2350-RISCV is an RP2350 with other
    cores at work, and an ESP32-PICO-D4 an ESP32 with its memory.
    """
    chip = machine.split(" ")[-1]
    for ending in ("-RISCV", "-PICO"):
        chip = chip.split(ending)[0]
    if chip not in BOARDS:
        raise ValueError("firmware/pins.py knows %s, not %s" % (", ".join(sorted(BOARDS)), machine))
    return chip
