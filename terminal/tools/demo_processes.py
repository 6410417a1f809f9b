"""The demonstration's processes: each is started, heard line by line, and started again when it dies."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

AGAIN_AFTER_S = 0.5
ENDS_WITHIN_S = 10.0
LONGEST_LINE = 1 << 20


class Tell(Protocol):
    """Adds a line to the story."""

    def __call__(self, where: str, event: str, **fields: object) -> None: ...


class Process:
    """One program kept running while the `async with` lasts; `heard` gets each line that it prints.

    What it complains of goes to `log`; the last line of that is told when it ends.
    """

    def __init__(
        self,
        name: str,
        command: list[str],
        heard: Callable[[str], None] | None,
        tell: Tell,
        log: Path,
        *,
        feed: bool = False,
        quiet: bool = False,
    ) -> None:
        self._name = name
        self._command = command
        self._heard = heard
        self._tell = tell
        self._log = log
        self._feed = feed
        self._quiet = quiet
        self._process: asyncio.subprocess.Process | None = None
        self._keeping: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Process":
        self._keeping = asyncio.create_task(self._keep())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._keeping is not None
        self._keeping.cancel()
        await asyncio.gather(self._keeping, return_exceptions=True)

    def feed_line(self, line: str) -> None:
        """Write to its standard input; what comes while it is being started again is lost, as on a real board."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(line.encode() + b"\n")

    async def feed_from(self, path: Path) -> None:
        """Write each line that comes through a named pipe to its standard input."""
        with contextlib.suppress(FileExistsError):
            os.mkfifo(path)
        pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        lines = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(lines), os.fdopen(pipe, "rb", 0)
        )
        try:
            while line := await lines.readline():
                self.feed_line(line.decode(errors="replace").strip())
        finally:
            transport.close()

    async def _keep(self) -> None:
        while True:
            self._process = await self._start()
            if not self._quiet:
                self._tell("demo", "process-started", name=self._name, pid=self._process.pid)
            try:
                await self._listen(self._process)
                code = await self._process.wait()
            except asyncio.CancelledError:
                await self._stop(self._process)
                raise
            if not self._quiet:
                self._tell("demo", "process-ended", name=self._name, code=code, complaint=self._complaint())
            await asyncio.sleep(AGAIN_AFTER_S)

    async def _start(self) -> asyncio.subprocess.Process:
        pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        output = nothing if self._heard is None else pipe
        with self._log.open("ab") as log:
            options: dict[str, Any] = {"stdin": pipe if self._feed else nothing, "stderr": log, "limit": LONGEST_LINE}
            return await asyncio.create_subprocess_exec(*self._command, stdout=output, **options)

    def _complaint(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()
        return lines[-1] if lines else ""

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        while process.stdout is not None and (line := await process.stdout.readline()):
            assert self._heard is not None
            self._heard(line.decode(errors="replace"))

    async def _stop(self, process: asyncio.subprocess.Process) -> None:
        """End it; what it has still to say belongs to the story."""
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(ENDS_WITHIN_S):
                await self._listen(process)
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        await asyncio.sleep(0)


def free_port() -> int:
    """A TCP port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
