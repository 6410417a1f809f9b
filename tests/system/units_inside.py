"""Runs inside User-mode Linux beside systemd: core hangs, then has no memory, then screens crash."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

from terminal.asked import RaiseAlarm
from terminal.shown import AlarmView
from tests.system.patrol_car import Screen

CORE, SCREEN = "patrola-core.service", "patrola-screen.service"
LIGHT = Path("/etc/patrola/lights/panel")
SOCKET = Path("/run/patrola/core.sock")
WITHIN_S = 90.0
CORE_PROCESS = SimpleNamespace(alive=lambda: True, err=SimpleNamespace(told=""))
"""Core as a screen waits for it: it always comes back."""
TOO_LITTLE = "8M"
"""Core does not even start with so little memory."""
CRASHES = 8
"""More in a row than systemd's own limit of starts, which is 5 in 10 s, would allow."""


def show(unit: str, what: str) -> str:
    """One property of a unit."""
    command = ["systemctl", "show", "-P", what, unit]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def until(true: Callable[[], object], what: str) -> None:
    ends_s = time.monotonic() + WITHIN_S
    while not true():
        assert time.monotonic() < ends_s, f"not within {WITHIN_S:g} s: {what}"
        time.sleep(0.1)


def restarts(unit: str) -> int:
    return int(show(unit, "NRestarts"))


def active(unit: str) -> bool:
    return show(unit, "ActiveState") == "active" and show(unit, "MainPID") != "0"


def alarm_now() -> AlarmView:
    """The open alarm as a newly connected screen is shown it."""
    with Screen(SOCKET, CORE_PROCESS) as screen:
        return screen.until_alarm(lambda alarm: alarm.stored)


def raise_alarm() -> str:
    until(lambda: active(CORE), "core runs")
    with Screen(SOCKET, CORE_PROCESS) as screen:
        screen.until(lambda snapshot: True)
        screen.send(RaiseAlarm())
        return screen.until_alarm(lambda alarm: alarm.stored).incident


def hang() -> str:
    """Core stops turning; what its watchdog makes of it."""
    before = restarts(CORE)
    os.kill(int(show(CORE, "MainPID")), signal.SIGSTOP)
    until(lambda: show(CORE, "Result") == "watchdog", "the watchdog ends a core that hangs")
    until(lambda: restarts(CORE) > before and active(CORE), "a core that hung is started again")
    return alarm_now().incident


def starve() -> str:
    """Core has no memory for a while; it comes back when there is some."""
    before = restarts(CORE)
    subprocess.run(["systemctl", "set-property", "--runtime", CORE, f"MemoryMax={TOO_LITTLE}"], check=True)
    until(lambda: show(CORE, "Result") == "oom-kill", "a core without memory is ended")
    until(lambda: restarts(CORE) > before + CRASHES, "it is tried again and again")
    subprocess.run(["systemctl", "set-property", "--runtime", CORE, "MemoryMax=infinity"], check=True)
    until(lambda: active(CORE), "core runs again")
    return alarm_now().incident


def crash_screens() -> dict[str, object]:
    """Screens that crash as soon as they run."""
    cores = restarts(CORE)
    subprocess.run(["systemctl", "start", SCREEN], check=True)
    for number in range(CRASHES):
        until(lambda number=number: restarts(SCREEN) >= number and active(SCREEN), "a screen that crashed comes back")
        os.kill(int(show(SCREEN, "MainPID")), signal.SIGKILL)
        until(lambda number=number: restarts(SCREEN) > number, "the crash is seen")
    until(lambda: active(SCREEN), "there is a screen")
    return {"core_restarts": restarts(CORE) - cores, "alarm": alarm_now().incident}


def foremost() -> dict[str, int]:
    """How nice (sched(7)) core and the screen are to others."""
    return {unit: os.getpriority(os.PRIO_PROCESS, int(show(unit, "MainPID"))) for unit in (CORE, SCREEN)}


def light() -> dict[str, str]:
    """What a screen that is shut in as its unit says makes of a number that the group video may set."""
    number = next(Path("/sys/devices/virtual/bdi").glob("*/read_ahead_kb"))
    shutil.chown(number, group="video")
    number.chmod(0o664)
    (LIGHT / "max_brightness").write_text("4000")
    (LIGHT / "brightness").symlink_to(number)
    before = number.read_text()
    subprocess.run(["systemctl", "start", SCREEN], check=True)
    until(lambda: number.read_text() != before, "the screen sets the panel's light")
    return {"before": before, "by_screen": number.read_text()}


def main() -> None:
    found: dict[str, object] = {"raised": raise_alarm()}
    for proof in (hang, starve, light, crash_screens, foremost):
        found[proof.__name__] = proof()
    print("FOUND", json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
