"""NMEA bytes become one fix an epoch, only from values that can be, in any chunking and through any noise."""

import re
from datetime import UTC, date, datetime
from functools import reduce
from itertools import pairwise
from operator import xor

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drivers.gpsd_json import decode
from drivers.nmea import MOST_KINDS, NmeaReader
from drivers.nmea_framing import LONGEST, Framing
from drivers.nmea_sentence import Facts, parse
from hal.errors import BadInput
from hal.readings import Fix, FixMode

RMC = "GPRMC,120000.00,A,4515.6000,N,01950.4000,E,19.44,90.0,150624,,,A"
GGA = "GPGGA,120000.00,4515.6000,N,01950.4000,E,1,08,1.0,80.5,M,40.0,M,,"
GSA = "GPGSA,A,3,01,02,03,04,05,06,07,08,,,,,2.0,1.0,1.7"
VOID = "GPRMC,120001.00,V,,,,,,,150624,,,N"


def line(body: str) -> str:
    return f"${body}*{reduce(xor, body.encode(), 0):02X}"


def stream(*bodies: str) -> bytes:
    return "".join(line(body) + "\r\n" for body in bodies).encode("latin-1")


def fixes(data: bytes, **settings: date) -> list[Fix]:
    reader = NmeaReader("gnss", **settings)
    return reader.feed(data, 7) + reader.finish(7)


def fix(*bodies: str) -> Fix:
    (only,) = fixes(stream(*bodies))
    return only


def facts(body: str) -> Facts:
    found = parse(line(body))
    assert found is not None
    return found


def at(body: str, time: str) -> str:
    return re.sub(r"\d{6}\.00", f"{time}.00", body)


def test_the_sentences_of_one_time_make_one_fix_in_si_units() -> None:
    assert fix(RMC, GGA, GSA) == Fix(
        source="gnss",
        mono_ns=7,
        t=1718452800.0,
        mode=FixMode.FIX_3D,
        utc=datetime(2024, 6, 15, 12, tzinfo=UTC),
        lat_deg=45.26,
        lon_deg=19.84,
        altitude_msl_m=80.5,
        speed_mps=10.0008,
        track_deg=90.0,
        hdop=1.0,
        satellites_used=8,
    )


@pytest.mark.parametrize("talker", ["GP", "GN", "GL", "GA", "GB", "BD", "QZ"])
@pytest.mark.parametrize(
    "body",
    [
        RMC,
        GGA,
        "GPGLL,4515.6000,N,01950.4000,E,120000.00,A,A",
        "GPGNS,120000.00,4515.6000,N,01950.4000,E,AA,12,0.8,80.5,40.0,,,S",
    ],
)
def test_every_talker_and_every_type_with_a_position_is_heard(talker: str, body: str) -> None:
    found = fix(talker + body[2:])
    assert (found.lat_deg, found.lon_deg) == (45.26, 19.84)


def test_the_southern_and_western_halves_are_negative() -> None:
    found = facts("GPGLL,3352.0800,S,15112.6000,W,120000.00,A,A")
    assert (found.lat_deg, found.lon_deg) == (-33.868, -151.21)


@pytest.mark.parametrize(
    "body",
    [
        VOID,
        "GPRMC,120000.00,A,,,,,,,150624,,,A",
        "GPRMC,120000.00,A,4515.6000,N,01950.4000,E,1.0,90.0,150624,,,N",
        "GPGGA,120000.00,4515.6000,N,01950.4000,E,0,08,1.0,80.5,M,40.0,M,,",
        "GPGGA,120000.00,4515.6000,N,01950.4000,E,,08,1.0,80.5,M,40.0,M,,",
        "GPGGA,120000.00,4515.6000,N,01950.4000,E,1,02,1.0,80.5,M,40.0,M,,",
        "GPGLL,4515.6000,N,01950.4000,E,120000.00,V,A",
        "GPGNS,120000.00,4515.6000,N,01950.4000,E,NN,12,0.8,80.5,40.0,,,S",
        "GPGNS,120000.00,4515.6000,N,01950.4000,E,AA,12,0.8,80.5,40.0,,,V",
        "GPRMC,,V,,,,,,,,,,N",
        "GPGGA,,,,,,0,00,99.99,,,,,,",
    ],
)
def test_without_a_fix_there_is_no_position_and_the_mode_says_so(body: str) -> None:
    found = fix(body)
    assert (found.mode, found.lat_deg, found.lon_deg, found.speed_mps) == (FixMode.NO_FIX, None, None, None)


@pytest.mark.parametrize("doubt", [at(VOID, "120000"), "GPGSA,A,1,,,,,,,,,,,,,99.9,99.9,99.9"])
def test_one_sentence_that_denies_the_fix_is_enough(doubt: str) -> None:
    assert fix(GGA, doubt).mode is FixMode.NO_FIX


def test_a_constellation_without_a_fix_does_not_deny_that_of_another() -> None:
    assert fix(RMC, "GLGSA,A,1,,,,,,,,,,,,,9.9,9.9,9.9", "GPGSA,A,3,1,2,3,4,,,,,,,,,2.0,1.0,1.7").mode is FixMode.FIX_3D


def test_dead_reckoning_is_a_fix_without_satellites() -> None:
    assert fix("GPGGA,120000.00,4515.6000,N,01950.4000,E,6,00,9.9,80.5,M,40.0,M,,").lat_deg == 45.26


@pytest.mark.promise("P-SHOW-13")
@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (RMC.replace("4515.6000", "9515.6000"), "lat is 9515.6000,N"),
        (RMC.replace("01950.4000", "18150.4000"), "lon is 18150.4000,E"),
        (RMC.replace("4515.6000", "4561.0000"), "lat is 4561.0000,N"),
        (RMC.replace("4515.6000", "nan"), "lat is nan"),
        (RMC.replace(",N,", ",Q,"), "lat is 4515.6000,Q"),
        (RMC.replace("4515.6000", "0000.0000").replace("01950.4000", "00000.0000"), "the position is 0, 0"),
    ],
)
def test_a_place_that_is_not_on_the_earth_is_refused(body: str, problem: str) -> None:
    with pytest.raises(BadInput, match=re.escape(problem)):
        parse(line(body))


@pytest.mark.parametrize(
    ("body", "name", "field"),
    [
        (RMC.replace("19.44", "nan"), "speed_mps", "spd_over_grnd"),
        (RMC.replace("19.44", "inf"), "speed_mps", "spd_over_grnd"),
        (RMC.replace("19.44", "1e3"), "speed_mps", "spd_over_grnd"),
        (RMC.replace("19.44", "-1"), "speed_mps", "spd_over_grnd"),
        (RMC.replace("19.44", "2000"), "speed_mps", "spd_over_grnd"),
        (RMC.replace("90.0", "361"), "track_deg", "true_course"),
        (RMC.replace("150624", "310224"), "day", "date"),
        (RMC.replace("150624", "2208-1"), "day", "datestamp"),
        (RMC.replace("120000.00", "250000"), "time_us", "timestamp"),
        (GGA.replace("80.5", "NaN"), "altitude_msl_m", "altitude"),
    ],
)
def test_a_value_that_cannot_be_is_left_out_and_named(body: str, name: str, field: str) -> None:
    found = facts(body)
    assert getattr(found, name) is None
    assert any(field in problem for problem in found.problems)
    assert found.lat_deg == 45.26


@pytest.mark.parametrize("hdop", ["99.99", "99.0", "0.0", ""])
def test_a_dilution_that_stands_for_none_is_none(hdop: str) -> None:
    found = facts(GGA.replace(",1.0,", f",{hdop},"))
    assert (found.hdop, found.problems) == (None, ())


@pytest.mark.parametrize("end", ["*00", "", "*", "*4", "*ZZ"])
def test_a_wrong_or_missing_checksum_is_counted_and_nothing_after_it_is_lost(end: str) -> None:
    reader = NmeaReader("gnss")
    found = reader.feed(f"${at(RMC, '115959')}{end}\r\n".encode() + stream(RMC, at(RMC, "120001")), 0)
    assert [one.t for one in found] == [1718452800.0, 1718452801.0]
    assert reader.bad.total() == 1


def test_a_checksum_in_small_letters_is_one() -> None:
    assert fixes((line(RMC)[:-2] + line(RMC)[-2:].lower() + "\n").encode())[0].lat_deg == 45.26


def test_good_u_blox_rmc_is_valid() -> None:
    assert facts(RMC + ",V").valid
    assert facts("GNRMC,120000.00,A,4515.6000,N,01950.4000,E,0.004,,150624,,,D,V").valid


def test_a_sentence_longer_than_the_standard_allows_is_read() -> None:
    body = GGA.replace("4515.6000", "4515." + "6" + "0" * 60)
    assert len(body) > 110
    assert fix(body).lat_deg == 45.26


def test_an_endless_line_does_not_fill_the_memory() -> None:
    framing = Framing()
    for _ in range(100):
        assert framing.feed(b"$GPRMC,") + framing.feed(b"9" * 700) + framing.feed(b"9" * 700) == []
    assert len(framing._rest) <= LONGEST


def test_a_fix_comes_with_the_last_sentence_of_its_epoch_once_that_is_known() -> None:
    reader = NmeaReader("gnss")
    told = [len(reader.feed(stream(at(body, f"12000{second}")), 0)) for second in range(4) for body in (RMC, GGA)]
    assert told == [0, 0, 1, 1, 0, 1, 0, 1]


def test_an_epoch_that_goes_on_after_its_known_end_is_told_again_and_then_awaited() -> None:
    gll = "GPGLL,4515.6000,N,01950.4000,E,120000.00,A,A"
    reader = NmeaReader("gnss")
    seconds = [f"12000{second}" for second in range(6)]
    for second in seconds[:3]:
        reader.feed(stream(at(RMC, second), at(GGA, second)), 0)
    found = [reader.feed(stream(at(RMC, s), at(GGA, s), at(gll, s)), 0) for s in seconds[3:]]
    assert [[one.t for one in batch] for batch in found] == [
        [1718452803.0],
        [1718452803.0, 1718452804.0],
        [1718452805.0],
    ]
    assert all(one.lat_deg == 45.26 for batch in found for one in batch)


def test_a_receiver_that_repeats_one_moment_has_lost_its_fix() -> None:
    found = fixes(stream(GGA, GGA, GGA, at(GGA, "120001")))
    assert [one.mode > FixMode.NO_FIX for one in found] == [True, False, False, True]


def test_two_places_in_one_second_are_both_told() -> None:
    moved = GGA.replace("4515.6000", "4515.6100")
    assert [one.lat_deg for one in fixes(stream(RMC, moved))] == [45.26, 45.260166667]


def test_the_date_goes_on_over_midnight_without_being_said() -> None:
    found = fixes(stream(at(RMC, "235959"), at(GGA, "235959"), at(GGA, "000000"), at(GGA, "000001")))
    assert [one.utc for one in found] == [
        datetime(2024, 6, 15, 23, 59, 59, tzinfo=UTC),
        datetime(2024, 6, 16, 0, 0, 0, tzinfo=UTC),
        datetime(2024, 6, 16, 0, 0, 1, tzinfo=UTC),
    ]


def test_a_step_back_that_is_no_midnight_keeps_the_day() -> None:
    found = fixes(stream(RMC, at(GGA, "115958")))
    assert found[-1].utc == datetime(2024, 6, 15, 11, 59, 58, tzinfo=UTC)


def test_a_date_is_not_believed_before_the_first_fix_nor_after_a_restart() -> None:
    restarted = "GPRMC,000010.00,V,,,,,,,010100,,,N"
    found = fixes(stream(restarted, RMC, VOID, restarted))
    assert [one.utc and one.utc.isoformat() for one in found] == [
        None,
        "2024-06-15T12:00:00+00:00",
        "2024-06-15T12:00:01+00:00",
        None,
    ]


def test_without_a_date_there_is_a_position_and_no_time() -> None:
    found = fix(GGA)
    assert (found.lat_deg, found.t, found.utc) == (45.26, None, None)


def test_zda_gives_the_date() -> None:
    assert fix(GGA, "GPZDA,120000.00,15,06,2024,00,00").t == 1718452800.0


def test_a_rolled_over_week_number_is_set_right_where_a_bound_is_known() -> None:
    early = RMC.replace("150624", "311004")
    (corrected,) = fixes(stream(early), not_before=date(2024, 1, 1))
    assert corrected.utc == datetime(2024, 6, 16, 12, tzinfo=UTC)
    assert fix(early).utc == datetime(2004, 10, 31, 12, tzinfo=UTC)


def test_years_are_of_the_right_century() -> None:
    assert (facts(RMC.replace("150624", "150699")).day, facts(RMC).day) == (date(1999, 6, 15), date(2024, 6, 15))


def test_a_leap_second_is_a_time() -> None:
    assert fix(at(RMC, "235960")).utc == datetime(2024, 6, 16, tzinfo=UTC)


def test_two_dimensions_have_no_altitude() -> None:
    found = fix(GGA, GSA.replace("A,3", "A,2"))
    assert (found.mode, found.altitude_msl_m) == (FixMode.FIX_2D, None)


def test_other_sentences_are_passed_over_in_silence() -> None:
    reader = NmeaReader("gnss")
    others = ["PGRMC,1", "GPGSV,1,1,00", "PUBX,00", "GPXYZ,1,2,3", "GPRMC"]
    assert reader.feed(stream(*others), 0) + reader.finish(0) == []
    assert reader.bad.total() == 0


def test_kinds_of_bad_input_are_bounded_and_logged_seldom(caplog: pytest.LogCaptureFixture) -> None:
    reader = NmeaReader("gnss")
    for number in range(3 * MOST_KINDS):
        reader.feed(f"${chr(65 + number // 26)}{chr(65 + number % 26)}RMC,*00\r\n".encode(), 0)
    reader.feed(b"$GPRMC,*00\r\n" * 1000, 0)
    assert len(reader.bad) <= MOST_KINDS + 1
    assert reader.bad.total() == 3 * MOST_KINDS + 1000
    assert len(caplog.records) < MOST_KINDS + 10


DRIVE = stream(*(at(body, f"12{second // 60:02}{second % 60:02}") for second in range(90) for body in (RMC, GGA, GSA)))
WHOLE = fixes(DRIVE)


@given(st.lists(st.integers(0, len(DRIVE)), max_size=12))
@example(list(range(0, len(DRIVE), 3)))
def test_chunks_of_any_size_give_the_same_fixes(cuts: list[int]) -> None:
    reader, found, edges = NmeaReader("gnss"), [], [0, *sorted(cuts), len(DRIVE)]
    for start, end in pairwise(edges):
        found += reader.feed(DRIVE[start:end], 7)
    assert found + reader.finish(7) == WHOLE


@given(st.lists(st.tuples(st.integers(0, 269), st.binary(max_size=40)), max_size=8))
def test_noise_between_sentences_costs_none_of_them(noises: list[tuple[int, bytes]]) -> None:
    lines = DRIVE.splitlines(keepends=True)
    for place, noise in noises:
        lines[place] += noise.replace(b"$", b"") + b"\n"
    assert [one.utc for one in fixes(b"".join(lines))] == [one.utc for one in WHOLE]


@pytest.mark.promise("P-SHOW-13")
@given(st.binary(max_size=400), st.integers(0, len(DRIVE)), st.integers(0, 300))
def test_damage_never_raises_and_never_invents_a_place(noise: bytes, start: int, removed: int) -> None:
    found = fixes(DRIVE[:start] + noise + DRIVE[start + removed :])
    assert {one.lat_deg for one in found} <= {45.26, None}
    assert len(found) > 80


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="$*"), max_size=80))
@example("120000,A,4515.6,N,01950.4,E,,,150624,,,A" + "," * 30)
@example("A,9,,,,,,,,,,,,,,,")
def test_no_content_of_a_well_framed_sentence_raises_anything_but_bad_input(content: str) -> None:
    for kind in ("RMC", "GGA", "GLL", "GNS", "GSA", "VTG", "ZDA"):
        reader = NmeaReader("gnss")
        for found in reader.feed(stream(f"GP{kind},{content}"), 0) + reader.finish(0):
            assert found.lat_deg is None or -90 <= found.lat_deg <= 90
            assert found.lon_deg is None or -180 <= found.lon_deg <= 180


@pytest.mark.promise("P-HARD-07")
def test_no_log_says_where_the_car_is(caplog: pytest.LogCaptureFixture) -> None:
    reader = NmeaReader("gnss")
    reader.feed(f"${RMC}*00\r\n".encode() + stream(GGA.replace(",1.0,", ",NaN,")), 0)
    with pytest.raises(BadInput) as refused:
        decode(b'{"lat":45.26,"lon":19.84,"class":')
    assert reader.bad.total() == 2
    assert not any(place in caplog.text + str(refused.value) for place in ("4515", "1950", "45.26"))
