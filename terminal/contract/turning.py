"""Turns one paho client by the asyncio loop: its socket's readiness becomes paho's steps, without a thread."""

import asyncio
import contextlib
import logging
import socket
import ssl
import struct
from collections.abc import Callable

from paho.mqtt.client import Client

RESET = struct.pack("ii", 1, 0)
"""struct linger: close at once, with a RST (socket(7))."""

log = logging.getLogger(__name__)


class Turning:
    """The client's socket in the loop from when it is open until `stop`; `failed` is told when a step raises."""

    def __init__(self, client: Client, broker: str, failed: Callable[[str], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._client = client
        self._broker = broker
        self._failed = failed
        self._sock: socket.socket | None = None
        self._stopped = False
        client.on_socket_open = self._in_loop(self._opened)
        client.on_socket_close = self._in_loop(self._forget)
        client.on_socket_register_write = self._in_loop(self._write_wanted)
        client.on_socket_unregister_write = self._in_loop(self._write_done)

    def step(self, step: Callable[[], object]) -> None:
        """One of paho's steps; neither it nor the listener that it calls declares what it raises."""
        try:
            step()
        except Exception:
            log.exception("%s: what it sent could not be taken", self._broker)
            self._failed("what it sent could not be taken; report this as a defect")

    def stop(self, *, reset: bool = False) -> None:
        """Close the socket, also one that a thread is about to open; `reset` lets go of what was not delivered."""
        self._stopped = True
        if self._sock is not None:
            sock = self._sock
            self._forget(sock)
            if reset:
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            sock.close()

    def _in_loop(self, step: Callable[[socket.socket], None]) -> Callable[..., None]:
        # paho calls these from the thread that connects, and later from the loop's own.
        def called(_client: Client, _userdata: object, sock: socket.socket) -> None:
            if sock.fileno() < 0:
                return
            try:
                inside = asyncio.get_running_loop() is self._loop
            except RuntimeError:
                inside = False
            if inside:
                step(sock)
            else:
                self._loop.call_soon_threadsafe(step, sock)

        return called

    def _opened(self, sock: socket.socket) -> None:
        if self._stopped:
            sock.close()
            return
        # An alarm goes out twice in a row, before and after its commit: Nagle would hold the second for 40 ms.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self._loop.add_reader(sock, self._readable, sock)

    def _readable(self, sock: socket.socket) -> None:
        self.step(self._client.loop_read)
        # TLS may have decrypted more than was asked for; the file descriptor will not tell.
        while isinstance(sock, ssl.SSLSocket) and sock.fileno() >= 0 and sock.pending():
            self.step(self._client.loop_read)

    def _writable(self) -> None:
        self.step(self._client.loop_write)

    def _forget(self, sock: socket.socket) -> None:
        self._sock = None
        self._loop.remove_reader(sock)
        self._loop.remove_writer(sock)

    def _write_wanted(self, sock: socket.socket) -> None:
        if sock.fileno() >= 0:
            self._loop.add_writer(sock, self._writable)

    def _write_done(self, sock: socket.socket) -> None:
        if sock.fileno() >= 0:
            self._loop.remove_writer(sock)
