"""What would be taken for the newest films of the list, asked now; nothing is downloaded."""

import threading
from collections.abc import Iterator

from movie_sync.commands.building import Services
from movie_sync.commands.context import Context
from movie_sync.domain.models import Movie
from movie_sync.domain.selection import describe_refusals, shown_seeders
from movie_sync.errors import FilmError
from movie_sync.fetching.downloader import FileListDownloader
from movie_sync.logs import set_up_logging

_FILMS = 5


def preview_lines(context: Context) -> Iterator[str]:
    """Yield a line for each of the first films, as it is known.

    Raises MovieSyncError if that cannot be asked now, the budget of calls included.
    """
    set_up_logging("ERROR", context.redactor, plain=context.options.plain)
    services = Services(context, stop=threading.Event(), in_child=False)
    newest = services.newest_wishes()[:_FILMS]
    if not newest:
        yield "the list is empty."
        return
    queues = context.queues_to_look_at()
    downloader = services.session(queues).downloader
    for movie in newest:
        try:
            yield f"{movie.label}: {_what_would_be_taken(downloader, movie)}"
        except FilmError as exc:
            yield f"{movie.label}: {exc}"


def _what_would_be_taken(downloader: FileListDownloader, movie: Movie) -> str:
    film = downloader.pages.describe(movie)
    if film.is_series:
        return "a series, not a film; it would be skipped"
    there = downloader.find_already_there(film)
    if there is not None:
        return f"already there: {there.where or (there.choice.release if there.choice else '')}"
    found = downloader.search(film)
    if not found.accepted:
        for outage in found.outages:
            raise outage
        return describe_refusals(found.candidates)
    best = found.accepted[0]
    size = f"{best.release.size_bytes / 1e9:.1f} GB"
    return f"{best.release.name} ({best.quality}, {size}, {shown_seeders(best.release)} seeders)"
