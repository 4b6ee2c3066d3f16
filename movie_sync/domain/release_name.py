"""Read a release or file name: which titles and years it may mean, and what else it is.

A name is seldom clear: "Blade.Runner.2049.2017" could be *Blade Runner* of 2049 or *Blade Runner
2049* of 2017, "Twins - Zwillinge" one title or two. So a name is not parsed into one title but into
all its *readings*, each with how sure it is; `judging` compares them with the film that is wanted.
"""

import re
from bisect import bisect_left
from functools import lru_cache
from typing import NamedTuple

from movie_sync.domain.name_beginning import find_beginnings
from movie_sync.domain.name_kinds import (
    KIND_OF_FILE,
    VIDEO_EXTENSIONS,
    NonFilm,
    NonFilmMark,
    find_marks,
    split_extension,
)
from movie_sync.domain.name_rest import FilmPart, Leftover, NameWords, find_part, read_rest
from movie_sync.domain.name_words import (
    EDITION_MODIFIERS,
    FOREIGN,
    LANGUAGE_ADJECTIVES,
    LOOSE_TAGS,
    PAIR_STARTS,
    PAIRS,
    WordClass,
    class_of,
)
from movie_sync.domain.readings import Sureness, TitleReading
from movie_sync.domain.titles import fold, folded_key, is_number

_WORD = re.compile(r"[^\W_]+")
_IMDB = re.compile(r"(?<![a-z0-9])tt\d{7,9}(?!\d)")
_AKA = re.compile(r"(?<![^\W_])(?:a\.?\s?k\.?\s?a)(?![^\W_])\.?|\s[/|¦]\s")
_AKA_SIGNS = ("aka", "a.k.a", "a k a", " / ", " | ", " ¦ ")  # what `_AKA` may match, cheaply
_DASH = re.compile(r"[\s._]{1,9}[-–—]{1,9}[\s._]{1,9}|(?<=[^\W_]{3})[-–—](?=[^\W_]{2,} )")
_DASH_AMONG_DOTS = re.compile(r"(?<=[^\W_]{3})[-–—](?=[^\W_]{1,40}\.)")
_NOT_LATIN = (
    "\u0370-\u03ff\u0400-\u052f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0600-\u06ff\u0590-\u05ff\u0e00-\u0e7f"
)
# Where the alphabet changes the second title begins; numbers belong to the first.
_EDGE = "¦"
_NUMBERS_TOO = r"((?:[\W_]*\d+(?!\w))*)[\W_]*"
_ALPHABET_EDGE = re.compile(
    rf"(?<=[{_NOT_LATIN}]){_NUMBERS_TOO}(?=[a-zA-ZÀ-ɏ](?:[. ,_] ?)?[a-zA-ZÀ-ɏ])"
    rf"|(?<=[a-zA-ZÀ-ɏ]{{2}}){_NUMBERS_TOO}(?=[{_NOT_LATIN}])"
)
# A full date, as daily programmes carry it.
_DATED = re.compile(r"(?<!\d)(?:19|20)\d\d[. _-](?:0\d|1[0-2])[. _-](?:[0-2]\d|3[01])(?![\dpi])")
_RANGE = re.compile(r"[\s)]*[-–—][\s(]*")
_PARTS_YEAR = re.compile(r"[-–—)\],:]|\.\s")
_OPENING = {"(": ")", "[": "]", "{": "}"}
MAX_LENGTH = 400
_WORDS_OF_A_NAME = 2
_MOST_WORDS_OF_OWNER = 4
_TAGS = frozenset({WordClass.EDITION, WordClass.EDITION_NOUN, WordClass.LANGUAGE, WordClass.WEAK})
_SOUND_WORDS = frozenset({"mp3", "flac", "aac", "kbps", "320kbps"})
_GENITIVE = re.compile(
    r"(?!(?:christmas|meets|goes|takes|comes|makes|returns|rises)$)[^\W\d_]{3,}(?<![sui])s"
)
_NO_FIRST_NAMES = frozenset("the a an my our your his her its le la el der die das il un une".split())
_DISC_WORDS = frozenset({"cd", "cds", "dvds"})
_COLOUR_SPACES = frozenset({"bt", "rec"})  # BT.2020


class ParsedName(NamedTuple):
    """All that one name (no path) says."""

    readings: tuple[TitleReading, ...]
    marks: tuple[NonFilmMark, ...]
    imdb_id: str | None
    title_end: int  # index of the word where year, edition and technical words begin
    words: tuple[str, ...]
    extension: str


@lru_cache(maxsize=32)
def parse_name(name: str) -> ParsedName:
    """Read one release or file name (the last piece of a path)."""
    stem, extension = split_extension(name.strip()[:MAX_LENGTH])
    if extension in {"torrent", "nzb"}:
        stem, inner = split_extension(stem)
        extension = inner or extension
    if not stem.isascii():
        stem = _ALPHABET_EDGE.sub(rf"\1\2 {_EDGE} ", stem)
    return _Parser(fold(stem), extension).parse()


class _Parser:
    def __init__(self, text: str, extension: str) -> None:
        self.text = text
        self.extension = extension
        found = list(_WORD.finditer(text))
        self.words = [match.group() for match in found]
        self.starts = [match.start() for match in found]
        self.ends = [match.end() for match in found]
        self.classes = [class_of(word) for word in self.words]
        self.readings: dict[tuple[str, int | None], TitleReading] = {}
        self.title_end = len(self.words)
        self.behind = 0
        self.rest: Leftover | None = None
        self.part: FilmPart | None = None

    def parse(self) -> ParsedName:
        position, others = find_beginnings(self.text)
        begin = self._index_at(position)
        if begin >= len(self.words):
            begin, others = 0, []
        cut = self._cut(begin)
        years = [
            index
            for index in range(begin, len(self.words))
            if self.classes[index] is WordClass.YEAR
            and (index == begin or self.words[index - 1] not in _COLOUR_SPACES)
        ]
        if self.words:
            self._read(begin, cut, years, Sureness.WHOLE)
        for other, how in others:
            start = self._index_at(other)
            if start < len(self.words) and start != begin:
                self._read(start, cut if start < cut else self._cut(start), years, how)
        has_video = self.extension in VIDEO_EXTENSIONS or any(
            kind is WordClass.TECHNICAL and word not in _SOUND_WORDS
            for word, kind in zip(self.words, self.classes, strict=True)
        )
        imdb = _IMDB.search(self.text)
        return ParsedName(
            tuple(self.readings.values()),
            tuple(self._marks(cut, has_video=has_video)),
            imdb.group() if imdb else None,
            self.title_end,
            tuple(self.words),
            self.extension,
        )

    def _index_at(self, position: int) -> int:
        return bisect_left(self.starts, position)

    def _cut(self, begin: int) -> int:
        """Return the index of the first technical word; the title cannot reach beyond it."""
        words, classes = self.words, self.classes
        for index in range(begin + 1, len(words)):
            if classes[index] is WordClass.TECHNICAL:
                return index
            word = words[index]
            if word in PAIR_STARTS and index + 1 < len(words) and (word, words[index + 1]) in PAIRS:
                classes[index] = WordClass.TECHNICAL
                return index
        return len(words)

    def _read(self, begin: int, cut: int, years: list[int], how: Sureness) -> None:
        inside = [index for index in years if begin < index < cut]
        late = [] if inside else [index for index in years if index >= cut]
        self._read_behind(cut, inside[-1:] or late[:1], is_beside_title=bool(inside))
        if self.classes[begin] is WordClass.YEAR and cut > begin + 1:
            self._title_behind_year(begin, cut, inside, how)
        main = how is Sureness.WHOLE
        if inside:
            last = inside[-1]
            self._title(begin, self._before_year(begin, last), int(self.words[last]), how, main=main)
            for early in inside[:-1]:
                # "1981.Directors.Cut.1997": the later year is the edition's.
                sure = self._only_tags(early + 1, last) and last - early > 1
                sure = sure or self._is_said_again(begin, early, last)
                self._title(begin, early, int(self.words[early]), how if sure else Sureness.EARLY_YEAR)
            if last == cut - 1 or self._only_tags(last + 1, cut):
                self._add(begin, last + 1, None, how)
            return
        year = int(self.words[late[0]]) if late else None
        self._title(begin, cut, year, how, main=main)

    def _title_behind_year(self, begin: int, cut: int, inside: list[int], how: Sureness) -> None:
        is_parted = _PARTS_YEAR.search(self.text, self.ends[begin], self.starts[begin + 1])
        how = how if is_parted else max(how, Sureness.LED)
        self._title(begin + 1, cut, int(self.words[begin]), how)
        if inside and inside[-1] > begin + 1 and self.words[inside[-1]] == self.words[begin]:
            self._title(begin + 1, self._before_year(begin, inside[-1]), int(self.words[begin]), how)

    def _is_said_again(self, begin: int, early: int, last: int) -> bool:
        """Tell whether title and year stand twice: "Heat (1995) [Heat.1995.720p]"."""
        if self.words[early] != self.words[last] or last - early == 1:
            return False
        first, again = (
            folded_key(self.text[self.starts[start] : self.starts[end]])
            for start, end in ((begin, early), (early + 1, last))
        )
        return first.squashed == again.squashed

    def _read_behind(self, cut: int, year: list[int], *, is_beside_title: bool) -> None:
        """Note what stands behind the year, or behind the title where there is none."""
        self.behind = behind = year[0] + 1 if year else cut
        self.part = find_part(self.words, behind, behind_year=is_beside_title)
        if self.part is not None and self.extension not in VIDEO_EXTENSIONS:
            self.part = self.part._replace(is_file=False)
        self.rest = None
        if year and behind < len(self.words) and self.classes[behind] is not WordClass.TECHNICAL:
            name = NameWords(self.text, self.words, self.classes, self.starts, self.ends)
            self.rest = read_rest(name, behind, self.part)

    def _only_tags(self, first: int, last: int) -> bool:
        return all(self.classes[index] in _TAGS for index in range(first, last))

    def _before_year(self, begin: int, year: int) -> int:
        """Return where a title ends before its year: "(Comedy West. 1948)" is one bracket."""
        start = self.starts[year]
        for opening, closing in _OPENING.items():
            opened = self.text.rfind(opening, 0, start)
            if opened > self.text.rfind(closing, 0, start) and opened > self.starts[begin]:
                return max(self._index_at(opened), begin + 1)
        return year

    def _title(self, first: int, last: int, year: int | None, how: Sureness, *, main: bool = False) -> None:
        """Add the readings of a span, and what is left when tags behind it are peeled off."""
        end, step = last, how
        halved = how is Sureness.EARLY_YEAR
        while end > first:
            self._add(first, end, year, step)
            shorter = self._peel(first, end, year)
            if shorter is None:
                if not halved:
                    halved = True
                    self._halves(first, end, year)
                shorter = self._bracket_before(first, end)
                if shorter is None:
                    break
            word = self.words[end - 1]
            is_loose = word in LOOSE_TAGS or (word in LANGUAGE_ADJECTIVES and shorter == first + 1)
            step = max(step, Sureness.LOOSE if is_loose and shorter == end - 1 else Sureness.PEELED)
            end = shorter
        if main:
            self.title_end = min(self.title_end, end)
            if year is not None:
                self._owned(first, end, year)

    def _owned(self, first: int, end: int, year: int) -> None:
        """Read a title without its owner: "Stephen King's It"; the apostrophe is seldom written."""
        if self.words[first] in _NO_FIRST_NAMES:
            return
        for words in range(1, min(_MOST_WORDS_OF_OWNER, end - first - 1) + 1):
            owner = self.words[first + words - 1]
            if owner[-1] == "s" and _GENITIVE.fullmatch(owner):
                how = Sureness.OWNED if words == _WORDS_OF_A_NAME else Sureness.HALF
                self._add(first + words, end, year, how)

    def _peel(self, first: int, end: int, year: int | None) -> int | None:
        """Return where the title ends without the last tag, or None if it ends with no tag."""
        index = end - 1
        if index <= first:
            return None
        kind = self.classes[index]
        if kind is WordClass.EDITION_NOUN:
            while index - 1 > first and self._is_modifier(index - 1):
                index -= 1
                self._add(first, index, year, Sureness.PEELED)  # "The Collector Director's Cut"
            return index
        if kind in (WordClass.EDITION, WordClass.LANGUAGE, WordClass.WEAK):
            return index
        if self.words[index] in _DISC_WORDS and self.words[index - 1].isdigit() and index - 1 > first:
            return index - 1
        between = self.text[self.ends[index - 1] : self.starts[index]]
        is_apart = not {"-", "(", "["}.isdisjoint(between) or self.classes[index - 1] is WordClass.GENRE
        return index if kind is WordClass.GENRE and is_apart else None

    def _is_modifier(self, index: int) -> bool:
        is_ordinal = self.classes[index] is WordClass.EDITION and self.words[index][0].isdigit()
        return is_ordinal or self.words[index] in EDITION_MODIFIERS

    def _bracket_before(self, first: int, end: int) -> int | None:
        """Return the index where a bracket at the end of a span opens, unless it may be a part ("Vol. 2")."""
        closed = self.text[self.ends[end - 1] :].lstrip(" ._")[:1]
        opening = next((opening for opening, closing in _OPENING.items() if closing == closed), None)
        opened = self.text.rfind(opening, 0, self.starts[end - 1]) if opening else -1
        if opened <= self.starts[first]:
            return None
        index = self._index_at(opened)
        content = folded_key(self.text[opened : self.ends[end - 1]]).squashed
        return index if index > first and not any(char.isdigit() for char in content) else None

    def _halves(self, first: int, end: int, year: int | None) -> None:
        start, stop = self.starts[first], self.ends[end - 1]
        text = self.text[start:stop]
        pieces = _AKA.split(text) if any(sign in text for sign in _AKA_SIGNS) else []
        if len(pieces) > 1:
            self._pieces(pieces, first, end, year, Sureness.AKA)
            return
        closed = self.text[stop:].lstrip(" ._")[:1]
        bracket = self.text.find("(", start, stop)
        if bracket > start and (closed == ")" or self.text.find(")", bracket, stop) > 0):
            inner = self.text[bracket + 1 : stop].split(")")[0]
            self._pieces([self.text[start:bracket], inner], first, end, year, Sureness.HALF)
        for dash in list(_DASH.finditer(text))[:3]:
            pieces = [text[: dash.start()], text[dash.end() :]]
            self._pieces(pieces, first, end, year, Sureness.HALF, dash.group())
        dotted = _DASH_AMONG_DOTS.search(text) if "-" in text else None
        pieces = [text[: dotted.start()], text[dotted.end() :]] if dotted else []
        if pieces and all("." in piece for piece in pieces):  # not "Spider-Man.2002"
            self._pieces(pieces, first, end, year, Sureness.HALF)

    def _pieces(
        self, pieces: list[str], first: int, end: int, year: int | None, how: Sureness, between: str = " "
    ) -> None:
        keys = [folded_key(piece) for piece in pieces]
        is_sure = how is Sureness.AKA and _EDGE not in self.text[self.starts[first] : self.ends[end - 1]]
        if not is_sure and any(map(is_number, keys)):
            return  # "Alien - 01" is a part or an episode, "無間道II" one title
        for position, key in enumerate(keys):
            if not key.squashed:
                continue
            others = [other for other in range(len(keys)) if other != position]
            sure = how
            is_foreign = any(FOREIGN.intersection(keys[other].words.split()) for other in others)
            # One word before a dash without blanks may be half of a compound: "Spider-Man Un Nuovo Universo".
            if how is Sureness.HALF and is_foreign and (" " in key.words or between.strip("-–—")):
                sure = Sureness.FOREIGN_HALF
            elif how is Sureness.HALF and position:
                sure = Sureness.SECOND_HALF
            other = keys[others[0]].squashed if others else ""
            self._store(TitleReading(key, year, sure, first, end, other))

    def _add(self, first: int, end: int, year: int | None, how: Sureness) -> None:
        key = folded_key(self.text[self.starts[first] : self.ends[end - 1]])
        if key.squashed:
            self._store(TitleReading(key, year, how, first, end))

    def _store(self, reading: TitleReading) -> None:
        """Keep a reading, and what it is if the title goes on behind its year."""
        is_before = reading.last <= self.behind  # else the year leads, and the title goes beyond another
        rest = self.rest if is_before and reading.year is not None else None
        part = self.part if is_before else None
        if rest is None and part is None:
            self._keep(reading)
            return
        self._keep(reading._replace(rest=rest, part=part))
        named = f"{reading.key.article} {reading.key.words}"
        if rest is not None:  # "Matilda 2022 The Musical"
            more = " ".join(rest.words[: rest.last])
            self._keep(reading._replace(key=folded_key(f"{named} {more}"), part=part))
        if part is not None and not part.is_disc:  # "Nymphomaniac 2013 Volume II"
            key = folded_key(f"{named} {part.number}")
            self._keep(reading._replace(key=key, rest=rest, part=part))

    def _keep(self, reading: TitleReading) -> None:
        place = (reading.key.squashed, reading.year)
        known = self.readings.get(place)
        if known is None or reading.sureness < known.sureness:
            self.readings[place] = reading

    def _marks(self, cut: int, *, has_video: bool) -> list[NonFilmMark]:
        marks = find_marks(self.words, self.text, has_video=has_video, cut=cut)
        if self.extension in KIND_OF_FILE:
            marks.append(NonFilmMark(KIND_OF_FILE[self.extension], -1, 0))
        years = [index for index, kind in enumerate(self.classes) if kind is WordClass.YEAR]
        for index in years:
            if index + 1 in years and self.words[index] < self.words[index + 1]:
                between = self.text[self.ends[index] : self.starts[index + 1]]
                is_date_first = index == 0 and " " in between  # "2009 - 2012.mkv"
                if _RANGE.fullmatch(between) and not is_date_first:
                    # "1972-1990" is several films, unless the title itself ends with the first year.
                    marks.append(NonFilmMark(NonFilm.PACK, index, index + 1))
        if years and _DATED.search(self.text):
            marks.append(NonFilmMark(NonFilm.EPISODE, -1, 0))
        return marks
