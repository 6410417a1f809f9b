"""What the next run finds on disk: what headquarters has receipted, and in full what it has not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from terminal.contract.identity import digest_of_ids, new_id, new_incident
from terminal.contract.messages import AlarmRaised, DutyChanged, StoredRange, Who, encode
from terminal.contract.topics import Lane
from terminal.core import left
from terminal.uplink.outbox import Entry, Limits, Outbox

WHO = Who(unit="LJ-101")


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    opened = Outbox.open(tmp_path / "outbox.db", Limits(most_bytes=10_000_000))
    opened.forget_receipts("a")
    yield opened
    opened.close()


def raised() -> AlarmRaised:
    return AlarmRaised(id=new_id(), who=WHO, incident=new_incident(), track=((2, 46.0, 14.0),))


def receipted(outbox: Outbox, lane: Lane, message: AlarmRaised | DutyChanged) -> str:
    (place,) = outbox.commit([Entry(message.id, lane, encode(message))])
    assert outbox.settle(lane, [StoredRange(place, place, digest_of_ids([message.id]))]) == [message.id]
    return message.id


def test_alarms_and_events_that_have_a_receipt_are_found_with_the_store_that_gave_it(outbox: Outbox) -> None:
    ids = {receipted(outbox, Lane.ALARM, raised())}
    ids.add(receipted(outbox, Lane.EVENT, DutyChanged(id=new_id(), who=WHO, status="busy")))
    found = left.load(outbox)
    assert (set(found.receipted), found.owed, found.epoch) == (ids, (), "a")


def test_alarms_without_a_receipt_are_found_as_they_were_told_and_one_that_cannot_be_read_hides_no_other(
    outbox: Outbox,
) -> None:
    messages = (raised(), raised())
    bodies = [encode(messages[0]), b"{", encode(messages[1])]
    outbox.commit([Entry(new_id(), Lane.ALARM, body) for body in bodies])
    found = left.load(outbox)
    assert found.receipted == ()
    assert left.decoded_alarms(found.owed) == messages
