"""What `status` shows: entries in, groups, lines and plain values out. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from movie_sync.domain.models import Movie, QueueName
from movie_sync.domain.plain_text import one_line, shorten
from movie_sync.queues.entry import QueueEntry, Stage
from movie_sync.queues.progress import DONE_LATELY, LONG_IDLE_SECONDS, downloaded_at, percent
from movie_sync.reports.activity import Activity, ActivityKind
from movie_sync.wishes.unlisted_store import KEPT_FOR, UnlistedFilm

_BAR_CELLS = 10
_PERCENT = 100
_MB = 1_000_000
_SHORTEST_IDLE_SECONDS = 60
_MINUTE_SECONDS, _HOUR_SECONDS, _DAY_SECONDS = 60, 3600, 86_400
_INDENT = "  "
_SHORTEST_LABEL = 20
_FULL_BAR_COLUMNS = 72  # in less, what stands before a film's name would leave no room for it


@dataclass(frozen=True, slots=True)
class Stalled:
    """A release that came to nothing, or from which nothing comes."""

    movie: Movie
    release: str
    why: str


@dataclass(frozen=True, slots=True)
class Overview:
    """The films by what goes on with them, each group in the order in which it is shown.

    `room_why` says why nothing is handed over now, if a lack of room is why.
    """

    pending_count: int
    downloading: Sequence[QueueEntry]
    waiting: Sequence[QueueEntry]
    stalled: Sequence[Stalled]
    done: Sequence[QueueEntry]
    removed_in_client: Sequence[QueueEntry]
    unlisted: Sequence[UnlistedFilm]
    retries: Sequence[QueueEntry]
    permanent: Sequence[QueueEntry]
    room_why: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """How lines are to look: their width in columns (None: as long as they are), and a bar's two signs."""

    width: int | None = None
    bar: str = "#."

    def label(self, movie: Movie) -> str:
        """Return the film's label, short enough to leave room for what is said of it."""
        if self.width is None:
            return movie.label
        return shorten(one_line(movie.label), max(self.width // 3, _SHORTEST_LABEL))


def overview(
    queues: Mapping[QueueName, Collection[QueueEntry]],
    unlisted: Iterable[UnlistedFilm],
    *,
    download: Activity | None = None,
    now: datetime,
) -> Overview:
    """Sort films into groups; `download` is what a running daemon's download worker is at."""
    completed, failed = queues[QueueName.COMPLETED], queues[QueueName.FAILED]
    downloading = [entry for entry in completed if entry.is_unfinished]
    done = [entry for entry in completed if (at := downloaded_at(entry)) and at > now - DONE_LATELY]
    removed = [
        entry
        for entry in completed
        if entry.follow and entry.follow.stage is Stage.REMOVED and entry.follow.since > now - KEPT_FOR
    ]
    waiting = [entry for entry in failed if entry.waits_for_release]
    scheduled = [entry for entry in failed if entry.retry_at]
    return Overview(
        pending_count=len(queues[QueueName.PENDING]),
        downloading=sorted(downloading, key=_progress, reverse=True),
        waiting=sorted(waiting, key=lambda entry: entry.added_at),
        stalled=[*_given_up((*queues[QueueName.PENDING], *failed, *downloading)), *_idle(downloading)],
        done=sorted(done, key=_stage_time, reverse=True),
        removed_in_client=sorted(removed, key=_stage_time, reverse=True),
        unlisted=[film for film in unlisted if not film.relisted and film.left_at > now - KEPT_FOR],
        retries=sorted(scheduled, key=lambda entry: str(entry.retry_at)),
        permanent=[entry for entry in failed if entry.retry_at is None],
        room_why=download.detail if download and download.kind is ActivityKind.NO_ROOM else "",
    )


def _given_up(entries: Iterable[QueueEntry]) -> list[Stalled]:
    return [
        Stalled(entry.movie, old.choice.release, old.why)
        for entry in entries
        if entry.is_followed
        for old in entry.tried
    ]


def _idle(downloading: Iterable[QueueEntry]) -> list[Stalled]:
    return [
        Stalled(
            entry.movie, _release(entry), f"next to nothing came for {duration(entry.follow.idle_seconds)}"
        )
        for entry in downloading
        if entry.follow and entry.follow.idle_seconds >= LONG_IDLE_SECONDS
    ]


# --- for people ---------------------------------------------------------------------------


def sections(view: Overview, look: Look, *, seen_at: datetime | None = None) -> list[tuple[str, list[str]]]:
    """Return the title and the lines of each group, safe for a terminal; empty groups have no lines.

    `seen_at` is when the torrents were last seen, if that may be long ago.
    """
    seen = f"as last seen on {_minute(seen_at)}" if seen_at else "as the daemon last saw it"
    room = [f"{_films(view.pending_count)} in the queue: {view.room_why}"] if view.room_why else []
    groups = [
        (f"Downloading ({seen})", [_bar_line(entry, look) for entry in view.downloading]),
        ("Waiting for room", room),
        ("Waiting for a release", [_waiting_line(entry, look) for entry in view.waiting]),
        ("Stalled", [_stalled_line(each, look) for each in view.stalled]),
        ("Done this week", [_done_line(entry, look) for entry in view.done]),
        (
            "No longer in the torrent client (`add FILM` fetches it again)",
            [
                f"{_day(_stage_time(entry))}  {entry.movie.slug or entry.movie.id}: {_release(entry)}"
                for entry in view.removed_in_client
            ],
        ),
        ("No longer on the watchlist", [_unlisted_line(film) for film in view.unlisted]),
        (
            "Next retries",
            [
                f"{_minute(entry.retry_at)}  {look.label(entry.movie)}: {entry.error}"
                for entry in view.retries
            ],
        ),
        (
            "Failed for good (`retry FILM` tries again)",
            [f"{entry.movie.slug or entry.movie.id}: {entry.error}" for entry in view.permanent],
        ),
    ]
    return [(title, [_fitted(line, look) for line in lines]) for title, lines in groups]


def _bar_line(entry: QueueEntry, look: Look) -> str:
    follow = entry.follow
    if follow is None:  # no torrent is known, so there is nothing to tell
        return entry.movie.label
    part = percent(follow.progress)
    cells = part * _BAR_CELLS // _PERCENT
    bar = look.bar[0] * cells + look.bar[1] * (_BAR_CELLS - cells)
    if follow.idle_seconds >= _SHORTEST_IDLE_SECONDS:
        pace = f"idle {duration(follow.idle_seconds)}"
    else:
        pace = f"{follow.bytes_a_second / _MB:.1f} MB/s" if follow.bytes_a_second else ""
    if look.width is not None and look.width < _FULL_BAR_COLUMNS:
        state = ", ".join(filter(None, (follow.stage, pace)))
        return f"{part:3d} %  {look.label(entry.movie)}: {state}"
    return f"[{bar}] {part:3d} %  {follow.stage:11}  {pace:11}  {look.label(entry.movie)}: {_release(entry)}"


def _stalled_line(stalled: Stalled, look: Look) -> str:
    why = stalled.why.removeprefix("stalled: ")
    return f"{look.label(stalled.movie)}: {why}: {stalled.release}"


def _waiting_line(entry: QueueEntry, look: Look) -> str:
    parts = [f"since {_day(entry.added_at)}"]
    if entry.searched_at:
        parts.append(f"searched {_minute(entry.searched_at)}")
    return f"{look.label(entry.movie)}: {', '.join(parts)}"


def _done_line(entry: QueueEntry, look: Look) -> str:
    where = f", in {entry.follow.path}" if entry.follow and entry.follow.path else ""
    return f"{_minute(_stage_time(entry))}  {look.label(entry.movie)}: {_release(entry)}{where}"


def _unlisted_line(film: UnlistedFilm) -> str:
    torrent = f"; its torrent {'is tagged' if film.tagged else 'stays'}" if film.info_hashes else ""
    return f"{_day(film.left_at)}  {film.movie.label}{torrent}"


def _fitted(line: str, look: Look) -> str:
    safe = one_line(line)
    return safe if look.width is None else shorten(safe, max(look.width - len(_INDENT), 1))


def state_of(queue: QueueName, entry: QueueEntry) -> str:
    """Return in words how it stands with a film in a queue."""
    if queue is QueueName.FAILED:
        when = f"next try {_minute(entry.retry_at)}" if entry.retry_at else "for good"
        return f"{entry.error}; {when}"
    if queue is QueueName.COMPLETED:
        state = _completed_state(entry)
        release = entry.choice.release if entry.choice else entry.extra.get("where", "")
        return f"{state}: {release}" if release else state
    return f"since {_minute(entry.added_at)}"


def _completed_state(entry: QueueEntry) -> str:
    follow = entry.follow
    if follow is None:
        return str(entry.reason)
    if follow.stage is Stage.REMOVED:
        return "no longer in the client"
    if entry.is_unfinished:
        return f"{follow.stage}, {percent(follow.progress)} %"
    return str(follow.stage)


def duration(seconds: float) -> str:
    """Return a length of time in its largest unit."""
    if seconds >= 2 * _DAY_SECONDS:
        return f"{seconds // _DAY_SECONDS:.0f} days"
    if seconds >= _HOUR_SECONDS:
        return f"{seconds // _HOUR_SECONDS:.0f} h"
    return f"{seconds // _MINUTE_SECONDS:.0f} min"


def _films(count: int) -> str:
    return f"{count} film" if count == 1 else f"{count} films"


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment else ""


def _minute(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""


def _release(entry: QueueEntry) -> str:
    return entry.choice.release if entry.choice else ""


def _progress(entry: QueueEntry) -> float:
    return entry.follow.progress if entry.follow else 0.0


def _stage_time(entry: QueueEntry) -> datetime:
    return entry.follow.since if entry.follow else entry.added_at
