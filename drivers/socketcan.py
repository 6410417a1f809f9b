"""A live CAN bus, listened to and never written: SocketCAN, or python-can's `virtual` and `udp_multicast`.

The interface itself is set up outside (bit rate, listen-only, restart-ms); `docs/vehicles.md` says how.
"""

import asyncio
import errno
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, Literal

import can
import msgspec

from drivers import signals
from drivers.can_errors import ERROR, describe, is_bus_off
from drivers.can_listener import FRAMES_PER_TURN, Frames, KernelListener, LibraryListener, Listener
from drivers.frames import Decoder, FrameReader
from hal.clock import Clock
from hal.errors import SourceError, SourceLost, SourceMissing, SourceRefused, SourceStale
from hal.ports import Source
from hal.readings import AnyReading

REMOTE = 0x40000000
"""SocketCAN's flag of a remote request, which carries no data."""
GATHER_S = 0.01
"""So long frames gather in the kernel's buffer, unless more wait already: the loop turns once for many of them."""

BytesAtLeastOne = Annotated[int, msgspec.Meta(gt=0)]
SecondsAboveZero = Annotated[float, msgspec.Meta(gt=0)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One CAN interface and what its frames mean.

    `receive_buffer_bytes` holds frames while core is busy, some 800 bytes each: the kernel's default of 212992 holds
    278 and then drops in silence. `silent_after_s` without a mapped frame that can be decoded make the source stale.
    """

    interface: Literal["socketcan", "virtual", "udp_multicast"] = "socketcan"
    channel: str = "can0"
    vehicle: Path | None = None
    dbc: Path | None = None
    receive_buffer_bytes: BytesAtLeastOne = 8 * 1024 * 1024
    silent_after_s: SecondsAboveZero = 10.0


def build(name: str, settings: Settings, clock: Clock) -> Source:
    """A source that yields what the bus says until it is closed."""
    return CanBus(name, settings, clock, signals.load(settings.vehicle, settings.dbc))


class CanBus:
    """Decodes the mapped frames of one bus; a bus that vanishes, falls silent or goes bus-off raises."""

    def __init__(self, name: str, settings: Settings, clock: Clock, decoder: Decoder) -> None:
        self.name = name
        self._settings = settings
        self._clock = clock
        self._keys = decoder.keys
        self.signals = decoder.signals
        self.reader = FrameReader(name, decoder)

    async def readings(self) -> AsyncIterator[AnyReading]:
        """One reading per usable frame, as it comes; a bus has no clock of its own, so `t` is None."""
        with closing(self._open()) as listener:
            deadline = self._deadline()
            while True:
                frames, before = await self._next_frames(listener, deadline), self.reader.decoded
                for key, data in frames:
                    if key & ERROR:
                        self._bus_error(key, data)
                    elif not key & REMOTE:
                        reading = self.reader.reading(key, data, self._clock.mono_ns(), None)
                        if reading is not None:
                            yield reading
                if self.reader.decoded > before:
                    deadline = self._deadline()
                elif asyncio.get_running_loop().time() >= deadline:
                    raise self._stale()
                await asyncio.sleep(0 if len(frames) >= FRAMES_PER_TURN else GATHER_S)

    def _open(self) -> Listener:
        s = self._settings
        try:
            if s.interface == "socketcan":
                return KernelListener(s.channel, self._keys, s.receive_buffer_bytes, self.reader.count_bad)
            return LibraryListener(s.interface, s.channel, self._keys, s.receive_buffer_bytes, self.reader.count_bad)
        except (OSError, can.CanError) as error:
            raise self._as_ours(error) from error

    def _deadline(self) -> float:
        """Only a frame that could be decoded moves it on: a bus of error frames says nothing of the car."""
        return asyncio.get_running_loop().time() + self._settings.silent_after_s

    def _stale(self) -> SourceStale:
        return SourceStale(
            self.name,
            f"no mapped frame on {self._settings.channel} for {self._settings.silent_after_s:g} s",
            "normal while the car sleeps; else check wiring, bit rate and map",
        )

    async def _next_frames(self, listener: Listener, deadline: float) -> Frames:
        try:
            async with asyncio.timeout_at(deadline):
                return await listener.frames()
        except TimeoutError as error:
            raise self._stale() from error
        except (OSError, can.CanError) as error:
            raise self._as_ours(error) from error

    def _bus_error(self, key: int, data: bytes) -> None:
        self.reader.count_bad(describe(key, data))
        if is_bus_off(key):
            channel = self._settings.channel
            raise SourceLost(self.name, f"{channel} is bus-off", "check wiring and bit rate; set restart-ms on it")

    def _as_ours(self, error: OSError | can.CanError) -> SourceError:
        channel = self._settings.channel
        number = error.errno if isinstance(error, OSError) else error.error_code
        if isinstance(error, can.CanInterfaceNotImplementedError):
            return SourceMissing(self.name, f"{error}", 'pip install "python-can[multicast]"')
        if number == errno.ENETDOWN:
            return SourceLost(self.name, f"{channel} is down", f"ip link set {channel} up")
        if number in (errno.ENODEV, errno.ENXIO):
            return SourceMissing(
                self.name, f"there is no interface {channel}", "plug it in; ip -br link lists them all"
            )
        if number in (errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT):
            return SourceMissing(self.name, "this kernel has no CAN", "modprobe can-raw, or use udp_multicast")
        if number in (errno.EPERM, errno.EACCES):
            return SourceRefused(self.name, f"{channel} may not be opened", "allow AF_CAN to this user")
        return SourceLost(self.name, f"{channel}: {error}", "look at it with ip -details link")
