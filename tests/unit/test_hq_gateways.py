"""Several gateways beside the brokers: each is named, answered, capped and kept short by itself."""

from pathlib import Path
from typing import ClassVar

import pytest
from msgspec.structs import replace

from hq import audit
from hq.audit import What
from hq.gateway import GatewaySettings
from terminal.contract.capsule import LEAST_BYTES, AnswerCapsule, read, split, tail_of
from terminal.contract.messages import Position
from tests.unit.capsule_scene import CAR, RAISED, SIGNALLED, THIEF, Desk, capsule, played, raised, repeat

OTHER = {"sat": GatewaySettings()}


@pytest.mark.promise("P-BEARER-09")
def test_what_comes_by_two_gateways_is_of_one_incident_named_by_both_and_answered_by_each(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        for gateway in ("sms", "sat"):
            told = await desk.took(repeat(RAISED), gateway=gateway)
            assert (await desk.receipt()).tail == tail_of(RAISED.id)
        assert told.bearers == ("sms",), "what the car says twice is one message"
        told = await desk.took(capsule(SIGNALLED), gateway="sat")
        assert (await desk.receipt()).signals == 2
        assert (told.bearers, desk.by) == (("sms", "sat"), ["sms", "sat", "sat"])
        (raised,) = (fields for event, fields in desk.events if event == "alarm-raised")
        (signalled,) = (fields for event, fields in desk.events if event == "alarm-signalled")
        assert (raised["bearer"], signalled["bearer"]) == ("sms", "sat")
        await desk.taken()
        assert {(await desk.answer()).acknowledged_by for _ in range(2)} == {"Novak"}
        assert sorted(desk.by[-2:]) == ["sat", "sms"], "headquarters cannot know which of them works downwards"

    played(tmp_path, story, OTHER)


@pytest.mark.promise("P-BEARER-06")
def test_who_can_only_repeat_it_takes_nothing_from_the_car_at_another_gateway_either(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await raised(desk)
        for _ in range(9):
            await desk.took(repeat(RAISED), to=THIEF, gateway="sat")
        await desk.taken()
        assert (await desk.answer()).acknowledged_by == "Novak"
        assert await desk.is_quiet()
        assert len(desk.elsewhere) == 2
        await desk.took(capsule(SIGNALLED), gateway="sat")
        assert (await desk.receipt()).signals == 2
        await desk.ended()
        assert {(await desk.answer()).cleared_by for _ in range(2)} == {"Novak"}
        assert (desk.by[:3], len(desk.elsewhere)) == (["sms", "sms", "sat"], 2)

    played(tmp_path, story, {"sat": GatewaySettings(most_per_incident=2, most_repeats_per_incident=2)})


@pytest.mark.promise("P-BEARER-09")
def test_each_gateway_has_caps_of_its_own(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        for number in range(4):
            await desk.took(capsule(replace(RAISED, position=Position(lat_deg=46.0 + number, lon_deg=14.5))))
        assert desk.told("receipt-not-sent") == 2
        await desk.took(capsule(SIGNALLED), gateway="sat")
        for _ in range(3):
            await desk.receipt()
        assert (desk.by, desk.told("receipt-not-sent")) == (["sms", "sms", "sat"], 2)

    played(tmp_path, story, OTHER, most_per_hour=2)


def test_the_log_names_the_bearer_and_no_number(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await desk.took(capsule(RAISED), gateway="sat")
        await desk.receipt()
        log = await desk.receiver.on_disk(lambda store: list(audit.entries(store._db)))
        (fact,) = (one.fact for one in log if one.fact.what is What.ALARM_RAISED)
        assert fact.text.endswith(", by sat")
        assert not any(CAR in one.body.decode() for one in log)
        assert CAR not in str(desk.events)

    played(tmp_path, story, OTHER)


class Narrow(GatewaySettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """It takes no more than the shortest alarm has."""

    takes_bytes: ClassVar[int] = LEAST_BYTES


class OneWay(GatewaySettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """No answer goes by it."""

    takes_bytes: ClassVar[int] = 0


def test_an_answer_is_as_long_as_its_gateway_takes_and_names_are_cut(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await desk.took(capsule(RAISED), gateway="sat")
        await desk.receipt()
        await desk.taken("Dispatcher Novak of the night shift")
        data = await desk.sent.get()
        assert len(data) == LEAST_BYTES
        told = read(split(data)[0])
        assert isinstance(told, AnswerCapsule)
        assert told.acknowledged_by == "Dispatche.."

    played(tmp_path, story, {"sat": Narrow()})


def test_a_gateway_that_takes_no_answers_is_answered_by_the_one_that_it_names_or_not_at_all(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        assert (await desk.took(capsule(RAISED), gateway="mute")).bearers == ("mute",)
        await desk.taken()
        assert await desk.is_quiet()
        await desk.took(capsule(SIGNALLED), gateway="beacon")
        assert (await desk.receipt()).signals == 2
        assert (desk.by, desk.told("receipt-sent")) == (["sms"], 1)

    played(tmp_path, story, {"mute": OneWay(), "beacon": OneWay(answers_by="sms")})
