"""What the words of a release or file name mean, as far as they are not its title.

Words are folded (lower case, no accents, cut at every character that is no letter or digit). A word
that can also stand in a title is never decisive alone; `release_name` weighs it by where it stands.
"""

import re
from enum import IntEnum
from functools import lru_cache

from movie_sync.domain.quality_words import is_built_tag
from movie_sync.domain.release_languages import LANGUAGES_BEHIND_TITLE
from movie_sync.domain.word_lists import listed


class WordClass(IntEnum):
    """What a word is."""

    TITLE = 0
    TECHNICAL = 1  # ends the title wherever it stands: 1080p, x264, bluray
    EDITION = 2  # may follow a title: extended, unrated, imax
    EDITION_NOUN = 3  # takes the words before it along: final CUT, anniversary EDITION
    LANGUAGE = 4  # may follow a title: german, ita, multi
    WEAK = 5  # technical, but a title's word too: web, cam, ts, dv
    GENRE = 6  # stands after a dash or in brackets before a year: (Drama 1969)
    YEAR = 7


EDITION = listed("edition")
EDITION_NOUNS = listed("edition nouns")
EDITION_MODIFIERS = listed("edition modifiers")

LOOSE_TAGS = listed("loose tags")
LANGUAGE_ADJECTIVES = listed("language adjectives")
# A half of a name that holds one is the title in another language.
FOREIGN = listed("foreign")
LANGUAGE_PREFIXES = listed("language prefixes")
_YEARS = frozenset(str(year) for year in range(1888, 2036))

_MIXED = re.compile(
    r"""
    \d{3,4}[pi](?:\d\d)? | 1[o0]8[o0]p | (?:x|h)26[456] | \d{1,2}bits? | dd[pa]?\+?\d{1,2} | aac\d{0,2}
    | e?ac3\d? | dts\d? | flac\d | hdr\d\w* | ddp?a?\d\w* | \d{3,4}x\d{3,4} | \d{2,3}fps | \d+kbps
    | \d+(?:mb|gb|gib|mib) | 4k\d\d | multi\d | \d+audios? | tt\d{7,8} | bd\d\d | dvd\d | opus\d?
    """,
    re.VERBOSE,
)
_MIXED_EDITION = re.compile(r"\d{1,3}(?:st|nd|rd|th)|v\d{1,2}|cd\d{1,2}|\d(?:cd|dvd)s?|(?:disc|disk)\d")

_CLASSES: dict[str, WordClass] = {}
for _words, _class in (
    (listed("genres"), WordClass.GENRE),
    (listed("weak"), WordClass.WEAK),
    (LANGUAGES_BEHIND_TITLE | listed("sound"), WordClass.LANGUAGE),
    (EDITION, WordClass.EDITION),
    (EDITION_NOUNS, WordClass.EDITION_NOUN),
    (listed("technical"), WordClass.TECHNICAL),
    (_YEARS, WordClass.YEAR),
):
    _CLASSES.update(dict.fromkeys(_words, _class))


def class_of(word: str) -> WordClass:
    """Return what a folded word is."""
    known = _CLASSES.get(word)
    if known is not None:
        return known
    return WordClass.TITLE if word.isdigit() else _class_of_unlisted(word)


@lru_cache(maxsize=512)
def _class_of_unlisted(word: str) -> WordClass:
    if is_built_tag(word) or _MIXED.fullmatch(word):
        return WordClass.TECHNICAL
    return WordClass.EDITION if _MIXED_EDITION.fullmatch(word) else WordClass.TITLE


# Two words that are one technical word.
PAIRS = frozenset(
    (first, second)
    for line in (
        "web dl rip hd h264 h265 x264 x265", "blu ray", "bd rip remux", "br rip", "dvd rip r scr 5 9",
        "hd rip dvd ts tc cam tv", "cam rip", "tv rip", "vhs rip", "vod rip", "h 264 265 sbs ou", "x 264 265",
        "ac 3", "dts hd", "dd 5 2 and", "ddp 5", "aac 2 5", "e ac3", "10 bit", "8 bit", "ro subbed dubbed",
        "half sbs ou", "true hd", "read nfo", "line dubbed", "vff vfq",
    )
    for first, *seconds in [line.split()]
    for second in seconds
)  # fmt: skip
PAIR_STARTS = frozenset(first for first, _ in PAIRS)
