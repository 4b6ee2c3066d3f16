"""What `status`, `queue` and a dry run say to people."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from movie_sync.domain.models import Movie, QueueName, Reason
from movie_sync.domain.plain_text import cut, folded, one_line, width
from movie_sync.domain.times import clock_time, day, duration, minute, parse_time
from movie_sync.invocation import command_line
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.progress import percent, share_done
from movie_sync.queues.releases import Stage, TorrentProgress
from movie_sync.reports.daemon_state import ActivityKind, activity_words, next_words, unread_words
from movie_sync.reports.needs import Need
from movie_sync.reports.release_dates import not_out_words
from movie_sync.reports.seeding import SeedingTorrent
from movie_sync.reports.status import (
    Status,
    StuckRelease,
    release_of,
    stage_time,
)
from movie_sync.settings.faults import hold_words, sentence
from movie_sync.wishes.unlisted_store import UnlistedFilm

_SHOWN = 10
_BAR_CELLS = 10
_PERCENT = 100
_MB, _GB = 1_000_000, 1_000_000_000
_SHORTEST_IDLE_SECONDS = 60
_INDENT = _GAP = "  "
_SHORTEST_LABEL, _SHORTEST_IN_A_ROW = 20, 16
_SLOWEST, _KB, _LONGEST_LEFT_SECONDS = 1000, 1000, 30 * 24 * 3600.0  # in less or more, no pace can be told
_FULL_BAR_COLUMNS = 72  # in less, a bar would leave no room for what is said of a film
_SAID_ELSEWHERE = {ActivityKind.PAUSED, ActivityKind.NO_ROOM}
_STAGES = {Stage.ADDED: "starting", Stage.STOPPED: "stopped in the client", Stage.BROKEN: "broken"}


class Look(Enum):
    """What the colour of a line says; each can be told without it too."""

    PLAIN = auto()
    GOOD = auto()
    WAITING = auto()
    NEEDS = auto()
    DIM = auto()


@dataclass(frozen=True, slots=True)
class LineStyle:
    """How lines are to look: their width in columns (None: as long as they are), and a bar's two signs."""

    width: int | None = None
    bar: str = "#."
    arrow: str = "->"

    def label(self, movie: Movie) -> str:
        """Return the film's label, short enough to leave room for what is said of it."""
        if self.width is None:
            return movie.label
        return cut(one_line(movie.label), max(self.width // 3, _SHORTEST_LABEL))

    def fitted(self, line: str) -> str:
        """Return a line, safe, cut after a word to what fits beside the indent."""
        return (
            one_line(line) if self.width is None else cut(one_line(line), max(self.width - len(_INDENT), 1))
        )


@dataclass(frozen=True, slots=True)
class Section:
    """A group of films under a title; each of its items has a line or a few."""

    title: str
    items: list[list[str]]
    look: Look = Look.PLAIN
    note: str = ""
    films: int | None = None  # how many there are, where not each has an item

    @property
    def count(self) -> int:
        """How many films it is of."""
        return self.films or len(self.items)


def status_lines(status: Status, style: LineStyle) -> Iterator[str]:
    """Yield what `status` shows, safe for a terminal; what is down comes first."""
    for line in (*trouble_lines(status), *daemon_lines(status), counts_line(status)):
        yield from _folded(line, style.width)
    for section in sections(status, style):
        if section.items:
            note = f" ({section.note})" if section.note else ""
            yield ""
            yield from _folded(f"{section.title}{note}:", style.width)
        for item in section.items[:_SHOWN]:
            yield from (f"{_INDENT}{line}" for line in item)
        if section.count > _SHOWN:
            yield from _folded(
                f"{_INDENT}and {section.count - _SHOWN} more: `{command_line('queue')}`", style.width
            )


def _folded(line: str, columns: int | None) -> list[str]:
    safe = one_line(line)
    return [safe] if columns is None else folded(safe, max(columns, 1))


def trouble_lines(status: Status) -> list[str]:
    """Return what keeps films back now: services that are down, and settings that cannot be used."""
    lines = []
    if daemon := status.daemon:
        lines += [trouble for trouble in (daemon.client, *daemon.trackers, daemon.shelf) if trouble]
        lines += unread_words(daemon.lists, status.at)
        workers = (daemon.download,) if daemon.lists else (daemon.monitor, daemon.download)
        for activity in workers:
            if activity.kind in {ActivityKind.LIST_UNREADABLE, ActivityKind.PAUSED, ActivityKind.REFUSED}:
                words = activity_words(activity, status.at)
                lines.append(f"{words[:1].upper()}{words[1:]}")
        lines += [sentence(daemon.settings)] if daemon.settings else []
    if hold := hold_words(status.held_back):
        lines.append(sentence(hold))
    return lines


def daemon_lines(status: Status) -> list[str]:
    """Return whether a daemon runs and what it is at; without one, of when the rest is."""
    daemon = status.daemon
    if daemon is None:
        seen = status.torrents_seen_at
        since = f" Everything below is as of {clock_time(seen, status.at)}." if seen else ""
        return [f"Movie Sync isn't running.{since}", f"To start it: `{command_line()}`"]
    begun = parse_time(daemon.started_at)
    since = f" since {clock_time(begun, status.at)}" if begun else ""
    at_work = activity_words(daemon.download, status.at)
    monitor = daemon.monitor
    is_said = monitor.kind is ActivityKind.LIST_UNREADABLE  # above, why and until when
    is_said |= bool(daemon.lists) and monitor.kind is ActivityKind.LIST_READ  # below
    reading = "" if is_said else f"; {activity_words(monitor, status.at)}"
    return [
        f"Running{since} (process {daemon.pid}){reading}",
        *([f"Next checks: {next_words(daemon.lists, status.at)}"] if daemon.lists else []),
        *([f"Downloads: {at_work}"] if daemon.download.kind not in _SAID_ELSEWHERE else []),
    ]


def counts_line(status: Status) -> str:
    """Return how many films there are of each kind, in a line."""
    view = status.overview
    waits = "waiting for a slot" if view.room_why else "in the queue"
    counts = (
        (len(status.needs), "need you" if len(status.needs) > 1 else "needs you"),
        (len(view.downloading), f"downloading{_far(view.downloading)}"),
        (view.pending_count, waits),
        (len(view.waiting), "waiting for a release"),
        (len(view.done), "done this week"),
        (len(view.handed_over), "handed over this week"),
    )
    return ", ".join(f"{count} {words}" for count, words in counts if count) or "No films yet"


def _far(downloading: Iterable[QueueEntry]) -> str:
    """Return how far unfinished torrents are in all, by their sizes where they are known."""
    part = share_done(entry.follow for entry in downloading if entry.follow)
    return "" if part is None else f" ({percent(part)}%)"


def sections(status: Status, style: LineStyle) -> list[Section]:
    """Return each group of films, in the order in which they are shown; empty groups have no items."""
    view, seen = status.overview, ""
    if status.is_old and status.torrents_seen_at:
        seen = f"as last seen at {clock_time(status.torrents_seen_at, status.at)}"
    retries = [entry for entry in view.retries if not entry.waits_for_release]
    said = {key for need in status.needs if need.movie for key in need.movie.keys()}  # noqa: SIM118

    def one_each(lines: Iterable[str]) -> list[list[str]]:
        return [[style.fitted(line)] for line in lines]

    return [
        Section("Needs you", [_need_lines(need, style) for need in status.needs], Look.NEEDS),
        Section(
            "Downloading",
            one_each(_bar_lines(view.downloading, style, is_old=status.is_old)),
            note=seen,
        ),
        Section(
            "Waiting for a slot" if view.room_why else "Up next",
            one_each(each.movie.label for each in view.next_up),
            Look.WAITING,
            one_line(view.room_why),
            films=view.pending_count,
        ),
        Section(
            "Waiting for a release",
            one_each(_waiting_line(each, style, status) for each in view.waiting),
            Look.WAITING,
        ),
        Section("Stalled", one_each(_stalled_line(each, style) for each in view.stalled), Look.WAITING),
        Section("Done this week", one_each(_done_line(each, style, status) for each in view.done), Look.GOOD),
        Section(
            "Handed to the watch folder this week",
            one_each(
                f"{minute(each.completed_at)}  {style.label(each.movie)}: {release_of(each)}"
                for each in view.handed_over
            ),
            Look.GOOD,
        ),
        Section(
            "Next tries",
            one_each(
                f"{clock_time(entry.retry_at, status.at)}  {style.label(entry.movie)}: "
                f"{entry.error if said.isdisjoint(entry.movie.keys()) else 'see above'}"
                for entry in retries
                if entry.retry_at
            ),
            Look.WAITING,
        ),
        Section(
            "No longer in the torrent client",
            one_each(
                f"{day(stage_time(entry))}  {entry.movie.slug or entry.movie.label}: {release_of(entry)}"
                for entry in view.removed_in_client
            ),
            Look.DIM,
            "`add FILM` fetches it again",
        ),
        Section("Seeding", one_each(_seeding_line(each, style) for each in view.seeding), Look.DIM),
        Section(
            "Replaced, and still seeding",
            one_each(_seeding_line(each, style) for each in view.replaced),
            Look.DIM,
        ),
        Section("No longer listed", one_each(map(_unlisted_line, view.unlisted)), Look.DIM),
    ]


def _need_lines(need: Need, style: LineStyle) -> list[str]:
    film = f"{need.movie.label}: " if need.movie else ""
    why, action = one_line(f"{film}{need.why}"), f"{style.arrow} {one_line(need.action)}"
    if style.width is None:
        return [f"{why} {action}"]
    columns = max(style.width - len(_INDENT), 1)
    return [*folded(why, columns), *folded(action, columns)]


def _bar_lines(entries: Sequence[QueueEntry], style: LineStyle, *, is_old: bool) -> Iterator[str]:
    """Yield a line for each torrent; on a terminal what is known of them begins in one column.

    What has no room is left out, from the end, fact by fact.
    """
    facts = [list(torrent_facts(each.follow, is_old=is_old)) if each.follow else [] for each in entries]
    begun = [_begun(each, style) for each in entries]
    names = labels = [one_line(each.movie.label) for each in entries]
    room = column = None
    if style.width is not None:
        room = max(style.width - len(_INDENT), 1)
        left = room - max(map(len, begun), default=0) - len(_GAP)
        longest = max((width(", ".join(each)) for each in facts), default=0) + len(": ")
        widest = max(left - longest, min(_SHORTEST_IN_A_ROW, left), 1)
        labels = [cut(name, widest) for name in names]
        column = max(map(width, labels), default=0)
    for entry, head, known, name, label in zip(entries, begun, facts, names, labels, strict=True):
        begin = f"{head}{_GAP}" if head else ""
        gap = " " * (column - width(label)) if column else ""
        while known and room is not None and width(f"{begin}{label}: {gap}{', '.join(known)}") > room:
            known.pop()
        line = f"{begin}{label}: {gap}{', '.join(known)}" if known else f"{begin}{name}"
        full = f"{line}; {release_of(entry)}"
        yield full if release_of(entry) and (room is None or width(full) <= room) else line


def _begun(entry: QueueEntry, style: LineStyle) -> str:
    """Return how far a torrent is, with a bar where there is room; "" if no torrent is known."""
    if entry.follow is None:
        return ""
    part = percent(entry.follow.progress)
    if style.width is not None and style.width < _FULL_BAR_COLUMNS:
        return f"{part:3d}%"
    cells = part * _BAR_CELLS // _PERCENT
    return f"[{style.bar[0] * cells}{style.bar[1] * (_BAR_CELLS - cells)}] {part:3d}%"


def torrent_facts(follow: TorrentProgress, *, is_old: bool = False) -> Iterator[str]:
    """Yield what is known of a torrent on its way: stage, pace, time left, size, seeds.

    Of one that was seen long ago the pace is none any more.
    """
    if follow.stage in _STAGES:
        yield _STAGES[follow.stage]
    if follow.idle_seconds >= _SHORTEST_IDLE_SECONDS:
        yield f"no data for {duration(follow.idle_seconds)}"
    elif follow.bytes_a_second >= _SLOWEST and not is_old:
        yield _pace(follow.bytes_a_second)
        if follow.seconds_left is not None and follow.seconds_left < _LONGEST_LEFT_SECONDS:
            yield f"{duration(follow.seconds_left + 59)} left"
    if follow.size_bytes:
        yield _size(follow.size_bytes)
    if follow.seeds is not None:
        yield f"{follow.seeds} seed" if follow.seeds == 1 else f"{follow.seeds} seeds"


def _pace(bytes_a_second: float) -> str:
    if bytes_a_second >= _MB / 10:
        return f"{bytes_a_second / _MB:.1f} MB/s"
    return f"{bytes_a_second / _KB:.0f} kB/s"


def _size(size_bytes: int) -> str:
    return f"{size_bytes / _GB:.1f} GB" if size_bytes >= _GB // 10 else f"{max(size_bytes / _MB, 0.1):.1f} MB"


def _stalled_line(stalled: StuckRelease, style: LineStyle) -> str:
    return f"{style.label(stalled.movie)}: {stalled.why}: {stalled.release}"


def _waiting_line(entry: QueueEntry, style: LineStyle, status: Status) -> str:
    again = f"next try {clock_time(entry.retry_at, status.at)}" if entry.retry_at else "when it appears"
    searched = f", last {clock_time(entry.searched_at, status.at)}" if entry.searched_at else ""
    why = not_out_words(entry, status.at) or entry.error or "no suitable release yet"
    return f"{style.label(entry.movie)}: {again}{searched}: {why}"


def _done_line(entry: QueueEntry, style: LineStyle, status: Status) -> str:
    where = f", in {entry.follow.path}" if entry.follow and entry.follow.path else ""
    shelf = entry.follow.shelf if entry.follow else None
    if shelf and shelf.path:
        where = f", on the shelf in {shelf.path}"
    elif shelf and shelf.left:
        where += f"; not on the shelf, because {shelf.left}"
    elif shelf and shelf.failed:
        where += "; not on the shelf yet"
    at = clock_time(stage_time(entry), status.at)
    return f"{at}  {style.label(entry.movie)}: {release_of(entry)}{where}"


def _seeding_line(each: SeedingTorrent, style: LineStyle) -> str:
    return f"{style.label(each.movie)}: {each.words}: {each.choice.release}"


def _unlisted_line(film: UnlistedFilm) -> str:
    torrent = f"; its torrent {'is tagged' if film.tagged else 'stays'}" if film.info_hashes else ""
    return f"{day(film.left_at)}  {film.movie.label}{torrent}"


def state_of(queue: QueueName, entry: QueueEntry, now: datetime) -> str:
    """Return in words how it stands with a film in a queue, and what the user said of its releases."""
    word = entry.word
    said = [f"with preset {word.preset}"] if word.preset else []
    said += [f"you took {word.grabbed}"] if word.grabbed else []
    said += [f"you rejected {', '.join(map(str, word.rejected))}"] if word.rejected else []
    return "; ".join([_state_of(queue, entry, now), *said])


def _state_of(queue: QueueName, entry: QueueEntry, now: datetime) -> str:
    if queue is QueueName.FAILED:
        not_out = not_out_words(entry, now)
        when = f"next try {minute(entry.retry_at)}" if entry.retry_at else "" if not_out else "gave up"
        return "; ".join(filter(None, (not_out or str(entry.error).rstrip("."), when)))
    if queue is QueueName.COMPLETED:
        state = torrent_state(entry)
        release = entry.choice.release if entry.choice else entry.extra.get("where", "")
        better = [f"; a better one, {torrent_state(new)}: {release_of(new)}" for new in entry.torrents()[1:]]
        return "".join([f"{state}: {release}" if release else state, *better])
    if queue is QueueName.REMOVED:
        return "kept out until you `add` it"
    return f"since {minute(entry.added_at)}"


def torrent_state(entry: QueueEntry) -> str:
    """Return in words how far a completed film's release is."""
    follow = entry.follow
    if follow is None:
        if entry.is_upgrade:
            return "about to be handed over"
        return "handed over" if entry.reason == Reason.DOWNLOADED else str(entry.reason)
    if follow.stage is Stage.REMOVED:
        return "no longer in the client"
    if entry.is_unfinished:
        return f"{follow.stage}, {percent(follow.progress)}%"
    if follow.seeding.is_gone:
        return f"{follow.stage}, no longer in the client"
    return f"{follow.stage}, but {follow.seeding.why}" if follow.seeding.trouble else str(follow.stage)
