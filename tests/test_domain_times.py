"""When failed films are tried again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from movie_sync.domain.times import (
    LONGEST_DELAY_SECONDS,
    later,
    pause_seconds,
    retry_delay_seconds,
)

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("failures", "interval_seconds", "multiplier", "expected"),
    [
        (1, 3600, 2.0, 3600),
        (2, 3600, 2.0, 7200),
        (5, 3600, 2.0, 57_600),
        (8, 3600, 2.0, 460_800),
        (9, 3600, 2.0, 604_800),
        (4, 600, 1.0, 600),
        (3, 60, 1.5, 135),
        (1, 10**9, 2.0, 604_800),
        (5000, 3600, 2.0, 604_800),
        (10**12, 3600, 2, 604_800),
    ],
)
def test_the_delay_grows_with_each_failure_up_to_a_week(
    failures: int, interval_seconds: float, multiplier: float, expected: float
) -> None:
    """The n-th delay is interval times multiplier to the power n - 1, at most seven days."""
    delay = retry_delay_seconds(failures, interval_seconds=interval_seconds, multiplier=multiplier)
    assert delay == expected


@given(st.integers(1, 10**6), st.floats(1, 10**7), st.floats(1, 100))
def test_no_setting_makes_a_delay_unusable(failures: int, interval_seconds: float, multiplier: float) -> None:
    """Whatever the settings, a delay is a number of seconds that can be added to a time."""
    delay = retry_delay_seconds(failures, interval_seconds=interval_seconds, multiplier=multiplier)
    assert 0 < delay <= LONGEST_DELAY_SECONDS
    assert NOW + timedelta(seconds=delay) > NOW


@pytest.mark.parametrize(
    ("pauses", "expected"), [(1, 60), (2, 120), (3, 240), (6, 1920), (7, 3600), (8, 3600), (10**9, 3600)]
)
def test_a_pause_doubles_from_a_minute_to_an_hour(pauses: int, expected: float) -> None:
    """Outages in a row make the worker rest longer, but never longer than an hour."""
    assert pause_seconds(pauses) == expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [(NOW, NOW + timedelta(days=7)), (datetime.max.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))],
)
def test_no_moment_is_later_than_the_last_one(moment: datetime, expected: datetime) -> None:
    """A clock at the end of time does not break the sum."""
    assert later(moment, LONGEST_DELAY_SECONDS) == expected
