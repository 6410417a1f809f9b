"""As much of `unittest` as the firmware's tests use, for a MicroPython without micropython-lib."""

import sys


class TestCase:
    def assertEqual(self, found: object, expected: object) -> None:  # noqa: N802 - unittest's name
        assert found == expected, "%r is not %r" % (found, expected)

    def assertTrue(self, found: object) -> None:  # noqa: N802 - as above
        assert found, "%r is not true" % (found,)

    def assertFalse(self, found: object) -> None:  # noqa: N802 - as above
        assert not found, "%r is not false" % (found,)


class Result:
    def __init__(self) -> None:
        self.testsRun = 0
        self.failures = 0

    def wasSuccessful(self) -> bool:  # noqa: N802 - as above
        return self.failures == 0


def main(module: str = "__main__") -> Result:
    """Run every test of a module; what fails is printed and counted."""
    result = Result()
    found = __import__(module)
    for case in [getattr(found, name) for name in dir(found)]:
        if isinstance(case, type) and issubclass(case, TestCase):
            for name in dir(case):
                if name.startswith("test"):
                    _run(case, name, result)
    print("Ran %d tests, %d failed" % (result.testsRun, result.failures))
    return result


def _run(case: type, name: str, result: Result) -> None:
    result.testsRun += 1
    try:
        getattr(case(), name)()
    except Exception as error:  # noqa: BLE001 - that is what is counted
        result.failures += 1
        print("%s.%s:" % (case.__name__, name))
        sys.print_exception(error)  # type: ignore[attr-defined]
