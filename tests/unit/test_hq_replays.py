"""What comes again beside the brokers is the car's repeat, or is played by somebody who has no key."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from msgspec.structs import replace

from hq.replays import MOST_KNOWN, Replays
from terminal.contract.capsule import tail_of
from terminal.contract.identity import new_id, new_incident
from terminal.contract.signed import SIGNATURE_BYTES
from tests.unit.capsule_scene import (
    CANCELLED,
    INCIDENT,
    RAISED,
    REALM,
    SIGNALLED,
    THIEF,
    UNCHECKED,
    UNIT,
    Desk,
    capsule,
    played,
    raised,
    repeat,
)


@pytest.mark.promise("P-BEARER-06")
def test_repeats_take_no_answer_from_what_is_new_and_cost_no_more_than_their_own_budget(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await desk.took(capsule(RAISED))
        assert (await desk.receipt()).tail == tail_of(RAISED.id)
        for _ in range(9):
            await desk.took(repeat(RAISED), to=THIEF)
        for _ in range(2):
            assert (await desk.receipt()).tail == tail_of(RAISED.id), "to where the car wrote from"
        assert desk.told("receipt-not-sent") == 7
        for news in (SIGNALLED, CANCELLED):
            await desk.took(capsule(news))
            assert (await desk.receipt()).tail == tail_of(news.id)
        assert (desk.elsewhere, desk.sent.qsize()) == ([], 0)

    played(tmp_path, story, most_per_incident=3, most_repeats_per_incident=2)


@pytest.mark.promise("P-BEARER-06")
def test_repeats_of_many_incidents_take_no_answer_of_the_hour_from_what_is_new(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        old = [replace(RAISED, id=new_id(), incident=new_incident()) for _ in range(3)]
        for message in (*old, *old, *old):
            await desk.took(repeat(message))
        for _ in range(3 + 2):
            await desk.receipt()
        await desk.took(capsule(RAISED))
        assert (await desk.receipt()).incident == INCIDENT
        assert (desk.told("receipt-not-sent"), desk.sent.qsize()) == (4, 0)

    played(tmp_path, story, most_per_hour=4, most_repeats_per_hour=2)


def test_after_a_restart_a_replay_is_no_news_and_stands_in_no_repeats_way(tmp_path: Path) -> None:
    async def after_it(desk: Desk) -> None:
        await desk.took(capsule(RAISED), to=THIEF)
        await desk.took(repeat(RAISED))
        for _ in range(2):
            assert (await desk.receipt()).tail == tail_of(RAISED.id), "to where the car wrote from"
        await desk.took(repeat(RAISED))
        await asyncio.sleep(0)
        assert desk.sent.empty(), "it is known from the disk that it has come before"
        await desk.took(capsule(SIGNALLED))
        assert (await desk.receipt()).signals == 2
        assert desk.elsewhere == []

    played(tmp_path, raised)
    played(tmp_path, after_it, most_repeats_per_incident=2)


def as_the_version_before(folder: Path) -> None:
    """A store that knows no ways back."""
    older = apsw.Connection(str(folder / "hq.db"))
    older.execute("DROP TABLE routes; PRAGMA user_version = 8")
    older.close()


def test_what_a_replay_was_told_the_car_is_told_once_it_says_something_new(tmp_path: Path) -> None:
    async def after_it(desk: Desk) -> None:
        await desk.took(capsule(RAISED), to=THIEF)
        await desk.ended()
        assert await desk.is_quiet()
        assert len(desk.elsewhere) == 2
        await desk.took(capsule(CANCELLED))
        assert await desk.receipt()
        desk.telling.look()
        assert (await desk.answer()).cleared_by == "Novak"

    played(tmp_path, raised)
    as_the_version_before(tmp_path)
    played(tmp_path, after_it)


def twin(capsule: bytes) -> bytes:
    """With the other signature (r, -s) that anyone can make of one that is right."""
    return capsule[: -SIGNATURE_BYTES // 2] + bytes(SIGNATURE_BYTES // 2)


@pytest.mark.promise("P-BEARER-06")
@pytest.mark.parametrize("played_again", [lambda capsule: capsule, twin], ids=["the same", "its twin"])
def test_what_is_played_again_changes_nothing_and_uses_up_nothing(
    tmp_path: Path, played_again: Callable[[bytes], bytes]
) -> None:
    async def story(desk: Desk) -> None:
        await raised(desk)
        await desk.ended()
        assert (await desk.answer()).cleared_by == "Novak"
        before = await on_disk(desk)
        for _ in range(9):
            assert not (await desk.took(played_again(capsule(RAISED)), to=THIEF)).is_open
        desk.telling.look()
        assert await desk.is_quiet()
        assert (await on_disk(desk), desk.told("receipt-not-sent"), desk.elsewhere) == (before, 0, [])
        await desk.took(repeat(RAISED))
        assert (await desk.receipt()).tail == tail_of(RAISED.id), "the car has missed its answer"
        desk.telling.look()
        assert (await desk.answer()).cleared_by == "Novak", "and this one"
        await desk.took(capsule(SIGNALLED))
        assert (await desk.receipt()).signals == 2

    played(tmp_path, story, most_per_incident=4, most_repeats_per_incident=1)


async def on_disk(desk: Desk) -> tuple[object, ...]:
    """What a capsule could change, and the log of what was done."""
    key = (REALM, UNIT, INCIDENT)
    return await desk.receiver.on_disk(
        lambda store: (store.incident(key), store.revisions(key[:2]), store.routes(), store.audit_head(), store.count())
    )


@pytest.mark.parametrize("why", ["the gateway", "the budget"])
def test_what_was_not_answered_is_answered_when_it_is_delivered_once_more(tmp_path: Path, why: str) -> None:
    async def story(desk: Desk) -> None:
        desk.fails = why == "the gateway"
        await desk.took(capsule(RAISED))
        assert await desk.is_quiet()
        assert desk.told("receipt-not-sent") == 1
        desk.fails = False
        await desk.took(capsule(RAISED))
        assert (await desk.receipt()).tail == tail_of(RAISED.id)

    played(tmp_path, story, most_per_incident=0 if why == "the budget" else 9)


def test_of_a_car_whose_key_nobody_knows_every_capsule_is_its_own(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        for _ in range(2):
            await desk.took(capsule(RAISED, UNCHECKED))
            assert await desk.receipt()

    played(tmp_path, story)


def test_of_too_many_the_oldest_counts_as_a_repeat_again() -> None:
    replays, key = Replays(), (REALM, UNIT, INCIDENT)
    capsules = [number.to_bytes(2) + bytes(SIGNATURE_BYTES) for number in range(MOST_KNOWN + 1)]
    for one in capsules:
        replays.put(one, key)
    assert [replays.incident_of(one) for one in (capsules[0], capsules[1], capsules[-1])] == [None, key, key]
