"""The units are sound and shut in."""

import configparser
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from terminal.config import LinkSection
from terminal.contract import boot, mqtt
from terminal.core import journal, storing
from terminal.link import Role
from terminal.uplink import writer

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


@pytest.mark.promise("P-WATCH-06")
@pytest.mark.parametrize("unit", ["patrola-core.service", "patrola-hq.service"])
def test_a_service_is_started_again_for_ever_and_watched(unit: str) -> None:
    text = (UNITS / unit).read_text()
    for setting in ("Type=notify", "WatchdogSec=", "Restart=always", "StartLimitIntervalSec=0"):
        assert f"\n{setting}" in text


@pytest.mark.promise("P-HARD-04")
def test_no_number_of_crashes_leaves_the_officer_without_a_screen() -> None:
    text = (UNITS / "patrola-screen.service").read_text()
    for setting in ("Restart=always", "StartLimitIntervalSec=0"):
        assert f"\n{setting}\n" in text


def test_core_has_ended_before_systemd_kills_it_even_on_a_disk_that_hangs() -> None:
    bounds_s = storing.CLOSES_WITHIN_S + writer.CLOSES_WITHIN_S + 2 * journal.CLOSES_WITHIN_S + mqtt.GOODBYE_S
    assert bounds_s < float(service("patrola-core.service")["TimeoutStopSec"])


def service(name: str) -> configparser.SectionProxy:
    unit = configparser.RawConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNITS / name)
    return unit["Service"]


PEER = """
import os, socket, struct, sys
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
listening.listen()
print("listens", flush=True)
client, _ = listening.accept()
print(struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1])
"""
CLIENT = "import os, socket, sys; os.setuid(int(sys.argv[2])); socket.socket(socket.AF_UNIX).connect(sys.argv[1])"


def uid_that_core_would_see(folder: Path, uid: int) -> int:
    """What SO_PEERCRED says of a client of this user, with core in a user namespace if its unit asks for one."""
    private = service("patrola-core.service").get("PrivateUsers", "no") in ("yes", "true", "self")
    apart = ["unshare", "--user", "--map-root-user"] if private else []
    path = folder / "s"
    core = subprocess.Popen([*apart, sys.executable, "-c", PEER, str(path)], stdout=subprocess.PIPE, text=True)
    with core:
        assert core.stdout is not None
        core.stdout.readline()
        subprocess.run([sys.executable, "-c", CLIENT, str(path), str(uid)], check=True, timeout=60)
        return int(core.stdout.readline())


@pytest.mark.skipif(os.getuid() != 0, reason="a client of another user needs root")
def test_core_tells_the_users_of_its_socket_apart() -> None:
    games = pwd.getpwnam("games").pw_uid
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        assert uid_that_core_would_see(Path(folder), games) == games


def test_the_screen_of_the_shipped_units_is_crew() -> None:
    assert service("patrola-screen.service")["User"] in LinkSection().crew
    assert LinkSection(crew=("61234",)).role_of(61234) is Role.CREW
    assert LinkSection(crew=("61234",)).role_of(61235) is Role.OBSERVER


@pytest.mark.parametrize("unit", ["patrola-core.service", "patrola-hq.service"])
def test_this_boot_is_known_although_the_kernels_word_is_out_of_sight(
    monkeypatch: pytest.MonkeyPatch, unit: str
) -> None:
    core = service(unit)
    assert core["ProcSubset"] == "pid"
    name, _, value = core["Environment"].partition("=")
    assert value == "%b"  # systemd.unit(5): the boot id, 32 digits
    outside = boot.boot_id()
    assert outside == boot.boot_id()
    monkeypatch.setattr(boot, "BOOT_ID", Path("/proc/none"))
    monkeypatch.setenv(name, outside.replace("-", ""))
    assert boot.boot_id() == outside
