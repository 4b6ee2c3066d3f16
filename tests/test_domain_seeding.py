"""Whether a torrent has seeded enough for its tracker, and what it lacks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from movie_sync.domain.seeding import SeedingLeft, SeedingRule, seeding_left
from movie_sync.services.base import TrackerService
from movie_sync.services.filelist.service import FileList

_RULE = SeedingRule(1.0, 172_800.0)
_DONE = st.none() | st.floats(0, 1e9)


@pytest.mark.parametrize(
    ("ratio", "seconds", "left", "is_enough"),
    [
        (0.0, 0, SeedingLeft(1.0, 172_800.0), False),
        (0.75, 172_799, SeedingLeft(0.25, 1.0), False),
        (1.0, 0, SeedingLeft(0.0, 172_800.0), True),
        (0.0, 172_800, SeedingLeft(1.0, 0.0), True),
        (3.5, 900_000, SeedingLeft(0.0, 0.0), True),
        (None, 3_600, SeedingLeft(1.0, 169_200.0), False),
        (0.5, None, SeedingLeft(0.5, 172_800.0), False),
        (None, None, SeedingLeft(1.0, 172_800.0), False),
        (None, 172_800, SeedingLeft(1.0, 0.0), True),
        (1.0, None, SeedingLeft(0.0, 172_800.0), True),
    ],
)
def test_either_the_ratio_or_the_time_is_enough(
    ratio: float | None, seconds: int | None, left: SeedingLeft, is_enough: bool
) -> None:
    """What is not known counts as nothing done, so that nothing is taken for seeded enough by mistake."""
    assert seeding_left(_RULE, ratio, seconds) == left
    assert left.is_enough is is_enough


@given(_DONE, _DONE, st.floats(0.001, 1e6), st.floats(0.001, 1e9))
def test_enough_is_what_reaches_one_of_the_two(
    ratio: float | None, seconds: float | None, ratio_asked: float, seconds_asked: float
) -> None:
    """Nothing is missing exactly where the rule is kept, and nothing missing is ever below 0."""
    left = seeding_left(SeedingRule(ratio_asked, seconds_asked), ratio, seconds)
    assert left.is_enough == ((ratio or 0) >= ratio_asked or (seconds or 0) >= seconds_asked)
    assert 0 <= left.ratio <= ratio_asked
    assert 0 <= left.seconds <= seconds_asked


def test_filelists_rule_is_known_and_that_of_another_one_is_not() -> None:
    """FileList asks for ratio 1 or two days."""
    assert FileList().seeding == _RULE
    assert TrackerService().seeding is None
