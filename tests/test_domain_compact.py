"""Many numbers by a key, in little memory."""

from hypothesis import given
from hypothesis import strategies as st

from movie_sync.domain.compact import HashedNumbers


@given(st.lists(st.tuples(st.text(max_size=2), st.integers(0, 50)), max_size=300))
def test_every_number_of_a_key_is_given_once(pairs: list[tuple[str, int]]) -> None:
    """Whatever was put in before: all numbers of a key, the lowest first."""
    numbers = HashedNumbers()
    known: dict[str, set[int]] = {}
    for key, number in pairs:
        numbers.put(number, key)
        known.setdefault(key, set()).add(number)
    assert {key: list(numbers.under(key)) for key in known} == {key: sorted(known[key]) for key in known}
    assert len(numbers) == sum(map(len, known.values()))
    assert numbers.get("none of them") is None
