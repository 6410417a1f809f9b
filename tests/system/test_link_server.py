"""The local socket: real clients, good and bad, none of which holds core up or learns what is not so."""

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from hal.errors import PatrolaError
from terminal import link
from terminal.asked import Command, RaiseAlarm, Refused, SetDuty
from terminal.contract.unix_socket import SocketTaken
from terminal.core import link_client, link_server
from terminal.core.link_server import LinkServer
from terminal.link import NO_CHANGES, Changes, Role, Snapshot
from terminal.shown import AlarmView, DutyView, LineView, SourceView, UnitView

DEADLINE_S = 20
SNAPSHOT = Snapshot(unit=UnitView("U1", "P-1", "Golf", "NS"), duty=DutyView(status="available"))
BULKY = replace(SNAPSHOT, sources=tuple(SourceView(f"s{n}", False, "x" * 200) for n in range(50)))


def waiting(count: int, of: Snapshot = SNAPSHOT) -> Snapshot:
    return replace(of, line=LineView(pending=count))


class Bench:
    """A server, the commands it was given, and as whom its clients count."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.role = Role.CREW
        self.taken: list[tuple[Command, Role]] = []
        self.answer: Callable[[Command], str | None] = lambda _: None
        self.server = LinkServer(path, lambda _: self.role, self.take)

    def take(self, command: Command, role: Role) -> str | None:
        self.taken.append((command, role))
        return self.answer(command)


class Visitor:
    """One client that reads lines as core means them."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.snapshot: Snapshot | None = None

    async def line(self) -> link.ServerLine | None:
        data = await self.reader.readline()
        return link.decode_server_line(data) if data else None

    async def look(self) -> Snapshot | Refused:
        told = await self.line()
        assert told is not None, "the server hung up"
        if isinstance(told, Changes):
            assert self.snapshot is not None
            told = link.merge(self.snapshot, told)
        if isinstance(told, Snapshot):
            self.snapshot = told
        return told

    async def see(self, wanted: Snapshot) -> None:
        while replace(self.snapshot or SNAPSHOT, role=Role.OBSERVER) != wanted:
            await self.look()

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    async def is_let_go(self) -> bool:
        try:
            while await self.reader.readline():
                pass
        except ConnectionError:
            pass
        return True


def run(promise: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(DEADLINE_S):
            await promise()
            while asyncio.all_tasks() != {asyncio.current_task()}:  # noqa: ASYNC110 - a task that is left behind tells nobody
                await asyncio.sleep(0)

    asyncio.run(limited())


@asynccontextmanager
async def bench(path: Path) -> AsyncIterator[Bench]:
    made = Bench(path)
    await made.server.start()
    try:
        yield made
    finally:
        await made.server.close()


@asynccontextmanager
async def visit(path: Path) -> AsyncIterator[Visitor]:
    reader, writer = await asyncio.open_unix_connection(str(path), limit=1 << 20)
    try:
        yield Visitor(reader, writer)
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "core.sock"


def test_a_client_gets_the_whole_first_and_then_only_what_changed(path: Path):
    async def promise() -> None:
        async with bench(path) as core, visit(path) as client:
            core.server.publish(SNAPSHOT)
            assert await client.look() == replace(SNAPSHOT, role=Role.CREW)
            core.server.publish(waiting(3))
            assert await client.line() == Changes(line=LineView(pending=3))

    run(promise)


def test_a_client_that_comes_later_gets_what_is_so_now(path: Path):
    async def promise() -> None:
        async with bench(path) as core:
            core.server.publish(waiting(1))
            core.server.publish(waiting(2))
            async with visit(path) as client:
                await client.see(waiting(2))

    run(promise)


def test_when_nothing_changes_publishing_still_says_that_core_turns(path: Path):
    async def promise() -> None:
        async with bench(path) as core, visit(path) as client:
            core.server.publish(SNAPSHOT)
            await client.look()
            beat = asyncio.create_task(client.line())
            while not beat.done():
                core.server.publish(SNAPSHOT)
                await asyncio.sleep(0.02)
            assert beat.result() == NO_CHANGES

    run(promise)


def test_a_server_whose_core_does_not_publish_is_silent(path: Path):
    async def promise() -> None:
        async with bench(path) as core, visit(path) as client:
            core.server.publish(SNAPSHOT)
            await client.look()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.line(), 2 * link.BEAT_S)

    run(promise)


@pytest.mark.promise("P-HARD-01")
def test_a_client_that_never_reads_costs_one_snapshot_and_the_others_nothing(path: Path):
    async def promise() -> None:
        async with bench(path) as core, visit(path) as idle, visit(path) as busy:
            core.server.publish(SNAPSHOT)
            await asyncio.gather(idle.look(), busy.look())
            idle.writer.transport.pause_reading()  # type: ignore[attr-defined]
            for count in range(2000):
                core.server.publish(waiting(count, BULKY if count % 2 else SNAPSHOT))
                if count % 100 == 0:
                    await busy.see(waiting(count))
            assert max(_waiting_bytes(core.server)) <= len(link.encode_line(BULKY))
            idle.writer.transport.resume_reading()  # type: ignore[attr-defined]
            core.server.publish(waiting(5000))
            await asyncio.gather(idle.see(waiting(5000)), busy.see(waiting(5000)))

    run(promise)


def _waiting_bytes(server: LinkServer) -> list[int]:
    return [client._transport.get_write_buffer_size() for client in server._clients]


@pytest.mark.promise("P-FLOW-07")
def test_a_command_comes_with_the_role_of_its_user(path: Path):
    async def promise() -> None:
        async with bench(path) as core:
            core.server.publish(SNAPSHOT)
            for role in Role:
                core.role = role
                async with visit(path) as client:
                    seen = await client.look()
                    assert isinstance(seen, Snapshot)
                    assert seen.role is role
                    client.say(link.encode_line(SetDuty(status=role)))
                    client.say(b"end\n")
                    assert isinstance(await client.look(), Refused)
            assert core.taken == [(SetDuty(status=role), role) for role in Role]

    run(promise)


@pytest.mark.promise("P-KIND-05")
def test_silent_alarms_are_for_the_crew_alone(path: Path):
    loud = AlarmView(incident="L", kind="real", trigger="button", silent=False, signals=1, pressed_mono_ns=7)
    both = replace(SNAPSHOT, alarms=(loud, replace(loud, incident="S", silent=True)))

    async def promise() -> None:
        async with bench(path) as core:
            core.server.publish(replace(SNAPSHOT, alarms=(loud,)))
            for role, shown in ((Role.CREW, 2), (Role.TECHNICIAN, 1), (Role.OBSERVER, 1)):
                core.role = role
                async with visit(path) as early:
                    await early.look()
                    core.server.publish(both)
                    core.server.publish(replace(both, line=LineView(pending=1)))
                    while early.snapshot is None or not early.snapshot.line.pending:
                        await early.look()
                    async with visit(path) as late:
                        await late.look()
                        for seen in (early.snapshot, late.snapshot):
                            assert seen is not None
                            assert len(seen.alarms) == shown
                core.server.publish(replace(SNAPSHOT, alarms=(loud,)))

    run(promise)


@pytest.mark.promise("P-FLOW-07")
def test_the_kernel_says_who_a_client_is(path: Path):
    async def promise() -> None:
        asked: list[int] = []

        def role_of(uid: int) -> Role:
            asked.append(uid)
            return Role.TECHNICIAN

        server = LinkServer(path, role_of, lambda *_: None)
        await server.start()
        server.publish(SNAPSHOT)
        try:
            async with visit(path) as client:
                seen = await client.look()
        finally:
            await server.close()
        assert isinstance(seen, Snapshot)
        assert (asked, seen.role) == ([os.getuid()], Role.TECHNICIAN)

    run(promise)


@pytest.mark.promise("P-FLOW-07")
def test_only_the_owner_and_the_group_may_connect(path: Path):
    async def promise() -> None:
        async with bench(path):
            assert _mode(path) == 0o660

    run(promise)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_refusal_says_what_was_refused_and_why(path: Path):
    async def promise() -> None:
        async with bench(path) as core, visit(path) as client:
            core.answer = lambda _: "only the crew may do this"
            client.say(link.encode_line(RaiseAlarm()))
            assert await client.look() == Refused(command="raise-alarm", reason="only the crew may do this")

    run(promise)


def test_a_misspelt_alarm_is_told_to_whoever_asked_by_its_name_and_a_real_one_needs_no_word(path: Path):
    async def promise() -> None:
        async with bench(path) as core, visit(path) as client:
            client.say(b'{"type":"raise-alarm","kind":"tset"}\n')
            refused = await client.look()
            assert isinstance(refused, Refused)
            assert (refused.command, "tset" in refused.reason, core.taken) == ("raise-alarm", True, [])
            client.say(b'{"type":"raise-alarm"}\nend\n')
            await client.look()
            assert core.taken == [(RaiseAlarm(), Role.CREW)]

    run(promise)


def test_a_defect_in_taking_a_command_is_refused_and_survived(path: Path, caplog: pytest.LogCaptureFixture):
    async def promise() -> None:
        async with bench(path) as core, visit(path) as client:

            def defect(_: Command) -> str:
                raise ZeroDivisionError

            core.answer = defect
            client.say(link.encode_line(SetDuty(status="busy")))
            refused = await client.look()
            assert isinstance(refused, Refused)
            assert refused.command == "set-duty"
            core.server.publish(SNAPSHOT)
            await client.see(SNAPSHOT)

    run(promise)
    assert "report this as a defect" in caplog.text


NONSENSE = [
    b"SOS\n",
    b"\n",
    b"\xff\xfe\n",
    b'{"type":"set-duty","status":"\xff"}\n',
    b'{"type":"raise-alarm","tset":true}\n',
]


@pytest.mark.parametrize("line", NONSENSE)
def test_nonsense_is_refused_and_who_goes_on_with_it_is_let_go(path: Path, line: bytes):
    async def promise() -> None:
        async with bench(path) as core, visit(path) as client:
            client.say(line)
            refused = await client.look()
            assert isinstance(refused, Refused)
            assert refused.reason
            client.say(line * link_client.MOST_NONSENSE)
            assert await client.is_let_go()
            assert core.taken == []

    run(promise)


def test_a_line_without_end_is_not_kept(path: Path):
    async def promise() -> None:
        async with bench(path) as core, visit(path) as client:
            client.say(b"x" * 1_000_000)
            assert await client.is_let_go()
            assert core.taken == []

    run(promise)


def test_commands_cut_up_anyhow_are_each_taken_once(path: Path):
    async def promise() -> None:
        async with bench(path) as core, visit(path) as client:
            for byte in link.encode_line(SetDuty(status="busy")) * 3:
                client.say(bytes([byte]))
                await asyncio.sleep(0)
            client.say(b"end\n")
            await client.look()
            assert [command for command, _ in core.taken] == [SetDuty(status="busy")] * 3

    run(promise)


@pytest.mark.promise("P-HARD-01")
def test_a_flood_of_commands_is_throttled(path: Path):
    async def promise() -> None:
        async with bench(path) as core, visit(path) as client:
            client.say(link.encode_line(SetDuty(status="busy")) * (link_client.MOST_COMMANDS_S + 1))
            assert await client.look() == Refused(command="set-duty", reason="too many commands at once")
            assert len(core.taken) == link_client.MOST_COMMANDS_S

    run(promise)


@pytest.mark.promise("P-HARD-01")
def test_many_clients_come_and_go_and_one_user_has_an_end(path: Path):
    async def promise() -> None:
        async with bench(path) as core:
            core.server.publish(SNAPSHOT)
            for _ in range(3):
                await _crowd(core)
            async with visit(path) as client:
                core.server.publish(waiting(7))
                await client.see(waiting(7))

    run(promise)


async def _crowd(core: Bench) -> None:
    crowd = [
        Visitor(*await asyncio.open_unix_connection(str(core.path))) for _ in range(link_server.MOST_CLIENTS_OF_A_USER)
    ]
    await asyncio.gather(*(one.look() for one in crowd))
    async with visit(core.path) as one_more:
        refused = await one_more.look()
        assert isinstance(refused, Refused)
        assert "too many" in refused.reason
        assert await one_more.is_let_go()
    for one in crowd:
        one.writer.close()
        await one.writer.wait_closed()


def test_a_socket_that_a_killed_core_left_is_replaced(path: Path):
    holder = _bind_and_die(path)
    assert holder == -signal.SIGKILL
    assert path.is_socket()

    async def promise() -> None:
        async with bench(path) as core, visit(path) as client:
            core.server.publish(SNAPSHOT)
            await client.see(SNAPSHOT)
        assert list(path.parent.iterdir()) == []

    run(promise)


def _bind_and_die(path: Path) -> int:
    program = "import os, socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); os.kill(os.getpid(), 9)"
    return subprocess.run([sys.executable, "-c", program, str(path)], check=False).returncode


def test_another_core_that_lives_keeps_its_socket(path: Path):
    async def promise() -> None:
        async with bench(path) as core:
            with pytest.raises(SocketTaken, match="another process listens here"):
                await Bench(path).server.start()
            core.server.publish(SNAPSHOT)
            async with visit(path) as client:
                await client.see(SNAPSHOT)

    run(promise)


def test_a_core_too_busy_to_accept_is_alive_all_the_same(path: Path):
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as caller:
        busy.bind(str(path))
        busy.listen(0)
        caller.connect(str(path))
        with pytest.raises(SocketTaken, match="another process"):
            asyncio.run(Bench(path).server.start())


def test_a_file_that_is_no_socket_is_not_replaced(path: Path):
    path.write_text("a technician's notes")
    with pytest.raises(SocketTaken, match="is no socket"):
        asyncio.run(Bench(path).server.start())
    assert path.read_text() == "a technician's notes"


def test_a_path_that_cannot_be_is_an_error_with_its_remedy(tmp_path: Path):
    with pytest.raises(PatrolaError, match=r"unit\.toml"):
        asyncio.run(Bench(tmp_path / ("long" * 40) / "core.sock").server.start())


def test_a_core_that_ends_leaves_its_successors_socket_alone(path: Path):
    async def promise() -> None:
        first = Bench(path)
        await first.server.start()
        os.replace(path, path.with_name("moved"))  # noqa: PTH105 - as a short step in a coroutine
        async with bench(path) as second:
            second.server.publish(SNAPSHOT)
            await first.server.close()
            async with visit(path) as client:
                await client.see(SNAPSHOT)

    run(promise)
