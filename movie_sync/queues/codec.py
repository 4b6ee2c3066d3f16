"""Queue entries as the JSON objects of the queue files, and back.

The names are those users and scripts rely on. Keys we do not know are carried along; values a
hand edit left in an odd form are mended where their meaning is plain, else they count as absent.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, get_type_hints

from movie_sync.domain.letterboxd_text import is_image_address
from movie_sync.domain.models import Choice, Movie, QueueName, ReleaseId, UserWord
from movie_sync.domain.seeding import SeedingTrouble
from movie_sync.domain.times import format_time, parse_time
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.releases import (
    NEVER_SEEN,
    FailedRelease,
    Seeding,
    Shelving,
    Stage,
    TorrentProgress,
    Upgrade,
)

FILELIST = "filelist"
# Stood before the reason of a stall in an earlier version, as it now stands over the group in `status`.
_EARLIER_STALL = "stalled: "
# What a queue's entries have in any case.
_ALWAYS: Mapping[QueueName, dict[str, object]] = {
    QueueName.FAILED: {"error": "", "retry_count": 0, "retry_at": None, "waits_for_release": False},
    QueueName.COMPLETED: {"completed_at": None, "reason": None},
}
_MOST_PROGRESS = 0.9999  # what is not whole is never written as such
# Longer numbers are no years, counts or sequences, and Python refuses to print the longest.
_MOST_DIGITS = 19
_LARGEST_NUMBER = 10**_MOST_DIGITS
_encoder = json.JSONEncoder(ensure_ascii=False)


def _integer(value: object) -> int | None:
    if isinstance(value, str):
        text = value.strip()
        value = int(text) if text.isascii() and text.isdigit() and len(text) < _MOST_DIGITS else None
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and abs(value) < _LARGEST_NUMBER else None


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return 0.0
    return float(value) if 0 <= value < _LARGEST_NUMBER else 0.0


def _text(value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    number = _integer(value)
    return "" if number is None else str(number)  # a title such as 1917, without quotes


def _texts(value: object) -> tuple[str, ...]:
    return tuple(text for text in value if isinstance(text, str)) if isinstance(value, list) else ()


def _image_address(value: object) -> str:
    return value if isinstance(value, str) and is_image_address(value) else ""


# How a value is read, by the type of its field; what is not there has the field's default.
_READERS: Mapping[object, Callable[[object], Any]] = {
    str: _text,
    str | None: lambda value: _text(value) or None,
    int: lambda value: max(_integer(value) or 0, 0),
    int | None: _integer,
    float: _number,
    float | None: _number,
    bool: lambda value: value is True,
    datetime | None: parse_time,
    SeedingTrouble | None: lambda value: next((each for each in SeedingTrouble if each == value), None),
    tuple[str, ...]: _texts,
}
_Fields = dict[str, tuple[str, Callable[[object], Any]]]


def _fields(kind: type, **keys: str) -> _Fields:
    """Return the plain fields of a kind by their keys in a file, in their order: name and reader of each."""
    types = get_type_hints(kind).items()
    return {keys.get(name, name): (name, _READERS[of]) for name, of in types if of in _READERS}


_MOVIE = _fields(Movie)
_MOVIE["poster"] = ("poster", _image_address)
_PAGE = {
    key: _MOVIE.pop(key)
    for key in ("alternative_titles", "runtime_minutes", "original_language", "is_series", "page_read")
}
_PAGE["original_language"] = ("original_language", lambda value: value if isinstance(value, str) else None)
_TOLD_EMPTY = "original_language"  # of which "" tells something, and its lack nothing
_DATES = {"release_dates": _MOVIE.pop("release_dates")}
_STATES = _fields(QueueEntry, is_extra_look="extra_look", is_unclear="unclear")
del _STATES["sequence"]  # it stands at the end
_PROGRESS = _fields(TorrentProgress, bytes_a_second="speed", is_adopted="adopted", size_bytes="size")
_SEEDING = _fields(
    Seeding,
    seconds="seeding_seconds",
    is_gone="gone",
    is_settled="settled",
    why="trouble_why",
    since="trouble_since",
    is_here="here",
)
_SEEDING["seeding_seconds"] = ("seconds", _READERS[int])
_SHELF = _fields(Shelving) | {"at": ("at", parse_time)}
_AS_THEY_ARE = {key: _PROGRESS[key] for key in ("missing_since", "rechecked_at", "path", "adopted", "size")}
# `twin_years` stood there once; which films share a title is found out anew each time.
_KNOWN = _MOVIE.keys() | _STATES.keys() | {"page_read", "twin_years", "added_at", "tried", "sequence"}
_KNOWN |= {"replaced", "upgrade", "preset", "grabbed", "rejected"}
_KNOWN_WITH_CHOICE = _KNOWN | {"release", "filelist_id", "release_id", "info_hash", "release_imdb_id"}
_KNOWN_WITH_PROGRESS = _KNOWN_WITH_CHOICE | _PROGRESS.keys() | {"stage", "stage_since", "shelf", "seeding"}


def _read(plain: Mapping[str, object], fields: _Fields) -> dict[str, Any]:
    return {name: read(plain[key]) for key, (name, read) in fields.items() if key in plain}


def _written(value: object, fields: _Fields) -> dict[str, object]:
    return {
        key: format_time(it) if isinstance(it, datetime) else it
        for key, (name, _) in fields.items()
        if (it := getattr(value, name)) or (it == "" and key == _TOLD_EMPTY)
    }


def encode_entry(entry: QueueEntry, queue: QueueName) -> bytes:
    """Return an entry of that queue as one line of JSON, without a line end."""
    return _encoder.encode(entry_to_dict(entry, queue)).encode("utf-8", "replace")


def movie_to_dict(movie: Movie, *, with_page: bool = True) -> dict[str, object]:
    """Return a film's plain form; what its page told only where it is known and asked for."""
    plain: dict[str, object] = {key: getattr(movie, key) for key in _MOVIE}
    if not movie.original_title:
        del plain["original_title"]
    if not (with_page and movie.poster):
        del plain["poster"]
    if with_page and movie.page_read:
        plain |= {key: getattr(movie, key) for key in _PAGE}
        plain["alternative_titles"] = list(movie.alternative_titles)
        if movie.release_dates:
            plain["release_dates"] = list(movie.release_dates)
    return plain


def movie_from_dict(plain: Mapping[str, object]) -> Movie:
    """Read a film; raises ValueError if it names none."""
    values = {"id": "", "slug": "", "title": "", "url": ""} | _read(plain, _MOVIE)
    values["id"] = values["id"] or values["slug"]
    values["title"] = values["title"] or values["slug"]
    if not values["id"] or not (values["title"] or values["url"]):  # an id alone may be a number of anything
        raise ValueError("an entry without title, slug and address, or without id and slug")
    values["title"] = values["title"] or values["id"]
    return Movie(**values, **(_read(plain, _PAGE | _DATES) if plain.get("page_read") is True else {}))


def entry_to_dict(entry: QueueEntry, queue: QueueName) -> dict[str, object]:
    """Return the plain form of an entry of that queue."""
    plain = movie_to_dict(entry.movie) | {"added_at": format_time(entry.added_at)}
    plain |= _ALWAYS.get(queue, {}) | _written(entry, _STATES)
    if entry.choice:
        plain |= _choice_to_dict(entry.choice)
    if entry.follow:
        plain |= progress_to_dict(entry.follow)
    for key, releases in (("tried", entry.tried), ("replaced", entry.replaced)):
        if releases:
            plain[key] = [_release_to_dict(old) for old in releases]
    if entry.upgrade:
        follow = progress_to_dict(entry.upgrade.follow) if entry.upgrade.follow else {}
        plain["upgrade"] = _choice_to_dict(entry.upgrade.choice) | follow
    preset, grabbed, rejected = entry.word
    said = {"preset": preset, "grabbed": str(grabbed or ""), "rejected": [str(each) for each in rejected]}
    plain |= {key: value for key, value in said.items() if value}
    plain["sequence"] = entry.sequence
    for key, value in entry.extra.items():
        plain.setdefault(key, value)
    return plain


def entry_from_dict(plain: Mapping[str, object], now: datetime) -> QueueEntry:
    """Read an entry of any queue; raises ValueError if it names no film.

    `now` stands in for an unreadable `added_at` or `retry_at`.
    """
    movie, choice, states = movie_from_dict(plain), _choice_from_dict(plain), _read(plain, _STATES)
    follow = _progress_from_dict(plain, now) if choice else None
    upgrade = _upgrade_from(plain.get("upgrade"), now) if choice else None
    if upgrade and choice and upgrade.choice.info_hash == choice.info_hash:
        upgrade = None  # it is the film's present one already
    known = _KNOWN_WITH_PROGRESS if follow else _KNOWN_WITH_CHOICE if choice else _KNOWN
    known = known | _PAGE.keys() | _DATES.keys() if movie.page_read else known
    if plain.get("retry_at") and not states["retry_at"]:  # None is for good
        states["retry_at"] = now
    return QueueEntry(
        movie=movie,
        added_at=parse_time(plain.get("added_at")) or now,
        choice=choice,
        follow=follow,
        tried=_releases_from(plain.get("tried")),
        replaced=_releases_from(plain.get("replaced")),
        upgrade=upgrade,
        word=UserWord(
            _text(plain.get("preset")),
            ReleaseId.parse(_text(plain.get("grabbed"))),
            tuple(filter(None, map(ReleaseId.parse, _texts(plain.get("rejected"))))),
        ),
        sequence=_integer(plain.get("sequence")) or 0,
        extra={key: value for key, value in plain.items() if key not in known},
        **states,
    )


def _release_to_dict(old: FailedRelease) -> dict[str, object]:
    plain = _choice_to_dict(old.choice) | {"why": old.why, "name": old.name}
    plain |= {"shelf_name": old.shelf_name} if old.shelf_name else {}
    return plain | ({"adopted": True} if old.is_adopted else {}) | _written(old.seeding, _SEEDING)


def _releases_from(rows: object) -> tuple[FailedRelease, ...]:
    return tuple(
        FailedRelease(
            old,
            _text(row.get("why")).removeprefix(_EARLIER_STALL),
            _text(row.get("name")),
            row.get("adopted") is True,
            Seeding(**_read(row, _SEEDING)),
            _text(row.get("shelf_name")),
        )
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, dict) and (old := _choice_from_dict(row))
    )


def _upgrade_from(plain: object, now: datetime) -> Upgrade | None:
    if not isinstance(plain, dict) or not (choice := _choice_from_dict(plain)):
        return None
    follow = _progress_from_dict(plain, now)
    if follow and follow.stage is Stage.DOWNLOADED:  # it would be the film's: whether it is, a look tells
        follow = replace(follow, stage=Stage.ADDED)
    return Upgrade(choice, follow)


def filelist_id(release: ReleaseId | None) -> int | None:
    """Return FileList's number of a release, or None: it is another tracker's, or not known."""
    return release.number or None if release and release.tracker == FILELIST else None


def _choice_to_dict(choice: Choice) -> dict[str, object]:
    plain: dict[str, object] = {"release": choice.release, "info_hash": choice.info_hash}
    if number := filelist_id(choice.id):
        plain["filelist_id"] = number
    elif choice.id:  # a torrent found in the client may not tell it
        plain["release_id"] = str(choice.id)
    if choice.imdb_id:
        plain["release_imdb_id"] = choice.imdb_id
    return plain


def _choice_from_dict(plain: Mapping[str, object]) -> Choice | None:
    if not (info_hash := _text(plain.get("info_hash"))):
        return None
    number = _integer(plain.get("filelist_id"))
    release = ReleaseId(FILELIST, str(number)) if number else ReleaseId.parse(_text(plain.get("release_id")))
    imdb_id = _text(plain.get("release_imdb_id")) or None
    return Choice(_text(plain.get("release")), release, info_hash.lower(), imdb_id)


def progress_to_dict(follow: TorrentProgress) -> dict[str, object]:
    """Return the plain form of how far a torrent is: progress from 0 to 1, speed in bytes a second."""
    plain: dict[str, object] = {"stage": follow.stage, "stage_since": format_time(follow.since)}
    if follow.stage is not Stage.DOWNLOADED:
        plain["progress"] = min(round(follow.progress, 4), _MOST_PROGRESS)
        if follow.bytes_a_second:
            plain["speed"] = follow.bytes_a_second
        if follow.seeds is not None:
            plain["seeds"] = follow.seeds
    if follow.idle_seconds >= 1:
        plain["idle_seconds"] = round(follow.idle_seconds)
        if follow.idle_from is not None and follow.idle_from < follow.progress:
            plain["idle_from"] = round(follow.idle_from, 6)
    if follow.shelf:
        plain["shelf"] = _written(follow.shelf, _SHELF)
    if follow.seeding != NEVER_SEEN:
        plain["seeding"] = _written(follow.seeding, _SEEDING)
    return plain | _written(follow, _AS_THEY_ARE)


def _progress_from_dict(plain: Mapping[str, object], now: datetime) -> TorrentProgress | None:
    stage = next((stage for stage in Stage if stage == plain.get("stage")), None)
    if stage is None:
        return None
    values = _read(plain, _PROGRESS)
    values["progress"] = min(values.get("progress", 0.0), 1.0)
    if isinstance(seeding := plain.get("seeding"), dict) and stage is Stage.DOWNLOADED:
        values["seeding"] = Seeding(**_read(seeding, _SEEDING))
    row, shelf = plain.get("shelf"), None
    if isinstance(row, dict) and stage is Stage.DOWNLOADED:
        texts = _read(row, _SHELF)
        shelf = Shelving(texts.pop("at", None) or now, **texts)
    return TorrentProgress(stage, parse_time(plain.get("stage_since")) or now, **values, shelf=shelf)
