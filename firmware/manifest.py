"""What goes onto a board: read by MicroPython's build, and by flashing.

`unittest` is micropython-lib's, for the tests that run on the board (tests/firmware); the program runs without it.
"""

PROGRAM = (
    "__init__.py",
    "build.py",
    "frame.py",
    "hardware.py",
    "inputs.py",
    "lamp.py",
    "latch.py",
    "main.py",
    "pins.py",
    "reporter.py",
    "selftest.py",
)

require("unittest")
package("firmware", files=PROGRAM, base_path="..")
module("main.py", base_path="boot")
