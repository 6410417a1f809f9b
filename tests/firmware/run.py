"""Runs the firmware's own tests under MicroPython and ends with 1 when one fails, which `unittest.main()` does not.

    MICROPYPATH=.frozen:.:tests/firmware:MICROPYTHON_LIB/python-stdlib/unittest micropython tests/firmware/run.py MODULE

Without micropython-lib, tests/firmware/minimal stands in for its `unittest`.
"""

import sys
import unittest

failed = False
for name in sys.argv[1:]:
    result = unittest.main(name)
    failed = failed or not result.wasSuccessful() or result.testsRun == 0
sys.exit(1 if failed else 0)
