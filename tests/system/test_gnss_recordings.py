"""Receivers' logs give gpsd's fixes, through our NMEA driver and through gpsd, but for what docs/gnss.md explains."""

import asyncio
import gzip
from pathlib import Path

import pytest

from drivers.nmea_file import is_nmea
from hal.readings import Fix
from tests.system import gnss_comparison as comparison

PAGE = comparison.ROOT / "docs" / "gnss.md"


@pytest.fixture(scope="module")
def rows(shared_data: Path) -> list[comparison.Row]:
    return comparison.rows(shared_data / "gnss" / "gpsd") + comparison.drives(shared_data / "gnss" / "genivi")


def test_every_difference_from_gpsd_is_explained(rows: list[comparison.Row]) -> None:
    assert {(row.log, row.via) for row in rows if row.differs} == set(comparison.WHY)


@pytest.mark.promise("P-SHOW-13")
def test_no_position_is_told_where_gpsd_had_none(rows: list[comparison.Row]) -> None:
    assert [row for row in rows if row.invented] == []
    assert sum(row.no_fix for row in rows if row.via == "nmea") > 150


def test_the_comparison_has_something_to_compare(rows: list[comparison.Row]) -> None:
    assert sum(row.agreeing for row in rows if row.via == "nmea") > 850
    assert sum(row.agreeing for row in rows if row.via == "gpsd") > 1450
    assert sum(row.agreeing for row in rows if row.via == "drive") > 970


def test_the_documented_table_is_that_of_this_run(rows: list[comparison.Row]) -> None:
    documented = PAGE.read_text()
    missing = [line for line in comparison.table(rows).splitlines() if line not in documented]
    assert missing == []


def test_a_comparison_notices_a_fix_that_is_elsewhere_missing_or_invented() -> None:
    here, near, there = (50.0, 10.0), (50.0000005, 10.0), (50.00001, 10.0)
    theirs = [(1, here), (2, here), (3, here), (4, None), (None, here)]
    row = comparison.compare("x", "nmea", "3.22", theirs, [(1, near), (2, there), (4, here)])
    assert (row.times, row.agreeing, row.no_fix, row.invented, row.undated_agreeing) == (3, 1, 1, 1, 1)
    assert row.differs


def test_nmea_text_is_told_from_a_receivers_binary(shared_data: Path) -> None:
    binary = {log.stem for log in comparison.logs(shared_data / "gnss" / "gpsd") if not is_nmea(log)}
    assert binary == {"bu303-nofix", "bu303-stillfix", "sirf2", "ublox-neo-m8u-hnr"}


def test_a_gzipped_log_gives_the_same(shared_data: Path, tmp_path: Path) -> None:
    log = shared_data / "gnss" / "gpsd" / "ublox-8.log"
    packed = tmp_path / "ublox-8.log.gz"
    packed.write_bytes(gzip.compress(log.read_bytes()))

    def fixes(path: Path) -> list[Fix]:
        return asyncio.run(comparison.read(path, "nmea"))

    assert fixes(packed) == fixes(log)


def test_odd_logs_of_other_receivers_are_survived(shared_data: Path) -> None:
    paths = sorted((shared_data / "gnss" / "pynmeagps").rglob("*.log"))
    found = {path.stem: asyncio.run(comparison.read(path, "nmea")) for path in paths}
    assert sum(1 for fixes in found.values() for fix in fixes if fix.lat_deg is not None) > 10
