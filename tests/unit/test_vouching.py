"""The car signs its alarms when it can, and hands on nothing of headquarters that its key has not vouched for."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from terminal.contract import topics
from terminal.contract.messages import Certificate, Heartbeat, Malformed, Presence, Receipt, encode
from terminal.contract.mqtt import Broker, Publication
from terminal.contract.signed import CAPSULE, Parted, parted
from terminal.contract.signing import Signer, Trust
from terminal.core.inputs import Doubted, Told
from terminal.core.lasting import lasting
from terminal.tools.certificates import Authority
from terminal.uplink.believed import Believed
from terminal.uplink.outbox import Limits
from terminal.uplink.trusting import Trusting
from terminal.uplink.vouching import Vouching
from terminal.uplink.writer import Writer
from terminal.version import BUILD
from tests.unit.broken_once import BrokenOnce

UNIT = "LJ-101"
RECEIPT = encode(Receipt(epoch="e", ids=("a",)))
DOWN = topics.down("LJ", UNIT, topics.RECEIPT)
UP = topics.up("LJ", UNIT, "alarm")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("ca")
    authority = Authority.at(made)
    for name in (UNIT, "LJ-102", "HQ-1", "HQ-2"):
        authority.issue(made, name, name, days=1)
    return made


def signer(folder: Path, name: str) -> Signer:
    return Signer.at(folder / f"{name}.pem", folder / f"{name}.key")


def of_unit(folder: Path, **fields: Any) -> Trusting:
    files = {"ca": folder / "ca.pem", "certificate": folder / f"{UNIT}.pem", "key": folder / f"{UNIT}.key"}
    return Trusting(**(files | fields))


class Scene:
    """One car's trust, and what it handed on."""

    def __init__(self, rules: Trusting, writer: Writer) -> None:
        self.handed_on: list[tuple[str, bytes]] = []
        self.heard = asyncio.Event()
        self.told: list[Told] = []
        self.vouching = Vouching("LJ", UNIT, rules, writer, self._hand_on, self.told.append)
        self.published: list[Publication] = []
        self.line = self.vouching.line(self)

    def _hand_on(self, what: str, payload: bytes) -> None:
        self.handed_on.append((what, payload))
        self.heard.set()

    def publish(self, publication: Publication) -> int:
        self.published.append(publication)
        return len(self.published)

    def abort(self, reason: str) -> None:
        raise AssertionError(reason)

    def show(self, certificate: bytes) -> None:
        """Headquarters, or whoever, shows a certificate."""
        payload = encode(Certificate(certificate=b64encode(certificate).decode()))
        self.vouching.came_down(topics.CERTIFICATE, payload)

    def hears(self, payload: bytes, what: str = topics.RECEIPT) -> bool:
        """Whether this is handed on at once."""
        before = len(self.handed_on)
        self.vouching.came_down(what, payload)
        return len(self.handed_on) > before


@asynccontextmanager
async def running(rules: Trusting, path: Path) -> AsyncIterator[Scene]:
    writer = Writer(path / "outbox.db", Limits(most_bytes=10_000_000))
    writer.start()
    scene = Scene(rules, writer)
    task = asyncio.create_task(scene.vouching.run())
    try:
        await asyncio.wait_for(scene.vouching.loaded.wait(), 30)
        yield scene
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        writer.close()


@pytest.mark.promise("P-SIGN-02")
def test_a_defect_at_the_first_load_leaves_nobody_waiting_and_what_is_learnt_is_kept_all_the_same(
    folder: Path, tmp_path: Path
) -> None:
    hq = signer(folder, "HQ-1")

    async def story() -> None:
        writer = BrokenOnce(tmp_path / "outbox.db", Limits(most_bytes=10_000_000))
        writer.start()
        scene = Scene(of_unit(folder), writer)
        task = asyncio.create_task(lasting("vouching", scene.vouching.run, lambda *_: None))
        try:
            async with asyncio.timeout(30):
                await scene.vouching.loaded.wait()
                assert not scene.hears(hq.wrapped(DOWN, RECEIPT)), "its certificate has not come yet"
                assert isinstance(scene.told[-1], Doubted)
                scene.show(hq.certificate)
                assert scene.hears(hq.wrapped(DOWN, RECEIPT))
                await scene.vouching.kept.wait()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            writer.close()

    asyncio.run(story())


def on(rules: Trusting, path: Path, drive: Callable[[Scene], Coroutine[Any, Any, None]]) -> None:
    async def driven() -> None:
        async with running(rules, path) as scene:
            await drive(scene)

    asyncio.run(driven())


@pytest.mark.promise("P-SIGN-02")
def test_only_headquarters_own_word_is_handed_on(folder: Path, tmp_path: Path) -> None:
    hq, other = signer(folder, "HQ-1"), signer(folder, "LJ-102")

    async def drive(scene: Scene) -> None:
        assert not scene.hears(hq.wrapped(DOWN, RECEIPT)), "its certificate has not come yet"
        scene.show(other.certificate)
        scene.show(signer(folder, "HQ-2").certificate)
        scene.show(b"rubbish")
        assert scene.vouching.introduced(Presence(incarnation="i", online=True)).believes == ()
        scene.show(hq.certificate)
        assert scene.hears(hq.wrapped(DOWN, RECEIPT))
        assert scene.handed_on == [(topics.RECEIPT, RECEIPT)]
        true = hq.wrapped(DOWN, RECEIPT)
        assert not scene.hears(RECEIPT), "a bare one"
        assert not scene.hears(true.replace(b'"a"', b'"b"')), "an altered one"
        assert not scene.hears(other.wrapped(DOWN, RECEIPT)), "one of another car"
        assert not scene.hears(true, topics.STATE), "one that was something else"
        assert not scene.hears(hq.wrapped(topics.down("LJ", "LJ-102", topics.RECEIPT), RECEIPT)), "another car's"
        assert not scene.hears(hq.wrapped(UP, RECEIPT)), "one of another direction"
        assert not scene.hears(signer(folder, "HQ-2").wrapped(DOWN, RECEIPT)), "one in a name that is not headquarters'"
        assert not scene.hears(b"{"), "and rubbish"
        assert scene.told[-1] == Doubted("it is signed with a key that is not known yet")
        assert scene.hears(true)
        assert scene.told[-1] == Doubted("")

    on(of_unit(folder), tmp_path, drive)


@pytest.mark.promise("P-SIGN-02")
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4), st.integers(0, 400))
def test_no_change_of_its_bytes_makes_headquarters_say_something_else(
    folder: Path, changes: list[tuple[int, int]], length: int
) -> None:
    believed = Believed(Trust.at(folder / "ca.pem"), ["HQ-1"], BUILD)
    believed.learn(signer(folder, "HQ-1").certificate)
    payload = bytearray(signer(folder, "HQ-1").wrapped(DOWN, RECEIPT))
    for place, value in changes:
        payload[place % len(payload)] = value
    for changed in (bytes(payload), bytes(payload[:length])):
        try:
            parts = parted(changed)
        except Malformed:
            continue
        assert parts.body == RECEIPT or believed.doubt(DOWN, parts)


@pytest.mark.promise("P-SIGN-02")
def test_what_goes_by_sms_is_checked_with_every_key_that_is_believed(folder: Path, tmp_path: Path) -> None:
    async def drive(scene: Scene) -> None:
        for name in ("HQ-1", "HQ-2"):
            scene.show(signer(folder, name).certificate)
        for name in ("HQ-1", "HQ-2", "LJ-102"):
            capsule = Parted(b"body", b"", signer(folder, name).sign(CAPSULE, b"body"))
            assert bool(scene.vouching.doubt(CAPSULE, capsule)) is (name == "LJ-102")
        assert scene.vouching.doubt(CAPSULE, Parted(b"body"))

    on(of_unit(folder, headquarters=("HQ-1", "HQ-2")), tmp_path, drive)


def test_headquarters_certificate_outlives_the_process(folder: Path, tmp_path: Path) -> None:
    hq = signer(folder, "HQ-1")

    async def learn(scene: Scene) -> None:
        scene.show(hq.certificate)
        await asyncio.wait_for(scene.vouching.kept.wait(), 30)

    async def use(scene: Scene) -> None:
        assert scene.hears(hq.wrapped(DOWN, RECEIPT))

    on(of_unit(folder), tmp_path, learn)
    on(of_unit(folder), tmp_path, use)


@pytest.mark.promise("P-SIGN-04")
def test_a_revoked_certificate_is_not_believed_also_if_it_was_before(folder: Path, tmp_path: Path) -> None:
    hq, listed = signer(folder, "HQ-1"), tmp_path / "revoked.pem"
    authority = Authority.at(folder)

    async def learn(scene: Scene) -> None:
        scene.show(hq.certificate)
        await asyncio.wait_for(scene.vouching.kept.wait(), 30)

    async def refuse(scene: Scene) -> None:
        assert not scene.hears(hq.wrapped(DOWN, RECEIPT))
        scene.show(hq.certificate)
        assert not scene.hears(hq.wrapped(DOWN, RECEIPT))

    authority.revoke(listed, folder / "LJ-102.pem")
    on(of_unit(folder, revoked=listed), tmp_path, learn)
    authority.revoke(listed, folder / "HQ-1.pem")
    on(of_unit(folder, revoked=listed), tmp_path, refuse)


@pytest.mark.promise("P-SIGN-01")
def test_an_alarm_goes_out_signed_and_nothing_else_is_touched(folder: Path, tmp_path: Path) -> None:
    party = Trust.at(folder / "ca.pem").party(signer(folder, UNIT).certificate)

    async def drive(scene: Scene) -> None:
        scene.line.publish(Publication(UP, b'{"a":1}', 5))
        scene.line.publish(Publication(topics.up("LJ", UNIT, "event"), b'{"a":1}'))
        alarm, event = scene.published
        parts = parted(alarm.payload)
        assert (alarm.topic, alarm.expiry_s, parts.body) == (UP, 5, b'{"a":1}')
        assert party.signed(UP, parts.body, parts.signature)
        assert event.payload == b'{"a":1}'

    on(of_unit(folder), tmp_path, drive)


@pytest.mark.promise("P-SIGN-03")
@pytest.mark.parametrize("bad", ["certificate", "key", "ca"])
def test_an_alarm_goes_out_whatever_the_files_are(folder: Path, tmp_path: Path, bad: str) -> None:
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_bytes(b"rubbish")

    async def drive(scene: Scene) -> None:
        scene.line.publish(Publication(UP, b'{"a":1}'))
        assert parted(scene.published[0].payload).body == b'{"a":1}'
        scene.show(signer(folder, "HQ-1").certificate)
        believed = scene.hears(signer(folder, "HQ-1").wrapped(DOWN, RECEIPT))
        assert believed is (bad != "ca"), "what cannot be checked is not believed"

    on(of_unit(folder, **{bad: rubbish}), tmp_path, drive)


@pytest.mark.promise("P-SIGN-03")
def test_an_alarm_does_not_wait_and_what_comes_down_does(folder: Path, tmp_path: Path) -> None:
    hq = signer(folder, "HQ-1")

    async def drive() -> None:
        writer = Writer(tmp_path / "outbox.db", Limits(most_bytes=10_000_000))
        writer.start()
        scene = Scene(of_unit(folder), writer)
        scene.line.publish(Publication(UP, b'{"a":1}'))
        assert scene.published[0].payload == b'{"a":1}'
        scene.show(hq.certificate)
        assert not scene.hears(hq.wrapped(DOWN, RECEIPT))
        task = asyncio.create_task(scene.vouching.run())
        await asyncio.wait_for(scene.heard.wait(), 30)
        assert scene.handed_on == [(topics.RECEIPT, RECEIPT)]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        writer.close()

    asyncio.run(drive())


@pytest.mark.promise("P-SIGN-03")
def test_a_disk_that_hangs_holds_up_nothing_that_headquarters_says(folder: Path, tmp_path: Path) -> None:
    hq = signer(folder, "HQ-1")

    async def drive() -> None:
        hung = Writer(tmp_path / "outbox.db", Limits(most_bytes=10_000_000))
        scene = Scene(of_unit(folder), hung)
        task = asyncio.create_task(scene.vouching.run())
        scene.show(hq.certificate)
        scene.hears(hq.wrapped(DOWN, RECEIPT))
        await asyncio.wait_for(scene.heard.wait(), 30)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(drive())


def test_on_a_bench_without_a_ca_everything_is_handed_on_and_nothing_signed(folder: Path, tmp_path: Path) -> None:
    async def drive(scene: Scene) -> None:
        assert scene.hears(RECEIPT)
        assert scene.hears(signer(folder, "HQ-1").wrapped(DOWN, RECEIPT))
        assert [payload for _, payload in scene.handed_on] == [RECEIPT, RECEIPT]
        scene.line.publish(Publication(UP, b"{}"))
        assert scene.published[0].payload == b"{}"
        presence = Presence(incarnation="i", online=True)
        assert scene.vouching.introduced(presence) == presence

    on(Trusting(), tmp_path, drive)


def test_who_accepts_receipts_without_a_signature_gets_them(folder: Path, tmp_path: Path) -> None:
    async def drive(scene: Scene) -> None:
        assert scene.hears(RECEIPT)

    on(of_unit(folder, accept_unsigned=True), tmp_path, drive)


def test_the_car_shows_its_certificate_until_headquarters_knows_it(folder: Path, tmp_path: Path) -> None:
    hq, here = signer(folder, "HQ-1"), Presence(incarnation="i", online=True)
    beat_topic = topics.down("LJ", UNIT, topics.HEARTBEAT)

    def beat(knows: str) -> bytes:
        heartbeat = Heartbeat(epoch="e", storing=True, attended=False, knows=knows)
        return hq.wrapped(beat_topic, encode(heartbeat))

    async def drive(scene: Scene) -> None:
        ours = json.decode(signer(folder, UNIT).wrapped(UP, b"{}"))["key"]
        shown = scene.vouching.introduced(here).certificate
        assert shown == b64encode(signer(folder, UNIT).certificate).decode()
        scene.show(hq.certificate)
        for knows, shows in (("", True), (ours, False), ("another", True), (ours, False)):
            assert scene.hears(beat(knows), topics.HEARTBEAT)
            assert bool(scene.vouching.introduced(here).certificate) is shows
        assert scene.vouching.introduced(here).believes == (json.decode(beat(""))["key"],)

    on(of_unit(folder), tmp_path, drive)


def test_what_is_not_set_is_that_of_the_first_broker_that_has_it() -> None:
    bare, full = Broker(host="a"), Broker(host="b", ca=Path("ca"), certificate=Path("c"), key=Path("k"))
    filled = Trusting().filled_in((bare, full))
    assert (filled.ca, filled.certificate, filled.key) == (Path("ca"), Path("c"), Path("k"))
    own = Trusting(ca=Path("own"), certificate=Path("both")).filled_in((full,))
    assert (own.ca, own.certificate, own.key) == (Path("own"), Path("both"), None)
    assert Trusting().filled_in((bare,)) == Trusting()
