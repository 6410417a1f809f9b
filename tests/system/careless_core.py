"""Core with a fault in it, which the power cuts must find: it says "stored" before a commit has reached the disk."""

import sys

from terminal.contract import durable
from terminal.tools.command import main

NORMAL = 1
"""In WAL mode a commit is not synced then (sqlite.org/pragma.html#pragma_synchronous)."""

if __name__ == "__main__":
    durable.DURABLE["synchronous"] = NORMAL
    sys.exit(main())
