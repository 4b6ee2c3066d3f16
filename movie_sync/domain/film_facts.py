"""What a database of films knows of one, and how that fills what is not known of it yet."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import NamedTuple

from movie_sync.domain.models import Movie
from movie_sync.domain.titles import title_key


class ReleaseDates(NamedTuple):
    """When a film comes out, as far as that is known; such dates are often wrong, so they refuse nothing.

    `abroad` is when it can first be had at home in another country, if that is before `digital` and `disc`.
    A film carries them as texts: "digital 2026-12-12".
    """

    cinema: date | None = None
    digital: date | None = None
    disc: date | None = None
    abroad: date | None = None

    @classmethod
    def parse(cls, texts: Iterable[str]) -> "ReleaseDates":
        """Read the texts that a film carries; what is none is passed over."""
        pairs = (text.partition(" ") for text in texts)
        dates = {kind: day for kind, _, text in pairs if kind in cls._fields and (day := date_in(text))}
        return cls(**dates)

    def texts(self) -> tuple[str, ...]:
        """Return them as a film carries them."""
        return tuple(f"{kind} {day}" for kind, day in self._asdict().items() if day)

    @property
    def home(self) -> date | None:
        """When it can first be had other than in cinemas, if that is known."""
        return min(filter(None, (self.digital, self.disc, self.abroad)), default=None)


def date_in(text: object) -> date | None:
    """Return the date that a text begins with, in ISO 8601, or None."""
    try:
        return date.fromisoformat(text[:10]) if isinstance(text, str) else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class FilmFacts:
    """What a database knows of a film; empty or None is what it does not."""

    imdb_id: str | None = None
    year: int | None = None
    original_title: str = ""
    titles: tuple[str, ...] = ()
    runtime_minutes: int | None = None
    original_language: str | None = None  # as in `Movie`
    poster: str = ""
    release_dates: tuple[str, ...] = ()
    is_series: bool = False


def filled(movie: Movie, facts: FilmFacts) -> Movie:
    """Return a film with what it lacks, and new dates; what its page or its list told stays."""
    original = movie.original_title
    if not original and title_key(facts.original_title).squashed != title_key(movie.title).squashed:
        original = facts.original_title or None
    others = tuple(distinct_titles(facts.titles, but_for=(movie.title, original or "")))
    language = movie.original_language
    return replace(
        movie,
        year=movie.year or facts.year,
        imdb_id=movie.imdb_id or facts.imdb_id,
        original_title=original,
        alternative_titles=movie.alternative_titles or others,
        runtime_minutes=movie.runtime_minutes or facts.runtime_minutes,
        original_language=facts.original_language if language is None else language,
        is_series=movie.is_series if movie.page_read else facts.is_series,
        page_read=True,
        poster=movie.poster or facts.poster,
        release_dates=facts.release_dates,
    )


def distinct_titles(titles: Iterable[str], but_for: Iterable[str] = ()) -> Iterator[str]:
    """Yield titles, each spelling once."""
    seen = {"", *(title_key(title).squashed for title in but_for)}
    for title in titles:
        key = title_key(title).squashed
        if key not in seen:
            seen.add(key)
            yield title


def facts_to_dict(facts: FilmFacts | None) -> dict[str, object] | None:
    """Return the plain form of facts; None, for a film that is not known there, stays None."""
    if facts is None:
        return None
    return {each.name: getattr(facts, each.name) for each in fields(facts)}


def facts_from_dict(plain: Mapping[str, object]) -> FilmFacts:
    """Read them; a value of another kind counts as not known."""

    def text(name: str) -> str:
        value = plain.get(name)
        return value if isinstance(value, str) else ""

    def number(name: str) -> int | None:
        value = plain.get(name)
        return value if type(value) is int and value > 0 else None

    def texts(name: str) -> tuple[str, ...]:
        value = plain.get(name)
        return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()

    language = plain.get("original_language")
    return FilmFacts(
        imdb_id=text("imdb_id") or None,
        year=number("year"),
        original_title=text("original_title"),
        titles=texts("titles"),
        runtime_minutes=number("runtime_minutes"),
        original_language=language if isinstance(language, str) else None,
        poster=text("poster"),
        release_dates=texts("release_dates"),
        is_series=plain.get("is_series") is True,
    )
