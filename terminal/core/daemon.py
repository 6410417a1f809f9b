"""patrola-core: one intake, one loop, pure steps; what a step wants done goes to the writer, the sender, the boards."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from hal.clock import Clock, TrustedTime
from hal.ports import ButtonBoard, Source
from hal.readings import Fix
from hal.supervision import Supervisor
from terminal.asked import Command, Refusal
from terminal.config import Config
from terminal.contract import dead_zones
from terminal.contract.boot import boot_id
from terminal.contract.identity import new_id, new_incident
from terminal.contract.mqtt import Connect, Connection
from terminal.contract.topics import Lane
from terminal.core import commands, crew, inputs, left, state, work
from terminal.core.channels import TICK_S, TIME_KEPT_EVERY_S
from terminal.core.doing import Doing
from terminal.core.duty import Duty
from terminal.core.effects import Effect, Note
from terminal.core.inputs import Input
from terminal.core.intake import Intake
from terminal.core.journal import Journal
from terminal.core.lasting import Begin, apart, lasting
from terminal.core.left import Left
from terminal.core.line import hq_answers
from terminal.core.link_server import LinkServer
from terminal.core.moment import Moment
from terminal.core.state import Rules, State
from terminal.core.step import step
from terminal.core.storing import TIME, Storing
from terminal.core.trying import Trying
from terminal.link import Role
from terminal.shown import UnitView
from terminal.uplink.bearer import Beside
from terminal.uplink.carrier import Carrier
from terminal.uplink.inbox import Inbox
from terminal.uplink.outbox import Limits, Row
from terminal.uplink.sender import Sender
from terminal.uplink.session import Session
from terminal.uplink.vouching import Vouching
from terminal.uplink.writer import OutboxFailed, Writer
from terminal.version import BUILD, VERSION

log = logging.getLogger(__name__)

OPEN_AGAIN_S = 2.0
"""How soon an outbox that could not be read is tried again."""
RESTORE_WITHIN_S = 3.0
"""How long the start waits for what the last run left; then core serves without it, and takes it up when it comes."""


def _nothing() -> None:
    """For whoever does not ask."""


class Core:
    """The process in the car; `run` ends when it is cancelled."""

    def __init__(
        self,
        config: Config,
        sources: Sequence[Source],
        clock: Clock,
        *,
        bearers: Sequence[Beside] = (),
        echo: bool = False,
        connect: Connect = Connection,
        writer: Callable[[Path, Limits], Writer] = Writer,
    ) -> None:
        unit = config.unit
        self._config = config
        self._clock = clock
        self._sources = sources
        self._boards = {source.name: source for source in sources if isinstance(source, ButtonBoard)}
        self._who = state.who(self.unit_view(config), unit.crew)
        self._boot = boot_id()
        self._time = TrustedTime(config.time.believe_after or BUILD)
        self._time_kept_ns: int | None = None
        self._noted: list[Note] = []
        self._rules = self._rules_of(config, bearers, frozenset(self._boards))
        self._state = State(duty=Duty(config.profile.initial), work=work.begin(unit.crew))
        self._intake = Intake()
        self._journal = Journal(config.storage.folder / "journal", config.journal, unit.unit, echo=echo)
        self._writer = writer(config.storage.folder / "outbox.db", config.storage.limits())
        self._sender = Sender(
            unit.realm,
            unit.unit,
            config.sending,
            self._pending,
            self._intake.put,
            clock,
            config.supervision.acknowledge_within_s,
        )
        self._account_wanted = asyncio.Event()
        self._storing = Storing(self._writer, self._sender, self._who, self._intake.put, self._account_wanted.set)
        self._trying = Trying(config.workshop.pin, self._writer, sources, self._intake.put)
        self._looked = asyncio.Event()
        self.disk_hangs = False
        """After the end: whether a thread of ours is still held by the disk."""
        self._inbox = Inbox(self._writer, self._sender, self._intake.put)
        self._vouching = Vouching(
            unit.realm, unit.unit, config.trust, self._writer, self._inbox.came_down, self._intake.put
        )
        self._session = self._session_by(connect)
        self._carriers = {
            one.bearer.name: Carrier(one, unit.realm, unit.unit, self._vouching, self._intake.put) for one in bearers
        }
        note = self._noted.append
        self._doing = Doing(self._storing, self._sender, self._carriers, self._boards, self._trying, note)
        self._link = LinkServer(config.link.socket, config.link.role_of, self._command)

    def _session_by(self, connect: Connect) -> Session:
        config = self._config
        return Session(
            config.unit.realm,
            self._who,
            config.brokers,
            config.holding,
            self._sender,
            self._vouching,
            self._intake.put,
            self._clock,
            config.supervision,
            self._earliest,
            connect=connect,
        )

    @classmethod
    def _rules_of(cls, config: Config, bearers: Sequence[Beside], boards: frozenset[str]) -> Rules:
        return Rules(
            cls.unit_view(config),
            config.profile,
            config.reporting,
            config.alarms,
            config.check_in,
            {one.bearer.name: one.rules for one in bearers},
            config.supervision,
            config.workshop,
            boards,
        )

    @staticmethod
    def unit_view(config: Config) -> UnitView:
        """Who this terminal is, for the screen."""
        unit = config.unit
        return UnitView(unit=unit.unit, call_sign=unit.call_sign, vehicle=unit.vehicle, realm=unit.realm)

    async def run(self, *, ready: Callable[[], None] = _nothing, turned: Callable[[], None] = _nothing) -> None:
        """Serve until cancelled; nothing waits for the disk, which may come later.

        `ready` is called once, and `turned` after each turn of the loop, of which there is one a second at least.
        """
        self._writer.start()
        await self._link.start()
        tasks = [asyncio.create_task(lasting(*one, self._failed), name=one[0]) for one in self._works()]
        try:
            await self._first_look()
            ready()
            await self._loop(turned)
        finally:
            await self._end(tasks)

    def _works(self) -> list[tuple[str, Begin]]:
        works: list[tuple[str, Begin]] = [
            ("tick", self._tick),
            ("flush", self._flush),
            ("sender", self._sender.run),
            ("session", self._session.run),
            ("inbox", self._inbox.run),
            ("vouching", self._vouching.run),
            ("account", self._open_accounts),
            ("restore", self._restore),
        ]
        sensing = ((one.name, Supervisor(one, self._intake.put, self._clock).run) for one in self._sources)
        carrying = ((name, carrier.run) for name, carrier in self._carriers.items())
        return [*works, *sensing, *carrying]

    def _failed(self, work: str, problem: str) -> None:
        self._note("work-failed", {"work": work, "problem": problem})

    async def _end(self, tasks: Sequence["asyncio.Task[None]"]) -> None:
        for told in self._intake.left():
            self._take(told)
        self._write_down()
        self._note("terminal-stopped", {})
        await self._trying.close()
        await self._storing.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._link.close()
        self.disk_hangs = not self._writer.close()
        self.disk_hangs = not self._journal.close() or self.disk_hangs

    async def _first_look(self) -> None:
        """Give the disk the time that a sound one needs, so that a press is not taken for a new one."""
        self._note("terminal-started", {"version": VERSION})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RESTORE_WITHIN_S):
                await self._looked.wait()

    async def _restore(self) -> None:
        """Take up the emergency and the duty status where the last run left them, as soon as the disk gives them."""
        while True:
            try:
                found = await self._writer.submit(left.load, urgent=True)
            except OutboxFailed as error:
                self._take(inputs.StoreFailed((), str(error)))
                self._looked.set()
                await asyncio.sleep(OPEN_AGAIN_S)
            else:
                self._take_up(found)
                self._looked.set()
                return

    def _take_up(self, found: Left) -> None:
        before = None if found.emergency is None else left.decoded_emergency(found.emergency)
        done = None if found.work is None else left.decoded_work(found.work)
        self._remember(found.time)
        known = dead_zones.decode(found.zones)
        duty = None if found.duty is None else found.duty.decode()
        self._take(inputs.Restored(before, duty, done, known, left.decoded_alarms(found.owed)))
        # The last run may have ended after a receipt was on disk, and before the state that knew of it.
        self._take(inputs.Received(found.receipted, epoch=found.epoch, recalled=True))

    async def _open_accounts(self) -> None:
        """Tell the sender which account it sends from: at first, and whenever the outbox has become another one."""
        while True:
            await self._account_wanted.wait()
            self._account_wanted.clear()
            try:
                await self._inbox.open_account()
            except Exception as error:
                self._account_wanted.set()
                if not isinstance(error, OutboxFailed):
                    raise
                await asyncio.sleep(OPEN_AGAIN_S)

    async def _loop(self, turned: Callable[[], None]) -> None:
        self._show()
        while True:
            for told in await self._intake.take():
                self._take(told)
            stored = self._stored_by_now()
            self._show()
            if stored:
                # Who is shown it may be waiting for this processor.
                os.sched_yield()
            self._doing.do(stored, self._state)
            with apart("the line could not be told how the car is"):
                self._sender.hq_heard = hq_answers(self._state.line, self._clock.mono_ns(), self._config.supervision)
                self._session.say(state.presence_facts(self._state, self._clock.mono_ns()))
            self._write_down()
            turned()

    def _stored_by_now(self) -> list[Effect]:
        """What is to be done about alarms that the disk took within a moment: they are shown first, once, as stored."""
        with apart("what the disk took could not be told"):
            return [effect for told in self._storing.soon() for effect in self._stepped(told)]
        return []

    def _take(self, told: Input) -> None:
        wanted = self._stepped(told)
        self._doing.do(wanted, self._state)

    def _stepped(self, told: Input) -> list[Effect]:
        moment = self._moment()
        # One input that breaks a step must not take the emergency button with it.
        with apart(f"a {type(told).__name__} could not be taken"):
            if isinstance(told, Fix) and told.utc is not None and self._time.believe(told.mono_ns, told.utc):
                self._keep_time(told.utc, moment.mono_ns)
            self._state, wanted = step(self._state, told, moment, self._rules)
            self._told_by()
            return wanted
        return []

    def _keep_time(self, utc: datetime, now_ns: int) -> None:
        """So that the next run knows how late it is at least."""
        if self._time_kept_ns is None or now_ns - self._time_kept_ns > TIME_KEPT_EVERY_S * 1e9:
            self._time_kept_ns = now_ns
            self._storing.keep(TIME, utc.isoformat().encode())

    def _remember(self, kept: bytes | None) -> None:
        with contextlib.suppress(ValueError):
            if kept is not None:
                self._time.remember(datetime.fromisoformat(kept.decode()))

    def _told_by(self) -> None:
        """Who messages come from, from now on: the crew as it is."""
        aboard = crew.badges(self._state.work.crew)
        if aboard != self._who.crew:
            self._who = self._storing.who = self._session.who = msgspec.structs.replace(self._who, crew=aboard)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._intake.put(inputs.Tick())

    async def _flush(self) -> None:
        """What the disk has refused, again and again."""
        while True:
            await asyncio.sleep(TICK_S)
            self._storing.flush_if_due()
            if self._storing.state_owed and self._state.restored:
                self._storing.alarms([], self._state.emergency)

    def _earliest(self) -> datetime:
        """What certificates are held against; asked from the thread that connects."""
        return self._time.earliest(self._clock.mono_ns(), self._clock.wall())

    async def _pending(self, lane: Lane, after: int, limit: int) -> tuple[str, list[Row]]:
        return await self._writer.submit(lambda outbox: (outbox.id, outbox.pending(lane, after=after, limit=limit)))

    def _command(self, command: Command, role: Role) -> str | None:
        if role is not Role.CREW:
            return Refusal.NOT_CREW
        reason = commands.refusal(self._state, command, self._rules, self._clock.mono_ns())
        if reason is not None:
            return reason
        self._intake.put(inputs.Commanded(command))
        return None

    def _moment(self) -> Moment:
        mono_ns = self._clock.mono_ns()
        utc = self._time.utc(mono_ns)
        utc_ms = None if utc is None else round(utc.timestamp() * 1000)
        return Moment(mono_ns, utc_ms, self._boot, self._who, new_id, new_incident)

    def _show(self) -> None:
        # What cannot be shown must not take the emergency button with it; the screen misses its beat and says so.
        with apart("the state could not be shown"):
            self._link.publish(state.snapshot(self._state, self._rules, self._clock.mono_ns()))

    def _write_down(self) -> None:
        """What is to be in the journal, once it has been done and shown."""
        noted = tuple(self._noted)
        self._noted.clear()
        for note in noted:
            self._note(note.event, note.fields)

    def _note(self, event: str, fields: dict[str, object]) -> None:
        self._journal.write(event, fields, self._time.utc(self._clock.mono_ns()) or datetime.now(UTC))
