"""In which order a car speaks, what it repeats, and when it stops."""

import asyncio

import msgspec
import pytest
from msgspec.structs import replace

from terminal.contract.identity import new_id
from terminal.contract.messages import (
    AlarmMoved,
    AlarmRaised,
    Place,
    decode_alarm,
    decode_event,
    decode_track,
)
from terminal.contract.topics import Lane
from terminal.core.inputs import Published, PublishRefused
from terminal.core.supervision import Supervision
from terminal.uplink import track
from terminal.uplink.waiting import LIVE_ROWS
from tests.unit.sender_scene import HERE, RULES, WHO, Bench, on_line, point


@pytest.mark.promise("P-SEND-01")
def test_an_alarm_goes_at_once_and_ahead_of_a_hundred_thousand_points() -> None:
    async def drive(bench: Bench) -> None:
        for _ in range(100_000):
            bench.disk.commit(Lane.TRACK, new_id(), b"")
        for row in bench.disk.rows[Lane.TRACK].values():
            bench.disk.rows[Lane.TRACK][row.seq] = msgspec.structs.replace(row, body=track.row_body(WHO, point()))
        await bench.sender.pump()
        assert bench.line.lanes() == ["track"] * RULES.window
        bench.press()
        assert bench.line.lanes() == ["track"] * RULES.window + ["alarm"]

    on_line(drive)


@pytest.mark.promise("P-RECEIPT-15")
def test_an_alarm_is_sent_at_once_without_its_place_and_again_with_it() -> None:
    async def drive(bench: Bench) -> None:
        alarm = bench.press()
        row = bench.store(alarm)
        first, second = [decode_alarm(one.payload) for one in bench.line.published]
        assert first == alarm
        assert second == msgspec.structs.replace(alarm, place=Place("account-1", Lane.ALARM, row.seq))

    on_line(drive)


@pytest.mark.promise("P-RECEIPT-02", "P-SEND-04")
def test_an_alarm_is_repeated_after_its_puback_ever_more_rarely_until_the_receipt() -> None:
    async def drive(bench: Bench) -> None:
        row = bench.store(bench.press())
        sent_s: list[int] = []
        for second in range(120):
            before = len(bench.line.published)
            await bench.acknowledge_all()
            sent_s += [second] * (len(bench.line.published) - before)
            bench.clock.pass_s(1)
        assert sent_s == [3, 9, 21, 45, 75, 105]
        bench.receipt([row])
        bench.clock.pass_s(1000)
        count = len(bench.line.published)
        await bench.acknowledge_all()
        assert len(bench.line.published) == count

    on_line(drive)


def test_an_alarm_on_its_way_is_not_put_on_the_same_line_again() -> None:
    async def drive(bench: Bench) -> None:
        bench.press()
        bench.clock.pass_s(Supervision().acknowledge_within_s - 1)
        await bench.sender.pump()
        assert len(bench.line.published) == 1
        bench.connect()
        assert len(bench.line.published) == 1, "a new line gets it at once"

    on_line(drive)


@pytest.mark.promise("P-RECEIPT-15")
def test_a_receipt_by_id_does_not_end_an_alarm_that_owes_its_place() -> None:
    async def drive(bench: Bench) -> None:
        known, placed = bench.press(), bench.press()
        row = bench.store(placed)
        bench.sender.received([known.id, placed.id])
        line = bench.connect()
        assert [decode_alarm(one.payload).id for one in line.published] == [placed.id]
        bench.receipt([row])
        assert bench.connect().published == []

    on_line(drive)


@pytest.mark.promise("P-DISK-07")
def test_a_place_in_an_outbox_that_is_gone_is_not_waited_for() -> None:
    async def drive(bench: Bench) -> None:
        alarm = bench.press()
        bench.store(alarm)
        bench.sender.received([alarm.id])
        bench.disk.lose()
        bench.open()
        line = bench.connect()
        assert [decode_alarm(one.payload).place for one in line.published] == [None]
        bench.sender.received([alarm.id])
        assert bench.connect().published == []

    on_line(drive)


def test_what_goes_to_a_disk_a_second_time_with_less_in_it_is_sent_whole() -> None:
    async def drive(bench: Bench) -> None:
        whole = msgspec.structs.replace(bench.press(), track=((3, 46.05, 14.5),))
        bench.sender.received([whole.id])
        bench.sender.alarm(whole)
        bench.store(msgspec.structs.replace(whole, track=()))
        (sent,) = [decode_alarm(one.payload) for one in bench.connect().published]
        assert isinstance(sent, AlarmRaised)
        assert (sent.track, sent.place) == (whole.track, Place("account-1", Lane.ALARM, 1))

    on_line(drive)


def test_a_place_is_given_in_the_account_that_is_open_and_in_no_other() -> None:
    async def driven() -> None:
        bench = Bench()
        line = bench.connect()
        alarm = bench.press()
        bench.store(alarm)
        bench.events()
        bench.points(3)
        await bench.acknowledge_all()
        assert [decode_alarm(one.payload) for one in line.published] == [alarm], "no account is open yet"
        bench.open()
        await bench.acknowledge_all()
        assert line.lanes() == ["alarm", "alarm", "event", "track"]
        bench.disk.renew()
        bench.events()
        bench.clock.pass_s(RULES.receipt_within_s)
        await bench.sender.pump()
        assert line.lanes()[4:] == ["alarm"], "places of an account that is not open yet are not sent"
        bench.open()
        await bench.acknowledge_all()
        assert line.lanes()[5:] == ["alarm", "event", "event", "track"]
        told = [decode_event(one.payload).place for one in line.published[6:8]]
        assert told == [Place("account-2", Lane.EVENT, 1), Place("account-2", Lane.EVENT, 2)]

    asyncio.run(driven())


@pytest.mark.promise("P-SEND-02")
def test_the_order_is_alarm_event_track_and_news_before_what_an_outage_left() -> None:
    async def drive(bench: Bench) -> None:
        bench.sender.disconnected()
        bench.points(30)
        old = bench.events()
        bench.clock.pass_s(RULES.late_after_s + 1)
        bench.points(30)
        fresh = bench.events()
        bench.press()
        line = bench.connect()
        await bench.acknowledge_all()
        assert line.lanes() == ["alarm", "event", "track", "track", "event", "track", "track"]
        events = [decode_event(line.published[at].payload).id for at in (1, 4)]
        assert events == [fresh[0].id, old[0].id]
        batches = [decode_track(line.published[at].payload) for at in (2, 3, 5, 6)]
        assert [(batch.late, len(batch.points)) for batch in batches] == [
            (False, 24),
            (False, 6),
            (True, 24),
            (True, 6),
        ]

    on_line(drive)


@pytest.mark.promise("P-SEND-02")
def test_news_go_before_old_events_that_are_read_already_and_before_those_that_are_being_read() -> None:
    async def drive(bench: Bench) -> None:
        bench.sender.disconnected()
        bench.events(3)
        bench.clock.pass_s(RULES.late_after_s + 1)
        line = bench.connect()
        bench.disk.meanwhile = [lambda: bench.points(1) and None]
        await bench.sender.pump()
        assert line.lanes() == ["track"], "the point came while the events were read"
        bench.sender.acknowledged(1, "")
        await bench.sender.pump()
        bench.points(1)
        bench.sender.acknowledged(2, "")
        await bench.acknowledge_all()
        assert line.lanes() == ["track", "event", "track", "event", "event"]

    on_line(drive, replace(RULES, window=1))


def test_what_does_not_fit_into_memory_is_read_from_the_disk_and_called_late() -> None:
    async def drive(bench: Bench) -> None:
        bench.points(LIVE_ROWS + 10)
        await bench.acknowledge_all()
        batches = [decode_track(one.payload) for one in bench.line.published]
        assert sum(len(batch.points) for batch in batches if not batch.late) == LIVE_ROWS
        assert sum(len(batch.points) for batch in batches if batch.late) == 10

    on_line(drive)


def test_rows_that_overflow_while_an_empty_disk_is_being_read_are_not_stranded() -> None:
    async def drive(bench: Bench) -> None:
        bench.disk.meanwhile = [lambda: None, lambda: bench.points(LIVE_ROWS + 10) and None]
        await bench.acknowledge_all()
        await bench.acknowledge_all()
        assert sum(len(decode_track(one.payload).points) for one in bench.line.published) == LIVE_ROWS + 10

    on_line(drive)


def test_without_a_receipt_rows_go_again_and_only_those() -> None:
    async def drive(bench: Bench) -> None:
        rows = bench.points(5)
        await bench.acknowledge_all()
        bench.receipt(rows[:2])
        bench.clock.pass_s(RULES.receipt_within_s + 1)
        await bench.acknowledge_all()
        again = decode_track(bench.line.published[-1].payload)
        assert ([one.seq for one in again.points], again.late) == ([3, 4, 5], True)

    on_line(drive)


def test_a_receipt_that_settles_nothing_leaves_what_it_names_to_be_sent_again() -> None:
    async def drive(bench: Bench) -> None:
        bench.points(5)
        await bench.acknowledge_all()
        bench.sender.settled([])
        bench.clock.pass_s(RULES.receipt_within_s + 1)
        await bench.acknowledge_all()
        assert len(bench.line.published) == 2

    on_line(drive)


@pytest.mark.promise("P-SEND-14")
def test_while_headquarters_is_silent_nothing_is_repeated_and_what_is_owed_is_bounded() -> None:
    async def drive(bench: Bench) -> None:
        bench.sender.hq_heard = False
        for _ in range(100):
            bench.points(24)
            await bench.acknowledge_all()
            bench.clock.pass_s(5)
        sent = [one.id for payload in bench.line.published for one in decode_track(payload.payload).points]
        assert len(sent) == len(set(sent))
        assert len(sent) < RULES.most_unreceipted + track.MOST_POINTS
        bench.press()
        assert bench.line.lanes()[-1] == "alarm", "an alarm goes all the same"
        bench.sender.hq_heard = True
        while bench.disk.rows[Lane.TRACK]:
            count = len(bench.line.published)
            await bench.acknowledge_all()
            assert len(bench.line.published) > count
            for publication in bench.line.published[count:]:
                if publication.topic.endswith("track"):
                    seqs = [one.seq for one in decode_track(publication.payload).points]
                    bench.receipt(
                        [bench.disk.rows[Lane.TRACK][seq] for seq in seqs if seq in bench.disk.rows[Lane.TRACK]]
                    )

    on_line(drive)


@pytest.mark.promise("P-SEND-09", "P-WATCH-05")
def test_a_broker_that_acknowledges_nothing_is_let_go() -> None:
    async def drive(bench: Bench) -> None:
        bench.sender.watch(99)
        bench.clock.pass_s(Supervision().acknowledge_within_s - 0.1)
        await bench.sender.pump()
        assert not bench.line.aborted
        bench.clock.pass_s(0.2)
        await bench.sender.pump()
        assert "acknowledged nothing within 10 s" in bench.line.aborted

    on_line(drive)


@pytest.mark.promise("P-SEND-10")
def test_a_refused_publication_is_told_and_is_not_counted_as_sent() -> None:
    async def drive(bench: Bench) -> None:
        alarm = bench.press()
        bench.sender.acknowledged(1, "Not authorized")
        assert bench.told == [PublishRefused("the broker did not deliver: Not authorized")]
        bench.clock.pass_s(RULES.alarm_again_after_s)
        await bench.sender.pump()
        bench.sender.acknowledged(2, "")
        assert bench.told[1:] == [Published((alarm.id,))]

    on_line(drive)


@pytest.mark.promise("P-KIND-05", "P-KIND-07")
def test_what_the_broker_refuses_of_a_silent_alarm_is_not_shown_and_is_repeated_all_the_same() -> None:
    async def drive(bench: Bench) -> None:
        alarm = AlarmRaised(id=new_id(), who=WHO, incident=new_id(), silent=True)
        bench.sender.alarm(alarm)
        bench.sender.moved(msgspec.structs.replace(moved(alarm.incident, 1.0), silent=True))
        await bench.sender.pump()
        for mid in (1, 2):
            bench.sender.acknowledged(mid, "No matching subscribers")
        assert bench.told == []
        bench.clock.pass_s(RULES.alarm_again_after_s)
        await bench.sender.pump()
        bench.sender.acknowledged(3, "")
        assert bench.told == [Published((alarm.id,))]

    on_line(drive)


def moved(incident: str, lat_deg: float) -> AlarmMoved:
    return AlarmMoved(id=new_id(), who=WHO, incident=incident, position=msgspec.structs.replace(HERE, lat_deg=lat_deg))


@pytest.mark.promise("P-SEND-08")
def test_each_open_alarm_has_one_slot_for_where_it_is_and_the_newest_counts() -> None:
    async def drive(bench: Bench) -> None:
        for incident, lat_deg in (("a", 1.0), ("b", 2.0), ("a", 3.0)):
            bench.sender.moved(moved(incident, lat_deg))
        await bench.acknowledge_all()
        told = [decode_alarm(one.payload) for one in bench.line.published]
        assert {(one.incident, one.position.lat_deg) for one in told if isinstance(one, AlarmMoved)} == {
            ("a", 3.0),
            ("b", 2.0),
        }

    on_line(drive)


@pytest.mark.promise("P-SEND-08")
def test_a_position_expires_by_when_it_was_told_and_not_by_when_it_was_handed_over() -> None:
    async def drive(bench: Bench) -> None:
        bench.sender.disconnected()
        bench.sender.moved(moved("a", 1.0))
        bench.clock.pass_s(RULES.moved_expires_s - 10)
        bench.sender.moved(moved("b", 2.0))
        bench.clock.pass_s(10)
        line = bench.connect()
        await bench.acknowledge_all()
        assert [(decode_alarm(one.payload).incident, one.expiry_s) for one in line.published] == [("b", 20)]

    on_line(drive)


def test_a_row_that_cannot_be_read_is_left_out_and_does_not_stop_the_others() -> None:
    async def drive(bench: Bench) -> None:
        for at in range(5):
            body = b"rubbish" if at in (0, 3) else track.row_body(WHO, point())
            bench.disk.commit(Lane.TRACK, new_id(), body)
        await bench.acknowledge_all()
        sent = [[one.seq for one in decode_track(one.payload).points] for one in bench.line.published]
        assert sent == [[2, 3], [5]]

    on_line(drive)


def test_an_event_that_cannot_be_read_is_told_and_does_not_stop_the_sender(caplog: pytest.LogCaptureFixture) -> None:
    async def drive(bench: Bench) -> None:
        bad = bench.disk.commit(Lane.EVENT, new_id(), b"rubbish")
        bench.sender.committed([bad], bench.disk.account)
        [good] = bench.events()
        running = asyncio.create_task(bench.sender.run())
        async with asyncio.timeout(20):
            await bench.line.spoken.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert decode_event(bench.line.published[0].payload).id == good.id

    on_line(drive)
    assert "something could not be sent" in caplog.text


@pytest.mark.promise("P-RECEIPT-15")
def test_received_before_it_is_on_disk_it_goes_again_once_it_has_a_place() -> None:
    async def drive(bench: Bench) -> None:
        alarm = bench.press()
        bench.sender.received([alarm.id])
        assert bench.connect().published == []
        row = bench.store(alarm)
        assert [decode_alarm(one.payload).place for one in bench.line.published] == [
            Place("account-1", Lane.ALARM, row.seq)
        ]

    on_line(drive)
