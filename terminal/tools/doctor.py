"""`patrola doctor`: what is wrong with this terminal, why, and what to do, by trying each part."""

import argparse
import asyncio
import contextlib
import json
import os
import pwd
import shutil
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from hal.clock import SystemClock
from hal.errors import PatrolaError, SourceStale
from hal.ports import SelfTesting, Source
from hal.readings import AnyReading, Fix, FixMode, LinkQuality, SourceHealth
from terminal import config as unit_config
from terminal import examination
from terminal.config import Config
from terminal.contract import line_trouble
from terminal.contract.mqtt import Broker, Connection, Listener, Lost
from terminal.contract.tls import BadCertificate, wall
from terminal.core import assemble
from terminal.tools import doctor_core, doctor_trust
from terminal.tools.doctor_core import in_words
from terminal.tools.finding import Finding
from terminal.version import BUILD

SOURCE_WITHIN_S = 6.0
GPSD_WITHIN_S = 5.0
REFUSAL_WITHIN_S = 1.0
"""A broker that does not take our certificate says so at once; one that does waits for our CONNECT."""
CERTIFICATE_WARNING = timedelta(days=30)
LEAST_FREE_BYTES = 200_000_000
WIDTH = 78


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `patrola doctor`."""
    default = Path("/etc/patrola/unit.toml")
    parser.add_argument("--config", type=Path, default=default, metavar="FILE", help=f"unit.toml; default {default}")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def run(args: argparse.Namespace) -> int:
    """0 when nothing failed, 1 when something did."""
    config = unit_config.load(args.config)
    failed = False
    for finding in asyncio.run(_examine(config)):
        failed = failed or finding.result == "fail"
        print(json.dumps(msgspec.to_builtins(finding), ensure_ascii=False) if args.json else _line(finding))
    return 1 if failed else 0


def _line(finding: Finding) -> str:
    remedy = f"\n       do: {finding.remedy}" if finding.remedy else ""
    return f"{finding.result:5}  {finding.what}: {finding.found}{remedy}"


async def _examine(config: Config) -> list[Finding]:
    clock = SystemClock()
    running = await doctor_core.running_core(config.link.socket)
    tried = doctor_core.as_core_has_it(running, clock) if running else await _tried(assemble.sources(config, clock))
    brokers = [await _broker(config, broker) for broker in config.brokers]
    certificates = [finding for broker in config.brokers for finding in _certificate(broker)]
    certificates += doctor_trust.examine(config.unit.unit, config.trust, clock.wall())
    gpsd = await asyncio.to_thread(lambda: list(_second_opinion(config)))
    users = [_user(name) for name in (*config.link.crew, *config.link.technicians)]
    there = [_clock(clock.wall()), *_disk(config.storage.folder), *(finding for finding in users if finding)]
    return [*tried, *_button(config), *gpsd, *brokers, *certificates, *there]


async def _tried(sources: Sequence[Source]) -> list[Finding]:
    tried = await asyncio.gather(*(_source(source) for source in sources))
    proved = [finding for source in sources if isinstance(source, SelfTesting) for finding in await _self_test(source)]
    return [*tried, *proved]


def _button(config: Config) -> Iterator[Finding]:
    """A car without an emergency button: each source may be well, and the one that matters is not there."""
    if not config.has_button:
        yield Finding(what="button", result="warn", found=unit_config.NO_BUTTON, remedy=unit_config.ADD_A_BUTTON)


def _user(name: str) -> Finding | None:
    """A user of [link] who is not on this machine gets no role, and a screen that runs as nobody has no SOS."""
    try:
        int(name) if name.isdigit() else pwd.getpwnam(name)
    except KeyError:
        remedy = "make this user, or correct [link] in unit.toml"
        return Finding(what=f"user {name}", result="warn", found="is not on this machine", remedy=remedy)
    return None


async def _source(source: Source) -> Finding:
    """Open the device and wait for what it says first."""
    what = f"source {source.name}"
    try:
        async with asyncio.timeout(SOURCE_WITHIN_S), aclosing(source.readings()) as readings:  # type: ignore[type-var]
            async for reading in readings:
                return _heard(what, reading)
    except TimeoutError:
        found = f"nothing within {SOURCE_WITHIN_S:g} s"
        return Finding(what=what, result="warn", found=found, remedy="is the device on, and the ignition?")
    except PatrolaError as error:
        return Finding(what=what, result="fail", found=error.problem, remedy=error.remedy)
    return Finding(what=what, result="warn", found="ended without a reading")


def _heard(what: str, reading: AnyReading) -> Finding:
    """What the first reading of a device says of it."""
    if isinstance(reading, SourceHealth) and not reading.up:
        return Finding(what=what, result="fail", found=reading.problem, remedy=reading.remedy)
    if isinstance(reading, Fix):
        return in_words(what, examination.fix(reading))
    if isinstance(reading, LinkQuality) and not reading.registered:
        found = f"the modem is in no network ({reading.state})"
        return Finding(what=what, result="warn", found=found, remedy="is this a dead zone? check SIM and antenna")
    return Finding(what=what, result="ok", found=f"says {type(reading).__name__}")


async def _self_test(source: SelfTesting) -> list[Finding]:
    """Ask the device to test itself; a device that could not even be opened has been reported already."""
    try:
        items = await source.self_test()
    except SourceStale as error:
        return [Finding(what=f"self-test of {source.name}", result="fail", found=error.problem, remedy=error.remedy)]
    except PatrolaError:
        return []
    return [
        Finding(
            what=f"self-test of {source.name}, {item.item}",
            result="fail" if item.result == "fail" else "ok",
            found=item.value,
            remedy=f"docs/board.md says what {item.item} is and what mends it" if item.result == "fail" else "",
        )
        for item in items
    ]


def _second_opinion(config: Config) -> Iterator[Finding]:
    """Ask each configured gpsd with another program's client, which blocks: so in a thread that may be left behind."""
    for name, (word, settings) in config.sources.items():
        if word == "gpsd":
            host, port = getattr(settings, "host", "127.0.0.1"), getattr(settings, "port", 2947)
            told: list[Finding] = []
            asking = threading.Thread(target=lambda h=host, p=port, t=told: t.append(_ask_gpsd(h, p)), daemon=True)
            asking.start()
            asking.join(GPSD_WITHIN_S)
            silent = Finding(what="", result="warn", found=f"gpsd-py3 had no answer within {GPSD_WITHIN_S:g} s")
            yield msgspec.structs.replace(told[0] if told else silent, what=f"gpsd of {name}, second opinion")


def _ask_gpsd(host: str, port: int) -> Finding:
    import gpsd

    try:
        gpsd.connect(host=host, port=port)
        packet = gpsd.get_current()
    except Exception as error:  # noqa: BLE001 - the client declares none of what it raises
        return Finding(what="", result="fail", found=f"gpsd-py3: {error}", remedy="systemctl status gpsd.socket")
    result = "ok" if packet.mode >= FixMode.FIX_2D else "warn"
    return Finding(
        what="", result=result, found=f"gpsd-py3 says mode {packet.mode}, {packet.sats_valid} satellites used"
    )


async def _broker(config: Config, broker: Broker) -> Finding:
    """Connect as nobody's unit would: under the unit's name plus a word, where the broker's rules let that."""
    what = f"broker {broker}"
    # With certificates the name is the certificate's, and a running core would be pushed off the line.
    if broker.ca is not None and broker.certificate is not None:
        return await asyncio.to_thread(_handshake, broker, what)
    connection = Connection(f"{config.unit.unit}-doctor", broker, Listener())
    try:
        await connection.open()
    except Lost as error:
        return Finding(what=what, result="fail", found=str(error), remedy="check host, port, the modem and the SIM")
    await connection.close()
    return Finding(what=what, result="warn", found="accepts us, without TLS", remedy="set ca, certificate and key")


def _handshake(broker: Broker, what: str) -> Finding:
    try:
        context = broker.tls(lambda: max(wall(), BUILD))
        assert context is not None, "a certificate is for a line with TLS"
        with (
            socket.create_connection((broker.host, broker.port), SOURCE_WITHIN_S) as line,
            context.wrap_socket(line, server_hostname=broker.host) as tls,
        ):
            found = f"{tls.version()} with a certificate that our CA signed"
            _hear_what_it_says_of_ours(tls)
    except BadCertificate as error:
        return Finding(what=what, result="fail", found=str(error), remedy="provision this unit again")
    except OSError as error:
        found, _, remedy = line_trouble.in_words(error).partition("; ")
        return Finding(what=what, result="fail", found=found, remedy=remedy)
    return Finding(what=what, result="ok", found=found)


def _hear_what_it_says_of_ours(tls: ssl.SSLSocket) -> None:
    """With TLS 1.3 a broker judges our certificate after our handshake is done; raises what it says."""
    tls.settimeout(REFUSAL_WITHIN_S)
    with contextlib.suppress(TimeoutError):
        tls.recv(1)


def _certificate(broker: Broker) -> Iterator[Finding]:
    if broker.certificate is None:
        return
    what = f"certificate {broker.certificate}"
    try:
        # The standard library's own reader of a PEM file; it has no public name.
        decoded = ssl._ssl._test_decode_cert(str(broker.certificate))  # type: ignore[attr-defined]
        ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(decoded["notAfter"]), UTC)
    except (OSError, ssl.SSLError, ValueError) as error:
        yield Finding(what=what, result="fail", found=f"cannot be read: {error}", remedy="provision this unit again")
        return
    left = ends - datetime.now(UTC)
    result = "ok" if left > CERTIFICATE_WARNING else "warn" if left > timedelta() else "fail"
    yield Finding(
        what=what, result=result, found=f"good until {ends:%Y-%m-%d}", remedy="" if result == "ok" else "renew it"
    )


def _clock(now: datetime) -> Finding:
    if now < BUILD:
        remedy = "wait for a GNSS fix, or set the clock; until then certificates are held against this version's date"
        return Finding(
            what="clock", result="fail", found=f"{now:%Y-%m-%d %H:%M}Z is before this version", remedy=remedy
        )
    return Finding(what="clock", result="ok", found=f"{now:%Y-%m-%d %H:%M:%S}Z")


def _disk(folder: Path) -> Iterator[Finding]:
    what, trial = f"disk at {folder}", folder / ".doctor"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with trial.open("wb") as file:
            file.write(b"patrola" * 600)
            file.flush()
            began_s = time.monotonic()
            os.fsync(file.fileno())
            took_ms = (time.monotonic() - began_s) * 1000
        trial.unlink()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        yield Finding(what=what, result="fail", found=str(error), remedy="check owner and mount; replace a worn card")
        return
    result = "ok" if free > LEAST_FREE_BYTES else "warn"
    remedy = "" if result == "ok" else "free space: an outage of days must fit"
    yield Finding(what=what, result=result, found=f"writes and syncs; {free // 1_000_000} MB free", remedy=remedy)
    yield in_words(f"disk's speed at {folder}", examination.synced(took_ms))
