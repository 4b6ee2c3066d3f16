"""What a Torznab server says it can do: `t=caps`.

A parameter that it does not list must not be sent: some then answer with an error, others with nothing,
as if no release were there.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from movie_sync.services.torznab.answer_xml import read_elements

_ROOT, _LIMITS, _SEARCHING = ("caps",), ("caps", "limits"), ("caps", "searching")
_CATEGORY, _SUBCATEGORY = ("caps", "categories", "category"), ("caps", "categories", "category", "subcat")
_SEARCH, _MOVIE_SEARCH = "search", "movie-search"
# What a server has that lists none: the specification's words.
_UNLISTED = {_SEARCH: frozenset({"q"}), _MOVIE_SEARCH: frozenset({"q", "imdbid"})}
_MOST_ROWS = 100
_MOST_CATEGORIES = 2_000
_FAMILY = 1_000
_MOST_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Caps:
    """What can be asked for. `categories` are the numbers it names, which may be none at all."""

    search: frozenset[str] = frozenset()
    movie_search: frozenset[str] = frozenset()
    most_rows: int = _MOST_ROWS
    categories: frozenset[int] = frozenset()

    @property
    def has_imdb(self) -> bool:
        """Tell whether films can be asked for by their IMDb id."""
        return "imdbid" in self.movie_search

    @property
    def word_function(self) -> str | None:
        """The function (`t`) that searches by words, if there is one."""
        if "q" in self.search:
            return "search"
        return "movie" if "q" in self.movie_search else None

    @property
    def newest_function(self) -> str:
        """The function that gives the newest releases where it is asked for nothing in particular."""
        return "movie" if self.movie_search else "search"

    def may_have(self, categories: tuple[int, ...]) -> bool:
        """Tell whether it names one of these categories, or one below or above it."""
        families = {number // _FAMILY for number in self.categories}
        return not self.categories or any(number // _FAMILY in families for number in categories)


def read_caps(body: bytes) -> Caps | None:
    """Return what the answer says, None if it is XML of another kind.

    Raises:
        UnreadableError: it is no XML that can be read.
    """
    found: dict[str, frozenset[str]] = {}
    most_rows, categories = 0, set[int]()
    root: tuple[str, ...] = ()
    for element in read_elements(body):
        root = element.path[:1]
        if element.path[:-1] == _SEARCHING and element.path[-1] in _UNLISTED:
            found[element.path[-1]] = _parameters(element.path[-1], element.attributes)
        elif element.path == _LIMITS:
            most_rows = max(map(_number, (element.attributes.get("max"), element.attributes.get("default"))))
        elif element.path in {_CATEGORY, _SUBCATEGORY} and len(categories) < _MOST_CATEGORIES:
            categories.add(_number(element.attributes.get("id")))
    if root != _ROOT:
        return None
    return Caps(
        search=found.get(_SEARCH, frozenset()) if found else _UNLISTED[_SEARCH],
        movie_search=found.get(_MOVIE_SEARCH, frozenset()),
        most_rows=min(most_rows or _MOST_ROWS, _MOST_ROWS),
        categories=frozenset(categories - {0}),
    )


def _parameters(function: str, attributes: Mapping[str, str]) -> frozenset[str]:
    if attributes.get("available", "yes").strip().lower() not in {"yes", "true", "1"}:
        return frozenset()
    listed = attributes.get("supportedparams")
    if listed is None:
        return _UNLISTED[function]
    return frozenset(word.strip().lower() for word in listed.split(","))


def _number(text: str | None) -> int:
    """Return a whole number, 0 for what is none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else 0
