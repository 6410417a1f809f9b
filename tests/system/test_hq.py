"""Headquarters as a process: cars on a real Mosquitto, people on its command line."""

import asyncio
import json
import os
import pwd
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import apsw
import pytest
from msgspec.structs import replace

from terminal.contract import topics
from terminal.contract.identity import digest_of_ids, new_id, new_incident
from terminal.contract.messages import (
    AlarmRaised,
    DesiredState,
    DutyChanged,
    Heartbeat,
    Place,
    Presence,
    Receipt,
    StateConfirmed,
    Who,
    decode_as,
    encode,
)
from terminal.contract.mqtt import Broker, Connection, Listener, Publication
from terminal.contract.topics import Lane

T = TypeVar("T")

WITHIN_S = 60.0
SCENE_WITHIN_S = 180.0
"""So that what never comes fails its test, and does not hang it."""
REALM, UNIT = "LJ", "LJ-101"
WHO = Who(unit=UNIT, call_sign="Sava 1")
SECRET = b'{"type":"alarm-raised","who":{"unit":"LJ-101","crew":["Novak"]}}'
HQ = """
name = "HQ-1"
store = "hq.db"
socket = "hq.sock"
[[brokers]]
host = "127.0.0.1"
port = {port}
[line]
heartbeat_every_s = 0.2
"""


class Headquarters:
    """A real `patrola hq serve`, and `patrola hq ...` as a dispatcher types it."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        self.folder = folder
        self._config = folder / "hq.toml"
        self._config.write_text(HQ.format(port=broker.port))
        self.log = folder / "hq.log"
        self._process: subprocess.Popen[bytes] | None = None

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "terminal.tools.command", "hq", *words, "--config", str(self._config)]

    def start(self) -> None:
        """Start it, and return once it answers."""
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(self._command("serve"), stderr=log)
        deadline_s = time.monotonic() + WITHIN_S
        while "patrola-hq: ready" not in self.log.read_text():
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline_s, self.log.read_text()
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(WITHIN_S)
            self._process = None

    def stop(self) -> int:
        """End it as systemd would; its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(WITHIN_S)
        code, self._process = self._process.returncode, None
        return int(code)

    def asked(self, *words: str) -> tuple[int, str, str]:
        """Exit code, output and complaint of one command."""
        done = subprocess.run(self._command(*words), capture_output=True, text=True, timeout=WITHIN_S)
        return done.returncode, done.stdout, done.stderr

    def told(self, what: str) -> list[dict[str, Any]]:
        """What a listing says, as JSON lines."""
        code, output, complaint = self.asked(what, "--json")
        assert code == 0, complaint
        return [json.loads(line) for line in output.splitlines()]

    @contextmanager
    def watched(self, *words: str) -> Iterator[Iterator[dict[str, Any]]]:
        """`patrola hq watch --json`, line by line (the first says that it watches) until the scene has to be over."""
        with subprocess.Popen(self._command("watch", "--json", *words), stdout=subprocess.PIPE, text=True) as watching:
            assert watching.stdout is not None
            too_long = threading.Timer(SCENE_WITHIN_S, watching.kill)
            too_long.start()
            try:
                lines = (json.loads(line) for line in watching.stdout)
                assert next(lines)["ok"]
                yield lines
            finally:
                too_long.cancel()
                too_long.join()
                watching.kill()


class Car(Listener):
    """One car's end of the contract, spoken by hand."""

    def __init__(self, unit: str = UNIT) -> None:
        self.unit = unit
        self.down: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self.connection: Connection

    def message(self, topic: str, payload: bytes) -> None:
        self.down.put_nowait((topic.rsplit("/", 1)[-1], payload))

    def says(self, lane: str, message: Any) -> None:
        """Publish on a lane, or a presence; bytes as they are."""
        payload = message if isinstance(message, bytes) else encode(message)
        self.connection.publish(Publication(topics.up(REALM, self.unit, lane), payload))

    async def hears(self, what: str, kind: type[T], wanted: Callable[[T], bool] = lambda _: True) -> T:
        """The next message of that kind that is wanted; what comes before it is passed over."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                topic, payload = await self.down.get()
                if topic == what and wanted(told := decode_as(kind, payload)):
                    return told


@asynccontextmanager
async def car_on(broker: Broker, unit: str = UNIT) -> AsyncIterator[Car]:
    car = Car(unit)
    car.connection = Connection(unit, broker, car)
    await car.connection.open()
    await car.connection.subscribe(topics.down_all(REALM, unit))
    try:
        yield car
    finally:
        await car.connection.close()


def raised(**fields: Any) -> AlarmRaised:
    return AlarmRaised(**{"id": new_id(), "who": WHO, "incident": new_incident()} | fields)


def is_taken(told: DesiredState) -> bool:
    """Whether it says more of the alarm than that it came."""
    return told.alarms[0].acknowledged_by != ""


def duty(seq: int, status: str = "available") -> DutyChanged:
    return DutyChanged(id=new_id(), who=WHO, status=status, place=Place("outbox", Lane.EVENT, seq))


def present(incarnation: str = "one") -> Presence:
    return Presence(incarnation=incarnation, online=True, who=WHO, outbox="outbox")


@pytest.fixture
def hq(tmp_path: Path, mosquitto: Broker) -> Iterator[Headquarters]:
    headquarters = Headquarters(tmp_path, mosquitto)
    try:
        headquarters.start()
        yield headquarters
    finally:
        headquarters.kill()


def played(broker: Broker, scene: Callable[[Car], Any]) -> None:
    """Run a scene with one car on the line, which headquarters has heard."""

    async def play() -> None:
        async with car_on(broker) as car:
            # Until headquarters has subscribed, the broker throws away what is said.
            async with asyncio.timeout(WITHIN_S):
                while car.down.empty():
                    car.says(topics.PRESENCE, present())
                    await asyncio.sleep(0.05)
            async with asyncio.timeout(SCENE_WITHIN_S):
                await scene(car)

    asyncio.run(play())


async def on_command_line(hq: Headquarters, *words: str) -> tuple[int, str, str]:
    return await asyncio.to_thread(hq.asked, *words)


@pytest.mark.promise("P-SHOW-11")
def test_an_alarm_is_receipted_taken_and_cleared_by_people_with_names(hq: Headquarters, mosquitto: Broker) -> None:
    alarm = raised()

    async def scene(car: Car) -> None:
        car.says(Lane.ALARM, alarm)
        car.says(Lane.ALARM, replace(alarm, place=Place("outbox", Lane.ALARM, 1)))
        receipt = await car.hears(topics.RECEIPT, Receipt)
        assert set(receipt.ids) == {alarm.id}
        assert (await on_command_line(hq, "ack", alarm.incident[:13], "--by", "Dispatcher 7"))[0] == 0
        state = await car.hears(topics.STATE, DesiredState, is_taken)
        assert [(one.incident, one.acknowledged_by) for one in state.alarms] == [(alarm.incident, "Dispatcher 7")]
        clear = ("clear", alarm.incident, "--by", "Dispatcher 8", "--reason", "patrol is safe")
        assert (await on_command_line(hq, *clear))[0] == 0
        ended = await car.hears(topics.STATE, DesiredState, lambda told: bool(told.alarms[0].cleared_by))
        assert (ended.alarms[0].cleared_by, ended.alarms[0].reason) == ("Dispatcher 8", "patrol is safe")
        assert ended.revision > state.revision

    with hq.watched() as events:
        played(mosquitto, scene)
        told: list[dict[str, Any]] = []
        while not told or told[-1]["event"] != "alarm-cleared":
            told.append(next(events))
    seen = {event["event"]: event for event in told}
    assert [event["event"] for event in told].count("alarm-raised") == 1, "it came with and without its place"
    assert seen["alarm-raised"]["unit"] == UNIT
    assert (seen["alarm-raised"]["kind"], seen["alarm-raised"]["silent"]) == ("real", False)
    assert seen["alarm-acknowledged"]["by"] == "Dispatcher 7"
    assert seen["alarm-cleared"]["reason"] == "patrol is safe"


def until(events: Iterator[dict[str, Any]], name: str) -> dict[str, Any]:
    """The next event of this name."""
    return next(event for event in events if event.get("event") == name)


def test_the_log_tells_who_saw_and_did_what_while_headquarters_runs(hq: Headquarters, mosquitto: Broker) -> None:
    alarm = raised()

    async def scene(car: Car) -> None:
        car.says(Lane.ALARM, alarm)
        await car.hears(topics.RECEIPT, Receipt)
        await on_command_line(hq, "ack", alarm.incident, "--by", "Dispatcher 7")

    with hq.watched() as unnamed, hq.watched("--by", "Dispatcher 8") as events:
        played(mosquitto, scene)
        until(events, "alarm-acknowledged")
        until(unnamed, "alarm-acknowledged")
    code, output, complaint = hq.asked("verify")
    assert (code, complaint) == (0, "")
    assert hq.asked("new-epoch")[0] == 0
    head = output.split()[-1]
    assert hq.asked("verify", "--head", head)[0] == 0
    told = hq.told("log")
    whats = [entry["what"] for entry in told]
    ours = ["log-begun", "alarm-raised", "alarm-shown", "alarm-shown", "alarm-acknowledged", "store-restored"]
    assert sorted(whats) == sorted(ours)
    who = {what: {entry.get("by") for entry in told if entry["what"] == what} for what in ours}
    user = f"user {pwd.getpwuid(os.getuid()).pw_name}"
    assert who["alarm-shown"] == {"Dispatcher 8", user}, "who says no name is known by the machine's"
    assert who["alarm-acknowledged"] == {"Dispatcher 7"}
    assert told[-1]["hash"] != head.rpartition(":")[2]
    assert hq.asked("verify", "--head", "00" * 32)[0] == 1
    assert hq.asked("watch", "--by", "Headquarters")[0] == 1


def ageless(state: DesiredState) -> DesiredState:
    """The state without how long its incidents have been known, which grows from one telling to the next."""
    return replace(state, alarms=tuple(replace(one, age_s=0) for one in state.alarms))


@pytest.mark.promise("P-HQ-02")
def test_what_a_car_is_told_is_repeated_until_it_confirms(hq: Headquarters, mosquitto: Broker) -> None:
    alarm = raised()

    async def scene(car: Car) -> None:
        car.says(Lane.ALARM, alarm)
        await car.hears(topics.RECEIPT, Receipt)
        await on_command_line(hq, "ack", alarm.incident, "--by", "Dispatcher 7")
        first = await car.hears(topics.STATE, DesiredState, is_taken)
        assert ageless(await car.hears(topics.STATE, DesiredState)) == ageless(first)
        car.says(
            Lane.EVENT,
            StateConfirmed(id=new_id(), who=WHO, revision=first.revision, place=Place("outbox", Lane.EVENT, 1)),
        )
        await car.hears(topics.RECEIPT, Receipt, lambda receipt: receipt.lane is Lane.EVENT)
        while not car.down.empty():
            car.down.get_nowait()
        told = [(await car.down.get())[0] for _ in range(5)]
        assert told == [topics.HEARTBEAT] * 5, "once it is confirmed only the heart beats"

    played(mosquitto, scene)


@pytest.mark.promise("P-RECEIPT-01")
def test_places_are_receipted_after_they_are_on_disk(hq: Headquarters, mosquitto: Broker) -> None:
    events = [duty(seq) for seq in (1, 2)]

    async def scene(car: Car) -> None:
        for event in events:
            car.says(Lane.EVENT, event)
        seqs: set[int] = set()
        while seqs != {1, 2}:
            receipt = await car.hears(topics.RECEIPT, Receipt)
            for run in receipt.stored:
                seqs |= set(range(run.first, run.last + 1))
                assert run.digest == digest_of_ids([event.id for event in events[run.first - 1 : run.last]])
        hq.kill()

    played(mosquitto, scene)
    store = apsw.Connection(str(hq.folder / "hq.db"))
    assert store.execute("SELECT count(*) FROM messages").get == 2
    store.close()


@pytest.mark.promise("P-SHOW-08")
def test_the_heart_beats_with_two_facts(hq: Headquarters, mosquitto: Broker) -> None:
    async def scene(car: Car) -> None:
        beat = await car.hears(topics.HEARTBEAT, Heartbeat)
        assert (beat.storing, beat.attended) == (True, False)
        watching = await asyncio.create_subprocess_exec(
            *hq._command("watch", "--json"), stdout=asyncio.subprocess.DEVNULL
        )
        try:
            await car.hears(topics.HEARTBEAT, Heartbeat, lambda told: told.attended)
        finally:
            watching.kill()
            await watching.wait()

    played(mosquitto, scene)


@pytest.mark.promise("P-HARD-07", "P-HQ-08")
def test_noise_is_survived_and_counted_without_its_content(hq: Headquarters, mosquitto: Broker) -> None:
    async def scene(car: Car) -> None:
        for lane in (*Lane, topics.PRESENCE, "no-lane"):
            for noise in (b"", b"\xff" * 300, b"{}", SECRET, os.urandom(2000)):
                car.says(lane, noise)
        car.says(Lane.EVENT, duty(1))
        assert (await car.hears(topics.RECEIPT, Receipt)).stored

    played(mosquitto, scene)
    log = hq.log.read_text()
    assert f"{UNIT}: alarm message that cannot be read" in log
    assert "Novak" not in log


@pytest.mark.promise("P-HQ-03")
def test_a_car_and_its_incident_outlive_headquarters(hq: Headquarters, mosquitto: Broker) -> None:
    alarm = raised()

    async def scene(car: Car) -> None:
        car.says(Lane.ALARM, alarm)
        car.says(Lane.EVENT, duty(1, "on-scene"))
        await car.hears(topics.RECEIPT, Receipt, lambda receipt: receipt.lane is Lane.EVENT)

    played(mosquitto, scene)
    hq.kill()
    hq.start()
    units, incidents = hq.told("units"), hq.told("incidents")
    assert [(one["unit"], one["duty"], one["who"]["call_sign"]) for one in units] == [(UNIT, "on-scene", "Sava 1")]
    assert [(one["incident"], one["open"]) for one in incidents] == [(alarm.incident, True)]


@pytest.mark.promise("P-HQ-06")
def test_what_came_while_headquarters_was_away_is_receipted_when_it_is_back(
    hq: Headquarters, mosquitto: Broker
) -> None:
    async def scene(car: Car) -> None:
        hq.kill()
        while not car.down.empty():
            car.down.get_nowait()
        wanted = set(range(1, 301))
        for seq in wanted:
            car.says(Lane.EVENT, duty(seq))
        await asyncio.to_thread(hq.start)
        while wanted:
            receipt = await car.hears(topics.RECEIPT, Receipt)
            for run in receipt.stored:
                wanted -= set(range(run.first, run.last + 1))

    played(mosquitto, scene)


def test_a_presence_that_is_only_repeated_costs_the_car_no_state(hq: Headquarters, mosquitto: Broker) -> None:
    alarm = raised()

    async def scene(car: Car) -> None:
        car.says(Lane.ALARM, alarm)
        await car.hears(topics.RECEIPT, Receipt)
        await on_command_line(hq, "ack", alarm.incident, "--by", "Dispatcher 7")
        told = await car.hears(topics.STATE, DesiredState, is_taken)
        assert told.epoch
        confirmed = StateConfirmed(id=new_id(), who=WHO, revision=told.revision, epoch=told.epoch)
        car.says(Lane.EVENT, replace(confirmed, place=Place("outbox", Lane.EVENT, 1)))
        await car.hears(topics.RECEIPT, Receipt, lambda receipt: receipt.lane is Lane.EVENT)
        while not car.down.empty():
            car.down.get_nowait()
        car.says(topics.PRESENCE, present())
        assert [(await car.down.get())[0] for _ in range(3)] == [topics.HEARTBEAT] * 3
        car.says(topics.PRESENCE, present("another"))
        assert ageless(await car.hears(topics.STATE, DesiredState)) == ageless(told)

    played(mosquitto, scene)


@pytest.mark.promise("P-RECEIPT-06")
def test_gaps_are_listed(hq: Headquarters, mosquitto: Broker) -> None:
    async def scene(car: Car) -> None:
        car.says(Lane.EVENT, duty(4))
        await car.hears(topics.RECEIPT, Receipt)

    played(mosquitto, scene)
    assert [(gap["unit"], gap["lane"], gap["first"], gap["last"]) for gap in hq.told("gaps")] == [(UNIT, "event", 1, 3)]


def test_a_new_epoch_is_told_with_the_next_beat(hq: Headquarters, mosquitto: Broker) -> None:
    async def scene(car: Car) -> None:
        before = await car.hears(topics.HEARTBEAT, Heartbeat)
        assert (await on_command_line(hq, "new-epoch"))[0] == 0
        after = await car.hears(topics.HEARTBEAT, Heartbeat, lambda beat: beat.epoch != before.epoch)
        car.says(Lane.ALARM, raised())
        assert (await car.hears(topics.RECEIPT, Receipt)).epoch == after.epoch

    played(mosquitto, scene)


@pytest.mark.promise("P-HQ-07")
def test_the_command_line_says_no_with_a_reason_and_an_exit_code(hq: Headquarters, tmp_path: Path) -> None:
    code, _, complaint = hq.asked("ack", "12345678", "--by", "Dispatcher 7")
    assert (code, "hq incidents" in complaint) == (1, True)
    hq.kill()
    code, _, complaint = hq.asked("units")
    assert (code, "hq serve" in complaint) == (2, True)
    (tmp_path / "hq.toml").write_text('name = "HQ-1"\nbroker = 1\n')
    code, _, complaint = hq.asked("units")
    assert (code, 'did you mean "brokers"?' in complaint) == (2, True)


def test_a_second_headquarters_on_the_same_socket_is_refused(hq: Headquarters) -> None:
    code, _, complaint = hq.asked("serve")
    assert (code, "another process listens here" in complaint) == (2, True)
    assert hq.told("units") == []


def test_it_ends_when_it_is_told_to_and_leaves_no_socket(hq: Headquarters) -> None:
    assert hq.stop() == 0
    assert not (hq.folder / "hq.sock").exists()


@pytest.mark.promise("P-HQ-08")
def test_nonsense_on_the_api_gets_an_answer_and_a_watcher_who_does_not_read_is_let_go(
    hq: Headquarters, mosquitto: Broker
) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(hq.folder / "hq.sock"))
        client.sendall(b"noise\n[]\n" + b'{"do": "fly"}\n' + b'{"do": "ack", "alarm": 5, "by": null}\n')
        answers = client.makefile()
        assert [json.loads(answers.readline())["ok"] for _ in range(4)] == [False] * 4

    async def scene(car: Car) -> None:
        for seq in range(1, 4000):
            car.says(Lane.EVENT, duty(seq))
            if seq % 100 == 0:
                await car.hears(topics.RECEIPT, Receipt, lambda told, last=seq: told.stored[-1].last >= last)

    with socket.socket(socket.AF_UNIX) as sleeper:
        sleeper.connect(str(hq.folder / "hq.sock"))
        sleeper.sendall(b'{"do": "watch"}\n')
        played(mosquitto, scene)
        assert hq.told("gaps") == []
