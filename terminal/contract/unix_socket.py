"""A listening Unix socket that takes the place of a dead process's, never that of a live one."""

import errno
import os
import socket
import stat
import struct
from pathlib import Path

from hal.errors import PatrolaError

SOCKET_MODE = 0o660
BACKLOG = 64


class SocketTaken(PatrolaError, OSError):
    """The socket's path cannot be had: another process listens there, or something else is there."""


PEER_CREDENTIALS = struct.Struct("3i")
"""struct ucred: pid, uid, gid (unix(7))."""


def listen(path: Path, *, stop: str, setting: str) -> socket.socket:
    """A listening socket at `path`, for its owner and group; raises SocketTaken.

    `stop` says how to end whoever listens there, `setting` where the path is configured.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _require_free(path, stop, setting)
        return _appeared(path)
    except SocketTaken:
        raise
    except OSError as error:
        raise SocketTaken(str(path), f"cannot listen here: {error}", f"see {setting}") from error


def _require_free(path: Path, stop: str, setting: str) -> None:
    """Raise SocketTaken if a server answers there, or if it is no socket, which is not ours to replace."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise SocketTaken(str(path), "is no socket", f"move it away, or name another in {setting}")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX) as visitor:
        visitor.setblocking(False)
        # EAGAIN is a live server whose backlog is full; only a refusal shows that nobody listens.
        if visitor.connect_ex(str(path)) not in (errno.ECONNREFUSED, errno.ENOENT):
            raise SocketTaken(str(path), "another process listens here", f"stop it first: {stop}")


def _appeared(path: Path) -> socket.socket:
    """A listening socket that appears at its path with its rights, in the place of any dead one."""
    making = path.with_name(f".{os.getpid()}")
    listening = socket.socket(socket.AF_UNIX)
    try:
        making.unlink(missing_ok=True)
        listening.bind(str(making))
        making.chmod(SOCKET_MODE)
        listening.listen(BACKLOG)
        making.rename(path)
    except OSError:
        listening.close()
        making.unlink(missing_ok=True)
        raise
    return listening


def peer_uid(connection: socket.socket) -> int:
    """The user on the other side of a connected Unix socket."""
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER_CREDENTIALS.size)
    return int(PEER_CREDENTIALS.unpack(packed)[1])
