"""A bearer from outside the tree, in the car: a satellite that is a Unix datagram socket at either end."""

import asyncio
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from hal.errors import SourceMissing
from hal.ports import Source
from terminal.uplink.bearer import BearerSettings


class Settings(BearerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the car's antenna is, and where the ground is."""

    takes_bytes: ClassVar[int] = 270
    antenna: Path
    ground: Path


def build(name: str, settings: Settings, _sources: Mapping[str, Source]) -> "Satellite":
    """The bearer, with its antenna in."""
    return Satellite(name, settings)


class Satellite:
    """What is sent is there at once, or nobody is."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._settings = settings
        self._antenna: socket.socket | None = None

    def _out(self) -> socket.socket:
        """Its antenna, out from the first call on."""
        if self._antenna is None:
            self._settings.antenna.unlink(missing_ok=True)
            self._antenna = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._antenna.setblocking(False)
            self._antenna.bind(str(self._settings.antenna))
        return self._antenna

    async def send(self, capsule: bytes) -> None:
        """Up and down again."""
        try:
            await asyncio.get_running_loop().sock_sendto(self._out(), capsule, str(self._settings.ground))
        except OSError as error:
            raise SourceMissing(self.name, f"nobody is on the ground: {error}") from error

    async def receive(self) -> bytes:
        """What the ground says."""
        return await asyncio.get_running_loop().sock_recv(self._out(), 512)
