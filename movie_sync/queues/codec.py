"""Queue entries as the JSON objects of the queue files, and back.

The names are those users and scripts rely on. Keys we do not know are carried along; values a
hand edit left in an odd form are mended where their meaning is plain, else refused.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from movie_sync.domain.models import Choice, Movie, QueueName, ReleaseId
from movie_sync.queues.entry import FailedRelease, QueueEntry, Stage, TorrentProgress

# `twin_years` stood there once; which films share a title is found out anew each time.
_MOVIE_KEYS = frozenset(
    {"id", "slug", "title", "year", "url", "imdb_id", "original_title", "twin_years", "page_read"}
)
_PAGE_KEYS = frozenset({"alternative_titles", "runtime_minutes", "is_series"})
_CHOICE_KEYS = frozenset({"release", "filelist_id", "release_id", "info_hash"})
_FILELIST = "filelist"
# Stood before the reason of a stall in an earlier version, as it now stands over the group in `status`.
_EARLIER_STALL = "stalled: "
_PROGRESS_KEYS = frozenset(
    "stage stage_since progress speed idle_seconds idle_from missing_since rechecked_at path adopted".split()
)
# The states that stand there only where there is something to say; those that are called so here too.
_SAME_NAMES = (
    "error retry_count retry_at waits_for_release acceptable_since completed_at reason by_command "
    "searched_at asked_at doubts page_missing_since"
).split()
_STATES = {name: name for name in _SAME_NAMES} | {"extra_look": "is_extra_look"}
_KNOWN = _MOVIE_KEYS | _STATES.keys() | {"added_at", "tried", "sequence"}
_KNOWN_WITH_CHOICE = _KNOWN | _CHOICE_KEYS
_KNOWN_WITH_PROGRESS = _KNOWN_WITH_CHOICE | _PROGRESS_KEYS
_STAGES = frozenset(Stage)
# What a queue's entries have in any case.
_ALWAYS: Mapping[QueueName, dict[str, object]] = {
    QueueName.FAILED: {"error": "", "retry_count": 0, "retry_at": None, "waits_for_release": False},
    QueueName.COMPLETED: {"completed_at": None, "reason": None},
}
# What is not whole is never written as such.
_MOST_PROGRESS = 0.9999
# Longer numbers are no years, counts or sequences, and Python refuses to print the longest.
_MOST_DIGITS = 19
_LARGEST_NUMBER = 10**_MOST_DIGITS
_EARLIEST, _LATEST = datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 1, 1, tzinfo=UTC)
_encoder = json.JSONEncoder(ensure_ascii=False)


def format_time(moment: datetime) -> str:
    """Return an aware time as ISO 8601 in UTC, to the second."""
    return f"{moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat()}Z"


def parse_time(value: object) -> datetime | None:
    """Read a stored time; None if it is none. A time without a zone is taken as UTC.

    One at an end of what can be reckoned with is brought to where a year more or less does no harm.
    """
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return min(max(aware, _EARLIEST), _LATEST)
    except (ValueError, OverflowError):
        return None


def encode_entry(entry: QueueEntry, queue: QueueName) -> bytes:
    """Return an entry of that queue as one line of JSON, without a line end."""
    return _encoder.encode(entry_to_dict(entry, queue)).encode("utf-8", "replace")


def decode_entry(line: bytes, now: datetime) -> QueueEntry:
    """Read a line of ours; raises as `entry_from_dict`."""
    return entry_from_dict(json.loads(line), now)


def movie_to_dict(movie: Movie, *, with_page: bool = True) -> dict[str, object]:
    """Return a film's plain form; what its page told only where it is known and asked for."""
    plain: dict[str, object] = {
        "id": movie.id,
        "slug": movie.slug,
        "title": movie.title,
        "year": movie.year,
        "url": movie.url,
        "imdb_id": movie.imdb_id,
    }
    if movie.original_title:
        plain["original_title"] = movie.original_title
    if with_page and movie.page_read:
        plain["alternative_titles"] = list(movie.alternative_titles)
        plain["runtime_minutes"] = movie.runtime_minutes
        plain["is_series"] = movie.is_series
        plain["page_read"] = True
    return plain


def entry_to_dict(entry: QueueEntry, queue: QueueName) -> dict[str, object]:
    """Return the plain form of an entry of that queue."""
    plain = movie_to_dict(entry.movie)
    plain["added_at"] = format_time(entry.added_at)
    plain |= _ALWAYS.get(queue, {})
    for key, name in _STATES.items():
        if value := getattr(entry, name):
            plain[key] = format_time(value) if isinstance(value, datetime) else value
    if entry.choice:
        plain |= _choice_to_dict(entry.choice)
    if entry.follow:
        plain |= progress_to_dict(entry.follow)
    if entry.tried:
        plain["tried"] = [
            _choice_to_dict(tried.choice) | {"why": tried.why, "name": tried.name} for tried in entry.tried
        ]
    plain["sequence"] = entry.sequence
    for key, value in entry.extra.items():
        plain.setdefault(key, value)
    return plain


def filelist_id(release: ReleaseId | None) -> int | None:
    """Return FileList's number of a release, or None: it is another tracker's, or not known."""
    return release.number or None if release and release.tracker == _FILELIST else None


def _choice_to_dict(choice: Choice) -> dict[str, object]:
    plain: dict[str, object] = {"release": choice.release, "info_hash": choice.info_hash}
    if number := filelist_id(choice.id):
        plain["filelist_id"] = number
    elif choice.id:  # a torrent found in the client may not tell it
        plain["release_id"] = str(choice.id)
    return plain


def progress_to_dict(follow: TorrentProgress) -> dict[str, object]:
    """Return the plain form of how far a torrent is: progress from 0 to 1, speed in bytes a second."""
    plain: dict[str, object] = {"stage": follow.stage, "stage_since": format_time(follow.since)}
    if follow.stage is not Stage.DOWNLOADED:
        plain["progress"] = min(round(follow.progress, 4), _MOST_PROGRESS)
        if follow.bytes_a_second:
            plain["speed"] = follow.bytes_a_second
    if follow.idle_seconds >= 1:
        plain["idle_seconds"] = round(follow.idle_seconds)
        if follow.idle_from is not None and follow.idle_from < follow.progress:
            plain["idle_from"] = round(follow.idle_from, 6)
    if follow.missing_since:
        plain["missing_since"] = format_time(follow.missing_since)
    if follow.rechecked_at:
        plain["rechecked_at"] = format_time(follow.rechecked_at)
    if follow.path:
        plain["path"] = follow.path
    if follow.is_adopted:
        plain["adopted"] = True
    return plain


def movie_from_dict(plain: Mapping[str, object]) -> Movie:
    """Read a film; raises ValueError if it names none."""
    slug = _text(plain.get("slug")) or ""
    film_id = _text(plain.get("id")) or slug
    title, url = _text(plain.get("title")) or slug, _text(plain.get("url")) or ""
    if not film_id or not (title or url):  # an id alone may be a number of anything
        raise ValueError("an entry without title, slug and address, or without id and slug")
    movie = Movie(
        id=film_id,
        slug=slug,
        title=title or film_id,
        year=_integer(plain.get("year")),
        url=url,
        imdb_id=_text(plain.get("imdb_id")),
        original_title=_text(plain.get("original_title")),
    )
    if not _flag(plain.get("page_read")):
        return movie
    titles = plain.get("alternative_titles")
    return replace(
        movie,
        alternative_titles=tuple(title for title in _list(titles) if isinstance(title, str)),
        runtime_minutes=_integer(plain.get("runtime_minutes")),
        is_series=_flag(plain.get("is_series")),
        page_read=True,
    )


def entry_from_dict(plain: Mapping[str, object], now: datetime) -> QueueEntry:
    """Read an entry of any queue; raises ValueError if it names no film.

    `now` stands in for an unreadable `added_at` or `retry_at`.
    """
    movie, choice, get = movie_from_dict(plain), _choice_from_dict(plain), plain.get
    follow = _progress_from_dict(plain, now) if choice else None
    known = _KNOWN_WITH_PROGRESS if follow else _KNOWN_WITH_CHOICE if choice else _KNOWN
    known = known | _PAGE_KEYS if movie.page_read else known
    extra = {key: value for key, value in plain.items() if key not in known}
    states: dict[str, Any] = {name: _READERS.get(name, parse_time)(get(key)) for key, name in _STATES.items()}
    states["retry_at"] = states["retry_at"] or (now if get("retry_at") else None)  # None is for good
    return QueueEntry(
        movie=movie,
        added_at=parse_time(get("added_at")) or now,
        choice=choice,
        follow=follow,
        tried=tuple(filter(None, map(_failed_release, _list(get("tried"))))),
        sequence=_integer(get("sequence")) or 0,
        extra=extra,
        **states,
    )


def _choice_from_dict(plain: Mapping[str, object]) -> Choice | None:
    info_hash = _text(plain.get("info_hash"))
    if not info_hash:
        return None
    number = _integer(plain.get("filelist_id"))
    release = ReleaseId(_FILELIST, str(number)) if number else None
    release = release or ReleaseId.parse(_text(plain.get("release_id")) or "")
    return Choice(_text(plain.get("release")) or "", release, info_hash.lower())


def _failed_release(plain: object) -> FailedRelease | None:
    choice = _choice_from_dict(plain) if isinstance(plain, dict) else None
    if choice is None or not isinstance(plain, dict):
        return None
    why = (_text(plain.get("why")) or "").removeprefix(_EARLIER_STALL)
    return FailedRelease(choice, why, _text(plain.get("name")) or "")


def _progress_from_dict(plain: Mapping[str, object], now: datetime) -> TorrentProgress | None:
    stage = plain.get("stage")
    if not isinstance(stage, str) or stage not in _STAGES:
        return None
    get = plain.get
    return TorrentProgress(
        stage=Stage(stage),
        since=parse_time(get("stage_since")) or now,
        progress=min(_number(get("progress")), 1.0),
        bytes_a_second=_count(get("speed")),
        idle_seconds=_number(get("idle_seconds")),
        idle_from=_number(plain["idle_from"]) if "idle_from" in plain else None,
        missing_since=parse_time(get("missing_since")),
        rechecked_at=parse_time(get("rechecked_at")),
        path=_text(get("path")) or "",
        is_adopted=_flag(get("adopted")),
    )


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return 0.0
    return float(value) if 0 <= value < _LARGEST_NUMBER else 0.0


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value.strip() or None
    number = _integer(value) if value is not None else None
    return None if number is None else str(number)  # a title such as 1917, without quotes


def _integer(value: object) -> int | None:
    if isinstance(value, str):
        text = value.strip()
        value = int(text) if text.isascii() and text.isdigit() and len(text) < _MOST_DIGITS else None
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST_NUMBER:
        return value
    return None


def _count(value: object) -> int:
    return max(_integer(value) or 0, 0)


def _flag(value: object) -> bool:
    return value is True


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


# How a state is read; all others are times.
_READERS: Mapping[str, Callable[[object], object]] = {
    "error": _text, "reason": _text, "retry_count": _count, "doubts": _count,
    "waits_for_release": _flag, "by_command": _flag, "is_extra_look": _flag,
}  # fmt: skip
