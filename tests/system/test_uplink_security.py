"""The shipped Mosquitto configuration: everybody is who the certificate says, and may do only what is theirs."""

import asyncio
import os
import shlex
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from terminal.contract.mqtt import Broker, Connection, Listener, Lost, Publication
from terminal.core.inputs import LineChanged
from terminal.tools.certificates import Authority
from tests.system.conftest import Mosquitto
from tests.system.fake_broker import PUBLISH, FakeBroker, packet, text
from tests.system.uplink_car import Car, Hq, at, until

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "config" / "mosquitto"
DEBIAN = (
    "pid_file {0}/mosquitto.pid\npersistence true\npersistence_location {0}/\nlog_dest stderr\n{1}include_dir {2}\n"
)
"""What Debian's own mosquitto.conf says before it includes conf.d."""
UP = "patrola/1/LJ/up"
DOWN = "patrola/1/LJ/down"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates as the command makes them, for two cars, headquarters and the broker."""
    made = tmp_path_factory.mktemp("tls")
    command = [sys.executable, "-m", "terminal.tools.command", "certificates", str(made)]
    done = subprocess.run(
        [*command, "LJ-101", "LJ-102", "HQ-1", "--broker", "127.0.0.1"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="module")
def broker(folder: Path) -> Iterator[Broker]:
    """Mosquitto on the shipped files; only the port and the folder of certificates are put in."""
    included = folder / "conf.d"
    included.mkdir()
    shipped = (SHIPPED / "patrola.conf").read_text()
    assert shipped.count("listener 8883\n") == 1
    mended = shipped.replace("listener 8883\n", "listener {port} 127.0.0.1\n").replace(
        "/etc/mosquitto/patrola", str(folder)
    )
    (folder / "acl").write_text((SHIPPED / "acl").read_text())
    as_root = "user root\n" if os.getuid() == 0 else ""
    server = Mosquitto(folder, DEBIAN.format(folder, as_root, included))
    (included / "patrola.conf").write_text(mended.format(port=server.broker.port))
    server.start()
    yield server.broker
    server.kill()


class Heard(Listener):
    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes]] = []
        self.failures: dict[int, str] = {}

    def message(self, topic: str, payload: bytes) -> None:
        self.messages.append((topic, payload))

    def acknowledged(self, mid: int, failure: str) -> None:
        self.failures[mid] = failure


@asynccontextmanager
async def connected(broker: Broker, client_id: str, keepalive_s: int = 10) -> AsyncIterator[tuple[Connection, Heard]]:
    heard = Heard()
    connection = Connection(client_id, broker, heard, keepalive_s=keepalive_s)
    try:
        await connection.open()
        yield connection, heard
    finally:
        await connection.close()


async def is_taken(connection: Connection, heard: Heard, topic: str) -> bool:
    """Whether the broker takes a publication there; Mosquitto 2.0.11 hangs up instead of refusing one."""
    mid = connection.publish(Publication(topic, b"x"))
    await until(lambda: mid in heard.failures or connection.closed.done(), f"an answer for {topic}")
    return heard.failures.get(mid) == ""


def test_a_car_and_headquarters_reach_each_other(tmp_path: Path, folder: Path, broker: Broker) -> None:
    async def drive() -> None:
        async with Hq(tmp_path, at(broker, folder, "HQ-1")) as hq, Car(tmp_path, at(broker, folder, "LJ-101")) as car:
            await until(car.hears_hq, "headquarters")
            alarm = car.press()
            car.event()
            await car.points(100)
            await until(lambda: car.has_receipt(alarm), "the alarm's receipt")
            await car.nothing_owed()
            assert await hq.stored() == ({"messages": 2, "points": 100}, [])

    asyncio.run(drive())


@pytest.mark.promise("P-SIGN-05")
@pytest.mark.parametrize(
    "foreign",
    [
        f"{UP}/LJ-102/alarm",
        f"{UP}/LJ-102/presence",
        f"{DOWN}/LJ-102/receipt",
        f"{DOWN}/LJ-101/receipt",
        f"{UP}/HQ-1/alarm",
        f"{UP}/LJ-101/alarm/deeper",
        "patrola/2/LJ/up/LJ-101/alarm",
        "elsewhere",
    ],
)
def test_a_car_writes_below_its_own_name_only(folder: Path, broker: Broker, foreign: str) -> None:
    async def drive() -> None:
        async with (
            connected(at(broker, folder, "HQ-1"), "HQ-1") as (hq, at_hq),
            connected(at(broker, folder, "LJ-102"), "LJ-102") as (other, at_other),
        ):
            await hq.subscribe("patrola/1/+/up/+/+")
            await other.subscribe(f"{DOWN}/LJ-102/+")
            async with connected(at(broker, folder, "LJ-101"), "LJ-101") as (car, heard):
                assert not await is_taken(car, heard, foreign)
            async with connected(at(broker, folder, "LJ-101"), "LJ-101") as (car, heard):
                assert await is_taken(car, heard, f"{UP}/LJ-101/alarm")
            await until(lambda: at_hq.messages)
            assert at_hq.messages == [(f"{UP}/LJ-101/alarm", b"x")]
            assert not at_other.messages

    asyncio.run(drive())


@pytest.mark.promise("P-SIGN-05")
def test_a_car_reads_what_is_for_it_only(folder: Path, broker: Broker) -> None:
    """Mosquitto 2.0 grants any subscription and holds each message against the rules: what counts is what comes."""

    async def drive() -> None:
        async with (
            connected(at(broker, folder, "HQ-1"), "HQ-1") as (hq, at_hq),
            connected(at(broker, folder, "LJ-101"), "LJ-101") as (car, heard),
        ):
            for curious in (f"{DOWN}/LJ-102/#", "patrola/1/+/down/+/+", "patrola/1/+/up/+/+", "#", "$SYS/#"):
                with suppress(Lost):
                    await car.subscribe(curious)
            await car.subscribe(f"{DOWN}/LJ-101/+")
            for topic in (f"{DOWN}/LJ-102/receipt", f"{DOWN}/LJ-102/state", "patrola/1/NM/down/LJ-102/state"):
                await is_taken(hq, at_hq, topic)
            mine = f"{DOWN}/LJ-101/receipt"
            assert await is_taken(hq, at_hq, mine)
            await until(lambda: heard.messages)
            # It may come once for each subscription that it fits, and nothing but it comes.
            assert {topic for topic, _ in heard.messages} == {mine}

    asyncio.run(drive())


@pytest.mark.promise("P-SIGN-05")
def test_a_car_that_claims_to_be_headquarters_is_taken_for_what_its_certificate_says(
    folder: Path, broker: Broker
) -> None:
    async def drive() -> None:
        async with connected(at(broker, folder, "HQ-1"), "HQ-1") as (hq, at_hq):
            await hq.subscribe(f"{UP}/+/+")
            async with connected(at(broker, folder, "LJ-101"), "HQ-1") as (car, heard):
                assert await is_taken(car, heard, f"{UP}/LJ-101/alarm")
                await until(lambda: at_hq.messages, "headquarters still hears")
                # The client id is the certificate's name too: whoever comes with it pushes off that car, not HQ.
                async with connected(at(broker, folder, "LJ-101"), "anything"):
                    await until(car.closed.done, "the older connection of this name ends")
                    assert "our name" in car.closed.result()
            async with connected(at(broker, folder, "LJ-101"), "HQ-1") as (car, heard):
                assert not await is_taken(car, heard, f"{DOWN}/LJ-102/state")
            assert not hq.closed.done()

    asyncio.run(drive())


@pytest.mark.promise("P-SIGN-05")
@pytest.mark.parametrize("name", ["+", "#", "+/+", "LJ-101/alarm", "LJ/up/LJ-102"])
def test_a_name_that_would_widen_a_rule_opens_nothing(folder: Path, broker: Broker, tmp_path: Path, name: str) -> None:
    """No CA of ours signs such a name; the broker's rules hold all the same."""
    (tmp_path / "ca.pem").write_bytes((folder / "ca.pem").read_bytes())
    Authority.at(folder).issue(tmp_path, "rogue", name, days=1)
    rogue = at(broker, tmp_path, "rogue")

    async def drive() -> None:
        async with connected(at(broker, folder, "HQ-1"), "HQ-1") as (hq, at_hq):
            await hq.subscribe(f"{UP}/+/+")
            for unit in ("LJ-101", "LJ-102"):
                with suppress(Lost):
                    async with connected(rogue, name) as (car, heard):
                        assert not await is_taken(car, heard, f"{UP}/{unit}/alarm")
            with suppress(Lost):
                async with connected(rogue, name) as (car, heard):
                    await car.subscribe("patrola/1/+/down/+/+")
                    assert await is_taken(hq, at_hq, f"{DOWN}/LJ-102/state")
                    await car.subscribe("patrola/1/LJ/down/none/none")
                    assert not heard.messages
            assert not at_hq.messages

    asyncio.run(drive())


async def first_problem(tmp_path: Path, broker: Broker) -> str:
    """What the crew is shown when the car tries this broker; it never has a line."""
    async with Car(tmp_path, broker) as car:
        await until(car.problems)
        assert not any(one.connected for one in car.told if isinstance(one, LineChanged))
        return car.problems()[0]


def refused(tmp_path: Path, broker: Broker) -> str:
    problem = asyncio.run(first_problem(tmp_path, broker))
    assert problem.startswith(f"{broker}: "), problem
    return problem.removeprefix(f"{broker}: ")


def test_without_a_certificate(tmp_path: Path, folder: Path, broker: Broker) -> None:
    bare = replace(broker, ca=folder / "ca.pem")
    assert refused(tmp_path, bare).startswith("it asks for a certificate and got none; set certificate and key")


def test_with_a_certificate_of_another_ca(tmp_path: Path, folder: Path, broker: Broker) -> None:
    Authority.at(tmp_path).issue(tmp_path, "LJ-101", "LJ-101", days=1)
    stranger = replace(at(broker, tmp_path, "LJ-101"), ca=folder / "ca.pem")
    said = refused(tmp_path, stranger)
    assert said.startswith("it does not know the CA of our certificate; set the one that its CA has signed"), said


def test_with_an_expired_certificate(tmp_path: Path, folder: Path, broker: Broker) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=10)
    Authority.at(folder).issue(tmp_path, "LJ-101", "LJ-101", days=1, begins=long_ago)
    late = replace(at(broker, tmp_path, "LJ-101"), ca=folder / "ca.pem")
    assert refused(tmp_path, late).startswith("it says that our certificate has expired; renew it")


def test_with_a_brokers_certificate_for_a_client(tmp_path: Path, folder: Path, broker: Broker) -> None:
    wrong = at(broker, folder, "broker")
    assert refused(tmp_path, wrong).startswith("it refuses our certificate or our TLS")


@pytest.mark.promise("P-SIGN-06")
def test_a_broker_that_another_ca_vouches_for_is_not_believed(tmp_path: Path, folder: Path, broker: Broker) -> None:
    Authority.at(tmp_path)
    other = replace(at(broker, folder, "LJ-101"), ca=tmp_path / "ca.pem")
    assert refused(tmp_path, other).startswith("its certificate is not of our CA; check ca")


@pytest.mark.promise("P-SIGN-06")
def test_a_broker_whose_certificate_names_another_host_is_not_believed(
    folder: Path, tmp_path: Path, broker: Broker
) -> None:
    other = replace(at(broker, folder, "LJ-101"), host="localhost")
    assert refused(tmp_path, other).startswith("its certificate is for another name; check host")


@pytest.mark.promise("P-SIGN-06")
def test_a_broker_without_tls_where_tls_is_expected(tmp_path: Path, folder: Path, mosquitto: Broker) -> None:
    said = refused(tmp_path, at(mosquitto, folder, "LJ-101"))
    assert "does it speak TLS at that port" in said or "it speaks no TLS there" in said, said


@pytest.mark.parametrize("missing", ["ca", "certificate", "key"])
@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_file_that_is_not_there_or_is_no_certificate_is_named(
    tmp_path: Path, folder: Path, broker: Broker, missing: str, content: bytes | None
) -> None:
    bad = tmp_path / "bad.pem"
    if content is not None:
        bad.write_bytes(content)
    said = refused(tmp_path, replace(at(broker, folder, "LJ-101"), **{missing: bad}))
    assert str(bad) in said
    assert said.endswith("provision this unit again")


def test_a_key_with_a_password_is_named_and_nobody_is_asked(tmp_path: Path, folder: Path, broker: Broker) -> None:
    """With a terminal at hand OpenSSL would ask there, and core would stand still: `script` gives it one."""
    locked, unit = tmp_path / "locked.key", folder / "LJ-101.pem"
    command = ["openssl", "pkcs8", "-topk8", "-in", str(folder / "LJ-101.key"), "-out", str(locked)]
    subprocess.run([*command, "-passout", "pass:secret"], check=True, timeout=30)
    said = refused(tmp_path, replace(at(broker, folder, "LJ-101"), key=locked))
    assert str(locked) in said
    python = (
        f"from terminal.contract.tls import *; client_tls({str(folder / 'ca.pem')!r}, {str(unit)!r}, {str(locked)!r})"
    )
    at_a_terminal = ["script", "-qec", shlex.join([sys.executable, "-c", python]), "/dev/null"]
    with subprocess.Popen(at_a_terminal, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as asked:
        try:
            assert asked.wait(20) != 0
            assert asked.stdout is not None
            assert b"BadCertificate" in asked.stdout.read()
        finally:
            asked.kill()


def test_the_broker_speaks_nothing_older_than_tls_1_2(folder: Path, broker: Broker) -> None:
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    context.load_cert_chain(str(folder / "LJ-101.pem"), str(folder / "LJ-101.key"))
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with closing(socket.create_connection((broker.host, broker.port), 10)) as line, pytest.raises(ssl.SSLError):
        context.wrap_socket(line, server_hostname=broker.host)


def broker_side(folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "ca.pem"))
    context.load_cert_chain(str(folder / "broker.pem"), str(folder / "broker.key"))
    return context


def test_many_messages_in_one_tls_record_are_all_taken_at_once(folder: Path) -> None:
    """What stays in the buffer of TLS makes no file descriptor readable, and nothing else comes to wake the reader."""
    count = 100

    async def drive() -> None:
        async with (
            FakeBroker.listening(broker_side(folder)) as fake,
            connected(at(fake.address, folder, "LJ-101"), "LJ-101", keepalive_s=600) as (car, heard),
        ):
            await car.subscribe(f"{DOWN}/LJ-101/+")
            one = text(f"{DOWN}/LJ-101/state") + b"\0" + b"x" * 50
            fake.say_raw(packet(PUBLISH << 4, one) * count)
            await until(lambda: len(heard.messages) == count, "all of them")

    asyncio.run(drive())


def test_a_try_that_was_given_up_ends_when_its_handshake_does(folder: Path) -> None:
    """The thread that connects comes back to nobody: it brings no connection to life and keeps no socket."""

    async def drive() -> None:
        loop = asyncio.get_running_loop()
        with closing(socket.create_server(("127.0.0.1", 0))) as server:
            server.setblocking(False)
            address = Broker(host="127.0.0.1", port=server.getsockname()[1])
            connection = Connection("LJ-101", at(address, folder, "LJ-101"), Listener(), connect_timeout_s=20.0)
            opening = asyncio.create_task(connection.open())
            line, _ = await loop.sock_accept(server)
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)
            connection.abort("given up")
            assert await asyncio.to_thread(handshake_and_read, line, broker_side(folder)) == b""

    asyncio.run(drive())


def handshake_and_read(line: socket.socket, context: ssl.SSLContext) -> bytes:
    """What comes after the handshake, until the other end hangs up."""
    line.setblocking(True)
    line.settimeout(20)
    with context.wrap_socket(line, server_side=True, suppress_ragged_eofs=True) as tls:
        try:
            return tls.recv(1024)
        except ConnectionError:
            return b""


def test_keys_are_for_their_owner_alone_and_a_ca_is_made_once(folder: Path, tmp_path: Path) -> None:
    assert all(key.stat().st_mode & 0o777 == 0o600 for key in folder.glob("*.key"))
    first = Authority.at(tmp_path).certificate
    assert Authority.at(tmp_path).certificate == first


def test_a_name_that_cannot_stand_in_a_rule_gets_no_certificate(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "terminal.tools.command", "certificates", str(tmp_path / "new"), "LJ-1", "lj/+"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "lj/+: is no name that the broker's rules can hold; use A-Z" in done.stderr
    assert not (tmp_path / "new").exists()
