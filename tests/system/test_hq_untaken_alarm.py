"""What headquarters does, as a process, about alarms that nobody takes: desks, a command, a webhook, a mail."""

import asyncio
import contextlib
import json
import os
import pty
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hq import audit, verify
from terminal.asked import RaiseAlarm
from terminal.contract import topics
from terminal.contract.identity import new_id
from terminal.contract.messages import (
    AlarmKind,
    AlarmRaised,
    AlarmSignalled,
    DesiredState,
    Place,
    Receipt,
    StateConfirmed,
    decode_as,
)
from terminal.contract.mqtt import Broker
from terminal.contract.topics import Lane
from tests.system.bad_disk import fill, make_room, on_small_disk
from tests.system.headquarters import Headquarters, Watch
from tests.system.outside_servers import free_port, mail, web
from tests.system.patrol_car import PATROLA, WITHIN_S, Lines
from tests.system.patrol_car import Car as PatrolCar
from tests.system.test_hq import WHO, Car, duty, played, raised

ESCALATION = """
[escalation]
ring_again_every_s = {ring_every_s}
all_desks_after_s = {desks_after_s}
outside_after_s = 0.4
call_again_every_s = 0.2
within_s = {within_s}
retry_after_s = 0.2
longest_retry_s = 0.4
"""
COMMAND = 'command = ["{command}", "an argument"]\n'
WEBHOOK = '[escalation.webhook]\nurl = "http://127.0.0.1:{port}/alarms?desk=1"\ntoken_file = "token"\n'
MAIL = """[escalation.mail]
host = "127.0.0.1"
port = {port}
encryption = "none"
sender = "patrola@police.example"
to = ["first@police.example", "second@police.example"]
"""
CLOSE_AT_ONCE = "[alarms]\nclose_tests_after_s = 0\n"
KEEPS_WHAT_IT_READS = "#!/bin/sh\ncat >> told; echo >> told\n"


def script(folder: Path, text: str) -> Path:
    """A program in this folder, which is its working directory too."""
    path = folder / "command"
    path.write_text(text.replace("#!/bin/sh\n", f"#!/bin/sh\ncd {folder}\n"))
    path.chmod(0o755)
    return path


def configured(
    folder: Path,
    broker: Broker,
    *sections: str,
    within_s: float = 20.0,
    desks_after_s: float = 0.2,
    ring_every_s: float = 60.0,
) -> Headquarters:
    escalation = ESCALATION.format(within_s=within_s, desks_after_s=desks_after_s, ring_every_s=ring_every_s)
    return Headquarters(folder / "hq", broker.port, more=escalation + "".join(sections))


def until(true: Callable[[], object]) -> None:
    """Wait for what is seen from outside only."""
    deadline_s = time.monotonic() + WITHIN_S
    while not true():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def levels(watch: Watch) -> Counter[str]:
    """How often each level was told to this desk."""
    return Counter(event["level"] for event in watch.events("alarm-escalated"))


def told_of(watch: Watch, alarm: AlarmRaised, level: str) -> int:
    """How often this level was told of this alarm."""
    found = watch.events("alarm-escalated")
    return sum(event["incident"] == alarm.incident and event["level"] == level for event in found)


def logged(hq: Headquarters, what: str) -> list[str]:
    """What the log says of this, once its chain is known to be whole."""
    assert verify.verify(hq.store, 1, None) == 0
    return on_disk(hq, what)


def on_disk(hq: Headquarters, what: str) -> list[str]:
    """What the log says of this by now; it comes there a little after the desks were told."""
    with verify.reading(hq.store) as db:
        return [entry.fact.text for entry in audit.entries(db) if entry.fact.what == what]


async def waited(watch: Watch, true: Callable[[Watch], object]) -> None:
    await asyncio.to_thread(watch.until, lambda _: true(watch))


BELL = "\a"


class Terminal(Lines):
    """`patrola hq watch` on a terminal, as a desk has it."""

    def __init__(self, hq: Headquarters) -> None:
        master, slave = pty.openpty()
        command = [*PATROLA, "hq", "watch", "--config", str(hq.config)]
        self.process = subprocess.Popen(command, stdout=slave, stdin=subprocess.DEVNULL)
        os.close(slave)
        super().__init__(os.fdopen(master, errors="replace"))

    def _read(self) -> None:
        # A terminal that nobody writes to any more is an error to whoever reads it.
        with contextlib.suppress(OSError), self._stream:
            super()._read()

    def rings(self, alarm: AlarmRaised) -> int:
        """How often it rang for this alarm."""
        return sum(BELL in line and alarm.incident in line for line in list(self.told))

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(WITHIN_S)
        self.join()


@pytest.mark.promise("P-HQ-10")
def test_an_alarm_rings_from_the_press_until_somebody_takes_it(tmp_path: Path, mosquitto: Broker) -> None:
    hq = configured(tmp_path, mosquitto, ring_every_s=0.2, desks_after_s=300.0)
    first, second, test = raised(silent=True), raised(kind=AlarmKind.EXERCISE), raised(kind=AlarmKind.TEST)

    async def rung(alarm: AlarmRaised, times: int) -> None:
        await asyncio.to_thread(desk.until, lambda _: desk.rings(alarm) >= times)

    async def scene(car: Car) -> None:
        car.says(Lane.ALARM, test)
        car.says(Lane.ALARM, first)
        await rung(first, 4)
        await asyncio.to_thread(hq.ask, "ack", alarm=first.incident, by="Dispatcher 7")
        await asyncio.to_thread(desk.until_told, "alarm-acknowledged")
        rings = desk.rings(first)
        car.says(Lane.ALARM, second)
        await rung(second, 4)
        assert desk.rings(first) == rings, "somebody has taken it"
        assert any(test.incident in line for line in desk.told)
        assert desk.rings(test) == 0, "headquarters ends a test by itself"

    with hq.serving() as serving:
        desk = Terminal(hq)
        try:
            played(mosquitto, scene)
        finally:
            desk.end()
        assert serving.end() == 0


@pytest.mark.promise("P-HQ-04")
def test_what_nobody_takes_is_called_at_all_desks_and_told_outside_once_each(tmp_path: Path, mosquitto: Broker) -> None:
    command = script(tmp_path, KEEPS_WHAT_IT_READS)
    port = free_port()
    with web() as site, mail(port) as box:
        sections = (COMMAND.format(command=command), WEBHOOK.format(port=site.port), MAIL.format(port=port))
        hq = configured(tmp_path, mosquitto, *sections)
        (hq.folder / "token").write_text("a secret\n")
        alarm = raised(silent=True)

        async def scene(car: Car) -> None:
            car.says(Lane.ALARM, alarm)
            await car.hears(topics.RECEIPT, Receipt)
            await waited(watch, lambda watch: len(levels(watch)) == 4)
            calls = levels(watch)["all desks"]
            await waited(watch, lambda watch: levels(watch)["all desks"] >= calls + 3)
            await asyncio.to_thread(until, lambda: len(on_disk(hq, "alarm-escalated")) == 4)
            told_to_car = [car.down.get_nowait() for _ in range(car.down.qsize())]
            assert {topic for topic, _ in told_to_car} <= {topics.HEARTBEAT, topics.RECEIPT, topics.STATE}
            states = [decode_as(DesiredState, payload) for topic, payload in told_to_car if topic == topics.STATE]
            assert {one.revision for one in states} <= {1}, "of all this nothing goes to the car"
            await asyncio.to_thread(hq.ask, "ack", alarm=alarm.incident, by="Dispatcher 7")
            await car.hears(topics.STATE, DesiredState, lambda told: told.alarms[0].acknowledged_by != "")

        with hq.serving() as serving, hq.watched() as watch:
            played(mosquitto, scene)
            assert serving.end() == 0
            assert "a secret" not in "".join(serving.err.told)
        events = watch.events("alarm-escalated")
        assert not watch.events("escalation-failed")
    assert Counter(event["level"] for event in events)["command"] == 1
    assert {(event["silent"], event["unit"]) for event in events} == {(True, alarm.who.unit)}
    posted = [(authorization, json.loads(body)) for authorization, body in site.posts]
    assert [(authorization, told["incident"]) for authorization, told in posted] == [
        ("Bearer a secret", alarm.incident)
    ]
    (told,) = [json.loads(line) for line in (tmp_path / "told").read_text().splitlines()]
    assert (told["incident"], told["call_sign"], told["silent"]) == (alarm.incident, "Sava 1", True)
    (letter,) = box.mails
    assert letter.rcpt_tos == ["first@police.example", "second@police.example"]
    assert message_from_bytes(letter.content)["Subject"].startswith("Alarm of LJ-101 (Sava 1)")
    assert sorted(logged(hq, "alarm-escalated")) == ["all-desks", "command", "mail", "webhook"]


@pytest.mark.promise("P-HQ-04", "P-HQ-09")
def test_what_fails_is_said_and_tried_again_and_what_hangs_holds_nobody_up(tmp_path: Path, mosquitto: Broker) -> None:
    command = script(tmp_path, "#!/bin/sh\n[ -e first ] || { echo $$ > first; exec sleep 1000; }\ncat > told\n")
    port = free_port()
    with web() as site, contextlib.ExitStack() as servers:
        site.answers += [503, 307]
        sections = (COMMAND.format(command=command), WEBHOOK.format(port=site.port), MAIL.format(port=port))
        hq = configured(tmp_path, mosquitto, *sections, within_s=5.0)
        (hq.folder / "token").write_text("a secret\n")
        alarm, another = raised(), raised(kind=AlarmKind.TEST)

        async def scene(car: Car) -> None:
            car.says(Lane.ALARM, alarm)
            await asyncio.to_thread(until, (tmp_path / "first").exists)
            car.says(Lane.ALARM, another)
            await car.hears(topics.RECEIPT, Receipt, lambda told: another.id in told.ids)
            await waited(watch, lambda watch: problems(watch, "mail"))
            box = servers.enter_context(mail(port))
            await waited(watch, lambda watch: {"command", "webhook", "mail"} <= set(levels(watch)))
            await asyncio.to_thread(until, lambda: len(on_disk(hq, "escalation-failed")) >= 4)
            assert box.mails

        with hq.serving() as serving, hq.watched() as watch:
            played(mosquitto, scene)
            assert serving.end() == 0
    hanging = Path("/proc") / (tmp_path / "first").read_text().strip()
    until(lambda: not hanging.exists())
    assert any(one.endswith("answered 503 Service Unavailable; expected 2xx") for one in problems(watch, "webhook"))
    assert any("answered 307" in one for one in problems(watch, "webhook"))
    assert any("ConnectionRefusedError" in one for one in problems(watch, "mail"))
    assert set(problems(watch, "command")) == {"it did not end within 5 s"}
    assert len(logged(hq, "escalation-failed")) >= 4
    assert not any("a secret" in text for text in logged(hq, "escalation-failed"))


def problems(watch: Watch, level: str) -> list[str]:
    return [event["problem"] for event in watch.events("escalation-failed") if event["level"] == level]


@pytest.mark.promise("P-HQ-04")
def test_an_escalation_goes_on_where_it_was_after_headquarters_was_killed(tmp_path: Path, mosquitto: Broker) -> None:
    command = script(tmp_path, "#!/bin/sh\n[ -e works ] || exit 3\ncat >> told; echo >> told\n")
    hq = configured(tmp_path, mosquitto, COMMAND.format(command=command))
    alarm = raised()

    async def scene(car: Car) -> None:
        car.says(Lane.ALARM, alarm)
        await waited(watch, lambda watch: problems(watch, "command") and levels(watch)["all desks"] > 2)
        for what, count in (("escalation-failed", 1), ("alarm-escalated", 1), ("alarm-shown", 2)):
            await asyncio.to_thread(until, lambda what=what, count=count: len(on_disk(hq, what)) == count)

    with hq.serving(), hq.watched("Dispatcher 7") as watch:
        played(mosquitto, scene)
    (tmp_path / "works").touch()
    with hq.serving() as serving, hq.watched("Dispatcher 7") as watch:
        watch.until(lambda _: levels(watch)["command"] and levels(watch)["all desks"] > 1)
        until(lambda: len(on_disk(hq, "alarm-escalated")) == 2)
        assert serving.end() == 0
    assert "it ended with 3" in logged(hq, "escalation-failed")[0]
    assert logged(hq, "alarm-escalated") == ["all-desks", "command"]
    shown = ["alarm-escalated", "alarm-escalated", "alarm-raised", "open when the watch began"]
    assert sorted(logged(hq, "alarm-shown")) == shown, "not every call anew, but of each headquarters"
    with hq.serving() as serving, hq.watched() as watch:
        watch.until(lambda _: levels(watch)["all desks"] > 2)
        assert serving.end() == 0
    assert set(levels(watch)) == {"all desks"}
    # The killed headquarters may have left one try behind, which says the same thing.
    assert len({json.loads(line)["id"] for line in (tmp_path / "told").read_text().splitlines()}) == 1


@pytest.mark.promise("P-KIND-13", "P-KIND-14")
def test_a_test_is_ended_by_headquarters_and_called_out_to_nobody(tmp_path: Path, mosquitto: Broker) -> None:
    hq = configured(tmp_path, mosquitto, CLOSE_AT_ONCE)
    test, real = raised(kind=AlarmKind.TEST), raised()

    async def scene(car: Car) -> None:
        car.says(Lane.ALARM, test)
        told = await car.hears(topics.STATE, DesiredState, lambda told: told.alarms[0].cleared_by != "")
        (status,) = told.alarms
        assert (status.cleared_by, status.reason, status.acknowledged_by) == ("headquarters", "test", "")
        confirmed = StateConfirmed(id=new_id(), who=WHO, revision=told.revision, epoch=told.epoch)
        car.says(Lane.EVENT, duty(1))
        await waited(watch, lambda watch: watch.events("unit-not-proved"))
        car.says(Lane.EVENT, replace(confirmed, place=Place("outbox", Lane.EVENT, 2)))
        await car.hears(topics.RECEIPT, Receipt, lambda told: any(run.last == 2 for run in told.stored))
        (unit,) = (await asyncio.to_thread(hq.ask, "units"))["units"]
        assert (unit["proved"], unit["proved_ms"] > 0) == (True, True)
        car.says(Lane.ALARM, real)
        await waited(watch, lambda watch: levels(watch)["all desks"] > 1)

    with hq.serving() as serving, hq.watched() as watch:
        played(mosquitto, scene)
        assert serving.end() == 0
    assert {event["incident"] for event in watch.events("alarm-escalated")} == {real.incident}
    assert [event["by"] for event in watch.events("alarm-cleared")] == ["headquarters"]


@pytest.mark.promise("P-HQ-11")
def test_an_alarm_that_the_disk_refuses_is_told_outside_and_taken_all_the_same(
    tmp_path: Path, mosquitto: Broker
) -> None:
    command = script(tmp_path, KEEPS_WHAT_IT_READS)
    hq = configured(tmp_path, mosquitto, COMMAND.format(command=command), desks_after_s=1.5)
    disk, alarm, stored = hq.store.parent, raised(), raised()

    async def scene(car: Car) -> None:
        car.says(Lane.ALARM, stored)
        await car.hears(topics.RECEIPT, Receipt)
        await asyncio.to_thread(fill, serving, disk)
        car.says(Lane.ALARM, alarm)
        await waited(watch, lambda watch: told_of(watch, alarm, "command") and told_of(watch, alarm, "all desks") > 2)
        await waited(watch, lambda watch: told_of(watch, stored, "command") and told_of(watch, stored, "all desks") > 2)
        assert watch.events("alarm-not-stored")
        taken = await asyncio.to_thread(hq.ask, "ack", alarm=alarm.incident, by="Dispatcher 7")
        assert (taken["incident"]["acknowledged_by"], taken["incident"]["stored"]) == ("Dispatcher 7", False)
        await asyncio.to_thread(make_room, serving, disk)
        await car.hears(topics.RECEIPT, Receipt, lambda told: alarm.id in told.ids)
        await car.hears(topics.STATE, DesiredState, lambda told: told.alarms[-1].acknowledged_by == "Dispatcher 7")
        assert not [event for event in watch.events("alarm-raised") if event["incident"] == alarm.incident]

    with hq.serving(on_small_disk(disk)) as serving, hq.watched() as watch:
        played(mosquitto, scene)
        assert serving.end() == 0


def test_the_logs_head_is_given_away_and_a_program_that_does_not_take_it_is_told_of(
    tmp_path: Path, mosquitto: Broker
) -> None:
    command = script(tmp_path, "#!/bin/sh\n[ -e full ] && exit 5\ntouch full; cat > head\n")
    hq = configured(tmp_path, mosquitto, f'[audit]\nhead_every_s = 1\nhead_command = ["{command}"]\n')
    with hq.serving() as serving, hq.watched() as watch:
        watch.until_told('"audit-head-not-kept"')
        assert serving.end() == 0
    kept = json.loads((tmp_path / "head").read_text())["head"]
    assert verify.verify(hq.store, 1, verify.head_hash(kept)) == 0
    assert watch.events("audit-head-not-kept")[0]["problem"].startswith("it ended with 5")
    assert any(f"audit: head {kept}" in line for line in serving.err.told)


@pytest.mark.promise("P-HQ-01")
@pytest.mark.parametrize("word", ["ack", "clear"])
def test_of_two_desks_at_the_same_moment_one_has_it_and_the_other_is_told_who(
    tmp_path: Path, mosquitto: Broker, word: str
) -> None:
    hq = configured(tmp_path, mosquitto)
    alarm = raised()

    async def both(_: Car) -> list[Any]:
        asked = [
            asyncio.to_thread(hq.ask, word, alarm=alarm.incident, by=f"Dispatcher {one}", reason="over")
            for one in range(8)
        ]
        return await asyncio.gather(*asked, return_exceptions=True)

    async def scene(car: Car) -> None:
        car.says(Lane.ALARM, alarm)
        await car.hears(topics.RECEIPT, Receipt)
        answers = await both(car)
        (done,) = [answer for answer in answers if isinstance(answer, dict)]
        by = done["incident"]["acknowledged_by"]
        assert all(by in str(refused) for refused in answers if refused is not done)

    with hq.serving() as serving:
        played(mosquitto, scene)
        assert serving.end() == 0
    assert len(logged(hq, "alarm-acknowledged")) == 1


def on_command_line(hq: Headquarters, *words: str) -> tuple[int, str]:
    """Exit code and complaint of one command."""
    done = subprocess.run([*PATROLA, "hq", *words, "--config", str(hq.config)], capture_output=True, text=True)
    return done.returncode, done.stderr


@pytest.mark.promise("P-HQ-13")
@pytest.mark.parametrize("knows", [True, False], ids=["says-so", "takes-it-again"])
def test_nobody_ends_a_press_that_nobody_has_seen(tmp_path: Path, mosquitto: Broker, knows: bool) -> None:
    hq, alarm = configured(tmp_path, mosquitto), raised()
    clear = ("clear", alarm.incident, "--by", "Dispatcher 8", "--reason", "patrol is safe")

    async def scene(car: Car) -> None:
        car.says(Lane.ALARM, alarm)
        await car.hears(topics.RECEIPT, Receipt)
        assert (await asyncio.to_thread(on_command_line, hq, "ack", alarm.incident, "--by", "Dispatcher 7"))[0] == 0
        again = AlarmSignalled(id=new_id(), who=WHO, incident=alarm.incident, signal=2)
        car.says(Lane.ALARM, again)
        await car.hears(topics.RECEIPT, Receipt, lambda receipt: again.id in receipt.ids)
        code, complaint = await asyncio.to_thread(on_command_line, hq, *clear)
        assert (code, "2 times by now and not 1" in complaint) == (1, True)
        if knows:
            assert (await asyncio.to_thread(on_command_line, hq, *clear, "--presses", "1"))[0] == 1
            assert (await asyncio.to_thread(on_command_line, hq, *clear, "--presses", "2"))[0] == 0
        else:
            assert (await asyncio.to_thread(on_command_line, hq, "ack", alarm.incident, "--by", "Dispatcher 8"))[0] == 0
            assert (await asyncio.to_thread(on_command_line, hq, *clear))[0] == 0

    with hq.serving():
        played(mosquitto, scene)
        (incident,) = hq.ask("incidents")["incidents"]
    assert incident["cleared_by"] == "Dispatcher 8"


@pytest.mark.promise("P-KIND-14")
def test_a_real_cars_test_goes_all_the_way_and_back_and_proves_its_chain(tmp_path: Path, mosquitto: Broker) -> None:
    hq, car = configured(tmp_path, mosquitto), PatrolCar(tmp_path / "car", mosquitto.port)
    hq.config.write_text(hq.config.read_text() + CLOSE_AT_ONCE)
    with hq.serving() as serving, hq.watched() as watch, car.core() as core, car.screen(core) as screen:
        screen.until(lambda snapshot: snapshot.line.storing)
        screen.send(RaiseAlarm(kind="test"))
        ended = screen.until_alarm(lambda alarm: alarm.cleared_by)
        assert (ended.kind, ended.received, ended.cleared_by) == ("test", True, "headquarters")
        assert ended.acknowledged_by == ""
        until(lambda: hq.ask("units")["units"][0]["proved"])
        assert not watch.events("alarm-escalated")
        assert (core.end(), serving.end()) == (0, 0)
