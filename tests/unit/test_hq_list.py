"""The list of incidents: what is open is in it, whatever was asked for, and the log says who was shown what."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from hq import taking
from hq.api import Api
from hq.archive import Archive
from hq.config import Alarms
from hq.desk import Desk
from hq.dispatch import INCIDENTS_LISTED, Dispatch
from hq.incidents import Incident, Key
from hq.receiver import Receiver
from hq.store import Store
from hq.units import Key as UnitKey
from terminal.contract.identity import new_incident
from tests.model.virtual_time import VirtualLoop
from tests.unit.hq_scene import NOW, NOW_MS, REALM, UNIT, raised, store_at

WITHIN_S = 30.0
OLD, OTHERS, OTHER_UNIT = new_incident(), new_incident(), "LJ-102"


class Hanging(Archive):
    """One that can be made to answer no more."""

    is_silent = False

    async def incidents(self, unit: UnitKey | None, most: int) -> list[Incident]:
        if self.is_silent:
            await asyncio.Event().wait()
        return await super().incidents(unit, most)


class Scene:
    """Headquarters' list, of a store in which a car's oldest incident is open; to whom it shows what is kept."""

    def __init__(self, folder: Path) -> None:
        store = store_at(folder)
        _fill(store)
        self.receiver = Receiver(store, lambda _event, _fields: None, lambda *_: None)
        self.archive = Hanging(folder / "hq.db")
        desk = Desk(self.receiver, self.archive, lambda *_: None, lambda _event, _fields: None, Alarms())
        self.dispatch = Dispatch(self.receiver, desk, self.archive)
        self.shown: list[Key] = []
        self.socket = folder / "api.sock"
        self.api = Api(self.socket, desk, self.dispatch, lambda key, _by, _how: self.shown.append(key), self._new_epoch)

    async def _new_epoch(self) -> str:
        return ""

    async def listed(self, **question: Any) -> list[str]:
        answer = await self.dispatch.done({"do": "incidents", **question})
        assert answer is not None
        return [one["incident"] for one in answer["incidents"]]


def _fill(store: Store) -> None:
    taking.take(store, [raised(OLD)], [], replace(NOW, wall_ms=1))
    taking.take(store, [raised(OTHERS, OTHER_UNIT)], [], NOW)
    known = store.incident((REALM, UNIT, OLD))
    assert known is not None
    with store.transaction():
        for number in range(INCIDENTS_LISTED + 1):
            store.put_incident(_ended(known, number))


def _ended(known: Incident, number: int) -> Incident:
    ended = {"incident": new_incident(), "raised_ms": NOW_MS + number, "told_revision": number}
    return replace(known, cleared_by="Novak", **ended)


def played(
    folder: Path,
    story: Callable[[Scene], Awaitable[None]],
    loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
) -> None:
    async def play() -> None:
        scene = Scene(folder)
        try:
            async with asyncio.timeout(WITHIN_S):
                await story(scene)
        finally:
            scene.archive.close()
            scene.receiver.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(play())


@pytest.mark.parametrize(("most", "ended"), [(1, 1), (None, INCIDENTS_LISTED), (1 << 70, INCIDENTS_LISTED)])
def test_what_is_open_is_listed_however_old_it_looks_and_what_ended_up_to_a_number(
    tmp_path: Path, most: int | None, ended: int
) -> None:
    async def story(scene: Scene) -> None:
        listed = await scene.listed(most=most)
        assert listed[:2] == [OLD, OTHERS]
        assert len(listed) == 2 + ended

    played(tmp_path, story)


def test_an_archive_that_does_not_answer_holds_up_no_list_of_what_is_at_hand(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        scene.archive.is_silent = True
        assert set(await scene.listed()) == {one.incident for one in scene.receiver.incidents.values()}

    played(tmp_path, story, VirtualLoop)


def test_the_log_says_of_whoever_lists_one_car_that_its_alarms_were_shown(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        await scene.api.start()
        try:
            reader, writer = await asyncio.open_unix_connection(scene.socket, limit=1 << 24)
            for unit in (f"{REALM}/{OTHER_UNIT}", "nobody"):
                writer.write(msgspec.json.encode({"do": "incidents", "unit": unit}) + b"\n")
                await reader.readline()
            writer.close()
            await writer.wait_closed()
        finally:
            await scene.api.close()
        assert scene.shown == [(REALM, OTHER_UNIT, OTHERS)]

    played(tmp_path, story)
