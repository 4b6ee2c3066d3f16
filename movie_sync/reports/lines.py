"""What `status`, `queue` and a dry run say to people."""

from collections.abc import Iterator
from dataclasses import dataclass

from movie_sync.domain.models import Movie, QueueName, Reason
from movie_sync.domain.plain_text import one_line, shorten
from movie_sync.domain.times import day, duration, minute
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.manager import QueueManager
from movie_sync.queues.progress import percent
from movie_sync.queues.releases import Stage
from movie_sync.reports.daemon_state import activity_words
from movie_sync.reports.status import (
    ReplacedTorrent,
    Status,
    StuckRelease,
    counts_words,
    release_of,
    stage_time,
)
from movie_sync.settings.faults import hold_words, sentence
from movie_sync.wishes.unlisted_store import UnlistedFilm

_SHOWN = 10
_BAR_CELLS = 10
_PERCENT = 100
_MB = 1_000_000
_SHORTEST_IDLE_SECONDS = 60
_INDENT = "  "
_SHORTEST_LABEL = 20
_FULL_BAR_COLUMNS = 72  # in less, what stands before a film's name would leave no room for it


@dataclass(frozen=True, slots=True)
class LineStyle:
    """How lines are to look: their width in columns (None: as long as they are), and a bar's two signs."""

    width: int | None = None
    bar: str = "#."

    def label(self, movie: Movie) -> str:
        """Return the film's label, short enough to leave room for what is said of it."""
        if self.width is None:
            return movie.label
        return shorten(one_line(movie.label), max(self.width // 3, _SHORTEST_LABEL))


def status_lines(status: Status, style: LineStyle) -> Iterator[str]:
    """Yield what `status` shows, safe for a terminal."""
    yield from _daemon_lines(status)
    if hold := hold_words(status.held_back):
        yield f"Settings {one_line(hold)}"
    yield f"Queues   {counts_words(status.statistics)}"
    for title, lines in sections(status, style):
        if lines:
            yield f"\n{title}:"
        yield from (f"{_INDENT}{line}" for line in lines[:_SHOWN])
        if len(lines) > _SHOWN:
            yield f"{_INDENT}and {len(lines) - _SHOWN} more; see `queue`"


def _daemon_lines(status: Status) -> Iterator[str]:
    daemon = status.daemon
    if daemon is None:
        yield "Daemon   not running"
        return
    yield f"Daemon   process {daemon.pid}, since {daemon.started_at}"
    yield f"         monitor: {one_line(activity_words(daemon.monitor, status.at))}"
    yield f"         download: {one_line(activity_words(daemon.download, status.at))}"
    if daemon.client:
        yield f"Client   {one_line(daemon.client)}"
    for trouble in daemon.trackers:
        yield f"Tracker  {one_line(trouble)}"


def sections(status: Status, style: LineStyle) -> list[tuple[str, list[str]]]:
    """Return the title and the lines of each group of films; empty groups have no lines."""
    view, seen = status.overview, "as the daemon last saw it"
    if status.is_old and status.torrents_seen_at:
        seen = f"as last seen on {minute(status.torrents_seen_at)}"
    room = [f"{films_words(view.pending_count)} in the queue: {view.room_why}"] if view.room_why else []
    groups = [
        (f"Downloading ({seen})", [_bar_line(entry, style) for entry in view.downloading]),
        ("Waiting for room", room),
        ("Waiting for a release", [_waiting_line(entry, style) for entry in view.waiting]),
        ("Stalled", [_stalled_line(each, style) for each in view.stalled]),
        ("Done this week", [_done_line(entry, style) for entry in view.done]),
        (
            "No longer in the torrent client (`add FILM` fetches it again)",
            [
                f"{day(stage_time(entry))}  {entry.movie.slug or entry.movie.id}: {release_of(entry)}"
                for entry in view.removed_in_client
            ],
        ),
        ("Replaced, and still seeding", [_replaced_line(each, style) for each in view.replaced]),
        ("No longer on the watchlist", [_unlisted_line(film) for film in view.unlisted]),
        (
            "Next retries",
            [
                f"{minute(entry.retry_at)}  {style.label(entry.movie)}: {entry.error}"
                for entry in view.retries
            ],
        ),
        (
            "Failed for good (`retry FILM` tries again)",
            [f"{entry.movie.slug or entry.movie.id}: {entry.error}" for entry in view.permanent],
        ),
    ]
    return [(title, [_fitted(line, style) for line in lines]) for title, lines in groups]


def _bar_line(entry: QueueEntry, style: LineStyle) -> str:
    follow = entry.follow
    if follow is None:  # no torrent is known, so there is nothing to tell
        return entry.movie.label
    part = percent(follow.progress)
    cells = part * _BAR_CELLS // _PERCENT
    bar = style.bar[0] * cells + style.bar[1] * (_BAR_CELLS - cells)
    if follow.idle_seconds >= _SHORTEST_IDLE_SECONDS:
        pace = f"idle {duration(follow.idle_seconds)}"
    else:
        pace = f"{follow.bytes_a_second / _MB:.1f} MB/s" if follow.bytes_a_second else ""
    if style.width is not None and style.width < _FULL_BAR_COLUMNS:
        state = ", ".join(filter(None, (follow.stage, pace)))
        return f"{part:3d} %  {style.label(entry.movie)}: {state}"
    return (
        f"[{bar}] {part:3d} %  {follow.stage:11}  {pace:11}  {style.label(entry.movie)}: {release_of(entry)}"
    )


def _stalled_line(stalled: StuckRelease, style: LineStyle) -> str:
    return f"{style.label(stalled.movie)}: {stalled.why}: {stalled.release}"


def _waiting_line(entry: QueueEntry, style: LineStyle) -> str:
    parts = [f"since {day(entry.added_at)}"]
    if entry.searched_at:
        parts.append(f"searched {minute(entry.searched_at)}")
    return f"{style.label(entry.movie)}: {', '.join(parts)}"


def _done_line(entry: QueueEntry, style: LineStyle) -> str:
    where = f", in {entry.follow.path}" if entry.follow and entry.follow.path else ""
    return f"{minute(stage_time(entry))}  {style.label(entry.movie)}: {release_of(entry)}{where}"


def _replaced_line(each: ReplacedTorrent, style: LineStyle) -> str:
    seeding, left = each.old.seeding, each.left
    told = [f"seeded for {duration(seeding.seconds)}"] if seeding.seconds is not None else []
    told += [f"ratio {seeding.ratio:.2f}"] if seeding.ratio is not None else []
    if left and left.is_enough:
        told.insert(0, "may go")
    elif left:
        told.append(f"may go in {duration(left.seconds)}, or with {left.ratio:.2f} more of the ratio")
    state = ", ".join(told) or "not looked at yet"
    return f"{style.label(each.movie)}: {state}: {each.old.choice.release}"


def _unlisted_line(film: UnlistedFilm) -> str:
    torrent = f"; its torrent {'is tagged' if film.tagged else 'stays'}" if film.info_hashes else ""
    return f"{day(film.left_at)}  {film.movie.label}{torrent}"


def _fitted(line: str, style: LineStyle) -> str:
    safe = one_line(line)
    return safe if style.width is None else shorten(safe, max(style.width - len(_INDENT), 1))


def state_of(queue: QueueName, entry: QueueEntry) -> str:
    """Return in words how it stands with a film in a queue, and what the user said of its releases."""
    word = entry.word
    said = [f"judged by {word.preset}"] if word.preset else []
    said += [f"you took {word.grabbed}"] if word.grabbed else []
    said += [f"you rejected {', '.join(map(str, word.rejected))}"] if word.rejected else []
    return "; ".join([_state_of(queue, entry), *said])


def _state_of(queue: QueueName, entry: QueueEntry) -> str:
    if queue is QueueName.FAILED:
        when = f"next try {minute(entry.retry_at)}" if entry.retry_at else "for good"
        return f"{entry.error}; {when}"
    if queue is QueueName.COMPLETED:
        state = _completed_state(entry)
        release = entry.choice.release if entry.choice else entry.extra.get("where", "")
        better = [
            f"; a better one, {_completed_state(new)}: {release_of(new)}" for new in entry.torrents()[1:]
        ]
        return "".join([f"{state}: {release}" if release else state, *better])
    return f"since {minute(entry.added_at)}"


def _completed_state(entry: QueueEntry) -> str:
    follow = entry.follow
    if follow is None:
        return "about to be handed over" if entry.is_upgrade else str(entry.reason)
    if follow.stage is Stage.REMOVED:
        return "no longer in the client"
    if entry.is_unfinished:
        return f"{follow.stage}, {percent(follow.progress)} %"
    return str(follow.stage)


def films_words(count: int) -> str:
    """Return how many films there are."""
    return f"{count} film" if count == 1 else f"{count} films"


def outcomes_so_far(queues: QueueManager) -> frozenset[int]:
    """Return the sequences of what is done and has failed, before a run begins."""
    names = (QueueName.COMPLETED, QueueName.FAILED)
    return frozenset(entry.sequence for name in names for entry in queues.entries(name))


def dry_run_lines(
    queues: QueueManager,
    on_disk: QueueManager,
    *,
    before: frozenset[int],
    target: str,
    why_waiting: str,
    held_back: str,
) -> Iterator[str]:
    """Yield a line for each film that the run came to, in that order, and one for those that wait.

    `queues` are those of the run, which wrote nothing, and `before` are the outcomes that it began with.
    What a daemon did with a film meanwhile stands `on_disk`, and is no longer to be done.
    `held_back` is why the run could have handed nothing over, if so.
    """

    def new(name: QueueName) -> list[QueueEntry]:
        return [
            entry
            for entry in queues.entries(name)
            if entry.sequence not in before and not _is_settled(on_disk, entry)
        ]

    lines = {entry.sequence: _of_done(entry, target) for entry in new(QueueName.COMPLETED)}
    lines |= {entry.sequence: f"{entry.movie.label}: {entry.error}" for entry in new(QueueName.FAILED)}
    yield from (line for _, line in sorted(lines.items()))
    waiting = queues.get_statistics()["pending"]
    if waiting:
        yield f"{waiting} more would wait in the queue: {why_waiting.rstrip('.')}."
    elif held_back:
        yield sentence(held_back)
    elif not lines:
        yield "Nothing would be done."


def _is_settled(queues: QueueManager, entry: QueueEntry) -> bool:
    found = queues.find(entry.movie.slug or entry.movie.id)
    return found is not None and found[0] in {QueueName.COMPLETED, QueueName.REMOVED}


def _of_done(entry: QueueEntry, target: str) -> str:
    release = entry.choice.release if entry.choice else str(entry.extra.get("where", ""))
    if entry.follow and entry.follow.is_adopted:
        return f"{entry.movie.label}: in {target} already, not whole yet: {release}"
    words = f"would be handed to {target}" if entry.reason == Reason.DOWNLOADED else "already downloaded"
    return f"{entry.movie.label}: {words}: {release}"
