"""The rows of FileList's answers as releases: each checked on its own, a bad one is left out.

Field names, types and categories are those of the tracker's API as its help page and its answers
show them; the categories got English names in July 2026, and both generations are known here.
"""

import logging
import re
from datetime import UTC, datetime, timedelta

from movie_sync.domain.models import NOT_FILED, Filing, Release, ReleaseId
from movie_sync.domain.plain_text import printable
from movie_sync.errors import PageChangedError

_log = logging.getLogger(__name__)

TRACKER = "filelist"
"""The key by which settings and files know this tracker."""

# Films, and what mixes films with series: cartoons, anime, dubbed into Romanian.
FILM_CATEGORIES = (1, 2, 3, 4, 6, 15, 19, 20, 24, 25, 26, 28)

# By the category's names, the Romanian and the English one.
_FILINGS = {
    name.casefold(): filing
    for names, filing in (
        ("Filme SD, Movies SD", Filing(resolution="480p")),
        ("Filme DVD, Movies DVD, Filme DVD-RO, Movies DVD-RO", Filing("DVD", "480p")),
        ("Filme HD, Movies HD, Filme HD-RO, Movies HD-RO, Desene, Cartoons, Anime", NOT_FILED),
        ("RO Dubbed", Filing(language="RoDubbed")),
        ("Filme 4K, Movies 4K", Filing(resolution="2160p")),
        ("Filme Blu-Ray, Movies Blu-Ray", Filing("Bluray")),
        ("Filme 3D, Movies 3D", Filing(is_3d=True)),
        ("Filme 4K Blu-Ray, Movies 4K Blu-Ray", Filing("Bluray", "2160p")),
    )
    for name in names.split(", ")
}
_NO_FILMS = frozenset(
    "flac, xxx, programe, apps, jocuri pc, games pc, jocuri console, games console, audio, music, videoclip, "
    "videoclips, sport, tv, docs, linux, diverse, various, seriale hd, tv-series hd, mobile, seriale sd, "
    "tv-series sd, seriale 4k, tv-series 4k, books, courses, k-drama".split(", ")
)
_MAX_WHOLE = 2**63 - 1
_MAX_NAME_CHARS = 400
_MAX_WARNED = 50
_TIME = re.compile(r"(\d{4})-(\d\d?)-(\d\d?)\s+(\d\d?):(\d\d?):(\d\d?)")
_IMDB_ID = re.compile(r"(?:tt)?(\d{5,10})", re.ASCII)


class RowReader:
    """Turns rows into releases. Not thread-safe: it remembers what it has warned of."""

    def __init__(self) -> None:
        self._warned: set[str] = set()

    def read(self, rows: list[object]) -> list[Release]:
        """Return the good rows' releases, each id once, without what is known to be no film.

        Raises PageChangedError if there are rows, and none of them is good.
        """
        releases: dict[ReleaseId, Release] = {}
        bad_rows = 0
        for row in rows:
            try:
                release = self._release(row)
            except ValueError as exc:
                bad_rows += 1
                _log.debug("Skipped a row of FileList's answer: %s", exc)
                continue
            if release is not None:
                releases.setdefault(release.id, release)
        if rows and bad_rows == len(rows):
            raise PageChangedError(
                f"None of the {len(rows)} rows in FileList's answer could be read, so it was ignored. "
                "If this keeps happening, FileList's API has changed: look for a newer Movie Sync."
            )
        if bad_rows:
            _log.warning("Skipped %d of %d rows in FileList's answer: malformed.", bad_rows, len(rows))
        return list(releases.values())

    def _release(self, row: object) -> Release | None:
        """Return None for what is known to be no film; raises ValueError if the row is bad."""
        if not isinstance(row, dict):
            raise ValueError("it isn't an object")  # noqa: TRY004 - as for any other bad row
        name = _text(row.get("name"))
        if not name or len(name) > _MAX_NAME_CHARS:
            raise ValueError("its name is missing or too long")
        category = _text(row.get("category"))
        release = Release(
            id=ReleaseId(TRACKER, str(_need_whole(row, "id", 1))),
            name=name,
            size_bytes=_need_whole(row, "size", 1),
            seeders=_need_whole(row, "seeders", 0),
            imdb_id=_imdb_id(row.get("imdb")),
            filed_as=_FILINGS.get(category.casefold(), NOT_FILED),
            freeleech=_flag(row.get("freeleech")),
            internal=_flag(row.get("internal")),
            uploaded_at=_time(row.get("upload_date")),
        )
        if category.casefold() in _NO_FILMS:
            return None
        if category.casefold() not in _FILINGS:
            self._tell_unknown(category)
        return release

    def _tell_unknown(self, category: str) -> None:
        if category and category not in self._warned and len(self._warned) < _MAX_WARNED:
            self._warned.add(category)
            _log.warning("FileList has an unknown category: %.60s. Its releases are kept.", category)


def _time(value: object) -> datetime | None:
    """Read a time without zone as the tracker's local time, that of Bucharest, in UTC."""
    try:
        parts = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
        if parts is None:
            return None
        year, month, day, hour, minute, second = map(int, parts.groups())
        local = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001
        # The European Union's summer time: Python's zones take 0.8 MB, and need data of the system's.
        begin, end = (
            datetime(local.year, month, 31 - datetime(local.year, month, 31).isoweekday() % 7, 4)  # noqa: DTZ001
            for month in (3, 10)
        )
        return (local - timedelta(hours=3 if begin <= local < end else 2)).replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _text(value: object) -> str:
    return printable(value) if isinstance(value, str) else ""


def _whole(value: object) -> int:
    """Return a whole number from zero up, also one that is written as text; -1 for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(_MAX_WHOLE)):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_WHOLE:
        return value
    return -1


def _need_whole(row: dict[object, object], key: str, least: int) -> int:
    number = _whole(row.get(key))
    if number < least:
        raise ValueError(f"its {key} is missing or malformed")
    return number


def _flag(value: object) -> bool:
    return value is True or _whole(value) > 0


def _imdb_id(value: object) -> str | None:
    match = _IMDB_ID.fullmatch(value.strip()) if isinstance(value, str) else None
    return f"tt{match[1]:0>7}" if match else None
