"""Find the number of a part that stands behind the title and the year: "2012 Part 2", "2013 Vol. II"."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from movie_sync.domain.titles import folded_key
from movie_sync.domain.word_lists import listed

_WORDS = listed("parts")
_DISCS = frozenset("cd disc disk dvd".split())
_GLUED = re.compile(r"(part|pt|vol|chapter|teil|cd|disc|disk|dvd)0?([1-4])|([1-4])of[2-4]")
_STARTS = _WORDS | _DISCS
_GLUED_LETTERS = frozenset("pvctd1234")  # of what `_GLUED` matches
_BARE = frozenset("2 3 4 5 6 7 8 9 ii iii iv vi vii viii ix".split())
# What a number before them counts: channels, discs, sound tracks.
COUNTED = listed("counted")
_ARTICLES = frozenset({"a", "the"})  # "Partea a II-a"
_BEHIND_BOTH = frozenset({"and", "of"})
_MOST = 20


class FilmPart(NamedTuple):
    """A part of a film: word indices [first, last) in the name.

    `is_disc` is set for "CD1" and the like, `is_file` for all the ways in which the files of one film are
    numbered, "pt2" too.
    """

    number: str
    is_disc: bool
    is_file: bool
    first: int
    last: int


def find_part(words: Sequence[str], first: int, *, behind_year: bool) -> FilmPart | None:
    """Return the part that the words from `first` on name, None if none or several, which are all of it.

    A number alone counts directly behind the year.
    """
    found = [
        part
        for index, word in enumerate(words[first:], first)
        if (word in _STARTS or word[0] in _GLUED_LETTERS) and (part := _part_at(words, index)) is not None
    ]
    if not found and behind_year and first < len(words) and words[first] in _BARE:
        following = words[first + 1] if first + 1 < len(words) else ""
        if not following.isdigit() and following not in COUNTED:  # "5.1", "2 Discs"
            return FilmPart(_number(words[first]), False, False, first, first + 1)
    return found[0] if len({part.number for part in found}) == 1 else None


def _part_at(words: Sequence[str], index: int) -> FilmPart | None:
    word = words[index]
    if word not in _STARTS:
        glued = _GLUED.fullmatch(word)
        if glued is None:
            return None
        return FilmPart(glued[2] or glued[3], glued[1] in _DISCS, True, index, index + 1)
    last = index + 1
    if last + 1 < len(words) and words[last] in _ARTICLES:
        last += 1
    number = _number(words[last]) if last < len(words) else ""
    behind = words[last + 1] if last + 1 < len(words) else ""
    if not number or behind.isdigit() or behind in _BEHIND_BOTH:  # "PT 5.1", "Part 1 & 2"
        return None
    is_disc = word in _DISCS
    if is_disc and number not in "1234":  # DVD 5 and 9 are sizes
        return None
    return FilmPart(number, is_disc, is_disc, index, last + 1)


def _number(word: str) -> str:
    """Return a number as digits, however it is written, "" if it is none or no part's."""
    number = folded_key(f"x part {word}").words.split()[-1]
    return number if number.isdigit() and 0 < int(number) <= _MOST else ""
