"""Car and headquarters with certificates, and in between brokers and a gateway that nobody has to trust."""

import asyncio
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hq.config import Trusting as HqTrusting
from terminal.contract import topics
from terminal.contract.identity import new_id
from terminal.contract.messages import (
    AlarmCancelled,
    AlarmKind,
    AlarmRaised,
    AlarmStatus,
    Certificate,
    DesiredState,
    Receipt,
    Who,
    encode,
)
from terminal.contract.mqtt import Connection, Listener, Publication
from terminal.contract.signed import parted
from terminal.contract.signing import Signer
from terminal.contract.topics import Lane
from terminal.core.inputs import HeartbeatHeard, StateDesired
from terminal.tools.certificates import Authority
from terminal.uplink.trusting import Trusting
from tests.system.conftest import Mosquitto
from tests.system.headquarters import Headquarters
from tests.system.patrol_car import PATROLA
from tests.system.untrusted_gateway import Gateway, honest
from tests.system.uplink_car import CLOSELY, REALM, WITHIN_S, Car, Hq, at, until

ROOT = Path(__file__).parents[2]
UNIT = "LJ-101"
ALARMS = topics.up(REALM, UNIT, Lane.ALARM)
RECEIPTS = topics.down(REALM, UNIT, topics.RECEIPT)
STATES = topics.down(REALM, UNIT, topics.STATE)
CERTIFICATES = topics.down(REALM, UNIT, topics.CERTIFICATE)
PRESENCES = topics.up(REALM, UNIT, topics.PRESENCE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tls")
    authority = Authority.at(made)
    for name in (UNIT, "LJ-102", "HQ-1"):
        authority.issue(made, name, name, days=1)
    authority.issue(made, "old", UNIT, days=1, begins=datetime.now(UTC) - timedelta(days=10))
    authority.issue(made, "gone", UNIT, days=1)
    authority.revoke(made / "revoked.pem", made / "gone.pem")
    return made


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Mosquitto, Mosquitto]]:
    """The cars' broker and headquarters', without rules: whoever holds them may do anything."""
    both = Mosquitto(tmp_path_factory.mktemp("cars")), Mosquitto(tmp_path_factory.mktemp("hq"))
    try:
        for one in both:
            one.start()
        yield both
    finally:
        for one in both:
            one.kill()


class Scene:
    """A car, a headquarters, and the gateway between them."""

    def __init__(self, folder: Path, car: Car, hq: Hq, gateway: Gateway) -> None:
        self.folder, self.car, self.hq, self.gateway = folder, car, hq, gateway

    def signer(self, name: str) -> Signer:
        return Signer.at(self.folder / f"{name}.pem", self.folder / f"{name}.key")

    async def until_known(self) -> None:
        """Wait until each end has the other's certificate."""
        await until(self.car.hears_hq, "headquarters' certificate and its word")
        await until(lambda: self.car.of(HeartbeatHeard)[-1].heartbeat.knows, "it knows the car's")  # type: ignore[attr-defined]

    async def until_heard_again(self) -> None:
        """Wait until the car has dealt with all that was told it before now: a heartbeat went the same way."""
        before = len(self.car.of(HeartbeatHeard))
        await until(lambda: len(self.car.of(HeartbeatHeard)) > before + 1, "two more heartbeats")

    async def incident(self, alarm: AlarmRaised) -> dict[str, Any] | None:
        found = (await self.hq.ask(do="incidents"))["incidents"]
        return next((one for one in found if one["incident"] == alarm.incident), None)

    async def until_shown(self, alarm: AlarmRaised, signature: str) -> dict[str, Any]:
        """Wait until headquarters shows this alarm with this mark."""
        deadline_s = asyncio.get_running_loop().time() + WITHIN_S
        shown = None
        while shown is None or shown["signature"] != signature:
            assert asyncio.get_running_loop().time() < deadline_s, f"not shown as {signature}: {shown}"
            await asyncio.sleep(0.02)
            shown = await self.incident(alarm)
        return shown


@pytest.fixture
def play(folder: Path, tmp_path: Path, servers: tuple[Mosquitto, Mosquitto]) -> Callable[..., None]:
    def played(drive: Callable[[Scene], Coroutine[Any, Any, None]], car_is: str = UNIT, **change: Any) -> None:
        async def run() -> None:
            cars, hq_broker = (one.broker for one in servers)
            ca = folder / "ca.pem"
            ours = Trusting(ca=ca, certificate=folder / f"{car_is}.pem", key=folder / f"{car_is}.key")
            theirs = HqTrusting(
                ca=ca, certificate=folder / "HQ-1.pem", key=folder / "HQ-1.key", revoked=folder / "revoked.pem"
            )
            async with AsyncExitStack() as stack:
                gateway = Gateway(cars, hq_broker)
                for direction, how in change.items():
                    setattr(gateway, direction, how)
                await stack.enter_async_context(gateway)
                hq = await stack.enter_async_context(Hq(tmp_path, hq_broker, trust=theirs))
                car = await stack.enter_async_context(Car(tmp_path, cars, trust=ours))
                await drive(Scene(folder, car, hq, gateway))

        asyncio.run(run())

    return played


@pytest.mark.promise("P-SIGN-01", "P-SIGN-02")
def test_an_alarm_is_verified_and_its_receipt_too(play: Callable[..., None]) -> None:
    async def drive(scene: Scene) -> None:
        await scene.until_known()
        alarm = scene.car.press()
        await until(lambda: scene.car.has_receipt(alarm), "the receipt")
        assert (await scene.until_shown(alarm, "verified"))["doubted"] == 0
        assert [one["signs"] for one in (await scene.hq.ask(do="units"))["units"]] == [True]
        await scene.car.nothing_owed()
        assert all(parted(payload).signature for payload in scene.gateway.heard_on(ALARMS))
        assert all(parted(payload).signature for payload in scene.gateway.heard_on(RECEIPTS))
        await scene.hq.ask(do="ack", alarm=alarm.incident, by="Dispatcher 7")
        await until(lambda: scene.car.of(StateDesired), "who took it")

    play(drive)


def altered(what: str, payload: bytes) -> bytes | None:
    return payload.replace(b'"incident"', b'"kind":"test","incident"') if what == Lane.ALARM else payload


def stripped(what: str, payload: bytes) -> bytes | None:
    return parted(payload).body if what == Lane.ALARM else payload


@pytest.mark.promise("P-SIGN-01", "P-SIGN-03")
@pytest.mark.parametrize(("change", "mark"), [(altered, "wrong"), (stripped, "missing")])
def test_an_alarm_that_was_changed_on_its_way_is_shown_as_it_came_and_counts_as_not_received(
    play: Callable[..., None], change: Callable[[str, bytes], bytes], mark: str
) -> None:
    async def drive(scene: Scene) -> None:
        await scene.until_known()
        scene.gateway.up = change
        alarm = scene.car.press()
        shown = await scene.until_shown(alarm, mark)
        assert shown["kind"] == AlarmKind.REAL
        assert len(scene.gateway.heard_on(ALARMS)) > 0
        await scene.until_heard_again()
        assert not scene.car.has_receipt(alarm)
        scene.gateway.up = honest
        await until(lambda: scene.car.has_receipt(alarm), "a receipt, once the true one has come")
        assert (await scene.until_shown(alarm, "verified"))["doubted"] >= 1
        await scene.car.nothing_owed()
        incidents = (await scene.hq.ask(do="incidents"))["incidents"]
        assert len([one for one in incidents if one["incident"] == alarm.incident]) == 1

    play(drive)


@pytest.mark.promise("P-SIGN-02")
def test_whoever_swallows_alarms_cannot_make_receipts_up(play: Callable[..., None]) -> None:
    async def drive(scene: Scene) -> None:
        await scene.until_known()
        first = scene.car.press()
        await until(lambda: scene.car.has_receipt(first), "the first one's receipt")
        await scene.car.nothing_owed()
        true = scene.gateway.heard_on(RECEIPTS)
        epoch = scene.car.of(HeartbeatHeard)[-1].heartbeat.epoch  # type: ignore[attr-defined]
        scene.gateway.up = lambda what, payload: None if what == Lane.ALARM else payload
        alarm = scene.car.press()
        forged = encode(Receipt(epoch=epoch, ids=(alarm.id,)))
        taken = encode(DesiredState(revision=99, epoch=epoch, alarms=(AlarmStatus(alarm.incident, "Nobody"),)))
        for topic, body in ((RECEIPTS, forged), (STATES, taken)):
            scene.gateway.to_car(topic, body)
            for name in ("LJ-102", UNIT):
                scene.gateway.to_car(topic, scene.signer(name).wrapped(topic, body))
        for payload in true:
            scene.gateway.to_car(RECEIPTS, payload)
            scene.gateway.to_car(RECEIPTS, payload.replace(first.id.encode(), alarm.id.encode()))
        for name in ("LJ-102", UNIT):
            certificate = scene.signer(name).certificate
            scene.gateway.to_car(CERTIFICATES, _shown(certificate))
        scene.gateway.to_car(RECEIPTS, scene.signer("LJ-102").wrapped(RECEIPTS, forged))
        await scene.until_heard_again()
        assert not scene.car.has_receipt(alarm)
        assert {told.state.revision for told in scene.car.of(StateDesired)} <= {1}, "none but headquarters' own"  # type: ignore[attr-defined]
        assert (await scene.car.owed())[Lane.ALARM] == 1
        assert await scene.incident(alarm) is None
        scene.gateway.up = honest
        await until(lambda: scene.car.has_receipt(alarm), "the true one")

    play(drive)


@pytest.mark.promise("P-SIGN-02")
def test_a_receipt_of_a_store_that_is_gone_counts_for_nothing(play: Callable[..., None]) -> None:
    async def drive(scene: Scene) -> None:
        await scene.until_known()
        alarm = scene.car.press()
        await until(lambda: scene.car.has_receipt(alarm), "its receipt")
        await scene.car.nothing_owed()
        true = scene.gateway.heard_on(RECEIPTS)
        scene.gateway.up = lambda what, payload: None if what == Lane.ALARM else payload
        epoch = (await scene.hq.ask(do="new-epoch"))["epoch"]
        await until(lambda: scene.car.of(HeartbeatHeard)[-1].heartbeat.epoch == epoch, "the new store's word")  # type: ignore[attr-defined]
        for payload in true:
            scene.gateway.to_car(RECEIPTS, payload)
        await scene.until_heard_again()
        assert (await scene.car.owed())[Lane.ALARM] == 1
        scene.gateway.up = honest
        await scene.car.nothing_owed()

    play(drive)


def _shown(certificate: bytes) -> bytes:
    return encode(Certificate(certificate=b64encode(certificate).decode()))


@pytest.mark.promise("P-SIGN-01", "P-SIGN-03")
def test_another_cars_key_raises_no_alarm_in_this_ones_name(play: Callable[..., None]) -> None:
    async def drive(scene: Scene) -> None:
        await scene.until_known()
        true = scene.car.press()
        await until(lambda: scene.car.has_receipt(true), "the true one's receipt")
        cancelled = AlarmCancelled(id=new_id(), who=scene.car.who, incident=true.incident)
        forged = AlarmRaised(id=new_id(), who=scene.car.who, incident=new_id())
        for body in (encode(forged), encode(cancelled)):
            scene.gateway.to_hq(ALARMS, scene.signer("LJ-102").wrapped(ALARMS, body))
        await scene.until_shown(forged, "unknown-key")
        after = await scene.until_shown(true, "verified")
        assert (after["cancelled"], after["doubted"]) == (False, 1)
        assert not any(forged.id.encode() in payload for payload in scene.gateway.heard_on(RECEIPTS))

    play(drive)


@pytest.mark.promise("P-SIGN-02")
def test_while_headquarters_certificate_does_not_come_nothing_is_believed_and_then_all_is(
    play: Callable[..., None],
) -> None:
    withheld: list[bytes] = []

    def without(what: str, payload: bytes) -> bytes | None:
        if what != topics.CERTIFICATE:
            return payload
        withheld.append(payload)
        return None

    async def drive(scene: Scene) -> None:
        alarm = scene.car.press()
        await scene.until_shown(alarm, "verified")
        await until(lambda: len(withheld) > 2 and len(scene.gateway.heard_on(RECEIPTS)) > 2, "it is shown again")
        assert not scene.car.hears_hq()
        assert not scene.car.has_receipt(alarm)
        scene.gateway.down = honest
        await until(lambda: scene.car.has_receipt(alarm), "the receipt")
        await until(lambda: _believes(scene), "the car says whom it believes")
        await scene.until_heard_again()
        shown, came = len(scene.gateway.heard_on(CERTIFICATES)), len(scene.gateway.heard_on(PRESENCES))
        await until(lambda: len(scene.gateway.heard_on(PRESENCES)) > came + 1, "two more presences")
        await scene.until_heard_again()
        assert len(scene.gateway.heard_on(CERTIFICATES)) == shown, "it is shown to who has it"

    play(drive, down=without)


def _believes(scene: Scene) -> bool:
    return b'"believes":["' in scene.gateway.heard_on(PRESENCES)[-1]


WITHOUT_A_CLOCK = """
from datetime import datetime
from pathlib import Path
from terminal.contract.signed import Parted
from terminal.contract.signing import Signer, Trust
from terminal.uplink.believed import Believed
from terminal.version import BUILD
folder = Path({folder!r})
print(datetime.now().year)
hq = Signer.at(folder / "HQ-1.pem", folder / "HQ-1.key")
believed = Believed(Trust.at(folder / "ca.pem"), ["HQ-1"], BUILD)
believed.learn(hq.certificate)
print(believed.doubt("topic", Parted(b"body", hq.key, hq.sign("topic", b"body"))) or "believed")
"""


@pytest.mark.promise("P-SIGN-02")
@pytest.mark.parametrize("years", [-20, 20])
def test_a_car_whose_clock_is_wrong_believes_headquarters_all_the_same(folder: Path, years: int) -> None:
    year = datetime.now(UTC).year + years
    command = ["faketime", f"{year}-06-01", sys.executable, "-c", WITHOUT_A_CLOCK.format(folder=str(folder))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.stdout.split() == [str(year), "believed"], done.stderr


@pytest.mark.promise("P-SIGN-04")
@pytest.mark.parametrize(
    ("certificate", "mark", "is_receipted"), [("old", "expired", True), ("gone", "revoked", False)]
)
def test_an_alarm_under_a_certificate_that_is_over_is_shown_as_such(
    play: Callable[..., None], certificate: str, mark: str, is_receipted: bool
) -> None:
    async def drive(scene: Scene) -> None:
        await scene.until_known()
        alarm = scene.car.press()
        await scene.until_shown(alarm, mark)
        if is_receipted:
            await until(lambda: scene.car.has_receipt(alarm), "it is there, whatever its certificate's date")
        await scene.until_heard_again()
        assert scene.car.has_receipt(alarm) is is_receipted

    play(drive, car_is=certificate)


@pytest.mark.promise("P-SIGN-01")
def test_an_alarm_that_did_not_wait_for_the_cryptography_is_proved_as_soon_as_that_is_there(
    folder: Path, tmp_path: Path, servers: tuple[Mosquitto, Mosquitto]
) -> None:
    """With a presence every ten minutes: what shows the car's certificate is that it has it."""
    broker = at(servers[1].broker, folder, "HQ-1")
    ours = Trusting(ca=broker.ca, certificate=folder / f"{UNIT}.pem", key=folder / f"{UNIT}.key")
    theirs = HqTrusting(ca=broker.ca, certificate=broker.certificate, key=broker.key)
    seldom = replace(CLOSELY, presence_every_s=600.0)

    async def drive() -> None:
        async with (
            Hq(tmp_path, servers[1].broker, trust=theirs) as hq,
            Car(tmp_path, servers[1].broker, trust=ours, supervision=seldom, loads_late=True) as car,
        ):
            await until(car.connected, "a line")
            alarm = car.press()
            scene = Scene(folder, car, hq, Gateway(broker, broker))
            await scene.until_shown(alarm, "missing")
            assert not car.has_receipt(alarm)
            car.load()
            await until(lambda: car.has_receipt(alarm), "its receipt, which can be believed now")
            await scene.until_shown(alarm, "verified")
            await car.nothing_owed()

    asyncio.run(drive())


TRUST = '\n[trust]\nca = "{folder}/ca.pem"\ncertificate = "{folder}/HQ-1.pem"\nkey = "{folder}/HQ-1.key"\n'


@pytest.mark.promise("P-SIGN-03")
def test_the_desk_is_told_which_alarms_are_not_proved_and_which_cars_do_not_sign(
    folder: Path, tmp_path: Path, servers: tuple[Mosquitto, Mosquitto]
) -> None:
    """Through the command line of a headquarters that runs as a process, and knows its cars after a restart."""
    broker = servers[1].broker
    hq = Headquarters(tmp_path / "hq", broker.port)
    with hq.config.open("a") as config:
        config.write(TRUST.format(folder=folder))
    ours = Trusting(ca=folder / "ca.pem", certificate=folder / f"{UNIT}.pem", key=folder / f"{UNIT}.key")

    async def pressed(name: str, **car: Any) -> AlarmRaised:
        of_its_own = tmp_path / name
        of_its_own.mkdir()
        async with Car(of_its_own, broker, who=Who(unit=name), **car) as one:
            await until(one.hears_hq, "headquarters")
            alarm = one.press()
            await one.nothing_owed()
            return alarm

    async def forged(incident: str) -> None:
        sender = Connection("FORGER", broker, Listener())
        await sender.open()
        message = AlarmRaised(id=new_id(), who=Who(unit=UNIT), incident=incident, kind=AlarmKind.TEST)
        sender.publish(Publication(ALARMS, encode(message)))
        await asyncio.to_thread(hq_watch.until_told, incident)
        await sender.close()

    def said(*command: str) -> str:
        asked = [*PATROLA, "hq", *command, "--config", str(hq.config)]
        return subprocess.run(asked, capture_output=True, text=True, timeout=60, check=True).stdout

    with hq.serving():
        true = asyncio.run(pressed(UNIT, trust=ours))
    made_up = new_id()
    with hq.serving():
        with hq.watched() as hq_watch:
            asyncio.run(forged(made_up))
            (event,) = [one for one in hq_watch.events("alarm-raised") if one["incident"] == made_up]
            assert event["signature"] == "missing"
            (shown,) = [one for one in hq.incidents(UNIT) if one["incident"] == made_up]
            assert shown["kind"] == "real", "it is known across a restart that this car signs"
        bare = asyncio.run(pressed("LJ-102", trust=Trusting()))
        lines = {line.split()[0]: line for line in said("incidents").splitlines()}
        assert "SIGNATURE" not in lines[true.incident]
        assert lines[made_up].endswith("SIGNATURE MISSING")
        assert lines[bare.incident].endswith("SIGNATURE MISSING")
        signing = {line.split()[1]: "unsigned" not in line for line in said("units").splitlines()}
        assert signing == {UNIT: True, "LJ-102": False}
