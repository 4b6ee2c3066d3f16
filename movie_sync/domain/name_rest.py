"""Read what stands behind the year: a part's number, editions, labels, or words that make it another thing.

What is put there is endless, but most of it is built alike: "Mind Bending Edition", "with Commentary",
"[YTS.AM]", "by ADM". Whatever is not understood stays as the rest, and whoever judges the name doubts it.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from movie_sync.domain.name_words import PAIRS, WordClass
from movie_sync.domain.release_languages import is_language_word
from movie_sync.domain.titles import folded_key
from movie_sync.domain.word_lists import listed

_LABELS = listed("labels")  # what says which copy of the film it is
_GLUE = frozenset("the and with plus from for incl including without".split())
_NAMES_FOLLOW = frozenset("by par".split())
_NAMES_FOLLOW_A_DASH = frozenset("de di von od rez regie dir".split())
_INCLUDED = listed("included")
_INCLUDES = frozenset("with w plus incl including and mit avec con cu".split())
_EDITION_NOUNS = listed("edition nouns of all languages")
_GLUED_NOUNS = (
    "edition", "version", "fassung", "cut", "subs", "subbed", "dub", "dubbed", "german", "french", "spanish",
    "english",
)  # fmt: skip
_LEAST_NOUN = 7
_MOST_BEFORE_NOUN = 4
_MOST_NAMES = 3
_WORDS_OF_A_SITE = 3
_DOUBTED = listed("doubted")
_OF_SPECIALS = frozenset("tv television christmas holiday".split())
_SHORT = 2
# Weak technical words that mean a source where they stand behind the year.
_SOURCES = frozenset("web cam ts tc dvd bd br scr r5 hdr sdr".split())
_SITE = re.compile(
    r"[a-z0-9-]{2,40}[. ](?:[a-z]{2}|com|org|net|info|xyz|vip|site|club|tube|pro|top|lol|cam|link|pics|autos)"
)
_HEXADECIMAL = 8
_VOWELS = frozenset("aeiouy")
_CLOSES = re.compile(r"[\])}]")
_BRACKETS = {"[": "]", "(": ")", "{": "}", "【": "】"}
_DISCS = frozenset("cd disc disk dvd".split())
_GLUED = re.compile(r"(part|pt|vol|chapter|teil|cd|disc|disk|dvd)0?([1-4])|([1-4])of[2-4]")
_STARTS = listed("parts") | _DISCS
_GLUED_LETTERS = frozenset("pvctd1234")  # of what `_GLUED` matches
_BARE = frozenset("2 3 4 5 6 7 8 9 ii iii iv vi vii viii ix".split())
# What a number before them counts: channels, discs, sound tracks.
_COUNTED = listed("counted")
_ARTICLES = frozenset({"a", "the"})  # "Partea a II-a"
_BEHIND_BOTH = frozenset({"and", "of"})
_MOST_PARTS = 20


class FilmPart(NamedTuple):
    """A part of a film: word indices [first, last) in the name."""

    number: str
    is_disc: bool  # "CD1" and the like
    is_file: bool  # all ways in which the files of one film are numbered, "pt2" too
    first: int
    last: int


class Leftover(NamedTuple):
    """The words behind the year; those from `first` to `last` are not understood."""

    words: tuple[str, ...]
    first: int
    last: int


class NameWords(NamedTuple):
    """A name's words as the parser has them: what they are, and where each stands in the text."""

    text: str
    words: Sequence[str]
    classes: Sequence[WordClass]
    starts: Sequence[int]
    ends: Sequence[int]

    def between(self, index: int) -> str:
        """Return what stands between a word and the one before it."""
        return self.text[self.ends[index - 1] if index else 0 : self.starts[index]]

    def behind(self, index: int) -> str:
        """Return what stands between a word and the next one."""
        end = self.starts[index + 1] if index + 1 < len(self.words) else len(self.text)
        return self.text[self.ends[index] : end]


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
        if not following.isdigit() and following not in _COUNTED:  # "5.1", "2 Discs"
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
    return number if number.isdigit() and 0 < int(number) <= _MOST_PARTS else ""


def read_rest(name: NameWords, first: int, part: FilmPart | None) -> Leftover | None:
    """Return what is not understood between a year, whose next word is `first`, and the technical words."""
    return _Reader(name, first, _stop(name, first)).read(part)


def _stop(name: NameWords, first: int) -> int:
    for index in range(first, len(name.words)):
        if name.classes[index] is WordClass.TECHNICAL or name.words[index] in _SOURCES:
            return index
        if tuple(name.words[index : index + 2]) in PAIRS:
            return index
    return len(name.words)


def _is_known(name: NameWords, index: int) -> bool:
    word, kind = name.words[index], name.classes[index]
    if word.isdigit():
        return kind is WordClass.YEAR or _is_amount(name, index)
    if _is_doubted(name, index):
        return False
    return (
        kind is not WordClass.TITLE
        or len(word) <= _SHORT
        or not word.isascii()
        or not word.isalpha()
        or _VOWELS.isdisjoint(word)  # an abbreviation
        or word in _LABELS
        or word in _GLUE
        or (len(word) > _LEAST_NOUN and word.endswith(_GLUED_NOUNS))
        or is_language_word(word.removeprefix("sub"))
    )


def _is_doubted(name: NameWords, index: int) -> bool:
    word = name.words[index]
    return word in _DOUBTED or (word == "special" and name.words[index - 1] in _OF_SPECIALS)


def _is_amount(name: NameWords, index: int) -> bool:
    """Tell whether a number is one of channels ("5.1"), of things ("2 discs") or a version's."""
    words = name.words
    before = words[index - 1] if index else ""
    after = words[index + 1] if index + 1 < len(words) else ""
    is_copy_of_file = words[index] == "1" and not after and name.between(index).endswith("(")
    if is_copy_of_file or len(words[index]) == _HEXADECIMAL:
        return True
    beside = (before.isdigit() and len(before) <= _SHORT) or (after.isdigit() and len(after) <= _SHORT)
    return beside or after in _COUNTED or after[:1].isdigit() or before in _EDITION_NOUNS


class _Reader:
    def __init__(self, name: NameWords, first: int, stop: int) -> None:
        self.name = name
        self.first = first
        self.stop = stop
        self.known = {index for index in range(first, stop) if _is_known(name, index)}

    def read(self, part: FilmPart | None) -> Leftover | None:
        if len(self.known) == self.stop - self.first:
            return None
        if part is not None:
            self.known.update(range(part.first, part.last))
        for index in range(self.first, self.stop):
            self._take_along(index)
        self._pass_bracket_of_the_year()
        for index in range(self.first, self.stop):
            self._pass_group(index)
        unknown = [index for index in range(self.first, self.stop) if index not in self.known]
        if not unknown:
            return None
        words = tuple(self.name.words[self.first : self.stop])
        return Leftover(words, unknown[0] - self.first, unknown[-1] + 1 - self.first)

    def _pass(self, first: int, last: int) -> None:
        self.known.update(index for index in range(first, last) if not _is_doubted(self.name, index))

    def _take_along(self, index: int) -> None:
        """Take along what a word gives a meaning: "Mind Bending EDITION", "WITH Commentary", "BY Adam"."""
        name, word = self.name, self.name.words[index]
        if word in _EDITION_NOUNS:
            begin = index
            while begin > max(self.first, index - _MOST_BEFORE_NOUN) and _is_plain(name.between(begin)):
                begin -= 1
            end = index + 1
            if begin == index and word != "cut":  # "Version longue", "Montaje del director"
                end = self._end_of_names(index)
            self._pass(begin, end)
        elif word in _INCLUDES:
            included = index + 1
            while included < self.stop and name.words[included] in _INCLUDED:
                self.known.add(included)
                included += 1
        elif word == "aka":
            self._pass(index, self.stop)
        elif word in _NAMES_FOLLOW or (word in _NAMES_FOLLOW_A_DASH and "-" in name.between(index)):
            self._pass(index, self._end_of_names(index))

    def _end_of_names(self, index: int) -> int:
        end = index + 1
        while end < min(self.stop, index + 1 + _MOST_NAMES) and _is_plain(self.name.between(end)):
            end += 1
        return end

    def _pass_bracket_of_the_year(self) -> None:
        """Pass what is in the year's bracket ("[1995, USA]") or behind it ("(Drama 1969) Peter Fonda")."""
        name, first = self.name, self.first
        if name.between(first).strip().startswith((",", "¦")):  # the latter where the alphabet changes
            end = first
            while end < self.stop and not _CLOSES.search(name.between(end)):
                end += 1
            self._pass(first, end)
        is_behind_genre = first > 1 and name.classes[first - 2] is WordClass.GENRE
        if is_behind_genre and name.behind(first - 1).startswith(")"):
            self._pass(first, min(first + _MOST_NAMES, self.stop))

    def _pass_group(self, index: int) -> None:
        """Pass over a site or a group: "[YTS.AM]", "www.site.com", "[GRP]", and "-GRP" at the end."""
        name = self.name
        if name.words[index] == "www":
            self._pass(index, min(index + _WORDS_OF_A_SITE, self.stop))
        if index in self.known:
            return
        end = self._end_of_bracket(index)
        inside = name.text[name.starts[index] : name.ends[end - 1]] if end else ""
        if _SITE.fullmatch(inside) or (end == index + 1 and "[" in name.between(index)):
            self._pass(index, end)
        elif name.between(index).endswith("-") and self._is_last(index):
            self._pass(index, self.stop)

    def _end_of_bracket(self, index: int) -> int:
        """Return the index behind the bracket that opens before a word, 0 if none does."""
        closing = _BRACKETS.get(self.name.between(index).rstrip()[-1:])
        if closing is None:
            return 0
        return next((end + 1 for end in range(index, self.stop) if closing in self.name.behind(end)), 0)

    def _is_last(self, index: int) -> bool:
        """Tell whether nothing stands behind a word but a bracket of one word."""
        behind = len(self.name.words) - index - 1
        return behind == 0 or (behind == 1 and "[" in self.name.behind(index))


def _is_plain(between: str) -> bool:
    """Tell whether two words belong together: nothing but a blank, a dot or the like parts them."""
    return between in (" ", ".", "_", "-", ". ")
