"""Find who made a release: the group's name, which is no tag and must not be read as one."""

import re
from typing import NamedTuple

from movie_sync.domain.name_words import EDITION, EDITION_NOUNS, WordClass, class_of
from movie_sync.domain.release_languages import is_language_word
from movie_sync.domain.titles import fold

_WORD = re.compile(r"[^\W_]+")
_EXTENSION = re.compile(r"(?:[. ](?i:mkv|mp4|avi|m4v|mk3d|m2ts|iso|img|wmv|mov|torrent|nzb|nfo)|\.ts)$")
_SITE = re.compile(r"(?<!\w)www[. ][\w-]{1,60}[. ][a-z]{2,6}(?!\w)", re.IGNORECASE)
_DOMAIN = re.compile(
    r"(?<![\w-])(?!yts)[\w-]{1,60}\.(?:com|org|net|to|tv|cc|io|ro|re|link|cam|ws|xyz|info|eu)", re.IGNORECASE
)
# What whoever posted it again put behind the name.
_POSTED_AGAIN = re.compile(
    r"[-_ .](?:postbot|xpost|(?:de|re)?obfuscat(?:ed|ion)|asrequested|alternativetorequested|buymore"
    r"|chamele0n|gerov|inc0gnito|nzbgeek|newzbin|rakuv\w{0,12}|scrambled|whiterev|z0ids3n|4p|4planet|altezachen|repackpost|rp|pre"
    r"|sample|1|bitsearch|thebitchx|vtv|w4nk3r|z?x?power|ls)$",
    re.IGNORECASE,
)
_INDEXERS = frozenset(
    "tgx eztv eztvx ettv rartv rarbg publichd torrentgalaxy glodls n1c tpb silverrg limetorrents".split()
)
# Groups that are known to sign without a dash.
_WITHOUT_DASH = re.compile(
    r"(?:^|(?<=[. )\]_-]))(?:CtrlHD|KRaLiMaRKo|BluDragon|HQMUX|D[- ]Z0N3|E\.N\.D|Koten_Gars|YIFY|VARYG|TAoE"
    r"|QxR|DarQ|TMd|BEN[. ]THE[. ]MEN|YTS(?:[. ](?:MX|LT|AM|AG|BZ))?)$"
)
_TAIL_BRACKET = re.compile(r"[\[({][^\[\](){}]{0,200}[\])}]?$")
_JUNK = re.compile(r"s:\d+/l:\d+|[0-9a-f]{8}|v\d|\d+(?:\.\d+)? ?[kmg]i?b", re.IGNORECASE)
_LOOSE_END = re.compile(r"(?:[^\w)\]}]|_)+$")
_LETTER = re.compile(r"[a-z]", re.IGNORECASE)
_NUMBER = re.compile(r"\d+[a-z]?|[a-z]", re.IGNORECASE)
_BEHIND_BRACKET = re.compile(r"\)\s([^\W_]{2,15})$")
_OWN_DASH = re.compile(r"[. ]-([^\W_]{1,12}-[^\W_]{1,12})$")
_SOFTSUBS = re.compile(r"\bsoftsubs? \(([^()]{1,30})\)?\]?$", re.IGNORECASE)
_MORE_TAGS = frozenset(
    "aud clean exclusive dublado dublat ma es legendado line quality ddp hd sdr original rip".split()
)
_MOST_WORDS = 3
_ABBREVIATED = 2
_LEAST_TAGS = 2
_LEAST_TAGS_BEFORE_NAME = 3
_MOST_PEELED = 6


class GroupAndRest(NamedTuple):
    """A release's group ("" if it is not told), and what else its name says."""

    group: str
    rest: str


def split_group(tail: str) -> GroupAndRest:
    """Take the group off what stands behind the title in a name, and the sites with it."""
    text = _EXTENSION.sub("", _EXTENSION.sub("", tail.rstrip(" ._")))
    group, kept = "", []
    found = _SOFTSUBS.search(text)
    if found:
        return GroupAndRest(found[1], _SITE.sub(" ", text[: found.start(1)]))
    for _ in range(_MOST_PEELED):
        text = _LOOSE_END.sub("", text)
        again = _POSTED_AGAIN.search(text)
        if again and _dash_group(text[: again.start()]):
            text = text[: again.start()]
            continue
        bracket = _TAIL_BRACKET.search(text)
        if not bracket:
            text = text.rstrip(")]}")  # one that was opened in the title
            break
        inside = bracket.group().strip("[](){} ")
        before = text[: bracket.start()].rstrip(" ._-")
        name = "" if bracket.group()[0] == "(" and not inside.isalnum() else _bracket_name(inside)
        is_site = _SITE.fullmatch(inside) or _DOMAIN.fullmatch(inside) or inside.lower() in _INDEXERS
        if is_site or _JUNK.fullmatch(inside) or _dash_group(before):
            if not name and not is_site:
                kept.append(inside)
            text = before
            continue
        if name:
            return GroupAndRest(name, _tags(before, kept))
        group, rest = _group_at_end(inside, in_bracket=True)
        if group:
            return GroupAndRest(group, _tags(before, [*kept, rest]))
        break
    group, rest = _group_at_end(text)
    return GroupAndRest(group, _tags(rest, kept))


def _tags(text: str, more: list[str]) -> str:
    return _SITE.sub(" ", " ".join([text, *(f"[{part}]" for part in more)]))


def _group_at_end(text: str, *, in_bracket: bool = False) -> GroupAndRest:
    found = _WITHOUT_DASH.search(text)
    if found:
        return GroupAndRest(found.group(), text[: found.start()])
    signed = _dash_group(text)
    if signed:
        return signed
    behind = _BEHIND_BRACKET.search(text)
    if behind and not is_tag(behind[1]) and _count_tags(text[: behind.start()]) >= _LEAST_TAGS:
        return GroupAndRest(behind[1], text[: behind.start(1)])
    before, _, last = text.rpartition(" ")
    is_name = in_bracket and last.isalnum() and not is_tag(last) and not _NUMBER.fullmatch(last)
    if is_name and _count_tags(before) >= _LEAST_TAGS_BEFORE_NAME:
        return GroupAndRest(last, before)
    return GroupAndRest("", text)


def _dash_group(text: str) -> GroupAndRest | None:
    own = _OWN_DASH.search(text)
    if own and not any(is_tag(word) for word in own[1].split("-")):
        return GroupAndRest(own[1], text[: own.start()])
    before, dash, behind = text.rpartition("-")
    if not dash:
        return None
    words = list(_WORD.finditer(behind))
    while words and is_language_word(fold(words[-1].group())):
        words.pop()
    if not words and behind.isalpha() and len(behind) > _ABBREVIATED:
        signed = _dash_group(before)
        return signed and GroupAndRest(signed.group, f"{signed.rest} {behind}")
    if not 0 < len(words) <= _MOST_WORDS or any(is_tag(word.group()) for word in words):
        return None
    name = behind[words[0].start() : words[-1].end()]
    rest = behind[words[-1].end() :]
    if words[0].start() > 1 or rest.startswith("]") or not _may_be_name(name):
        return None
    return GroupAndRest(name, f"{before} {rest}")


def _may_be_name(text: str) -> bool:
    """Tell whether a text may be a group: no number, no abbreviations of languages, no site."""
    pieces = _WORD.findall(text)
    return (
        _LETTER.search(text) is not None
        and not all(_NUMBER.fullmatch(piece) for piece in pieces)
        and not (len(pieces) > _ABBREVIATED and all(len(piece) == _ABBREVIATED for piece in pieces))
        and not any(char in text for char in "[](){}|,")
        and "  " not in text
        and not _DOMAIN.fullmatch(text)
    )


def _bracket_name(inside: str) -> str:
    """Return what stands in a bracket at the end if it is a name: one word, and not all of it tags."""
    inside = inside.strip("-")
    is_other = _JUNK.fullmatch(inside) or _SITE.fullmatch(inside)
    if is_other or any(char in inside for char in " +,&") or not _may_be_name(inside):
        return ""
    words = _WORD.findall(inside)
    if any(_class_of(word) is WordClass.TECHNICAL for word in words):
        return ""
    return inside if any(_class_of(word) is WordClass.TITLE and not is_tag(word) for word in words) else ""


def _count_tags(text: str) -> int:
    return sum(is_tag(word) for word in _WORD.findall(text))


def _class_of(word: str) -> WordClass:
    word = fold(word)
    return WordClass.TITLE if "upscaler" in word else class_of(word)  # a group that says what it does


def is_tag(word: str) -> bool:
    """Tell whether a word can say something of picture, sound or language; an edition's name cannot."""
    word = fold(word)
    if word in EDITION or word in EDITION_NOUNS:
        return word in {"proper", "internal", "retail", "hq"}
    return (
        _class_of(word) not in (WordClass.TITLE, WordClass.GENRE)
        or is_language_word(word)
        or word in _MORE_TAGS
    )
