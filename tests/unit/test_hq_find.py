"""Whoever acts on an incident finds it, whenever it ended, and no disk stands before what is open."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hq.archive import Archive
from hq.at_hand import MOST_ENDED
from hq.config import Alarms
from hq.desk import Desk
from hq.incidents import Incident, NotPossible
from hq.receiver import Receiver
from hq.store import Store
from terminal.contract.durable import DiskFailed
from terminal.contract.identity import new_incident
from tests.model.virtual_time import VirtualLoop
from tests.unit.hq_scene import REALM, UNIT, raised, store_at, take

WITHIN_S = 30.0
OPEN, OLD = new_incident(), new_incident()


class Hanging(Archive):
    """One whose disk answers nothing."""

    async def named(self, beginning: str, most: int) -> list[Incident]:
        await asyncio.Event().wait()
        return await super().named(beginning, most)


class Scene:
    """A desk at a store in which one alarm is open, and one ended before so many others that it is on disk alone."""

    def __init__(self, folder: Path, archive: Archive) -> None:
        store = store_at(folder)
        _fill(store)
        self.events: list[str] = []
        self.receiver = Receiver(store, self._emit, lambda *_: None)
        self.desk = Desk(self.receiver, archive, lambda *_: None, self._emit, Alarms())
        assert {OLD, OPEN} & {one.incident for one in self.desk.incidents()} == {OPEN}

    def _emit(self, event: str, _fields: dict[str, Any]) -> None:
        self.events.append(event)

    async def old(self) -> Incident | None:
        return await self.receiver.on_disk(lambda store: store.incident((REALM, UNIT, OLD)))


def _fill(store: Store) -> None:
    take(store, raised(OPEN))
    take(store, raised(OLD))
    known = store.incident((REALM, UNIT, OLD))
    assert known is not None
    with store.transaction():
        for number in range(1 + MOST_ENDED):
            name = new_incident() if number else OLD
            ended = replace(known, incident=name, cleared_by="Novak", reason="over", told_revision=number)
            store.put_incident(ended)


def played(
    folder: Path,
    story: Callable[[Scene], Awaitable[None]],
    archive: Archive | None = None,
    loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
) -> None:
    archive = archive or Archive(folder / "hq.db")

    async def play() -> None:
        scene = Scene(folder, archive)
        try:
            async with asyncio.timeout(WITHIN_S):
                await story(scene)
        finally:
            archive.close()
            scene.receiver.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(play())


@pytest.mark.parametrize("name", [OLD, OLD[:13], f"{UNIT}/{OLD[:13]}"], ids=["whole", "beginning", "of its car"])
def test_what_ended_long_ago_is_refused_as_what_ended_just_now(tmp_path: Path, name: str) -> None:
    async def story(scene: Scene) -> None:
        before = await scene.old()
        refused = f"{OLD} was cleared by Novak"
        with pytest.raises(NotPossible, match=refused):
            await scene.desk.acknowledge(name, "Kovač")
        with pytest.raises(NotPossible, match=refused):
            await scene.desk.clear(name, "Kovač", "a mistake")
        assert (await scene.desk.clear(name, "Novak", "over")) == before, "who says so twice has done it once"
        assert await scene.old() == before
        assert len(scene.desk.incidents()) == 1 + MOST_ENDED, "at hand is no more than before"

    played(tmp_path, story)


@pytest.mark.parametrize("name", ["nobody", "", "%", f"LJ-102/{OLD}"], ids=["nobody", "none", "any", "another's"])
def test_what_headquarters_does_not_have_is_not_found(tmp_path: Path, name: str) -> None:
    async def story(scene: Scene) -> None:
        with pytest.raises(NotPossible, match="none begin"):
            await scene.desk.acknowledge(name, "Kovač")

    played(tmp_path, story)


def test_of_several_that_begin_alike_none_is_meant(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        await scene.receiver.on_disk(_second_old)
        with pytest.raises(NotPossible, match="several incidents begin"):
            await scene.desk.clear(OLD[:35], "Kovač", "a mistake")

    played(tmp_path, story)


def _second_old(store: Store) -> None:
    known = store.incident((REALM, UNIT, OLD))
    assert known is not None
    twin = OLD[:35] + ("0" if OLD[35] != "0" else "1")
    with store.transaction():
        store.put_incident(replace(known, incident=twin))


def test_a_disk_that_does_not_answer_stands_before_no_alarm_that_is_open(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        taken = await scene.desk.acknowledge(OPEN[:13], "Kovač")
        assert taken.acknowledged_by == "Kovač"
        with pytest.raises(NotPossible, match="the disk, where older incidents are, does not answer"):
            await scene.desk.acknowledge(OLD, "Kovač")

    played(tmp_path, story, Hanging(tmp_path / "hq.db"), VirtualLoop)


def test_of_a_disk_that_cannot_be_read_the_desk_does_not_say_that_it_has_no_such_incident(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        with pytest.raises(DiskFailed):
            await scene.desk.acknowledge(OLD, "Kovač")

    played(tmp_path, story, Archive(tmp_path / "gone" / "hq.db"))
