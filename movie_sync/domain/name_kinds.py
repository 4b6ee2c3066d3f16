"""Recognise names that hold something else than one film: episodes, extras, music, games, packs.

Each mark knows where it stands, because its words also stand in titles (*Free Samples*, *The
Interview*, *xXx*, *Trailer Park Boys: The Movie*): inside the film's own title it means nothing.
"""

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from movie_sync.domain.word_lists import listed, meanings


class NonFilm(StrEnum):
    """What a name holds instead of a film, in the words of the reason."""

    EPISODE = "an episode or a season"
    SAMPLE = "a sample"
    TRAILER = "a trailer"
    EXTRAS = "extras"
    SUBTITLES = "subtitles"
    PACK = "a pack of several films"
    ADULT = "an adult film"
    PARODY = "a parody"
    MUSIC = "music"
    GAME = "a game"
    BOOK = "a book"
    ABOUT = "something about the film"
    EDIT = "a fan edit"
    STAGE = "a stage, radio or concert version"
    RIVAL = "another film"
    FILE = "not a film file"


class NonFilmMark(NamedTuple):
    """A sign of another kind: word indices [first, last) in the name, `first` -1 for the whole name."""

    kind: NonFilm
    first: int
    last: int

    def is_outside(self, first: int, last: int) -> bool:
        """Tell whether it stands, in part at least, outside of the words of a title."""
        return self.first < first or self.last > last


def _kinds(name: str) -> Iterator[tuple[str, NonFilm]]:
    for kind, text in meanings(name):
        for word in text.split():
            yield word, NonFilm[kind.upper()]


VIDEO_EXTENSIONS = listed("video files")
# What a file of a type is instead of a film.
KIND_OF_FILE = dict.fromkeys(listed("other files"), NonFilm.FILE)
KIND_OF_FILE |= dict.fromkeys("pdf epub mobi azw3 cbr cbz m4b".split(), NonFilm.BOOK)
KIND_OF_FILE |= dict.fromkeys("srt idx ass ssa sup vtt smi".split(), NonFilm.SUBTITLES)
_EXTENSIONS = VIDEO_EXTENSIONS | KIND_OF_FILE.keys() | {"torrent", "nzb", "rar"}
_SINGLE = dict(_kinds("not a film"))
# Groups are called so as well.
_NOT_AS_GROUP = frozenset({NonFilm.ABOUT, NonFilm.EDIT, NonFilm.STAGE})
_RIVALS = frozenset({"vs", "versus"})
_WITHOUT_VIDEO = dict(_kinds("not a film without video"))
_PHRASES: dict[str, list[tuple[tuple[str, ...], NonFilm]]] = {}
for _phrase, _kind in _kinds("phrases of no film"):
    _first, *_rest = _phrase.split("-")
    _PHRASES.setdefault(_first, []).append((tuple(_rest), _kind))
_EXTRAS_FILE = re.compile(r"[^\s.]-(?:deleted|scenes?|shorts?|other|clips?|themes?)$")
_FULL_EPISODE = re.compile(r"s\d{1,2}e\d{1,4}\w*|\d{1,2}x\d{2,3}|s\d{1,2}d\d{1,2}")
_SEASON = re.compile(r"s(?:eason)?\d{1,2}")
_EPISODE = re.compile(r"e\d{2,3}|ep(?:isode)?\d{1,3}")
_EXTRA_NUMBER = re.compile(r"x\d\d")
_INCLUDED_WITH = frozenset({"and", "with", "w", "incl", "including", "plus", "mit", "con", "avec"})
_SERIES_WORDS = listed("series")
_CRITERION = frozenset({"criterion", "archive", "masterpiece", "signature", "classics", "disney"})


def find_marks(words: Sequence[str], text: str, *, has_video: bool, cut: int) -> list[NonFilmMark]:
    """Return the signs in a name that it is something else than a film.

    `words` are the words of `text`, both folded; `cut` is the first technical word's index.
    """
    marks: list[NonFilmMark] = []
    for index, word in enumerate(words):
        kind = _SINGLE.get(word) or (None if has_video else _kind_without_video(words, index))
        if kind is not None:
            is_group = kind in _NOT_AS_GROUP and cut < index == len(words) - 1 and text.endswith(f"-{word}")
            if index == 0 or not (is_group or _is_harmless(kind, word, words[index - 1])):
                marks.append(NonFilmMark(kind, index, index + 1))
        elif word in _PHRASES:
            marks.extend(_phrase_marks(words, index))
        elif word in _SERIES_WORDS or not (word.isalpha() or word.isdigit()):
            mark = _series_mark(words, index, cut)
            if mark:
                marks.append(mark)
        elif word in _RIVALS and index:
            marks.append(NonFilmMark(NonFilm.RIVAL, index, index + 1))
    if cut == len(words) and _EXTRAS_FILE.search(text):
        marks.append(NonFilmMark(NonFilm.EXTRAS, len(words) - 1, len(words)))
    if "-x" in text:
        marks.extend(
            NonFilmMark(NonFilm.EXTRAS, index, index + 1)
            for index, word in enumerate(words)
            if _EXTRA_NUMBER.fullmatch(word) and f"-{word}-" in text
        )
    return marks


def _kind_without_video(words: Sequence[str], index: int) -> NonFilm | None:
    kind = _WITHOUT_VIDEO.get(words[index])
    signs = index == len(words) - 1 or words[index][-1].isdigit()  # as a game's group does at the end
    return kind if kind is not NonFilm.GAME or signs else None


def _phrase_marks(words: Sequence[str], index: int) -> Iterator[NonFilmMark]:
    for rest, kind in _PHRASES[words[index]]:
        last = index + 1 + len(rest)
        if tuple(words[index + 1 : last]) == rest:
            yield NonFilmMark(kind, index, last)


def _is_harmless(kind: NonFilm, word: str, before: str) -> bool:
    is_included = kind in (NonFilm.EXTRAS, NonFilm.TRAILER, NonFilm.SUBTITLES) and before in _INCLUDED_WITH
    return is_included or (word == "collection" and before in _CRITERION)


def _series_mark(words: Sequence[str], index: int, cut: int) -> NonFilmMark | None:
    word = words[index]
    following = words[index + 1] if index + 1 < len(words) else ""
    if _FULL_EPISODE.fullmatch(word) or (_SEASON.fullmatch(word) and _EPISODE.fullmatch(following)):
        return NonFilmMark(NonFilm.EPISODE, -1, index)
    if word in _SERIES_WORDS:
        return NonFilmMark(NonFilm.EPISODE, index, index + 2) if index and following.isdigit() else None
    # "S01" is a season beside the title, but "E-AC3-S78" is somebody's group.
    is_beside_title = 0 < index <= cut and (_SEASON.fullmatch(word) or _EPISODE.fullmatch(word))
    return NonFilmMark(NonFilm.EPISODE, index, index + 1) if is_beside_title else None


def split_extension(name: str) -> tuple[str, str]:
    """Return a file name without its extension, and the extension in lower case ("" if it has none)."""
    stem, dot, extension = name.rpartition(".")
    if extension in {"TS", "Ass"}:
        return name, ""  # a telesync, a word of a title: file types are written otherwise
    extension = extension.lower()
    if dot and stem and extension in _EXTENSIONS:
        return stem, extension
    return name, ""
