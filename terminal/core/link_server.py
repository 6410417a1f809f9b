"""The local socket: any number of clients, none of which can hold core up or cost it more than one snapshot."""

import asyncio
import contextlib
import logging
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import msgspec

from hal.errors import PatrolaError
from terminal.link import SECTIONS, Command, Refused, Role, Snapshot, decode_command, encode_line

log = logging.getLogger(__name__)

SOCKET_MODE = 0o660
LONGEST_LINE = 4096
MOST_NONSENSE = 10
"""Lines without sense after which a client is let go."""
PEER_CREDENTIALS = struct.Struct("3i")
"""struct ucred: pid, uid, gid (unix(7))."""

TakeCommand = Callable[[Command, Role], str | None]
"""Takes a command in the loop; returns why not, or None."""


class SocketTaken(PatrolaError, OSError):
    """Another core listens there."""


class LinkServer:
    """`publish` keeps the newest snapshot; each client is sent what changed when it can take it."""

    def __init__(self, path: Path, role_of: Callable[[int], Role], command: TakeCommand) -> None:
        self._path = path
        self._role_of = role_of
        self._command = command
        self._server: asyncio.Server | None = None
        self._snapshot: Snapshot | None = None
        self._clients: set[Client] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; raises SocketTaken if another core does. A socket that a dead one left is replaced."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if await _answers(self._path):
            raise SocketTaken(
                str(self._path), "another core listens here", "stop it first: systemctl stop patrola-core"
            )
        self._path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, str(self._path), limit=LONGEST_LINE)
        finally:
            os.umask(before)
        self._path.chmod(SOCKET_MODE)

    def publish(self, snapshot: Snapshot) -> None:
        """This is how things are now; returns at once."""
        self._snapshot = snapshot
        for client in self._clients:
            client.wake.set()

    async def close(self) -> None:
        """Let every client go and take the socket away."""
        if self._server is None:
            return
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        client = Client(writer, self._role_of(_uid(writer)))
        client.wake.set()
        self._clients.add(client)
        sending = asyncio.create_task(self._send_changes(client))
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await self._take_commands(client, reader)
        finally:
            sending.cancel()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await sending
            self._clients.discard(client)
            writer.transport.abort()
            self._tasks.discard(task)

    async def _send_changes(self, client: "Client") -> None:
        while True:
            await client.wake.wait()
            client.wake.clear()
            if self._snapshot is not None:
                await client.show(self._snapshot)

    async def _take_commands(self, client: "Client", reader: asyncio.StreamReader) -> None:
        nonsense = 0
        while nonsense < MOST_NONSENSE:
            try:
                line = await reader.readline()
            except ValueError:
                await client.refuse("", f"a line has at most {LONGEST_LINE} bytes")
                return
            if not line:
                return
            reason, name = self._taken(line, client.role)
            if reason is not None:
                nonsense += not name
                await client.refuse(name, reason)

    def _taken(self, line: bytes, role: Role) -> tuple[str | None, str]:
        """Why a line was not taken (None: it was), and the command's name if it was one."""
        try:
            command = decode_command(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return f"no command: {error}", ""
        return self._command(command, role), str(type(command).__struct_config__.tag)


class Client:
    """One connection, what it was sent last, and whether there is something new."""

    def __init__(self, writer: asyncio.StreamWriter, role: Role) -> None:
        self.role = role
        self.wake = asyncio.Event()
        self._writer = writer
        self._seen: Snapshot | None = None

    async def show(self, snapshot: Snapshot) -> None:
        """Send the whole at first, then the sections that differ from what was sent; waits until it is taken."""
        if self._seen is None:
            await self._send(encode_line(msgspec.structs.replace(snapshot, role=self.role)))
        else:
            changed = {
                name: getattr(snapshot, name)
                for name in SECTIONS
                if getattr(snapshot, name) != getattr(self._seen, name)
            }
            if changed:
                await self._send(encode_line({"type": "changes", **changed}))
        self._seen = snapshot

    async def refuse(self, command: str, reason: str) -> None:
        """Say why a command was not taken."""
        await self._send(encode_line(Refused(command=command, reason=reason)))

    async def _send(self, line: bytes) -> None:
        self._writer.write(line + b"\n")
        await self._writer.drain()


def _uid(writer: asyncio.StreamWriter) -> int:
    sock: socket.socket = writer.get_extra_info("socket")
    packed = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER_CREDENTIALS.size)
    return int(PEER_CREDENTIALS.unpack(packed)[1])


async def _answers(path: Path) -> bool:
    try:
        _, writer = await asyncio.open_unix_connection(str(path))
    except OSError:
        return False
    writer.close()
    return True
