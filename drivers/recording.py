"""Open a receiver's recording, gzipped or not."""

import gzip
from pathlib import Path
from typing import BinaryIO, cast

GZIP_MAGIC = b"\x1f\x8b"


def open_recording(path: Path) -> BinaryIO:
    """The recording's bytes, unpacked if it is gzipped, whatever its name."""
    file = path.open("rb")
    packed = file.read(2) == GZIP_MAGIC
    file.seek(0)
    if not packed:
        return file
    file.close()
    return cast(BinaryIO, gzip.open(path, "rb"))
