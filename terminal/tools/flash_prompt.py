"""MicroPython's prompt on a board, by way of mpremote: what is on the board, and files onto it."""

import contextlib
import errno
import io
import struct
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport
from msgspec import Struct

from hal.errors import PatrolaError, SourceLost, SourceRefused
from terminal.tools.flash_find import NEW_BOARD
from terminal.tools.flash_image import BoardFile

CHUNK_BYTES = 1024
PROMPT_WITHIN_S = 6
ANSWER_WITHIN_S = 10.0

LOOK = """
import sys, os, machine
from binascii import hexlify
print(sys.implementation._machine)
print(sys.version.split('MicroPython ')[-1])
print(getattr(sys.implementation, '_mpy', 0) & 255)
print(hexlify(machine.unique_id()).decode().upper())
print(os.statvfs('/')[0] * os.statvfs('/')[3])
"""

FILES = """
import os, hashlib
from binascii import hexlify
def files(folder):
    for name, kind, *_ in os.ilistdir('/' + folder):
        path = folder + '/' + name if folder else name
        if kind == 0x4000:
            if folder or name in %r: files(path)
        elif folder or name in %r:
            digest = hashlib.sha256()
            with open('/' + path, 'rb') as file:
                while True:
                    data = file.read(512)
                    if not data: break
                    digest.update(data)
            print(path, hexlify(digest.digest()).decode())
files('')
"""


FULL = "remove what else is on it; if there is nothing else its flash is worn: take another board"
RESTART = b"import machine\nmachine.reset()\n\x04"


class Chip(Struct, frozen=True):
    """What MicroPython says of itself and its board."""

    machine: str
    micropython: str
    bytecode_version: int
    board_id: str
    free_bytes: int


class Transport(SerialTransport):  # type: ignore[misc]
    """mpremote's, which waits for ever while a board says something else, as one does that was reset meanwhile."""

    def read_until(
        self,
        min_num_bytes: int,
        ending: bytes,
        timeout: float | None = ANSWER_WITHIN_S,
        data_consumer: Callable[[bytes], object] | None = None,
        timeout_overall: float | None = ANSWER_WITHIN_S,
    ) -> bytes:
        """What comes until `ending`, or until there was enough time for it."""
        return bytes(super().read_until(min_num_bytes, ending, timeout, data_consumer, timeout_overall))


class Prompt:
    """The prompt of one board; every method raises SourceLost when the board does not answer any more."""

    def __init__(self, device: str) -> None:
        """End whatever runs and get the prompt; SourceRefused when nothing answers as MicroPython does."""
        self._folders = {"/"}
        with self._talking():
            self._transport = Transport(device, timeout=ANSWER_WITHIN_S)
            try:
                self._transport.enter_raw_repl(timeout_overall=PROMPT_WITHIN_S)
            except TransportError as error:
                self.close()
                problem = f"no MicroPython answers on {device}"
                raise SourceRefused("board", problem, f"is it an I/O board? {NEW_BOARD}") from error
            except Exception:
                self.close()
                raise

    def close(self) -> None:
        """Give the port back; mpremote alone keeps one whose board went away, since it cannot lower its RTS."""
        with contextlib.suppress(OSError):
            self._transport.close()
        self._transport.serial.close()

    def look(self) -> Chip:
        """Which board this is."""
        name, micropython, bytecode_version, board_id, free_bytes = self._run(LOOK).splitlines()
        return Chip(name, micropython, int(bytecode_version), board_id, int(free_bytes))

    def hashes(self, folders: tuple[str, ...], files: tuple[str, ...]) -> dict[str, str]:
        """The SHA-256 of these files and of all in these folders, computed on the board, as far as they are there."""
        lines = self._run(FILES % (folders, files)).splitlines()
        return {path: sha256 for path, _, sha256 in (line.rpartition(" ") for line in lines) if path}

    def read(self, path: str) -> bytes:
        """A file's bytes."""
        with self._talking():
            return bytes(self._transport.fs_readfile("/" + path, chunk_size=CHUNK_BYTES))

    def write(self, file: BoardFile, progress: Callable[[int], None]) -> None:
        """Write a file and the folders it stands in; SourceRefused when there is no room."""
        with self._talking(f"{file.path} does not get onto the board"):
            for folder in reversed(Path("/", file.path).parents):
                self._make_folder(str(folder))
            self._transport.fs_writefile(
                "/" + file.path, file.data, chunk_size=CHUNK_BYTES, progress_callback=lambda done, _all: progress(done)
            )

    def _make_folder(self, folder: str) -> None:
        if folder not in self._folders and not self._transport.fs_isdir(folder):
            self._transport.fs_mkdir(folder)
        self._folders.add(folder)

    def remove(self, path: str) -> None:
        """Remove a file."""
        with self._talking():
            self._transport.fs_rmfile("/" + path)

    def rename(self, path: str, new: str) -> None:
        """Put a file in another's place in one step."""
        self._run(f"import os\nos.rename({'/' + path!r}, {'/' + new!r})")

    def restart(self) -> None:
        """Reset the board; it starts what is on it, and gives no answer to this."""
        with self._talking():
            self._transport.serial.write(RESTART)

    def _run(self, program: str) -> str:
        with self._talking():
            return str(self._transport.exec(program).decode(errors="replace").replace("\r", ""))

    @contextmanager
    def _talking(self, what: str = "") -> Iterator[None]:
        """Say in words what mpremote raises, and keep quiet what it prints."""
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                yield
        except TransportExecError as error:
            raise SourceRefused("board", f"the board says: {error.error_output.strip().splitlines()[-1]}") from error
        except PatrolaError:
            raise
        except (OSError, TransportError, termios.error, struct.error, ValueError, SyntaxError) as error:
            if getattr(error, "errno", None) == errno.ENOSPC:
                raise SourceRefused("board", "the board's flash is full", FULL) from error
            problem = what or "the board went away"
            raise SourceLost("board", f"{problem}: {error}", "plug it in and start again: it goes on") from error
