"""Alarms that come to headquarters by SMS, before or after the same by a broker, or alone."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import permutations
from pathlib import Path
from typing import Any, ClassVar

import apsw
import pytest
from msgspec.structs import replace

from hal.errors import PatrolaError
from hq import audit, capsules, incidents
from hq.arrivals import Publication
from hq.at_hand import MOST_ENDED
from hq.audit import What
from hq.gateway import GatewaySettings
from hq.incidents import Incident
from hq.intake import Intake
from hq.marks import Mark, Weighed
from hq.moment import Moment
from hq.receiver import Receiver
from hq.routes import Back
from hq.store import Store
from hq.telling import Telling
from terminal.contract import topics
from terminal.contract.capsule import (
    LEAST_BYTES,
    MOST_BYTES,
    AlarmCapsule,
    AnswerCapsule,
    ReceiptCapsule,
    Told,
    alarm_body,
    epoch_mark,
    read,
    receipt_body,
    split,
    tail_of,
)
from terminal.contract.durable import DiskFailed
from terminal.contract.identity import new_id, new_incident
from terminal.contract.messages import (
    AlarmCancelled,
    AlarmKind,
    AlarmRaised,
    AlarmSignalled,
    Malformed,
    Position,
    Trigger,
    Who,
    encode,
)
from terminal.contract.signed import SIGNATURE_BYTES, Parted
from terminal.contract.topics import MQTT, Lane
from tests.system.faulty_disk import faulty

WITHIN_S = 30.0
NEVER = 1 << 60
"""An operation that no test comes to."""
REALM, UNIT = "LJ", "LJ-101"
NOW_MS = 1_800_000_000_000
INCIDENT = new_incident()
WHO = Who(unit=UNIT, call_sign="Sava 1", crew=("1234",))
SEAL = b"S" * SIGNATURE_BYTES
CAR, THIEF = "+38640111222", "+38640999888"
"""Where the car is answered, and a number that is not the car's."""


def said(what: type[Told], **fields: Any) -> Told:
    message: Told = what(id=new_id(), who=WHO, incident=INCIDENT, **fields)
    return message


def by_sms(message: Told) -> Told:
    """What is left of it."""
    capsule = read(alarm_body(REALM, UNIT, message))
    assert isinstance(capsule, AlarmCapsule)
    return capsule.message


def after(*told: tuple[Told, str], incident: Incident | None = None) -> Incident:
    for message, bearer in told:
        incident = incidents.told(incident, REALM, UNIT, message, NOW_MS, bearer=bearer)
    assert incident is not None
    return incident


RAISED = said(
    AlarmRaised,
    kind=AlarmKind.EXERCISE,
    silent=True,
    trigger=Trigger.SCREEN,
    position=Position(lat_deg=46.0, lon_deg=14.5),
    track=((10, 46.0, 14.4),),
)
SIGNALLED = said(AlarmSignalled, signal=2, kind=AlarmKind.EXERCISE, silent=True)
CANCELLED = said(AlarmCancelled, kind=AlarmKind.EXERCISE, silent=True)
BACK = Back("sms", CAR, INCIDENT, tail_of(SIGNALLED.id))


@pytest.mark.promise("P-BEARER-04")
def test_brokers_and_sms_lead_to_the_same_incident_in_any_order_and_however_often() -> None:
    told = [(RAISED, MQTT), (by_sms(RAISED), "sms"), (by_sms(SIGNALLED), "sms"), (SIGNALLED, MQTT)]
    told += [(by_sms(CANCELLED), "sms"), (CANCELLED, MQTT)]
    ends = {replace(after(*order, *order[:2]), bearers=("any",), position=None) for order in permutations(told)}
    (end,) = ends
    assert (end.signals, end.cancelled, end.kind, end.silent) == (2, True, AlarmKind.EXERCISE, True)
    assert (end.who, end.track, end.trigger) == (WHO, RAISED.track, Trigger.SCREEN), "no SMS takes anything away"


def test_an_incident_that_came_by_sms_alone_says_all_that_an_sms_can() -> None:
    alone = after((by_sms(SIGNALLED), "sms"))
    assert (alone.kind, alone.silent, alone.signals, alone.bearers) == (AlarmKind.EXERCISE, True, 2, ("sms",))


@pytest.mark.parametrize(
    ("first", "again"),
    [((by_sms(RAISED), "sms"), (RAISED, MQTT)), ((RAISED, MQTT), (by_sms(RAISED), "sms"))],
)
def test_a_press_that_comes_again_by_another_way_after_the_clearance_opens_nothing(
    first: tuple[Told, str], again: tuple[Told, str]
) -> None:
    cleared = incidents.cleared(after(first), "Novak", "false alarm", NOW_MS)
    assert incidents.knows(cleared, again[0])
    assert not after(again, incident=cleared).is_open
    assert after((by_sms(SIGNALLED), "sms"), incident=cleared).is_open, "a new press is a new press, by any way"


def weigh_all(_unit: object, _context: str, parts: Parted) -> Weighed:
    """As headquarters finds a signature that is right, or none."""
    is_signed = parts.signature == SEAL
    return Weighed(parts.body, Mark.VERIFIED if is_signed else Mark.MISSING, is_signed)


def by_line(_topic: object, body: bytes) -> Weighed:
    """What comes by a broker is signed."""
    return Weighed(body, Mark.VERIFIED, True)


def capsule(message: Told, signature: bytes = SEAL) -> bytes:
    return alarm_body(REALM, UNIT, message) + signature


def test_what_stands_in_an_sms_is_kept_byte_for_byte_beside_its_message() -> None:
    data = capsule(RAISED)
    publication = capsules.publication(data, weigh_all, "sms", ("sms", CAR))
    assert isinstance(publication.message, AlarmRaised)
    (arrival,) = publication.arrivals
    assert (publication.realm, publication.unit, publication.bearer) == (REALM, UNIT, "sms")
    assert (publication.mark, publication.credible) == (Mark.VERIFIED, True)
    assert tail_of(arrival.id) == tail_of(RAISED.id)
    assert b'"type":"alarm-raised"' in arrival.body


def test_an_unsigned_one_stands_under_an_id_of_its_own() -> None:
    good, bad = (capsules.publication(capsule(RAISED, signature), weigh_all, "sms") for signature in (SEAL, bytes(64)))
    assert (bad.mark, bad.credible) == (Mark.MISSING, False)
    assert bad.arrivals[0].id != good.arrivals[0].id
    assert tail_of(bad.arrivals[0].id) != tail_of(RAISED.id)


def test_a_receipt_is_no_alarm() -> None:
    with pytest.raises(Malformed, match="expected an alarm"):
        capsules.publication(receipt_body(ReceiptCapsule(incident=INCIDENT, tail=bytes(8))) + SEAL, weigh_all, "sms")


class Desk:
    """Headquarters' end with a store of its own, and what it sends and tells."""

    def __init__(self, folder: Path, gateways: dict[str, GatewaySettings]) -> None:
        self.disk = faulty(NEVER, apsw.FullError, for_good=True)
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.sent: asyncio.Queue[bytes] = asyncio.Queue()
        self.by: list[str] = []
        self.elsewhere: list[bytes] = []
        self.fails = False
        self.now_ms = 0
        self.kept: asyncio.Queue[Incident] = asyncio.Queue()
        store = Store.open(folder / "hq.db", vfs=self.disk.name)
        self.receiver = Receiver(store, self._emit, lambda *_: None, by_line, clock=self._moment)
        self.receiver.on_kept = self.kept.put_nowait
        self.telling = Telling(self.receiver, gateways, self, lambda _body: SEAL, self._emit, store.routes())
        self.receiver.on_routes = self.telling.learnt
        self.intake = Intake(self.receiver, weigh_all, self.telling, gateways, self._emit)

    def _emit(self, event: str, fields: dict[str, Any]) -> None:
        self.events.append((event, fields))

    async def took(self, data: bytes, to: str = CAR, gateway: str = "sms") -> Incident:
        return await self.intake.took(gateway, data, to)

    async def send(self, gateway: str, to: str, capsule: bytes) -> None:
        if self.fails:
            raise PatrolaError("gateway", "it answered 500")
        if to == CAR:
            self.by.append(gateway)
            self.sent.put_nowait(capsule)
        else:
            self.elsewhere.append(capsule)

    def _moment(self) -> Moment:
        return Moment("boot", self.now_ms, NOW_MS + self.now_ms)

    async def receipt(self) -> ReceiptCapsule:
        receipt = await self.word()
        assert isinstance(receipt, ReceiptCapsule)
        return receipt

    async def answer(self) -> AnswerCapsule:
        answer = await self.word()
        assert isinstance(answer, AnswerCapsule)
        return answer

    async def word(self) -> object:
        body, signature = split(await self.sent.get())
        assert signature == SEAL
        return read(body)

    async def is_quiet(self) -> bool:
        """Whether nothing goes out that would go by now."""
        await asyncio.gather(*self.telling._tasks)
        return self.sent.empty()

    def line(self, *, online: bool) -> None:
        """Headquarters has a broker, on which the car is there or is not."""
        self.receiver.watching.line_is_up({}, 0.0)
        self.receiver.units[REALM, UNIT] = replace(self.receiver.units[REALM, UNIT], online=online)

    async def came_by_a_broker_too(self) -> None:
        """The alarm; and the car is there."""
        self.receiver.message(topics.up(REALM, UNIT, Lane.ALARM), encode(RAISED))
        while MQTT not in self.receiver.incidents[REALM, UNIT, INCIDENT].bearers:  # noqa: ASYNC110 - told to nobody
            await asyncio.sleep(0.01)
        self.line(online=True)

    async def taken(self, by: str = "Novak") -> Incident:
        return await self._acted(lambda one: incidents.acknowledged(one, by, NOW_MS))

    async def ended(self, by: str = "Novak") -> Incident:
        return await self._acted(lambda one: incidents.cleared(one, by, "over", NOW_MS))

    async def _acted(self, step: Callable[[Incident], Incident]) -> Incident:
        after = await self.receiver.act((REALM, UNIT, INCIDENT), step)
        self.telling.acted(after)
        return after

    def told(self, event: str) -> int:
        return sum(name == event for name, _ in self.events)


def played(
    folder: Path,
    story: Callable[[Desk], Awaitable[None]],
    others: dict[str, GatewaySettings] | None = None,
    **rules: int,
) -> None:
    async def play() -> None:
        desk = Desk(folder, {"sms": GatewaySettings(**rules)} | (others or {}))
        running = asyncio.create_task(desk.receiver.run())
        try:
            async with asyncio.timeout(WITHIN_S):
                await story(desk)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await desk.telling.close()
            desk.receiver.close()
            desk.disk.unregister()

    asyncio.run(play())


@pytest.mark.promise("P-BEARER-05")
def test_the_answer_comes_once_it_is_on_disk_and_again_for_every_repeat(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        for _ in range(2):
            incident = await desk.took(capsule(RAISED))
            assert await desk.receiver.on_disk(lambda store: store.incident((REALM, UNIT, INCIDENT))) == incident
            assert await desk.receipt() == ReceiptCapsule(incident=INCIDENT, tail=tail_of(RAISED.id), signals=1)
        assert desk.told("alarm-raised") == 1
        assert not desk.receiver.units[REALM, UNIT].online, "an SMS says nothing of the car's line"

    played(tmp_path, story)


def test_a_receipt_names_who_has_taken_it(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await desk.took(capsule(RAISED, bytes(64)))
        await desk.receiver.act((REALM, UNIT, INCIDENT), lambda one: incidents.acknowledged(one, "Novak", NOW_MS))
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


@pytest.mark.promise("P-BEARER-06")
def test_replays_take_no_answer_from_what_is_new_and_cost_no_more_than_their_own_budget(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await desk.took(capsule(RAISED))
        assert (await desk.receipt()).tail == tail_of(RAISED.id)
        for _ in range(9):
            await desk.took(capsule(RAISED), to=THIEF)
        for _ in range(2):
            assert (await desk.receipt()).tail == tail_of(RAISED.id), "to where the car wrote from"
        assert desk.told("receipt-not-sent") == 7
        for news in (SIGNALLED, CANCELLED):
            await desk.took(capsule(news))
            assert (await desk.receipt()).tail == tail_of(news.id)
        assert (desk.elsewhere, desk.sent.qsize()) == ([], 0)

    played(tmp_path, story, most_per_incident=3, most_repeats_per_incident=2)


@pytest.mark.promise("P-SHOW-01")
def test_an_answer_speaks_of_the_presses_that_whoever_took_it_knew_of() -> None:
    again = after((SIGNALLED, "sms"), incident=incidents.acknowledged(after((RAISED, MQTT)), "Novak", NOW_MS))
    ended = incidents.cleared(again, "Kos", "over", NOW_MS)
    told = [read(capsules.answer(BACK, incident, "e", MOST_BYTES)) for incident in (again, ended)]
    assert [one.signals for one in told if isinstance(one, AnswerCapsule)] == [1, 2]


@pytest.mark.promise("P-SHOW-01")
def test_a_receipt_names_nobody_who_has_not_taken_the_newest_press() -> None:
    taken = incidents.acknowledged(after((RAISED, MQTT)), "Novak", NOW_MS)
    again = after((SIGNALLED, "sms"), incident=taken)
    anew = incidents.acknowledged(again, "Novak", NOW_MS)
    told = [read(capsules.receipt(BACK, incident, MOST_BYTES)) for incident in (taken, again, anew)]
    assert [one.acknowledged_by for one in told if isinstance(one, ReceiptCapsule)] == ["Novak", "", "Novak"]


@pytest.mark.promise("P-BEARER-06")
def test_replays_of_many_incidents_take_no_answer_of_the_hour_from_what_is_new(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        old = [replace(RAISED, id=new_id(), incident=new_incident()) for _ in range(3)]
        for message in (*old, *old, *old):
            await desk.took(capsule(message))
        for _ in range(3 + 2):
            await desk.receipt()
        await desk.took(capsule(RAISED))
        assert (await desk.receipt()).incident == INCIDENT
        assert (desk.told("receipt-not-sent"), desk.sent.qsize()) == (4, 0)

    played(tmp_path, story, most_per_hour=4, most_repeats_per_hour=2)


async def raised(desk: Desk) -> None:
    """The first life of headquarters: the alarm has come, and is receipted."""
    await desk.took(capsule(RAISED))
    await desk.receipt()


def test_after_a_restart_a_replay_is_no_news_and_stands_in_no_repeats_way(tmp_path: Path) -> None:
    async def after_it(desk: Desk) -> None:
        await desk.took(capsule(RAISED), to=THIEF)
        await desk.took(capsule(RAISED))
        for _ in range(2):
            assert (await desk.receipt()).tail == tail_of(RAISED.id), "to where the car wrote from"
        await desk.took(capsule(RAISED))
        await asyncio.sleep(0)
        assert desk.sent.empty(), "it is known from the disk that it has come before"
        await desk.took(capsule(SIGNALLED))
        assert (await desk.receipt()).signals == 2
        assert desk.elsewhere == []

    played(tmp_path, raised)
    played(tmp_path, after_it, most_repeats_per_incident=2)


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


OTHER = {"sat": GatewaySettings()}


@pytest.mark.promise("P-BEARER-09")
def test_what_comes_by_two_gateways_is_of_one_incident_named_by_both_and_answered_by_each(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        for gateway in ("sms", "sat"):
            told = await desk.took(capsule(RAISED), gateway=gateway)
            assert (await desk.receipt()).tail == tail_of(RAISED.id)
        assert told.bearers == ("sms",), "the same bytes twice are one message"
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
def test_who_plays_it_to_another_gateway_takes_nothing_from_the_car_there(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await raised(desk)
        for _ in range(9):
            await desk.took(capsule(RAISED), to=THIEF, gateway="sat")
        await desk.taken()
        assert (await desk.answer()).acknowledged_by == "Novak"
        assert await desk.is_quiet()
        assert len(desk.elsewhere) == 2
        await desk.took(capsule(SIGNALLED), gateway="sat")
        assert (await desk.receipt()).signals == 2
        await desk.ended()
        assert {(await desk.answer()).cleared_by for _ in range(2)} == {"Novak"}
        assert (desk.by, len(desk.elsewhere)) == (["sms", "sms", "sat", *desk.by[3:]], 2)

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


def test_what_is_no_capsule_is_told_with_its_size_and_nothing_of_what_was_in_it(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        for data in (b"", b"your balance is 3.20", bytes(124), capsule(RAISED)[:-1]):
            with pytest.raises(Malformed):
                await desk.took(data)
        assert desk.told("capsule-not-understood") == 4
        assert "balance" not in str(desk.events)

    played(tmp_path, story)


def test_publications_of_cars_and_of_gateways_are_the_same_to_the_store() -> None:
    publication = capsules.publication(capsule(SIGNALLED), weigh_all, "sms")
    assert isinstance(publication, Publication)
    assert publication.arrivals[0].place is None
