"""An alarm is repeated until headquarters has it, and, once it is on disk, until its place is receipted too."""

import pytest

from terminal.contract.identity import new_id, new_incident
from terminal.contract.messages import AlarmRaised, Who, decode_alarm, encode
from terminal.contract.mqtt import Publication
from terminal.contract.topics import Lane
from terminal.uplink.outbox import Row
from terminal.uplink.sender import Sender, Sending

RULES = Sending()


class Clock:
    now_s = 0.0

    def mono_ns(self) -> int:
        return round(self.now_s * 1e9)


class Line:
    """Keeps what it was given."""

    def __init__(self) -> None:
        self.given: list[Publication] = []

    def publish(self, publication: Publication) -> int:
        self.given.append(publication)
        return len(self.given)

    def abort(self, reason: str) -> None:
        raise AssertionError(reason)

    def places(self) -> list[int | None]:
        """The place of each alarm that was sent, in order."""
        messages = [decode_alarm(one.payload) for one in self.given]
        return [None if message.place is None else message.place.seq for message in messages]


async def nothing_waits(_lane: Lane, _after: int, _limit: int) -> tuple[str, list[Row]]:
    return "outbox", []


ALARM = AlarmRaised(id=new_id(), who=Who(unit="LJ-101"), incident=new_incident())
ROW = Row(7, ALARM.id, Lane.ALARM, encode(ALARM))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def sender(clock: Clock, line: Line) -> Sender:
    made = Sender("LJ", "LJ-101", RULES, nothing_waits, lambda _told: None, clock)  # type: ignore[arg-type]
    made.opened("outbox")
    made.connected(line)
    made.alarm(ALARM)
    return made


def test_it_goes_at_once_and_again_until_headquarters_has_it(clock: Clock, line: Line, sender: Sender) -> None:
    clock.now_s = RULES.alarm_again_after_s + 0.1
    sender.placed(ROW, "outbox")
    assert line.places() == [None, 7]
    clock.now_s += RULES.alarm_again_at_most_s
    sender.placed(ROW, "outbox")
    assert line.places() == [None, 7, 7]


def test_a_receipt_for_it_without_its_place_does_not_end_the_telling_of_the_place(line: Line, sender: Sender) -> None:
    sender.placed(ROW, "outbox")
    sender.received([ALARM.id])
    sender.connected(line)
    assert line.places() == [None, 7, 7]
    sender.settled([ALARM.id])
    sender.connected(line)
    assert line.places() == [None, 7, 7]


def test_received_before_it_is_on_disk_it_goes_again_once_it_has_a_place(line: Line, sender: Sender) -> None:
    sender.received([ALARM.id])
    sender.connected(line)
    assert line.places() == [None]
    sender.placed(ROW, "outbox")
    assert line.places() == [None, 7]
