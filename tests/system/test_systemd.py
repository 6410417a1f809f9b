"""The units are sound and shut in."""

import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "systemd"
SERVICES = sorted(UNITS.glob("*.service"))
THRESHOLD = 16
"""Tenths of systemd-analyze's exposure level: 1.6."""


def analyzed(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units with a command that exists here, as they are with one that exists in the car."""
    for unit in UNITS.iterdir():
        text = unit.read_text().replace("/opt/patrola/bin/patrola", shutil.which("true") or "/bin/true")
        (tmp_path / unit.name).write_text(text)
    return tmp_path


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_systemd_finds_nothing_wrong_with_the_unit(service: Path, installed: Path) -> None:
    result = analyzed("verify", "--recursive-errors=no", str(installed / service.name))
    assert result.returncode == 0, result.stderr
    assert service.name not in result.stderr, result.stderr


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_the_unit_is_shut_in(service: Path) -> None:
    result = analyzed("security", "--offline=yes", f"--threshold={THRESHOLD}", str(service))
    assert result.returncode == 0, result.stdout


def test_core_is_started_again_for_ever_and_watched() -> None:
    text = (UNITS / "patrola-core.service").read_text()
    for setting in ("Type=notify", "WatchdogSec=", "Restart=always", "StartLimitIntervalSec=0"):
        assert f"\n{setting}" in text
