"""Films in little memory: what comes out is what went in."""

from hypothesis import given
from hypothesis import strategies as st

from movie_sync.domain.compact import KeySet, PackedMovies, has_doubles
from movie_sync.domain.models import Movie

_TEXTS = st.text(max_size=12)
_MOVIES = st.lists(
    st.builds(
        Movie,
        id=_TEXTS,
        slug=_TEXTS,
        title=_TEXTS,
        year=st.none() | st.integers(1870, 2100),
        url=_TEXTS,
        imdb_id=st.none() | _TEXTS,
        twin_years=st.lists(st.integers(1870, 2100), max_size=2).map(tuple),
        alternative_titles=st.lists(_TEXTS, max_size=2).map(tuple),
        page_read=st.booleans(),
    ),
    max_size=4,
)


def _many(few: list[Movie]) -> list[Movie]:
    """Return enough of them for several blocks."""
    return few * 40


@given(_MOVIES)
def test_a_packed_list_is_the_list(few):
    """In order, by place, from the end, in pieces and compared, it is what a tuple would be."""
    movies = tuple(_many(few))
    packed = PackedMovies(movies)
    assert (len(packed), tuple(packed)) == (len(movies), movies)
    assert packed == movies
    assert packed == PackedMovies(movies)
    assert packed != (*movies, Movie("x", "x", "X"))
    for place in range(-len(movies), len(movies), 7):
        assert packed[place] == movies[place]
    for piece in (slice(3), slice(2, None), slice(-5, None), slice(70, 10), slice(0, 100, 9)):
        assert tuple(packed[piece]) == movies[piece]


@given(_MOVIES, _MOVIES)
def test_keys_are_known_by_their_hashes(known, others):
    """A film has one of the keys if the sets of keys overlap."""
    keys = {key for movie in known for key in movie.keys()}  # noqa: SIM118 - not a dict
    found = KeySet(known)
    for movie in (*known, *others):
        assert found.has_one_of(movie) is not keys.isdisjoint(movie.keys())


@given(st.lists(_TEXTS))
def test_doubles_are_noticed(texts):
    """A text that is there twice is found, wherever it is."""
    assert has_doubles(texts) is (len(set(texts)) < len(texts))
