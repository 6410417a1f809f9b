"""Open CAN buses that can only be listened to: nothing here, and nothing these classes offer, writes a frame.

Source: Documentation/networking/can.rst of the Linux kernel.
"""

import asyncio
import logging
import os
import socket
import struct
from collections.abc import Callable
from typing import Protocol

import can
from can.typechecking import CanFilter

from drivers.can_errors import ERROR
from drivers.frames import EXTENDED

log = logging.getLogger(__name__)

FRAME_HEADER = struct.Struct("=IB3x")
"""can_id with its flags, and length, of `struct can_frame` and `struct canfd_frame`; the data follows."""
DROP_COUNTER = struct.Struct("=I")
LONGEST_FRAME = 72
"""CANFD_MTU: `struct canfd_frame`."""
ANCILLARY = socket.CMSG_SPACE(16) + socket.CMSG_SPACE(DROP_COUNTER.size)
"""Room for the time stamp that python-can asks for, and for our drop counter."""
SO_RCVBUFFORCE, SO_RXQ_OVFL = 33, 40
"""asm-generic/socket.h; Python's socket module has neither."""
MOST_FILTERS = 512
"""CAN_RAW_FILTER_MAX; the kernel refuses more."""
FRAMES_PER_TURN = 64
"""After so many frames the loop gets its turn."""
POLL_S = 0.01
"""How often a bus without a file descriptor is looked at."""

Frames = list[tuple[int, bytes]]
"""(id with SocketCAN's flags, data)."""
CountBad = Callable[[str, int], None]


class Listener(Protocol):
    """An open bus that can only be listened to."""

    async def frames(self) -> Frames:
        """Wait for frames and give some of those that have come; OSError or can.CanError when the bus has gone."""

    def close(self) -> None:
        """Let the bus go."""


def filters(keys: frozenset[int]) -> list[CanFilter]:
    """python-can's filters for these ids; empty, which lets all pass, where the kernel could not take so many."""
    if len(keys) > MOST_FILTERS:
        return []
    return [
        CanFilter(
            can_id=key & ~EXTENDED, can_mask=0x1FFFFFFF if key & EXTENDED else 0x7FF, extended=bool(key & EXTENDED)
        )
        for key in sorted(keys)
    ]


class KernelListener:
    """SocketCAN. python-can opens the socket and we read it: its own reader fails when the drop counter comes along."""

    def __init__(self, channel: str, keys: frozenset[int], buffer_bytes: int, count_bad: CountBad) -> None:
        with socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW) as probe:
            probe.bind((channel,))
        self._bus = can.Bus(
            interface="socketcan", channel=channel, can_filters=filters(keys) or None, fd=True, ignore_config=True
        )
        self._fd = self._bus.fileno()
        enlarge_buffer(self._fd, buffer_bytes, channel)
        self._socket = socket.socket(fileno=os.dup(self._fd))
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
        self._count_bad = count_bad
        self._dropped = 0

    async def frames(self) -> Frames:
        """At most one turn's worth."""
        found: Frames = []
        while not found:
            while len(found) < FRAMES_PER_TURN and self._take(found):
                pass
            if not found:
                await readable(self._socket.fileno())
        return found

    def _take(self, found: Frames) -> bool:
        try:
            frame, ancillary, _, _ = self._socket.recvmsg(LONGEST_FRAME, ANCILLARY)
        except BlockingIOError:
            return False
        for level, kind, value in ancillary:
            if level == socket.SOL_SOCKET and kind == SO_RXQ_OVFL:
                self._count_dropped(DROP_COUNTER.unpack_from(value)[0])
        key, length = FRAME_HEADER.unpack_from(frame)
        found.append((key, frame[FRAME_HEADER.size : FRAME_HEADER.size + length]))
        return True

    def _count_dropped(self, total: int) -> None:
        if total != self._dropped:
            self._count_bad(
                "frames dropped by the kernel, the receive buffer was full", (total - self._dropped) % 2**32
            )
            self._dropped = total

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
        self._bus.shutdown()


class LibraryListener:
    """python-can's buses without a kernel behind them: `udp_multicast` between processes, `virtual` inside one.

    Their filters are ours, since python-can's own would keep error frames away.
    """

    def __init__(
        self, interface: str, channel: str, keys: frozenset[int], buffer_bytes: int, count_bad: CountBad
    ) -> None:
        self._bus = can.Bus(interface=interface, channel=channel, ignore_config=True)
        self._keys = keys
        self._count_bad = count_bad
        try:
            self._fd = self._bus.fileno()
        except NotImplementedError:
            self._fd = -1
        else:
            enlarge_buffer(self._fd, buffer_bytes, channel)

    async def frames(self) -> Frames:
        """At most one turn's worth."""
        found: Frames = []
        while not found:
            await (asyncio.sleep(POLL_S) if self._fd < 0 else readable(self._fd))
            for _ in range(FRAMES_PER_TURN):
                if not self._take(found):
                    break
        return found

    def _take(self, found: Frames) -> bool:
        try:
            message = self._bus.recv(0)
        except can.CanOperationError as error:
            self._count_bad(f"a datagram that is no CAN frame ({error})", 1)
            return True
        if message is None:
            return False
        flags = (EXTENDED if message.is_extended_id else 0) | (ERROR if message.is_error_frame else 0)
        if message.is_error_frame or (message.arbitration_id | flags in self._keys and not message.is_remote_frame):
            found.append((message.arbitration_id | flags, bytes(message.data)))
        return True

    def close(self) -> None:
        """Leave the bus."""
        self._bus.shutdown()


async def readable(fd: int) -> None:
    """Return when there is something to read."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(fd, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(fd)


def enlarge_buffer(fd: int, wanted_bytes: int, channel: str) -> None:
    """Ask for room for a burst; say so when the kernel grants less, since it then drops frames in silence."""
    with socket.socket(fileno=os.dup(fd)) as shared:
        try:
            shared.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, wanted_bytes)
        except PermissionError:
            shared.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, wanted_bytes)
        granted_bytes = shared.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    if granted_bytes < wanted_bytes:
        log.warning(
            "%s: receive buffer of %d bytes instead of %d; sysctl net.core.rmem_max=%d makes room for bursts",
            channel,
            granted_bytes,
            wanted_bytes,
            wanted_bytes,
        )
