"""What signatures cost: alone, and on an alarm's way to headquarters and back."""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from terminal.contract.signing import Signer, Trust
from terminal.tools.certificates import Authority
from tests.bench import bench_alarm
from tests.bench.processes import ROOT, broker, configured, core, folder_on_disk, hq, started
from tests.bench.rows import Row, row, share

NAME = "Signatures: alone, and on an alarm's way (200 presses with them and 200 without)"
TIMES = 1000
PRESSES = 200
STARTS = 10
TOPIC = "patrola/1/DEMO/up/DEMO-1/alarm"
BODY = b"x" * 800
TRUST = '\n[trust]\nca = "ca.pem"\ncertificate = "{name}.pem"\nkey = "{name}.key"\n'
IMPORTS = "import terminal.contract.{}"


def measure() -> list[Row]:
    with folder_on_disk() as folder:
        certified(folder)
        return [*_alone(folder), *_on_the_way()]


def certified(folder: Path) -> None:
    """Certificates of the demonstration's car and headquarters."""
    authority = Authority.at(folder)
    for name in ("DEMO-1", "HQ-1"):
        authority.issue(folder, name, name, days=1)


def signed(folder: Path) -> None:
    """Have the folder's car and headquarters sign and believe signatures only."""
    certified(folder)
    for file, name in (("unit.toml", "DEMO-1"), ("hq.toml", "HQ-1")):
        with (folder / file).open("a") as config:
            config.write(TRUST.format(name=name))


def _alone(folder: Path) -> list[Row]:
    signer, trust = Signer.at(folder / "DEMO-1.pem", folder / "DEMO-1.key"), Trust.at(folder / "ca.pem")
    party, signature = trust.party(signer.certificate), signer.sign(TOPIC, BODY)
    sign = _median_us(lambda: signer.wrapped(TOPIC, BODY))
    check = _median_us(lambda: party.signed(TOPIC, BODY, signature))
    believe = _median_us(lambda: trust.party(signer.certificate))
    bare, loaded = (statistics.median(_import_ms(module) for _ in range(STARTS)) for module in ("signed", "signing"))
    return [
        row("sign an alarm of 800 bytes", sign, "us"),
        row("check it", check, "us", f"{check / sign:.1f} x signing"),
        row("check a certificate", believe, "us"),
        row("import of the cryptography, in a thread at the start", loaded - bare, "ms"),
    ]


def _median_us(call: Callable[[], object]) -> float:
    times = []
    for _ in range(TIMES):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e6


def _import_ms(module: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", IMPORTS.format(module)], check=True, cwd=ROOT)
    return (time.perf_counter() - began) * 1000


def _on_the_way() -> list[Row]:
    bare, with_them = _received(lambda _folder: None), _received(signed)
    return [
        row(
            f"press to receipt with signatures, {word}",
            share(with_them, part) * 1000,
            "ms",
            f"{share(with_them, part) / share(bare, part):.2f} of {share(bare, part) * 1000:.1f} ms without",
        )
        for part, word in ((0.5, "p50"), (0.99, "p99"))
    ]


def _received(prepare: Callable[[Path], None]) -> list[float]:
    with folder_on_disk() as folder:
        configured(folder)
        prepare(folder)
        with started(broker(folder), hq(folder), core(folder)):
            return asyncio.run(bench_alarm.alarms(folder, PRESSES))[0]
