"""Sixty seconds of coverage-guided fuzzing of the frames, in every run of the tests."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FUZZER = ROOT / "tests" / "fuzz" / "frames.py"
FUZZ_FOR_S = 60


def fuzzed(folder: Path, seconds: int, *options: str) -> subprocess.CompletedProcess[str]:
    if find_spec("atheris") is None:
        pytest.skip("atheris has no package for this machine")
    folder.mkdir()
    subprocess.run([sys.executable, str(FUZZER), "seeds", str(folder)], check=True, env={"PYTHONPATH": str(ROOT)})
    command = [sys.executable, str(FUZZER), f"-max_total_time={seconds}", "-timeout=5", "-max_len=1024", *options]
    return subprocess.run(
        [*command, str(folder)], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )


def test_no_input_breaks_a_promise_of_the_frames(tmp_path: Path) -> None:
    done = fuzzed(tmp_path / "corpus", FUZZ_FOR_S, f"-artifact_prefix={tmp_path}/")
    assert done.returncode == 0, done.stderr[-4000:]
    runs = re.search(r"Done (\d+) runs", done.stderr)
    covered = re.findall(r"cov: (\d+)", done.stderr)
    assert runs is not None
    print(f"{runs[1]} inputs, coverage {covered[0]} to {covered[-1]}")
    assert int(runs[1]) > 1000
    assert int(covered[-1]) > 50, "the fuzzer sees nothing of the code"
