"""What time it is, as far as a terminal without a clock of its own may believe anybody."""

from datetime import UTC, datetime, timedelta

import pytest

from hal.clock import AGREEMENT, TRUSTED_SPAN, TrustedTime

BUILT = datetime(2026, 11, 1, tzinfo=UTC)
NOW = BUILT + timedelta(days=30)
YEARS = timedelta(days=365.25)
S = 1_000_000_000
DAY_NS = 86_400 * S
WALLS = [NOW, NOW - 20 * YEARS, NOW + 20 * YEARS, datetime(1970, 1, 1, tzinfo=UTC)]


def trusted(utc: datetime = NOW) -> TrustedTime:
    """Two fixes of a receiver have agreed on this, at 10 s and at 11 s."""
    time = TrustedTime(BUILT)
    assert not time.believe(10 * S, utc - timedelta(seconds=1))
    assert time.believe(11 * S, utc)
    return time


@pytest.mark.promise("P-TIME-01")
@pytest.mark.parametrize("wall", WALLS, ids=str)
def test_before_a_receiver_has_spoken_no_clock_is_believed_and_it_is_no_earlier_than_the_build(wall: datetime) -> None:
    time = TrustedTime(BUILT)
    assert (time.utc(DAY_NS), time.earliest(DAY_NS, wall)) == (None, BUILT)


@pytest.mark.promise("P-TIME-01")
@pytest.mark.parametrize("ahead", [-20 * YEARS, -timedelta(days=31), TRUSTED_SPAN], ids=str)
def test_a_receiver_that_is_years_off_is_not_believed_however_often_it_says_so(ahead: timedelta) -> None:
    time = TrustedTime(BUILT)
    for second in range(10):
        assert not time.believe(second * S, NOW + ahead + timedelta(seconds=second))
    assert (time.trusted, time.utc(0)) == (False, None)


def test_two_fixes_have_to_agree_with_the_time_between_them() -> None:
    time = TrustedTime(BUILT)
    assert not time.believe(0, NOW)
    assert not time.believe(S, NOW + timedelta(seconds=1) + 2 * AGREEMENT)
    assert time.utc(S) is None
    assert time.believe(2 * S, NOW + timedelta(seconds=2) + 2 * AGREEMENT), "with the one before, whichever was wrong"
    lone = trusted()
    assert not lone.believe(12 * S, NOW + YEARS)
    assert lone.utc(12 * S) == NOW + timedelta(seconds=1), "a single leap moves nothing"


def test_what_was_believed_goes_on_by_the_monotonic_clock_alone() -> None:
    assert trusted().utc(11 * S + DAY_NS) == NOW + timedelta(days=1)


@pytest.mark.promise("P-TIME-01")
def test_certificates_are_held_against_the_clock_that_is_behind_of_two_that_may_be_right() -> None:
    time = trusted()
    behind = NOW - timedelta(days=1)
    assert time.earliest(11 * S, behind) == behind
    assert {time.earliest(11 * S, wall) for wall in WALLS} == {NOW}, "a wall clock from before the build is none"


def test_the_next_run_knows_how_late_it_is_at_least() -> None:
    time = TrustedTime(BUILT)
    for told in (NOW, BUILT + timedelta(days=1), BUILT - YEARS, NOW + 20 * YEARS):
        time.remember(told)
    assert time.earliest(0, NOW + YEARS) == NOW
