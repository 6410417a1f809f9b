"""A line that can be cut: passes bytes between a client and the broker, counts them, and stamps what comes first."""

import asyncio
import time
from contextlib import suppress

READ_BYTES = 65_536


class Relay:
    """Nobody listens until it is opened; `called` and `answered` are when a client came and had its first bytes.

    The broker's first bytes are its CONNACK.
    """

    def __init__(self, broker_port: int) -> None:
        self._port = broker_port
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self.up = self.down = 0
        self.called = self.answered = 0.0
        self.ended = asyncio.Event()

    async def open(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen; the port."""
        self.called = self.answered = 0.0
        self._server = await asyncio.start_server(self._client, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    def cut(self) -> None:
        """Listen no more, and let everybody go without a word."""
        if self._server is not None:
            self._server.close()
        for end in self._ends:
            end.transport.abort()
        self._ends.clear()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.called = time.perf_counter()
        from_broker, to_broker = await asyncio.open_connection("127.0.0.1", self._port)
        self._ends |= {writer, to_broker}
        with suppress(OSError):
            await asyncio.gather(self._pass(reader, to_broker, "up"), self._pass(from_broker, writer, "down"))
        self.ended.set()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: str) -> None:
        while data := await reader.read(READ_BYTES):
            if way == "down":
                self.answered = self.answered or time.perf_counter()
            setattr(self, way, getattr(self, way) + len(data))
            writer.write(data)
        writer.close()
