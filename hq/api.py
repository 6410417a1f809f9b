"""Headquarters' local API: one JSON object a line on a Unix socket, a question and an answer, or a stream of events.

Questions: {"do": "units" | "incidents" | "gaps" | "ack" | "clear" | "watch" | "new-epoch", ...}; answers:
{"ok": true, ...} or {"ok": false, "error": ...}. After "watch" every event is a line of its own. To whom an alarm was
written is noted in the audit log: "by" whom the watcher said, or else as which user of this machine. "clear" may say
of how many "signals" it knows, or else it knows those that whoever took the alarm did; more of them, and it is refused.
"""

import asyncio
import contextlib
import pwd
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from hal.errors import PatrolaError
from hq import people
from hq.desk import Desk, public
from hq.dispatch import Dispatch
from hq.incidents import Key, NotPossible
from hq.people import NoName
from terminal.contract.unix_socket import listen, peer_uid

MOST_WAITING = 1000
"""Events that a slow watcher may have waiting; one that falls further behind is let go, and comes again."""
LONGEST_LINE = 65536

SHOWN = ("alarm-raised", "alarm-signalled", "alarm-not-stored", "alarm-escalated")
"""Events that show an alarm to whoever watches."""
RINGING = (*SHOWN, "alarm-waits")
"""Events with which a desk makes its sound: these, and that an alarm still waits for a person."""

Answer = dict[str, Any]
Shown = Callable[[Key, str, str], None]


class Told(NamedTuple):
    """One event on its way to a watcher: its line, its name, and the alarm that it shows."""

    line: bytes
    event: str
    alarm: Key | None


class Api:
    """The socket and its clients; who may connect is decided by the socket's group."""

    def __init__(
        self, path: Path, desk: Desk, dispatch: Dispatch, shown: Shown, new_epoch: Callable[[], Awaitable[str]]
    ) -> None:
        self._path = path
        self._desk = desk
        self._dispatch = dispatch
        self._shown = shown
        self._new_epoch = new_epoch
        self._server: asyncio.Server | None = None
        self._watchers: set[asyncio.Queue[Told]] = set()
        self._clients: set[asyncio.Task[None]] = set()

    @property
    def watched(self) -> bool:
        """Whether a desk looks at what happens."""
        return bool(self._watchers)

    async def start(self) -> None:
        """Listen; raises SocketTaken if another headquarters does."""
        listening = listen(self._path, stop="systemctl stop patrola-hq", setting="socket in hq.toml")
        self._server = await asyncio.start_unix_server(self._serve, sock=listening, limit=LONGEST_LINE)

    async def close(self) -> None:
        """Stop listening and let every client go."""
        if self._server is not None:
            self._server.close()
        for task in list(self._clients):
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    def tell(self, event: dict[str, Any]) -> None:
        """Give an event to everyone who watches."""
        name = str(event["event"])
        alarm = (event["realm"], event["unit"], event["incident"]) if name in SHOWN else None
        told = Told(_line(event), name, alarm)
        for waiting in list(self._watchers):
            try:
                waiting.put_nowait(told)
            except asyncio.QueueFull:
                self._watchers.discard(waiting)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            with contextlib.suppress(OSError, ValueError, asyncio.CancelledError):
                await self._converse(reader, writer)
        finally:
            self._clients.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            question = _question(line)
            if question.get("do") == "watch":
                await self._watch(reader, writer, question)
                return
            answer = await self._answer(question)
            writer.write(_line(answer))
            await writer.drain()
            for one in answer.get("incidents", ()):
                if one["open"]:
                    key = (one["realm"], one["unit"], one["incident"])
                    self._shown(key, _local_user(writer), "in the list of incidents")

    async def _watch(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, question: dict[str, Any]
    ) -> None:
        try:
            by = people.person(str(question["by"])) if question.get("by") else _local_user(writer)
        except NoName as error:
            writer.write(_line({"ok": False, "error": str(error)}))
            return
        waiting: asyncio.Queue[Told] = asyncio.Queue(MOST_WAITING)
        self._watchers.add(waiting)
        already = self._desk.incidents(only_open=True)
        writer.write(_line({"ok": True, "incidents": [self._desk.plain(one) for one in already]}))
        for incident in already:
            self._shown(incident.key, by, "open when the watch began")
        await self._follow(waiting, reader, writer, by)

    async def _follow(
        self, waiting: asyncio.Queue[Told], reader: asyncio.StreamReader, writer: asyncio.StreamWriter, by: str
    ) -> None:
        gone = asyncio.ensure_future(reader.read())
        try:
            while waiting in self._watchers and not gone.done():
                following = asyncio.ensure_future(waiting.get())
                await asyncio.wait([following, gone], return_when=asyncio.FIRST_COMPLETED)
                if following.done():
                    told = following.result()
                    writer.write(told.line)
                    await writer.drain()
                    if told.alarm is not None:
                        self._shown(told.alarm, by, told.event)
                following.cancel()
        finally:
            self._watchers.discard(waiting)
            gone.cancel()

    async def _answer(self, question: dict[str, Any]) -> Answer:
        try:
            return {"ok": True, **await self._done(question)}
        except (NotPossible, NoName, PatrolaError) as error:
            return {"ok": False, "error": str(error)}

    async def _done(self, question: dict[str, Any]) -> Answer:
        alarm, by = str(question.get("alarm", "")), str(question.get("by", ""))
        match question.get("do"):
            case "units":
                told = [public(one) | {"proved": self._desk.is_proved(one)} for one in self._desk.units()]
                return {"units": told, "deaf_since_ms": self._desk.deaf_since_ms}
            case "gaps":
                return {"gaps": [public(gap) for gap in await self._desk.gaps()]}
            case "ack":
                return {"incident": self._desk.plain(await self._desk.acknowledge(alarm, by))}
            case "clear":
                seen = question.get("signals")
                known = seen if isinstance(seen, int) else None
                cleared = await self._desk.clear(alarm, by, str(question.get("reason", "")), known)
                return {"incident": self._desk.plain(cleared)}
            case "new-epoch":
                return {"epoch": await self._new_epoch()}
            case other:
                answer = await self._dispatch.done(question)
                if answer is not None:
                    return answer
                raise NotPossible(f"{other!r} is nothing that can be done here")


def _local_user(writer: asyncio.StreamWriter) -> str:
    """Who asks, as far as this machine knows."""
    uid = peer_uid(writer.get_extra_info("socket"))
    try:
        return f"user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"user {uid}"


def _question(line: bytes) -> dict[str, Any]:
    try:
        question: dict[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {"do": "what is no JSON object"}
    return question


def _line(message: dict[str, Any]) -> bytes:
    return msgspec.json.encode(message) + b"\n"
