"""Queue entries as the JSON objects of the queue files, and back.

The names are those users and scripts rely on. Keys we do not know are carried along; values a
hand edit left in an odd form are mended where their meaning is plain, else refused.
"""

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from movie_sync.domain.models import Choice, Movie, QueueName, ReleaseId
from movie_sync.queues.entry import FailedRelease, QueueEntry, Stage, TorrentProgress

# `twin_years` stood there once; which films share a title is found out anew each time.
_MOVIE_KEYS = ("id", "slug", "title", "year", "url", "imdb_id", "original_title", "twin_years", "page_read")
_PAGE_KEYS = frozenset({"alternative_titles", "runtime_minutes", "is_series"})
_STATE_KEYS = (
    "added_at",
    "retry_count",
    "error",
    "retry_at",
    "waits_for_release",
    "acceptable_since",
    "completed_at",
    "reason",
    "release",
    "filelist_id",
    "release_id",
    "info_hash",
    "by_command",
    "tried",
    "searched_at",
    "asked_at",
    "extra_look",
    "doubts",
    "page_missing_since",
    "sequence",
)
_CHOICE_KEYS = frozenset({"release", "filelist_id", "release_id", "info_hash"})
_FILELIST = "filelist"
_FOLLOW_KEYS = frozenset(
    {
        "stage",
        "stage_since",
        "progress",
        "speed",
        "idle_seconds",
        "idle_from",
        "missing_since",
        "rechecked_at",
        "path",
        "adopted",
    }
)
# What is not whole is never written as such.
_MOST_PROGRESS = 0.9999
# Longer numbers are no years, counts or sequences, and Python refuses to print the longest.
_MOST_DIGITS = 19
_LARGEST_NUMBER = 10**_MOST_DIGITS
_ALWAYS_KNOWN = frozenset(_MOVIE_KEYS + _STATE_KEYS) - _CHOICE_KEYS
_KNOWN_WITH_CHOICE = _ALWAYS_KNOWN | _CHOICE_KEYS
_KNOWN_WITH_FOLLOW = _KNOWN_WITH_CHOICE | _FOLLOW_KEYS
_STAGES = frozenset(Stage)
_EARLIEST, _LATEST = datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 1, 1, tzinfo=UTC)


def _make_encoder() -> Callable[[object], str]:
    """Return what writes JSON as `json.JSONEncoder` does, which gets itself ready anew for each text.

    Getting ready takes longer than a film's few values.
    """
    encoder = json.JSONEncoder(ensure_ascii=False)
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # a Python without the part in C
        return encoder.encode
    parts = make(None, encoder.default, json.encoder.encode_basestring, None, ": ", ", ", False, False, True)
    return lambda plain: "".join(parts(plain, 0))


_as_json = _make_encoder()


@functools.lru_cache(maxsize=64)  # films that are queued together have their times in common
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


def encode_entry(entry: QueueEntry, queue: QueueName, sequence: int | None = None) -> bytes:
    """Return the entry as one line of JSON, without a line end; with another sequence if one is given."""
    plain = entry_to_dict(entry, queue)
    if sequence is not None:
        plain["sequence"] = sequence
    return _as_json(plain).encode("utf-8", "replace")


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
    is_completed = queue is QueueName.COMPLETED
    plain = movie_to_dict(entry.movie, with_page=not is_completed)
    plain["added_at"] = format_time(entry.added_at)
    if queue is QueueName.FAILED:
        plain["error"] = entry.error or ""
        plain["retry_count"] = entry.retry_count
        plain["retry_at"] = format_time(entry.retry_at) if entry.retry_at else None
        plain["waits_for_release"] = entry.waits_for_release
    elif is_completed:
        plain["completed_at"] = format_time(entry.completed_at) if entry.completed_at else None
        plain["reason"] = entry.reason
    elif entry.retry_count:
        plain["retry_count"] = entry.retry_count
    if entry.is_extra_look and queue is QueueName.PENDING:
        plain["extra_look"] = True
        plain["waits_for_release"] = entry.waits_for_release
        plain["retry_at"] = format_time(entry.retry_at) if entry.retry_at else None
    plain |= _history(entry, is_completed=is_completed)
    if not is_completed:
        plain |= _course(entry)
    plain["sequence"] = entry.sequence
    for key, value in entry.extra.items():
        plain.setdefault(key, value)
    return plain


def _course(entry: QueueEntry) -> dict[str, object]:
    """Return what a film that is not completed has met with so far."""
    plain: dict[str, object] = {"doubts": entry.doubts} if entry.doubts else {}
    times = {
        "acceptable_since": entry.acceptable_since,
        "searched_at": entry.searched_at,
        "page_missing_since": entry.page_missing_since,
    }
    return plain | {key: format_time(moment) for key, moment in times.items() if moment}


def _history(entry: QueueEntry, *, is_completed: bool) -> dict[str, object]:
    """Return what was done for a film so far."""
    plain: dict[str, object] = {}
    if entry.choice:
        plain |= _choice_to_dict(entry.choice)
    if entry.by_command:
        plain["by_command"] = True
    if entry.asked_at:
        plain["asked_at"] = format_time(entry.asked_at)
    if entry.follow and is_completed:
        plain |= follow_to_dict(entry.follow)
    if entry.tried:
        plain["tried"] = [
            _choice_to_dict(tried.choice) | {"why": tried.why, "name": tried.name} for tried in entry.tried
        ]
    return plain


def filelist_id(release: ReleaseId | None) -> int | None:
    """Return FileList's number of a release, or None: it is another tracker's, or not known."""
    return release.number or None if release and release.tracker == _FILELIST else None


def _choice_to_dict(choice: Choice) -> dict[str, object]:
    number = filelist_id(choice.id)
    plain: dict[str, object] = {"release": choice.release}
    if number:
        return plain | {"filelist_id": number, "info_hash": choice.info_hash}
    told = {"release_id": str(choice.id)} if choice.id else {}
    return plain | told | {"info_hash": choice.info_hash}


def _choice(plain: Mapping[str, object]) -> Choice | None:
    info_hash = _text(plain, "info_hash")
    if not info_hash:
        return None
    number = _integer(plain, "filelist_id")
    release = ReleaseId(_FILELIST, str(number)) if number else None
    release = release or ReleaseId.parse(_text(plain, "release_id") or "")
    return Choice(_text(plain, "release") or "", release, info_hash.lower())


def follow_to_dict(follow: TorrentProgress) -> dict[str, object]:
    """Return the plain form of how far a torrent is: progress from 0 to 1, speed in bytes a second."""
    plain: dict[str, object] = {
        "stage": follow.stage,
        "stage_since": format_time(follow.since),
        "progress": min(round(follow.progress, 4), _MOST_PROGRESS),
    }
    if follow.stage is Stage.DOWNLOADED:
        del plain["progress"]
    elif follow.bytes_a_second:
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
    """Read a film.

    Raises:
        ValueError: it names no film.
    """
    slug = _text(plain, "slug") or ""
    film_id = _text(plain, "id") or slug
    title, url = _text(plain, "title") or slug, _text(plain, "url") or ""
    if not film_id or not (title or url):  # an id alone may be a number of anything
        raise ValueError("an entry without title, slug and address, or without id and slug")
    movie = Movie(
        id=film_id,
        slug=slug,
        title=title or film_id,
        year=_integer(plain, "year"),
        url=url,
        imdb_id=_text(plain, "imdb_id"),
        original_title=_text(plain, "original_title"),
    )
    if plain.get("page_read") is not True:
        return movie
    alternative = plain.get("alternative_titles")
    titles = alternative if isinstance(alternative, list) else []
    return replace(
        movie,
        alternative_titles=tuple(title for title in titles if isinstance(title, str)),
        runtime_minutes=_integer(plain, "runtime_minutes"),
        is_series=plain.get("is_series") is True,
        page_read=True,
    )


def entry_from_dict(plain: Mapping[str, object], now: datetime) -> QueueEntry:
    """Read an entry of any queue; `now` stands in for an unreadable `added_at` or `retry_at`.

    Raises:
        ValueError: it names no film.
    """
    choice = _choice(plain)
    retry_at = plain.get("retry_at")
    follow = _follow(plain, now) if choice else None
    known = _KNOWN_WITH_FOLLOW if follow else _KNOWN_WITH_CHOICE if choice else _ALWAYS_KNOWN
    movie = movie_from_dict(plain)
    return QueueEntry(
        movie=movie,
        added_at=parse_time(plain.get("added_at")) or now,
        retry_count=max(_integer(plain, "retry_count") or 0, 0),
        error=_text(plain, "error"),
        retry_at=parse_time(retry_at) or (now if retry_at else None),  # None is permanent: not by mistake
        waits_for_release=plain.get("waits_for_release") is True,
        acceptable_since=parse_time(plain.get("acceptable_since")),
        completed_at=parse_time(plain.get("completed_at")),
        reason=_text(plain, "reason"),
        choice=choice,
        by_command=plain.get("by_command") is True,
        follow=follow,
        tried=_tried(plain.get("tried")),
        searched_at=parse_time(plain.get("searched_at")),
        asked_at=parse_time(plain.get("asked_at")),
        is_extra_look=plain.get("extra_look") is True,
        doubts=max(_integer(plain, "doubts") or 0, 0),
        page_missing_since=parse_time(plain.get("page_missing_since")),
        sequence=_integer(plain, "sequence") or 0,
        extra={
            key: value
            for key, value in plain.items()
            if key not in known and not (movie.page_read and key in _PAGE_KEYS)
        },
    )


def _follow(plain: Mapping[str, object], now: datetime) -> TorrentProgress | None:
    stage = plain.get("stage")
    if not isinstance(stage, str) or stage not in _STAGES:
        return None
    return TorrentProgress(
        stage=Stage(stage),
        since=parse_time(plain.get("stage_since")) or now,
        progress=min(_number(plain, "progress"), 1.0),
        bytes_a_second=_integer(plain, "speed") or 0,
        idle_seconds=_number(plain, "idle_seconds"),
        idle_from=_number(plain, "idle_from") if "idle_from" in plain else None,
        missing_since=parse_time(plain.get("missing_since")),
        rechecked_at=parse_time(plain.get("rechecked_at")),
        path=_text(plain, "path") or "",
        is_adopted=plain.get("adopted") is True,
    )


def _tried(listed: object) -> tuple[FailedRelease, ...]:
    found = []
    for plain in listed if isinstance(listed, list) else ():
        choice = _choice(plain) if isinstance(plain, dict) else None
        if choice:
            found.append(FailedRelease(choice, _text(plain, "why") or "", _text(plain, "name") or ""))
    return tuple(found)


def _number(plain: Mapping[str, object], key: str) -> float:
    value = plain.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return 0.0
    return float(value) if 0 <= value < _LARGEST_NUMBER else 0.0


def _text(plain: Mapping[str, object], key: str) -> str | None:
    value = plain.get(key)
    if isinstance(value, str):
        return value.strip() or None
    number = _integer(plain, key) if value is not None else None
    return None if number is None else str(number)  # a title such as 1917, without quotes


def _integer(plain: Mapping[str, object], key: str) -> int | None:
    value = plain.get(key)
    if isinstance(value, str):
        text = value.strip()
        value = int(text) if text.isascii() and text.isdigit() and len(text) < _MOST_DIGITS else None
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST_NUMBER:
        return value
    return None
