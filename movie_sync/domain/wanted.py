"""A wanted film, prepared for being compared with many names: every key that means this film.

Titles are written in several ways that no folding makes equal: "&" left out, a series number put in
before the subtitle, umlauts as "ue". Each such spelling is a key of its own, with how much it is
worth: the looser the spelling, the more else (the exact year) has to agree.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import IntEnum

from movie_sync.domain.models import Movie
from movie_sync.domain.titles import TitleKey, fold, folded_key, squash, title_key


class Proof(IntEnum):
    """What equality with a key proves, strongest first."""

    TITLE = 0  # the film's own title
    ALTERNATIVE = 1  # another of its titles
    SPELLING = 2  # a loose spelling of one of its titles: this film if the year is the same
    HINT = 3  # a part of its title: perhaps this film if the year is the same


@dataclass(frozen=True, slots=True)
class KnownTitle:
    """A title that means the film: its key, and what it proves.

    `alternative` is the squashed key of the alternative title that it comes from if none of the film's
    own titles is written so, else "": alternative titles may be other films' own (*Captain Marvel* was
    once *Shazam!*), so they prove nothing alone.
    """

    key: TitleKey
    proof: Proof
    articles: frozenset[str]  # the leading articles it is written with, "" for none
    alternative: str = ""


_NO_TITLE = KnownTitle(TitleKey("", "", ""), Proof.TITLE, frozenset())
_SUBTITLE = re.compile(r"\s{0,9}(?::\s+|:$|\s[-–—]\s|:(?=\S))\s*")
_OR = re.compile(r"[\s:,;]{1,9}or(?::|,|\s{0,9}\(|\s{1,9}-)\s*", re.IGNORECASE)
_FIRST_PART = re.compile(r"[\s:,-]{1,9}(?:part|chapter|vol\.?|volume)\s{1,9}(?:one|1|i)$")
_OWNER_FOLDED = re.compile(r"(?:\S+\s+){1,3}?\S+s\s+(?=\S)")
_OWNER = re.compile(r"(?:\S+\s+){1,3}?\S+['’]s?\s+\S")
_STUDIO = re.compile(
    r"^(?:walt disneys?|disneys?|disney pixars?|pixars?|marvels?|marvel studios|dcs?|dreamworks)\s+(?=\w)"
)
_UMLAUTS = str.maketrans(dict(zip("äöüøåÄÖÜØÅ", "ae oe ue oe aa Ae Oe Ue Oe Aa".split(), strict=True)))
_CYRILLIC = re.compile("[\u0400-\u052f]")
_OTHER_CYRILLIC = (
    str.maketrans({"х": "h", "ц": "c", "щ": "sch", "ю": "ju", "я": "ja", "й": "j", "ж": "z"}),
    str.maketrans({"х": "h", "ю": "iu", "я": "ia", "й": "i", "ы": "i"}),
    str.maketrans({"и": "y", "й": "i", "г": "h"}),  # Ukrainian
)
_LEET = (
    str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t"}),
    str.maketrans({"0": "o", "1": "l", "3": "e", "4": "a", "5": "s", "7": "v"}),
    str.maketrans({"8": "ate", "3": "e", "4": "for"}),
)
_HALF = re.compile(r"(?<=\d)\s+1[/\u2044]2(?!\d)")
_MIXED_WORD = re.compile(r"(?<![^\W_])(?=[^\W_]*[^\W\d_][0-9][^\W\d_])[^\W_]+")
_LEAST_TITLE = 3
_WORDS_OF_A_TELLING_SUBTITLE = 4
_MOST_TITLES_COMBINED = 12
_AND_IN_OTHER_LANGUAGES = ("", "et", "und", "y", "e", "si", "i")


@dataclass(frozen=True, slots=True)
class WantedFilm:
    """A film that is looked for, prepared once and compared with many names.

    `twin_years` are the years of other films known to have one of its titles; its own year is among them
    if one of those has that year, too.
    """

    year: int | None
    imdb_id: str | None
    twin_years: frozenset[int]
    keys: dict[str, KnownTitle] = field(repr=False)
    titles: tuple[KnownTitle, ...]  # its whole titles, the main one first

    @classmethod
    def from_movie(cls, movie: Movie) -> "WantedFilm":
        """Prepare a film of the watchlist."""
        own = [movie.title, *([movie.original_title] if movie.original_title else [])]
        keys = _keys(own, [text for text in movie.alternative_titles if text])
        titles = tuple(known for known in keys.values() if known.proof <= Proof.ALTERNATIVE)
        return cls(movie.year, movie.imdb_id, frozenset(movie.twin_years), keys, titles or (_NO_TITLE,))


def _keys(own: list[str], alternatives: list[str]) -> dict[str, KnownTitle]:
    keys: dict[str, KnownTitle] = {}
    own_keys, others = (list(map(title_key, texts)) for texts in (own, alternatives))
    for key in own_keys:
        _put(keys, key, Proof.TITLE)
    for key in others:
        _put(keys, key, Proof.ALTERNATIVE, key.squashed)
    sources = [(text, "") for text in own]
    sources += [(text, key.squashed) for text, key in zip(alternatives, others, strict=True)]
    is_first = not any(char.isdigit() for char in own_keys[0].squashed)
    for text, alternative in sources:
        for spelling in _spellings(text, is_first=is_first):
            _put(keys, folded_key(spelling), Proof.SPELLING, alternative)
        for hint in _hints(text):
            _put(keys, folded_key(hint), Proof.HINT, alternative)
    for key in [*own_keys[1:], *others][:_MOST_TITLES_COMBINED]:  # "Twins - Zwillinge"
        for first, second in ((own_keys[0], key), (key, own_keys[0])):
            words = f"{first.words} {second.words}"
            _put(keys, TitleKey(squash(words.split()), words, first.article), Proof.SPELLING)
    return keys


def _put(keys: dict[str, KnownTitle], key: TitleKey, proof: Proof, alternative: str = "") -> None:
    if not key.squashed:
        return
    new = KnownTitle(key, proof, frozenset({key.article}), alternative)
    known = keys.setdefault(key.squashed, new)
    if proof <= Proof.ALTERNATIVE:
        known = replace(known, articles=known.articles | new.articles)
    if proof is not Proof.HINT and not alternative:
        known = replace(known, alternative="")
    keys[key.squashed] = known


def _spellings(title: str, *, is_first: bool) -> Iterable[str]:
    """Yield other ways to write a title, folded; each still names the whole title.

    `is_first` says that the film may be the first of several: it has no number.
    """
    yield from _other_letters(title)
    text = fold(title)
    if "&" in title or "+" in title:
        for word in _AND_IN_OTHER_LANGUAGES:
            yield text.replace(" and ", f" {word} ")
    studio = _STUDIO.match(text)
    if studio:
        yield text[studio.end() :]
    for word in ("disneys", "marvels"):
        yield f"{word} {text}"
    if is_first and not any(char.isdigit() for char in folded_key(text).squashed):
        yield f"{text} part 1"  # the first of several is often counted only afterwards
    alternative = _OR.search(title)
    if alternative and alternative.start() >= _LEAST_TITLE:
        yield fold(title[: alternative.start()])
        yield fold(title[: alternative.start()] + " " + title[alternative.end() :])
    if _HALF.search(text):
        yield _HALF.sub(" 5", text)  # "2½" is also written 2.5
    yield from _halves(title)


def _halves(title: str) -> Iterable[str]:
    """Yield what stands before or behind a colon, where it names the whole film."""
    for edge in _SUBTITLE.finditer(title):
        words = folded_key(fold(title[: edge.start()])).words
        if " " in words and words[-1].isdigit():
            yield words  # "Ip Man 4" for "Ip Man 4: The Finale"
        subtitle = fold(title[edge.end() :])
        if folded_key(subtitle).words.count(" ") + 1 >= _WORDS_OF_A_TELLING_SUBTITLE:
            yield subtitle  # "The Fellowship of the Ring"


def _other_letters(title: str) -> Iterable[str]:
    if title.isascii():
        if _MIXED_WORD.search(title):
            for letters in _LEET:
                yield " ".join(
                    word.translate(letters) if _MIXED_WORD.fullmatch(word) else word
                    for word in fold(title).split()
                )
        return
    title = unicodedata.normalize("NFC", title)
    umlauts = title.translate(_UMLAUTS)
    if umlauts != title:
        yield fold(umlauts)
    if _CYRILLIC.search(title):
        for letters in _OTHER_CYRILLIC:
            yield fold(title.casefold().translate(letters))


def _hints(title: str) -> Iterable[str]:
    """Yield pieces of a title that names are shortened to."""
    for edge in _SUBTITLE.finditer(title):
        yield fold(title[: edge.start()])
        yield fold(title[edge.end() :])
    text = fold(title)
    shorter = _FIRST_PART.sub("", text)
    if shorter != text:
        yield shorter
    owner = _OWNER_FOLDED.match(text)
    if owner and _OWNER.match(title):
        yield text[owner.end() :]
