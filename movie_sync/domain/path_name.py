"""Read a path as people name films on disk: the file, the folder it stands in, or both together."""

import re
from functools import lru_cache
from typing import NamedTuple

from movie_sync.domain.name_kinds import NonFilm, NonFilmMark, split_extension
from movie_sync.domain.name_words import WordClass, class_of
from movie_sync.domain.readings import Sureness, TitleReading
from movie_sync.domain.release_name import ParsedName, parse_name
from movie_sync.domain.titles import fold
from movie_sync.domain.word_lists import listed

_SEPARATOR = re.compile(r"(?<!\s)[/\\](?!\s)|^[/\\]")
_PLAIN_FOLDERS = re.compile(
    r"""
    (?: cd|disc|disk|dvd|part|pt ) [ ._-]? \d{1,2} | video_ts | bdmv | stream | certificate | playlist
    | movies? | films? | filme | peliculas | kino | videos? | media | downloads? | completed? | torrents?
    | hd | uhd | 4k | sd | dvdrip | bluray | [a-z0-9#] | (?:18|19|20)\d\d s?
    """,
    re.VERBOSE,
)
_EXTRAS_FOLDERS = listed("extras folders")
# Such a folder holds extras of the film above it; at the top it is a shelf like any other.
_EXTRAS_FOLDERS_OF_A_FILM = frozenset("extra specials interviews scenes shorts other others screens".split())
_SEASON = re.compile(r"(?:season|saison|staffel|series|sezonul|temporada|stagione|s)[ ._-]?\d{1,2}")
# A pack's or a film-with-subtitles' folder says nothing against a film file in it.
_HARMLESS_IN_FOLDERS = frozenset({NonFilm.PACK, NonFilm.SUBTITLES, NonFilm.FILE, NonFilm.BOOK, NonFilm.MUSIC})
_PLAIN_FILES = re.compile(
    r"(?:[^\W_]+-)?"
    r"(?:movie|film|video|title|feature|main|vts|vts_\d\d_\d|\d{1,5}|(?:cd|disc|part|pt)[ ._-]?\d)",
    re.IGNORECASE,
)
_MOST_WORDS_OF_SHORT_FORMS = 6
_LETTERS_OF_A_SHORT_FORM = 3
_LETTERS_IN_COMMON = 4


class NamePath(NamedTuple):
    """What a path says: the readings of its file and of its folder, weighed against each other."""

    name: ParsedName
    readings: tuple[TitleReading, ...]
    marks: tuple[NonFilmMark, ...]
    imdb_id: str | None


@lru_cache(maxsize=32)
def parse_path(path: str) -> NamePath:
    """Read a path, or a name without folders."""
    has_folders = "/" in path or "\\" in path
    pieces = [piece for piece in _SEPARATOR.split(path) if piece.strip()] if has_folders else [path]
    file = parse_name(pieces[-1]) if pieces else parse_name(path)
    if len(pieces) <= 1:
        return NamePath(file, file.readings, file.marks, file.imdb_id)
    marks = list(file.marks)
    folder = _film_folder(pieces[:-1], marks)
    readings = list(file.readings)
    if not split_extension(pieces[-1])[1] and not path.startswith(("/", "\\")):
        # No file: perhaps the slash belongs to the title (V/H/S, 50/50).
        whole = parse_name(path.replace("/", " ").replace("\\", " "))
        readings = [*whole.readings, *readings]
    if folder is not None:
        marks.extend(
            NonFilmMark(mark.kind, -1, 0)
            for mark in folder.marks
            if mark.kind not in _HARMLESS_IN_FOLDERS and (mark.first < 0 or mark.first >= folder.title_end)
        )
        readings = _together(pieces[-1], file, folder, readings)
    imdb_id = file.imdb_id or (folder.imdb_id if folder else None)
    return NamePath(file, tuple(readings), tuple(marks), imdb_id)


def is_never_film(path: str) -> bool:
    """Tell whether a path can be no film at all: an episode, extras, subtitles, a book."""
    return any(mark.first < 0 for mark in parse_path(path).marks)


def naming_pieces(path: str) -> list[str]:
    """Return what names the film: its file, and the nearest folder that has a name of its own."""
    *folders, file = [piece for piece in _SEPARATOR.split(path) if piece.strip()] or [path]
    own = (folder for folder in reversed(folders) if not _PLAIN_FOLDERS.fullmatch(fold(folder).strip()))
    return [file, *list(own)[:1]]


def _film_folder(folders: list[str], marks: list[NonFilmMark]) -> ParsedName | None:
    """Return the nearest folder that has a name of its own; note in `marks` what the others say."""
    for depth in range(len(folders) - 1, -1, -1):
        text = fold(folders[depth]).strip()
        word = text.replace(" ", "").replace("_", "").replace("-", "")
        if _SEASON.fullmatch(text):
            marks.append(NonFilmMark(NonFilm.EPISODE, -1, 0))
        elif word in _EXTRAS_FOLDERS or (depth and word in _EXTRAS_FOLDERS_OF_A_FILM):
            marks.append(NonFilmMark(NonFilm.EXTRAS, -1, 0))
        elif word in _EXTRAS_FOLDERS_OF_A_FILM:
            continue
        elif not _PLAIN_FOLDERS.fullmatch(text):
            parsed = parse_name(folders[depth])
            if any(mark.kind is NonFilm.EPISODE for mark in parsed.marks):
                marks.append(NonFilmMark(NonFilm.EPISODE, -1, 0))
            return parsed
    return None


def _together(
    file_name: str, file: ParsedName, folder: ParsedName, readings: list[TitleReading]
) -> list[TitleReading]:
    if any(reading.year for reading in file.readings):
        return readings
    usable = [
        reading
        for reading in folder.readings
        if not any(mark.is_outside(reading.first, reading.last) for mark in folder.marks)
    ]
    own = {reading.key.squashed for reading in file.readings}
    agreeing = {reading.key.squashed for reading in usable} & own
    dated = next((reading for reading in usable if reading.year), None)
    if dated and agreeing:
        year, rest, part = dated.year, dated.rest, dated.part
        readings = [reading._replace(year=year, rest=rest, part=reading.part or part) for reading in readings]
    doubt = Sureness.WHOLE if agreeing or _says_nothing(file_name, file, folder) else Sureness.HALF
    # The places of these readings are in the folder's name, so no mark of the file's is inside them.
    return [
        *readings,
        *(reading._replace(sureness=max(reading.sureness, doubt), first=-1, last=-1) for reading in usable),
    ]


def _says_nothing(file_name: str, file: ParsedName, folder: ParsedName) -> bool:
    """Tell whether a file's name does not speak against what its folder says.

    It does not in "movie.mkv" and "CD1.avi", in a release group's short form of the title (its
    letters in their order: "i-smwhr.avi"), and in a folder with title and year if it is altogether
    different ("Le Daim.mkv" in "Deerskin (2019)"). A kindred name does: "Aliens.mkv" in "Alien (1979)".
    """
    stem, _ = split_extension(file_name)
    if _PLAIN_FILES.fullmatch(stem):
        return True
    if not folder.readings:
        return False
    title = folder.readings[0]
    if " " not in stem and len(file.words) <= _MOST_WORDS_OF_SHORT_FORMS:
        words = [word for word in file.words if class_of(word) is WordClass.TITLE]
        long_enough = [word for word in words if len(word) >= _LETTERS_OF_A_SHORT_FORM]
        if long_enough and _has_letters_of(title.key.squashed, long_enough[-1]):
            return True  # the group's name stands before it; a word behind it would be more title
    return title.year is not None and not _are_kindred(file, title)


def _are_kindred(file: ParsedName, title: TitleReading) -> bool:
    """Tell whether a file may be another film of a title's family, or a numbered one."""
    named = file.readings[0].key.words.split() if file.readings else []
    beginnings = {word[:_LETTERS_IN_COMMON] for word in title.key.words.split()}
    return any(word.isdigit() or word[:_LETTERS_IN_COMMON] in beginnings for word in named)


def _has_letters_of(title: str, word: str) -> bool:
    letters = iter(title)
    return all(letter in letters for letter in word)
