"""Which boot of the machine this is: what a time of its monotonic clock may be compared with."""

import os
from pathlib import Path
from uuid import UUID

from terminal.contract.identity import new_id

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """This boot of the machine; systemd says it where the kernel's own word is out of sight."""
    told = os.environ.get("PATROLA_BOOT_ID", "")
    try:
        return str(UUID(told or BOOT_ID.read_text().strip()))
    except (OSError, ValueError):
        return new_id()
