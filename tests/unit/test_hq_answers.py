"""What cars are told beside the brokers: that an alarm is on disk, who has taken it, who has ended it."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from hq import acts
from hq.at_hand import MOST_ENDED
from hq.marks import Mark
from hq.store import Store
from terminal.contract.capsule import ReceiptCapsule, epoch_mark, tail_of
from terminal.contract.durable import DiskFailed
from terminal.contract.identity import new_incident
from terminal.contract.messages import AlarmKind, Position
from tests.unit.capsule_scene import (
    CANCELLED,
    INCIDENT,
    NOW_MS,
    RAISED,
    REALM,
    SIGNALLED,
    UNIT,
    Desk,
    capsule,
    played,
    raised,
    repeat,
)


@pytest.mark.promise("P-BEARER-05")
def test_the_answer_comes_once_it_is_on_disk_and_again_for_every_repeat(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        for data in (capsule(RAISED), repeat(RAISED)):
            incident = await desk.took(data)
            assert await desk.receiver.on_disk(lambda store: store.incident((REALM, UNIT, INCIDENT))) == incident
            assert await desk.receipt() == ReceiptCapsule(incident=INCIDENT, tail=tail_of(RAISED.id), signals=1)
        assert desk.told("alarm-raised") == 1
        assert not desk.receiver.units[REALM, UNIT].online, "an SMS says nothing of the car's line"

    played(tmp_path, story)


def test_a_receipt_names_who_has_taken_it(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await desk.took(capsule(RAISED, bytes(64)))
        await desk.receiver.act((REALM, UNIT, INCIDENT), lambda one: acts.acknowledged(one, "Novak", NOW_MS))
        await desk.took(capsule(SIGNALLED))
        assert await desk.receipt()
        await desk.taken()
        assert (await desk.answer()).acknowledged_by == "Novak"
        await desk.took(capsule(CANCELLED))
        assert (await desk.receipt()).acknowledged_by == "Novak"

    played(tmp_path, story)


@pytest.mark.promise("P-BEARER-07")
def test_a_car_that_no_broker_reaches_is_told_once_each_who_took_and_who_ended_it(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await desk.took(capsule(RAISED))
        await desk.receipt()
        taken = await desk.taken()
        desk.telling.acted(taken)
        told = await desk.answer()
        assert (told.acknowledged_by, told.cleared_by, told.incident) == ("Novak", "", INCIDENT)
        assert (told.tail, told.signals) == (tail_of(RAISED.id), 1)
        assert (told.epoch, told.revision) == (epoch_mark(desk.receiver.epoch), taken.told_revision)
        ended = await desk.ended("Kranjc")
        told = await desk.answer()
        assert (told.cleared_by, told.reason, told.revision) == ("Kranjc", "over", ended.told_revision)
        desk.now_ms += 1_000_000
        desk.telling.look()
        assert await desk.is_quiet()

    played(tmp_path, story)


@pytest.mark.promise("P-BEARER-07")
def test_a_car_that_a_broker_reaches_is_told_by_sms_once_it_is_gone_unless_it_has_confirmed(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await desk.took(capsule(RAISED))
        await desk.receipt()
        await desk.came_by_a_broker_too()
        taken = await desk.taken()
        desk.telling.look()
        assert await desk.is_quiet()
        desk.line(online=False)
        desk.telling.look()
        assert (await desk.answer()).revision == taken.told_revision
        desk.line(online=True)
        ended = await desk.ended()
        await desk.receiver.on_disk(lambda store: confirm(store, ended.told_revision))
        desk.line(online=False)
        desk.telling.look()
        assert await desk.is_quiet(), "a broker was first"

    played(tmp_path, story)


def confirm(store: Store, revision: int) -> None:
    with store.transaction():
        store.confirm((REALM, UNIT), revision)


def test_an_end_of_long_ago_that_is_on_disk_alone_is_left_alone(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await desk.took(capsule(RAISED))
        await desk.receipt()
        await desk.came_by_a_broker_too()
        ended = await desk.ended()
        later = (replace(ended, incident=new_incident(), told_revision=100 + number) for number in range(MOST_ENDED))
        desk.receiver.incidents.put(later)
        desk.line(online=False)
        desk.telling.look()
        assert await desk.is_quiet()

    played(tmp_path, story)


def test_what_the_gateway_did_not_send_is_sent_later_and_what_would_cost_too_much_is_not_tried_again(
    tmp_path: Path,
) -> None:
    async def story(desk: Desk) -> None:
        await desk.took(capsule(RAISED))
        await desk.receipt()
        desk.fails = True
        await desk.taken()
        assert await desk.is_quiet()
        desk.fails = False
        desk.telling.look()
        assert await desk.is_quiet(), "not at once"
        desk.now_ms += 30_000
        desk.telling.look()
        assert (await desk.answer()).acknowledged_by == "Novak"
        await desk.ended()
        assert await desk.is_quiet()
        for _ in range(3):
            desk.now_ms += 30_000
            desk.telling.look()
            assert await desk.is_quiet()
        assert [fields["problem"] for event, fields in desk.events if event == "receipt-not-sent"][1:] == [
            "the limit of [gateways.sms] is reached"
        ]

    played(tmp_path, story, most_per_incident=3)


def test_what_is_not_on_disk_is_not_told(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await desk.took(capsule(RAISED))
        await desk.receipt()
        await desk.came_by_a_broker_too()
        await desk.taken()
        assert await desk.is_quiet()
        desk.disk.fail_from_now()
        await desk.ended()
        desk.line(online=False)
        desk.telling.look()
        assert await desk.is_quiet()
        desk.disk.mend()
        kept = await desk.kept.get()
        desk.telling.look()
        assert (await desk.answer()).revision == kept.told_revision

    played(tmp_path, story)


def test_what_its_car_has_not_signed_is_kept_and_told_and_makes_us_pay_nothing(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        incident = await desk.took(capsule(RAISED, bytes(64)))
        assert incident.signature is Mark.MISSING
        assert incident.kind is AlarmKind.REAL, "whoever says that it is an exercise has to be believed"
        await desk.taken()
        assert await desk.is_quiet()
        assert desk.told("alarm-raised") == 1

    played(tmp_path, story)


@pytest.mark.promise("P-BEARER-06")
@pytest.mark.parametrize("cap", ["most_per_incident", "most_per_hour"])
def test_answers_are_capped_and_the_alarm_is_not(tmp_path: Path, cap: str) -> None:
    async def story(desk: Desk) -> None:
        for number in range(5):
            moved = replace(RAISED, position=Position(lat_deg=46.0 + number, lon_deg=14.5))
            await desk.took(capsule(moved))
        for _ in range(3):
            await desk.receipt()
        assert desk.sent.empty()
        assert desk.told("receipt-not-sent") == 2
        assert desk.receiver.incidents[REALM, UNIT, INCIDENT].position == Position(lat_deg=50.0, lon_deg=14.5)
        assert (desk.told("alarm-raised"), desk.told("alarm-came-again")) == (1, 4)

    played(tmp_path, story, **{cap: 3})


@pytest.mark.promise("P-BEARER-08")
def test_after_a_restart_a_car_is_told_who_took_its_alarm_without_writing_again_and_once(tmp_path: Path) -> None:
    async def after_it(desk: Desk) -> None:
        taken = await desk.taken()
        told = await desk.answer()
        assert (told.acknowledged_by, told.tail) == ("Novak", tail_of(RAISED.id))
        assert (told.revision, desk.by) == (taken.told_revision, ["sms"])
        await asyncio.gather(*desk.telling._tasks)

    async def later(desk: Desk) -> None:
        desk.telling.look()
        assert await desk.is_quiet(), "what it knows is on disk too"

    played(tmp_path, raised)
    played(tmp_path, after_it)
    played(tmp_path, later)


@pytest.mark.promise("P-BEARER-08")
def test_what_was_done_while_a_gateway_sent_nothing_is_told_after_a_restart(tmp_path: Path) -> None:
    async def done(desk: Desk) -> None:
        await raised(desk)
        desk.fails = True
        await desk.taken()
        assert await desk.is_quiet()

    async def after_it(desk: Desk) -> None:
        desk.telling.look()
        assert (await desk.answer()).acknowledged_by == "Novak"

    played(tmp_path, done)
    played(tmp_path, after_it)


def test_what_the_disk_refuses_is_not_answered_and_the_next_try_is(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        desk.disk.fail_from_now()
        with pytest.raises(DiskFailed):
            await desk.took(capsule(RAISED))
        assert desk.told("alarm-not-stored") == 1
        assert desk.sent.empty()
        desk.disk.mend()
        await desk.took(capsule(RAISED))
        assert (await desk.receipt()).tail == tail_of(RAISED.id)

    played(tmp_path, story)


def test_a_gateway_that_cannot_send_is_told_to_the_desk(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        desk.fails = True
        await desk.took(capsule(RAISED))
        while not desk.told("receipt-not-sent"):  # noqa: ASYNC110 - told by another task
            await asyncio.sleep(0.01)

    played(tmp_path, story)
