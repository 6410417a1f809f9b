"""One client of the local socket, as core sees it: what it was sent, what it may do, how much nonsense it said."""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import cast

import msgspec
from msgspec.structs import replace

from terminal.asked import Command, Refusal, Refused
from terminal.link import (
    BEAT_S,
    MOST_COMMAND_BYTES,
    NO_CHANGES,
    Role,
    ServerLine,
    Snapshot,
    changes,
    command_named,
    decode_command,
    encode_line,
)

log = logging.getLogger(__name__)

MOST_NONSENSE = 10
"""Lines without sense after which a client is let go."""

MOST_COMMANDS_S = 20
"""Commands that are taken from one client in a second: more than a finger can tap, too few to hold core up."""

LONGEST_REASON = 200

TakeCommand = Callable[[Command, Role], str | None]
"""Takes a command in the loop; returns why not, or None."""

Welcome = Callable[["Client", socket.socket], Role | None]


class Client(asyncio.Protocol):
    """Is written to only while it has read everything before: one line waits for it at most."""

    uid = -1

    def __init__(self, welcome: Welcome, gone: Callable[["Client"], None], command: TakeCommand) -> None:
        self._welcome = welcome
        self._gone = gone
        self._command = command
        self._role = Role.OBSERVER
        self._transport: asyncio.Transport
        self._rest = b""
        self._nonsense = 0
        self._writable = True
        self._seen: Snapshot | None = None
        self._newest: Snapshot | None = None
        self._sent_s = 0.0
        self._allowance = Allowance(asyncio.get_running_loop().time)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Learn who it is."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=0)
        role = self._welcome(self, transport.get_extra_info("socket"))
        if role is None:
            self._refuse("", "this user has too many clients here")
            self._transport.close()
        else:
            self._role = role

    def connection_lost(self, exc: Exception | None) -> None:
        """It went."""
        self._gone(self)

    def pause_writing(self) -> None:
        """It does not read what it was sent: nothing more until it has."""
        self._writable = False

    def resume_writing(self) -> None:
        """It has read everything: it gets what is newest."""
        self._writable = True
        if self._newest is not None:
            self.show(self._newest)

    def show(self, snapshot: Snapshot) -> None:
        """Send the whole at first, then what differs from what was sent, or a beat when it is time for one.

        Silent alarms are for nobody but the crew.
        """
        if self._role is not Role.CREW and any(alarm.silent for alarm in snapshot.alarms):
            snapshot = replace(snapshot, alarms=tuple(alarm for alarm in snapshot.alarms if not alarm.silent))
        self._newest = snapshot
        if not self._writable or self._transport.is_closing():
            return
        if self._seen is None:
            self._send(replace(snapshot, role=self._role))
        else:
            news = changes(self._seen, snapshot)
            if news is not NO_CHANGES or asyncio.get_running_loop().time() - self._sent_s >= BEAT_S:
                self._send(news)
        self._seen = snapshot

    def data_received(self, data: bytes) -> None:
        """Take every command that is complete."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if self._transport.is_closing():
                return
            self._take(line)
        if len(self._rest) > MOST_COMMAND_BYTES:
            self._refuse("", f"a line has at most {MOST_COMMAND_BYTES} bytes")
            self.drop()

    def drop(self) -> None:
        """Let it go at once, whatever it has not read."""
        self._rest = b""
        self._transport.abort()

    def _take(self, line: bytes) -> None:
        try:
            command = decode_command(line[: MOST_COMMAND_BYTES + 1])
        except msgspec.DecodeError as error:
            self._take_nonsense(line, f"no command: {error}")
            return
        name = str(type(command).__struct_config__.tag)
        reason = self._result(command) if self._allowance.take() else Refusal.TOO_MANY
        if reason is not None:
            self._refuse(name, reason)

    def _result(self, command: Command) -> str | None:
        try:
            return self._command(command, self._role)
        except Exception:
            # A defect in taking a command must not end the process that has the emergency button.
            log.exception("link: a %s could not be taken; report this as a defect", type(command).__name__)
            return Refusal.DEFECT

    def _take_nonsense(self, line: bytes, reason: str) -> None:
        self._nonsense += 1
        self._refuse(command_named(line), reason[:LONGEST_REASON])
        if self._nonsense >= MOST_NONSENSE:
            log.warning("link: a client of user %d sent %d lines without sense; dropped", self.uid, self._nonsense)
            self.drop()

    def _refuse(self, command: str, reason: str) -> None:
        """Say why not, unless it does not read what it is told."""
        if self._writable:
            self._send(Refused(command=command, reason=reason))

    def _send(self, told: ServerLine) -> None:
        self._sent_s = asyncio.get_running_loop().time()
        self._transport.write(encode_line(told))


class Allowance:
    """Lets MOST_COMMANDS_S events pass in any second of its clock."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._second_s = now_s()
        self._taken = 0

    def take(self) -> bool:
        """Whether one more may pass now."""
        if self._now_s() - self._second_s >= 1:
            self._second_s, self._taken = self._now_s(), 0
        self._taken += 1
        return self._taken <= MOST_COMMANDS_S
