"""Core with a fault planted in it, which the scenario of its kind must find: `faulty_core.py FAULT core ...`."""

import os
import sys
from typing import Any

from hal.clock import TrustedTime
from terminal.contract import durable
from terminal.contract.messages import Stored
from terminal.core import calling
from terminal.core.doing import Doing
from terminal.core.effects import Effect, StoreAlarm
from terminal.tools.command import main
from tests.system.patrol_car import Wrap


def sends_what_is_stored() -> None:
    """An alarm waits for the disk."""

    def stored_first(message: Stored) -> list[Effect]:
        return [StoreAlarm(message)]

    calling.out = stored_first


def opens_a_file_for_an_alarm() -> None:
    """And ends where it may not."""
    send = Doing._send

    def noting(doing: Doing, effect: Any) -> None:
        try:
            os.close(os.open(os.devnull, os.O_WRONLY))
        except OSError:
            os._exit(1)
        send(doing, effect)

    Doing._send = noting  # type: ignore[method-assign]


def believes_a_read_only_disk() -> None:
    """What ext4 says is synced is taken to be so."""
    durable._require_writable = lambda _: None


def believes_the_walls_clock() -> None:
    """Certificates are held against whatever this machine takes for the time."""
    TrustedTime.earliest = lambda _time, _mono_ns, wall: wall  # type: ignore[method-assign]


PLANTED = (sends_what_is_stored, opens_a_file_for_an_alarm, believes_a_read_only_disk, believes_the_walls_clock)
FAULTS = {fault.__name__: fault for fault in PLANTED}


def with_fault(name: str) -> Wrap:
    """Runs core's command with this fault in it."""
    assert name in FAULTS
    return lambda command: [sys.executable, "-m", "tests.system.faulty_core", name, *command[command.index("core") :]]


if __name__ == "__main__":
    FAULTS[sys.argv.pop(1)]()
    sys.exit(main())
