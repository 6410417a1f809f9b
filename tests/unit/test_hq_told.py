"""What a car is told of incidents that are over, whatever headquarters' clock says meanwhile."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from hq.archive import Archive
from hq.config import Alarms
from hq.desk import Desk
from hq.moment import Moment
from hq.receiver import Receiver
from hq.units import Key
from terminal.contract.identity import new_incident
from terminal.contract.messages import DesiredState
from tests.unit.hq_scene import NOW_MS, REALM, UNIT, raised, store_at, take

DAY_MS = 86_400_000


NOBODY = float("-inf")
"""As when a desk was last seen to act."""


class Scene:
    """A desk whose clock the test turns."""

    def __init__(self, folder: Path) -> None:
        self.now_ms = NOW_MS
        self.told: list[DesiredState] = []
        self.store = store_at(folder)
        self.receiver = Receiver(self.store, self._emit, lambda *_: None, clock=self._moment)
        self.archive = Archive(folder / "hq.db")
        send = lambda _realm, _unit, state: self.told.append(state)  # noqa: E731
        self.desk = Desk(self.receiver, self.archive, send, self._emit, Alarms())

    def close(self) -> None:
        self.archive.close()
        self.receiver.close()

    def _moment(self) -> Moment:
        return Moment("boot", 0, self.now_ms)

    def _emit(self, _event: str, _fields: dict[str, Any]) -> None:
        """Nobody watches."""

    def raised(self, **fields: Any) -> str:
        incident = new_incident()
        self.receiver.incidents.put(take(self.store, raised(incident, **fields)).incidents.values())
        return incident

    async def cleared(self) -> str:
        incident = self.raised()
        await self.desk.clear(incident, "Novak", "over")
        return incident

    async def told_now(self, unit: Key = (REALM, UNIT)) -> list[str]:
        await self.desk.tell_car(unit)
        return [one.incident for one in self.told[-1].alarms]


@pytest.mark.promise("P-HQ-02")
def test_an_end_is_told_until_the_car_has_confirmed_it_however_old_the_clock_makes_it(tmp_path: Path) -> None:
    async def story() -> None:
        scene = Scene(tmp_path)
        incident = await scene.cleared()
        scene.now_ms += 3 * DAY_MS
        assert await scene.told_now() == [incident]
        with scene.store.transaction():
            scene.store.confirm((REALM, UNIT), scene.told[-1].revision)
        assert await scene.told_now() == []
        scene.close()

    asyncio.run(story())


def test_of_many_ends_the_last_are_told_also_when_the_clock_went_back_before_them(tmp_path: Path) -> None:
    async def story() -> None:
        scene = Scene(tmp_path)
        for _ in range(25):
            await scene.cleared()
        scene.now_ms -= 20 * 365 * DAY_MS
        incident = await scene.cleared()
        assert incident in await scene.told_now()
        scene.close()

    asyncio.run(story())


def test_one_revision_is_one_answer_also_when_a_person_acts_while_it_is_told(tmp_path: Path) -> None:
    async def story() -> None:
        scene = Scene(tmp_path)
        incident = scene.raised()
        await scene.desk.acknowledge(incident, "Novak")
        clearing = scene.desk.clear(incident, "Novak", "over")
        await asyncio.gather(scene.told_now(), clearing, scene.told_now())
        answers = {one.revision: one.alarms for one in scene.told}
        assert all(one.alarms == answers[one.revision] for one in scene.told)
        assert [bool(answers[revision][0].cleared_by) for revision in sorted(answers)] == [False, True]
        scene.close()

    asyncio.run(story())


@pytest.mark.parametrize("silent", [True, False])
def test_who_deals_with_a_silent_alarm_makes_no_car_show_an_attended_desk(tmp_path: Path, silent: bool) -> None:
    async def story() -> None:
        scene = Scene(tmp_path)
        incident = scene.raised(silent=silent)
        await scene.desk.acknowledge(incident, "Novak")
        await scene.desk.clear(incident, "Novak", "over")
        assert (scene.desk.acted_s == NOBODY) is silent
        scene.close()

    asyncio.run(story())
