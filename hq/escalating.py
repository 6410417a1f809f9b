"""Does what is due for alarms that nobody has taken: rings, calls all desks, tells the outside, until a person does."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from math import inf
from typing import Any

from hq import escalation, noting, outside
from hq.audit import Fact
from hq.config import Escalation
from hq.escalation import AT_DESKS, Rules, Step, begin_of
from hq.incidents import Incident, Key, NotPossible, named
from hq.moment import Moment, waited_ms
from hq.notice import notice
from hq.outside import NotTold, Program
from hq.receiver import Receiver

log = logging.getLogger(__name__)

AT_ONCE = 4
"""Programs that tell the outside in one way at the same time; of more the next ones wait."""

Begun = tuple[Key, Moment, Step]


class Escalating:
    """Every step of every waiting alarm is a task of its own; none of them holds up another, or the receiver."""

    def __init__(
        self,
        receiver: Receiver,
        config: Escalation,
        emit: Callable[[str, dict[str, Any]], None],
        note: Callable[[Fact], None],
    ) -> None:
        self._receiver = receiver
        self._config = config
        self._emit = emit
        self._note = note
        self._programs: Mapping[Step, Program] = outside.programs(config)
        outside_ways = tuple(self._programs)
        self._rules = Rules(config.ring_again_every_s, config.all_desks_after_s, config.outside_after_s, outside_ways)
        self._at_once = {step: asyncio.Semaphore(AT_ONCE) for step in self._programs}
        self._waiting: dict[Key, Incident] = {}
        self._begun: dict[Begun, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self.changed(receiver.incidents.values())

    def changed(self, incidents: Iterable[Incident]) -> None:
        """These incidents are new, or not as they were."""
        for incident in incidents:
            if incident.is_untaken:
                self._waiting[incident.key] = incident
            else:
                self._waiting.pop(incident.key, None)
        self._changed.set()

    async def run(self) -> None:
        """Begin what is due, for ever."""
        try:
            while True:
                self._changed.clear()
                soonest_s = self._begin_due(self._receiver.moment())
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(None if soonest_s == inf else soonest_s):
                        await self._changed.wait()
        finally:
            for task in self._begun.values():
                task.cancel()
            await asyncio.gather(*self._begun.values(), return_exceptions=True)

    def _begin_due(self, now: Moment) -> float:
        """Begin each step that is due and has not begun; in how many seconds the next one is."""
        self._begun = {one: task for one, task in self._begun.items() if not task.done() or self._waits(*one[:2])}
        for incident in self._waiting.values():
            for step in escalation.due(incident, now, self._rules):
                begun = (incident.key, begin_of(incident), step)
                if begun not in self._begun and (step in AT_DESKS or step not in incident.escalated):
                    self._begun[begun] = asyncio.create_task(self._do(*begun))
        return min((escalation.next_s(one, now, self._rules) for one in self._waiting.values()), default=inf)

    def _waits(self, key: Key, begin: Moment) -> Incident | None:
        """The incident, if it still waits for a person, and since then."""
        incident = self._waiting.get(key)
        return incident if incident is not None and begin_of(incident) == begin else None

    async def _do(self, key: Key, begin: Moment, step: Step) -> None:
        try:
            if step is Step.RING:
                await self._ring(key, begin)
            elif step is Step.ALL_DESKS:
                await asyncio.gather(self._call_desks(key, begin), self._record(key, begin, step))
            elif await self._told_outside(key, begin, step):
                await self._record(key, begin, step)
        except Exception:
            log.exception("escalation: %s could not be done; report this as a defect", step)
            self._failed(key, step, "a defect; see headquarters' log", inf, is_news=True)

    async def _ring(self, key: Key, begin: Moment) -> None:
        while incident := self._waits(key, begin):
            self._tell(incident, "alarm-waits", {})
            await asyncio.sleep(self._config.ring_again_every_s)

    async def _call_desks(self, key: Key, begin: Moment) -> None:
        while incident := self._waits(key, begin):
            self._tell(incident, "alarm-escalated", {"level": "all desks"})
            await asyncio.sleep(self._config.call_again_every_s)

    async def _told_outside(self, key: Key, begin: Moment, step: Step) -> bool:
        """Whether the outside was told before a person took the alarm; tried again until one of the two is so."""
        problem, pause_s = "", self._config.retry_after_s
        while self._waits(key, begin):
            try:
                async with self._at_once[step]:
                    if incident := self._waits(key, begin):
                        told = notice(incident, step, self._waited_s(incident))
                        await outside.tell(self._programs[step], told, self._config.within_s)
                        self._tell(incident, "alarm-escalated", {"level": str(step)})
                        return True
            except NotTold as error:
                self._failed(key, step, str(error), pause_s, is_news=str(error) != problem)
                problem = str(error)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, self._config.longest_retry_s)
        return False

    def _failed(self, key: Key, step: Step, problem: str, again_in_s: float, *, is_news: bool) -> None:
        """The desks hear of every failure, the log of each new one."""
        incident = self._waiting.get(key)
        if incident is None:
            return
        log.warning("escalation: %s: %s; again in %g s", step, problem, again_in_s)
        self._tell(incident, "escalation-failed", {"level": str(step), "problem": problem, "again_in_s": again_in_s})
        if is_news:
            self._note(noting.not_escalated(incident, step, problem, self._receiver.moment().wall_ms))

    async def _record(self, key: Key, begin: Moment, step: Step) -> None:
        """That it was done; until it is on disk, it is not done again in this life of the process."""
        with contextlib.suppress(NotPossible):
            await self._receiver.act(key, partial(escalation.done, begin=begin, step=step), told_to_car=False)

    def _waited_s(self, incident: Incident) -> int:
        waited = waited_ms(begin_of(incident), self._receiver.moment()) / 1000
        return -1 if waited == inf else int(waited)

    def _tell(self, incident: Incident, event: str, fields: dict[str, Any]) -> None:
        self._emit(event, named(incident) | {"waited_s": self._waited_s(incident)} | fields)
