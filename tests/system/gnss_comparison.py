"""Compare our fixes with the TPVs that gpsd's own project recorded, log by log.

`python tests/system/gnss_comparison.py` (from the checkout) writes the table in docs/gnss.md anew.
"""

import asyncio
import gzip
import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))

from drivers import registry  # noqa: E402 - the checkout comes first on the path
from drivers.nmea_file import is_nmea  # noqa: E402
from hal.clock import SystemClock  # noqa: E402
from hal.readings import Fix  # noqa: E402

ROLLOVER_CS = 1024 * 7 * 86400 * 100
"""Dates in some logs depend on the system clock by whole rollovers of the GPS week; compared is what remains."""

TOLERANCE_DEG = 1e-6
AT_ONCE = 8
MARKS = ("<!-- made by tests/system/gnss_comparison.py -->", "<!-- end -->")

WHY = {
    ("bt451", "nmea"): "two drives joined: the time steps back, which gpsd takes for midnight, so that it "
    "dates one epoch a day late; we take the date that stands in the epoch",
    (
        "bundg_zeus_9",
        "nmea",
    ): "a chart plotter that extrapolates: GGA and GLL of one second lie 0.3 m apart, gpsd tells "
    "both before it has a date, we tell the later one; all dated fixes agree",
    ("ublox-neo-m8u-hnr", "gpsd"): "UBX-HNR messages, in a log newer than gpsd 3.22: it tells one fix, 0.1 m off, "
    "where 3.27.6 tells 12",
    ("20100411_Geko_Regensburg", "drive"): "for 42 s the receiver extrapolates in a straight line with 0 satellites in "
    "GGA and none in GSA; gpsd says no fix after each GGA and a fix after each RMC, we say no fix",
}
"""Every difference and its reason; the test fails for one that is not here, and for one here that is none."""

Place = tuple[float, float]
Places = Iterable[tuple[int | None, Place | None]]


class Row(NamedTuple):
    """One log by one way; `times` are moments at which gpsd had a fix, `no_fix` moments at which it had none."""

    log: str
    via: str
    expected_by: str
    times: int
    agreeing: int
    no_fix: int
    invented: int
    undated: int
    undated_agreeing: int
    only_ours: int

    @property
    def differs(self) -> bool:
        """Whether any fix of gpsd's is missing or elsewhere, or any of ours is where gpsd had none."""
        return self.agreeing < self.times or self.invented > 0 or self.undated_agreeing < self.undated


def logs(folder: Path) -> list[Path]:
    """gpsd's receiver logs."""
    return sorted(folder.glob("*.log"))


def expected(log: Path) -> tuple[str, list[dict[str, Any]]]:
    """Which gpsd made the expectation, that of Debian 12 if there is one, and its TPVs."""
    for suffix, version in ((".chk", "3.22"), (".chk.gz", "3.22"), (".chk-3.27.6dev.gz", "3.27.6~dev")):
        path = log.with_name(log.name + suffix)
        if path.exists():
            raw = gzip.decompress(path.read_bytes()) if suffix.endswith(".gz") else path.read_bytes()
            found = [json.loads(line) for line in raw.splitlines() if line.startswith(b'{"class":"TPV"')]
            return version, found
    raise FileNotFoundError(f"{log}: no .chk beside it")


def places_of_gpsd(tpvs: list[dict[str, Any]]) -> Iterator[tuple[int | None, Place | None]]:
    """Time in hundredths, None without a date, and the place, None without a fix."""
    for tpv in tpvs:
        t = datetime.fromisoformat(tpv["time"]).timestamp() if "time" in tpv else None
        located = tpv.get("mode", 0) >= 2 and "lat" in tpv
        if located or tpv.get("mode", 0) < 2:
            yield _key(t), (tpv["lat"], tpv["lon"]) if located else None


def places_of_ours(fixes: list[Fix]) -> Iterator[tuple[int | None, Place | None]]:
    """The same of our readings."""
    for fix in fixes:
        located = fix.lat_deg is not None and fix.lon_deg is not None
        yield _key(fix.t), (fix.lat_deg, fix.lon_deg) if located else None


def _key(t: float | None) -> int | None:
    return None if t is None else round(t * 100) % ROLLOVER_CS


def _by_time(places: Places) -> dict[int | None, list[Place | None]]:
    found: dict[int | None, list[Place | None]] = defaultdict(list)
    for key, place in places:
        found[key].append(place)
    return found


def _near(places: list[Place | None], others: list[Place | None]) -> bool:
    return any(max(abs(a[0] - b[0]), abs(a[1] - b[1])) <= TOLERANCE_DEG for a in places if a for b in others if b)


def compare(log: str, via: str, version: str, expected_places: Places, our_places: Places) -> Row:
    """Where our fixes are gpsd's, and where not."""
    theirs, ours = _by_time(expected_places), _by_time(our_places)
    undated = [place for place in theirs.pop(None, []) if place]
    all_ours = [place for places in ours.values() for place in places]
    fixed = [key for key, places in theirs.items() if any(places)]
    unfixed = [key for key, places in theirs.items() if not any(places)]
    return Row(
        log=log,
        via=via,
        expected_by=version,
        times=len(fixed),
        agreeing=sum(_near(theirs[key], ours.get(key, [])) for key in fixed),
        no_fix=len(unfixed),
        invented=sum(any(ours.get(key, [])) for key in unfixed),
        undated=len(undated),
        undated_agreeing=sum(_near([place], all_ours) for place in undated),
        only_ours=sum(1 for key, places in ours.items() if key is not None and key not in theirs and any(places)),
    )


async def read(log: Path, via: str) -> list[Fix]:
    """All fixes of a log, by our NMEA driver or by a gpsd."""
    word = {"nmea": "nmea_file", "gpsd": "gpsd_file"}[via]
    source = registry.build(word, via, registry.settings_type(word)(path=log), SystemClock())
    return [reading async for reading in source.readings() if isinstance(reading, Fix)]


async def read_all(paths: list[Path], via: str) -> list[list[Fix]]:
    """As `read`, some at a time."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(path: Path) -> list[Fix]:
        async with turns:
            return await read(path, via)

    return await asyncio.gather(*(one(path) for path in paths))


def rows(folder: Path) -> list[Row]:
    """Every NMEA log through our driver, and every log through gpsd, against what gpsd's project recorded."""
    everything = logs(folder)
    texts = [log for log in everything if is_nmea(log)]
    found = []
    for via, some in (("nmea", texts), ("gpsd", everything)):
        for log, fixes in zip(some, asyncio.run(read_all(some, via)), strict=True):
            version, tpvs = expected(log)
            found.append(compare(log.stem, via, version, places_of_gpsd(tpvs), places_of_ours(fixes)))
    return found


def drives(folder: Path) -> list[Row]:
    """Whole drives, by our driver and by the gpsd that is installed."""
    texts = sorted(path for path in folder.iterdir() if path.suffix in (".txt", ".nmea"))
    ours, theirs = asyncio.run(read_all(texts, "nmea")), asyncio.run(read_all(texts, "gpsd"))
    return [
        compare(log.stem, "drive", "installed", places_of_ours(by_gpsd), places_of_ours(by_us))
        for log, by_us, by_gpsd in zip(texts, ours, theirs, strict=True)
    ]


def table(found: list[Row]) -> str:
    """The rows as Markdown, and below them the reasons."""
    lines = [
        "| log | read by | expected by gpsd | fixes: same / expected | no fix: kept / expected "
        "| undated: same / expected | only ours |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.log}{' (differs)' if row.differs else ''} | {row.via.replace('drive', 'nmea')} | {row.expected_by} "
        f"| {row.agreeing} / {row.times} | {row.no_fix - row.invented} / {row.no_fix} "
        f"| {row.undated_agreeing} / {row.undated} | {row.only_ours} |"
        for row in found
    ]
    reasons = [f"* **{row.log}**: {WHY.get((row.log, row.via), 'NOT EXPLAINED')}." for row in found if row.differs]
    return "\n".join([*lines, "", *reasons])


def main() -> None:
    """Write docs/gnss.md's tables anew."""
    data = Path(os.environ.get("PATROLA_SHARED_DATA", ROOT.parent / "shared" / "data")) / "gnss"
    page = ROOT / "docs" / "gnss.md"
    before, _, rest = page.read_text().partition(MARKS[0])
    tables = f"\n{table(rows(data / 'gpsd'))}\n\n### Whole drives\n\n{table(drives(data / 'genivi'))}\n"
    page.write_text(before + MARKS[0] + tables + MARKS[1] + rest.partition(MARKS[1])[2])


if __name__ == "__main__":
    main()
