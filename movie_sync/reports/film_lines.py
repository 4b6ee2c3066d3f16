"""What is said of films that a command names: which one was found, which may be meant, where it stands."""

from collections.abc import Iterable, Mapping, Sequence

from movie_sync.domain.models import Movie, QueueName
from movie_sync.domain.plain_text import one_line
from movie_sync.queues.entry import QueueEntry
from movie_sync.reports.counts import films_words
from movie_sync.wishes.film_finder import Finding, FoundFilm

_SHOWN = 10
_QUEUED: dict[QueueName | None, str] = {
    QueueName.PENDING: "Already queued",
    QueueName.COMPLETED: "Queued again",
}
_STATES = {
    QueueName.PENDING: "'s waiting in the queue",
    QueueName.FAILED: " has failed",
    QueueName.COMPLETED: "'s completed",
    QueueName.REMOVED: " was removed",
    None: "'s on your list, but not in a queue",
}


def not_found_words(finding: Finding, hint: str = "") -> str:
    """Say that a text names no film, with those that may be meant, else a hint; or that it names several."""
    text = one_line(finding.text)
    if len(finding.films) > 1:
        return f'"{text}" matches several films here: {_choice(finding.films)}. Use a name from the brackets.'
    if finding.near:
        return f'No film "{text}" here. Did you mean {_either(finding.near)}?'
    return f'No film "{text}" here{"; " if hint else ""}{hint}.'


def unknown_words(finding: Finding) -> str:
    """Say that Letterboxd has no film of this slug either, with those here that may be meant."""
    near = f" Did you mean {_either(finding.near)}?" if finding.near else ""
    return f'No film "{one_line(finding.text)}" here or on Letterboxd.{near}'


def elsewhere_words(film: FoundFilm, wanted: str) -> str:
    """Say why a film that was found is none of those that the command is for."""
    return f"{film.movie.label} {wanted}: it{_STATES[film.queue]}."


def queued_words(movie: Movie, was: QueueName | None, preset: str = "", doubt: str = "") -> str:
    """Say that a film is queued, which was in some queue before; `doubt` is why it could not be looked up."""
    said = _QUEUED.get(was, "Queued")
    judged = f", with preset {preset}" if preset else ""
    return f"{said}: {movie.label}{judged}{f' (not checked: {doubt})' if doubt else ''}."


def imported_words(name: str, before: Mapping[QueueName | None, int], left_out: int, passed_over: int) -> str:
    """Say what comes of a list's films, by the queues that they were in before; others were no films."""
    counts = (
        (before.get(None, 0) - left_out, "new"),
        (left_out, "left out by first_run, years or limit"),
        (before.get(QueueName.PENDING, 0) + before.get(QueueName.FAILED, 0), "already in the queue"),
        (before.get(QueueName.COMPLETED, 0), "already done"),
        (before.get(QueueName.REMOVED, 0), "removed by you before"),
    )
    what = ", ".join(f"{count:,} {words}" for count, words in counts if count)
    are = "isn't a film" if passed_over == 1 else "aren't films"
    skipped = f" Skipped {passed_over:,} that {are}." if passed_over else ""
    films = films_words(sum(before.values()))
    return f"{films} read from {one_line(name)}{': ' if what else ''}{what}.{skipped}"


def removed_words(entry: QueueEntry) -> str:
    """Say that a film is out, and what becomes of its torrent."""
    torrent = entry.choice is not None and entry.follow is not None
    kept = "its torrent and files stay as they are" if torrent else "nothing is deleted"
    return f"Removed {entry.movie.label}. It won't come back unless you `add` it; {kept}."


def _choice(films: Sequence[FoundFilm]) -> str:
    shown = [f"{film.movie.label} [{film.name}]" for film in films[:_SHOWN]]
    more = [f"{len(films) - _SHOWN} more"] if len(films) > _SHOWN else []
    return one_line(", ".join([*shown, *more]))


def _either(movies: Iterable[Movie]) -> str:
    *first, last = [one_line(movie.label) for movie in movies]
    return f"{', '.join(first)} or {last}" if first else last
