"""The local socket: any number of clients, none of which can hold core up or cost it more than one snapshot."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable
from pathlib import Path

from terminal.contract.unix_socket import listen, peer_uid
from terminal.core.link_client import Client, TakeCommand
from terminal.link import Role, Snapshot

log = logging.getLogger(__name__)

CLOSING_TURNS = 4
MOST_CLIENTS_OF_A_USER = 16
"""A user's screens and shells fit; whoever opens more takes no place from another user."""


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
        listening = listen(self._path, stop="systemctl stop patrola-core", setting="[link] socket in unit.toml")
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
        uid = peer_uid(connection)
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
