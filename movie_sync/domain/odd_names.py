"""File names that are no UTF-8: old disks and archives have them in the encoding of their country.

Python shows the bytes that it cannot read as surrogates. Such a name is read in every encoding that
makes text of it; a wrong one makes no film's title. If none does, the name is unclear, and all that
can be told is which films it may be.
"""

import re
import unicodedata
from itertools import starmap

from movie_sync.domain.wanted import Proof, WantedFilm

_ODD = re.compile("[\udc80-\udcff]+")
_ENCODINGS = (
    "cp1252", "cp1250", "iso8859-2", "cp1254", "cp1257", "cp850", "cp852", "mac-roman",
    "cp1251", "koi8-r", "cp866", "iso8859-5", "cp1253", "cp1255", "cp1256",
    "cp932", "euc-jp", "gb18030", "big5", "cp949",
)  # fmt: skip
_MOST_READINGS = 8
_WORD = re.compile(r"[^\W\d_]+")
_INSIDE_WORDS = frozenset("’·–—")
# Kinds of characters that stand in no title: controls, graphics, signs of arithmetic, loose accents.
_NO_TEXT = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "So", "Sk", "Sm", "Sc", "Lm", "Mn"})
_JAPANESE = frozenset({"CJK", "HIRAGANA", "KATAKANA"})
_MOST_ACCENTS_IN_A_ROW = 2
_LEAST_TELLING = 2  # letters of a title that can be read
_ACCENTS = re.compile(r"[^\x00-\x7f]+")
_YEAR = re.compile(r"(?<!\d)(?:18|19|20)\d\d(?!\d)")
_PIECE = re.compile(r"[a-z0-9]+|[\udc80-\udcff]+")


def likely_names(name: str) -> tuple[str, ...]:
    """Return what a name or path most likely says: itself, or its readings; none if no encoding fits."""
    if name.isascii() or not _ODD.search(name):
        return (name,)
    whole = _ODD.sub("", name)
    readings = [] if whole.isascii() else [whole]  # UTF-8 with something cut off
    readings += filter(None, (_decode(name, encoding) for encoding in _ENCODINGS))
    return tuple(dict.fromkeys(readings))[:_MOST_READINGS]


def may_be(wanted: WantedFilm, name: str) -> bool:
    """Tell whether an unclear name may be a film's: what can be read of it agrees, and the year."""
    for piece in name.split("/"):
        years = list(_YEAR.finditer(piece))
        if years and wanted.year and abs(int(years[-1].group()) - wanted.year) > 1:
            continue
        title = piece[: years[-1].start()] if years else piece.rpartition(".")[0] or piece
        parts = _PIECE.findall(title.lower())
        if not any(_ODD.match(part) for part in parts):
            continue
        if not years and sum(len(part) for part in parts if part.isascii()) < _LEAST_TELLING:
            continue  # it says nothing: it may be any film, which is no reason to hold up all
        for known in wanted.keys.values():
            if known.proof <= Proof.ALTERNATIVE and any(
                _agrees(parts, article + known.key.squashed) for article in {"", *known.articles}
            ):
                return True
    return False


def _agrees(parts: list[str], title: str) -> bool:
    """Tell whether a title has the readable parts of a name in place; a letter has up to three bytes."""
    ends = {0}
    for part in parts:
        if part.isascii():
            ends = {end + len(part) for end in ends if title.startswith(part, end)}
        else:
            ends = {end + more for end in ends for more in range(-(-len(part) // 3), len(part) + 1)}
        ends = {end for end in ends if end <= len(title)}
    return len(title) in ends


def _decode(name: str, encoding: str) -> str:
    """Read the pieces of a path that are no UTF-8 in an encoding, or return "" if that is no text."""
    pieces = name.split("/")
    for place, piece in enumerate(pieces):
        if _ODD.search(piece):
            try:
                pieces[place] = piece.encode("utf-8", "surrogateescape").decode(encoding)
            except UnicodeError:
                return ""
            if not _is_text(pieces[place]):
                return ""
    return "/".join(pieces)


def _is_text(text: str) -> bool:
    """Tell whether a text may be somebody's words, and not another encoding's bytes."""
    neighbours = zip(f" {text}", text, f"{text[1:]} ", strict=False)
    return all(starmap(_is_in_place, neighbours)) and all(map(_is_word, _WORD.findall(text)))


def _is_in_place(before: str, mark: str, after: str) -> bool:
    if mark.isascii():
        return mark.isprintable()
    if unicodedata.category(mark) in _NO_TEXT:
        return False
    if mark.isalpha():
        return not (mark.isupper() and before.islower())
    return mark in _INSIDE_WORDS or not (before.isalpha() and after.isalpha())


def _is_word(word: str) -> bool:
    """Tell whether a word has one alphabet, and as a Latin one mostly plain letters."""
    if word.isascii() or not any(map(str.isalpha, word)):
        return True
    scripts = {unicodedata.name(letter, "?").partition(" ")[0] for letter in word if letter.isalpha()}
    if len(scripts - _JAPANESE) + bool(scripts & _JAPANESE) > 1:
        return False
    if scripts != {"LATIN"}:
        return scripts <= _JAPANESE or bool(scripts & {"CYRILLIC", "GREEK", "HEBREW", "ARABIC", "HANGUL"})
    accents = _ACCENTS.findall(word)
    return max(map(len, accents)) <= _MOST_ACCENTS_IN_A_ROW and (
        len(word) == 1 or sum(map(len, accents)) < len(word)
    )
