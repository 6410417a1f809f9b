"""The firmware's own tests in MicroPython, and that a failing one is noticed."""

import os
import subprocess
from pathlib import Path

import pytest

from drivers.simulated_board import HEAP, micropython

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests" / "firmware"


@pytest.fixture(scope="session")
def interpreter() -> str:
    found = micropython()
    if found is None:
        pytest.skip("MicroPython has no package for this machine")
    return found


def library() -> Path:
    """micropython-lib's unittest where a checkout is named, else ours."""
    checkout = os.environ.get("MICROPYTHON_LIB")
    return Path(checkout) / "python-stdlib" / "unittest" if checkout else TESTS / "minimal"


def ran(interpreter: str, module: str, *folders: Path) -> subprocess.CompletedProcess[str]:
    path = ":".join([".frozen", *map(str, folders), str(library()), str(TESTS), str(ROOT)])
    command = [interpreter, "-X", f"heapsize={HEAP}", str(TESTS / "run.py"), module]
    return subprocess.run(command, env={"MICROPYPATH": path}, capture_output=True, text=True, timeout=60)


def test_the_firmware_s_own_tests_pass_in_micropython(interpreter: str) -> None:
    done = ran(interpreter, "test_board_pure")
    assert done.returncode == 0, done.stdout
    assert "Ran 13 tests" in done.stdout


@pytest.mark.parametrize(
    "body", ["self.assertEqual(1, 2)", "self.assertTrue(0)", "self.assertFalse(1)", "raise ValueError"]
)
def test_a_test_that_fails_is_noticed(interpreter: str, tmp_path: Path, body: str) -> None:
    text = f"import unittest\nclass T(unittest.TestCase):\n    def test_it(self):\n        {body}\n"
    (tmp_path / "test_failing.py").write_text(text)
    assert ran(interpreter, "test_failing", tmp_path).returncode == 1


def test_no_tests_are_no_success(interpreter: str, tmp_path: Path) -> None:
    (tmp_path / "test_empty.py").write_text("import unittest\n")
    assert ran(interpreter, "test_empty", tmp_path).returncode == 1


def test_every_file_of_the_manifest_compiles_and_none_is_forgotten(interpreter: str) -> None:
    manifest: dict[str, object] = {}
    given = {name: lambda *_, **__: None for name in ("require", "package", "module")}
    exec((ROOT / "firmware" / "manifest.py").read_text(), given | {"__name__": "manifest"}, manifest)
    named = manifest["PROGRAM"]
    assert isinstance(named, tuple)
    found = {path.name for path in (ROOT / "firmware").glob("*.py")}
    assert set(named) == found - {"manifest.py", "simulated.py"}
    for path in [ROOT / "firmware" / name for name in named] + [ROOT / "firmware" / "boot" / "main.py"]:
        code = f"compile(open({str(path)!r}).read(), {path.name!r}, 'exec')"
        done = subprocess.run([interpreter, "-c", code], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{path}: {done.stderr}"
