"""The same bearer at headquarters: the ground station."""

import asyncio
import contextlib
import socket
from pathlib import Path
from typing import ClassVar

from hal.errors import ConfigError, PatrolaError
from hq.gateway import Emit, GatewaySettings, Take
from terminal.contract.durable import DiskFailed
from terminal.contract.messages import Malformed


class Settings(GatewaySettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the ground is."""

    takes_bytes: ClassVar[int] = 270
    ground: Path


def build(name: str, settings: Settings, take: Take, _emit: Emit) -> "Ground":
    """The gateway, which is nowhere yet."""
    return Ground(name, settings.ground, take)


class Ground:
    """A car is answered at its antenna."""

    def __init__(self, name: str, path: Path, take: Take) -> None:
        self.name = name
        self._path = path
        self._take = take
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._line.setblocking(False)

    async def open(self) -> None:
        """Be there."""
        try:
            self._path.unlink(missing_ok=True)
            self._line.bind(str(self._path))
        except OSError as error:
            raise ConfigError(self.name, f"there is no such place: {error}") from error

    async def run(self) -> None:
        """What comes, as it comes."""
        while True:
            capsule, antenna = await asyncio.get_running_loop().sock_recvfrom(self._line, 512)
            with contextlib.suppress(Malformed, DiskFailed):
                await self._take(capsule, antenna)

    async def send(self, to: str, capsule: bytes) -> None:
        """Up and down again."""
        try:
            await asyncio.get_running_loop().sock_sendto(self._line, capsule, to)
        except OSError as error:
            raise PatrolaError(self.name, f"the car is not there: {error}") from error
