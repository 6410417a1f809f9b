"""The local socket: any number of clients, none of which can hold core up or cost it more than one snapshot."""

import asyncio
import contextlib
import errno
import logging
import os
import socket
import stat
import struct
from collections.abc import Callable
from pathlib import Path

from hal.errors import PatrolaError
from terminal.core.link_client import Client, TakeCommand
from terminal.link import Role, Snapshot

log = logging.getLogger(__name__)

SOCKET_MODE = 0o660
BACKLOG = 64
CLOSING_TURNS = 4
MOST_CLIENTS_OF_A_USER = 16
"""A user's screens and shells fit; whoever opens more takes no place from another user."""

PEER_CREDENTIALS = struct.Struct("3i")
"""struct ucred: pid, uid, gid (unix(7))."""


class SocketTaken(PatrolaError, OSError):
    """The socket's path cannot be had: another core listens there, or something else is there."""


class LinkServer:
    """`publish` keeps the newest snapshot; each client is sent what changed when it can take it."""

    def __init__(self, path: Path, role_of: Callable[[int], Role], command: TakeCommand) -> None:
        self._path = path
        self._role_of = role_of
        self._command = command
        self._server: asyncio.Server | None = None
        self._inode: int | None = None
        self._snapshot: Snapshot | None = None
        self._clients: set[Client] = set()

    async def start(self) -> None:
        """Listen; raises SocketTaken if another core does. A socket that a dead one left is replaced."""
        try:
            _require_free(self._path)
            listening = _listen(self._path)
        except PatrolaError:
            raise
        except OSError as error:
            raise SocketTaken(
                str(self._path), f"cannot listen here: {error}", "see [link] socket in unit.toml"
            ) from error
        self._inode = self._path.stat().st_ino
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(self._client, sock=listening, start_serving=False)
        await self._server.start_serving()

    def publish(self, snapshot: Snapshot) -> None:
        """This is how things are now; returns at once."""
        self._snapshot = snapshot
        for client in tuple(self._clients):
            client.show(snapshot)

    async def close(self) -> None:
        """Let every client go and take the socket away."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for client in tuple(self._clients):
            client.drop()
        # A client accepted this very moment, and a transport's end, need a few turns of the loop to be done with.
        for _ in range(CLOSING_TURNS):
            await asyncio.sleep(0)
        with contextlib.suppress(OSError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()

    def _client(self) -> asyncio.Protocol:
        return Client(self._welcome, self._clients.discard, self._command)

    def _welcome(self, client: Client, connection: socket.socket) -> Role | None:
        """The new client's role; None when its user has too many already, or the server is closing."""
        uid = _uid(connection)
        client.uid = uid
        if self._server is None:
            return None
        if sum(other.uid == uid for other in self._clients) >= MOST_CLIENTS_OF_A_USER:
            log.warning("link: user %d has %d clients; one more is turned away", uid, MOST_CLIENTS_OF_A_USER)
            return None
        self._clients.add(client)
        if self._snapshot is not None:
            asyncio.get_running_loop().call_soon(client.show, self._snapshot)
        return self._role_of(uid)


def _uid(connection: socket.socket) -> int:
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER_CREDENTIALS.size)
    return int(PEER_CREDENTIALS.unpack(packed)[1])


def _require_free(path: Path) -> None:
    """Raise SocketTaken if a server answers there, or if it is no socket, which is not ours to replace."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise SocketTaken(str(path), "is no socket", "move it away, or name another [link] socket in unit.toml")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX) as visitor:
        visitor.setblocking(False)
        # EAGAIN is a live server whose backlog is full; only a refusal shows that nobody listens.
        if visitor.connect_ex(str(path)) not in (errno.ECONNREFUSED, errno.ENOENT):
            raise SocketTaken(str(path), "another core listens here", "stop it first: systemctl stop patrola-core")


def _listen(path: Path) -> socket.socket:
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
