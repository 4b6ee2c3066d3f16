"""Turn a title into a key that is equal for every usual spelling of it, and for nothing else.

A key knows no case, accents, ligatures, punctuation, word breaks or leading article; numbers are
digits however they were written. It is compared for equality only: closeness is not sameness
("Alien" and "Aliens", "Part II" and "Part III" are one letter apart and different films).
"""

import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

from movie_sync.domain.word_lists import listed, paired

_WORD = re.compile(r"[^\W_]+")
_BETWEEN_NUMBERS = re.compile(r"(?<=\d) (?=\d)")
_MARKS = re.compile("[\u0300-\u036f]+")
_APOSTROPHES = re.compile("['’‘`´ʼ′]")
_LAST_ARTICLE = re.compile(r",\s*(?:the|an?|les?|las?|los|el|il|lo|gli|der|die|das|den|det|un[ea]?)\s*$")
_NOT_LATIN = re.compile("[\u0370-\u03ff\u0400-\u052f]")

# Scripts written without blanks, beside Latin letters or digits.
_NO_BLANKS = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_SCRIPT_EDGE = re.compile(rf"(?<=[{_NO_BLANKS}])(?=[a-z0-9])|(?<=[a-z0-9])(?=[{_NO_BLANKS}])")

_ARTICLES = frozenset({"the", "a", "an"})

_LIGATURES = str.maketrans(paired("ligatures") | dict.fromkeys("&+＆", " and "))
_ALPHABETS = str.maketrans(paired("alphabets"))
_ROMAN = paired("roman numbers")
_UNITS = {word: int(number) for word, number in paired("units").items()}
_TENS = {word: int(number) for word, number in paired("tens").items()}
_TEN = 10
_NUMBER_WORDS = _UNITS | _TENS
_PARTS = listed("title parts")
_FOREIGN_NUMBERS = paired("foreign numbers")
_SAME_WORDS = paired("same words")
_PLAIN_WORDS = frozenset({*_ROMAN, *_NUMBER_WORDS, *_PARTS, *_SAME_WORDS, "hundred"})


KnowsTitle = Callable[[str], bool]
"""Tells whether a film of the queues, the list or the history has this title (a squashed key) as its own."""


class TitleKey(NamedTuple):
    """A title's key."""

    squashed: str  # what is compared
    words: str  # with word breaks, where they tell: "Deadpool" and "The Dead Pool"
    article: str  # the leading one, which was left out


def knows_no_title(_key: str) -> bool:
    """Answer for somebody who knows no other film."""
    return False


def fold(text: str) -> str:
    """Return the text in lower-case Latin letters without accents; punctuation stays."""
    if text.isascii():
        text = text.lower().replace("'", "").replace("`", "")
        return text.replace("&", " and ").replace("+", " and ")
    text = "".join(f" {char} " if unicodedata.category(char) == "No" else char for char in text)
    text = unicodedata.normalize("NFKC", text).casefold()
    text = _APOSTROPHES.sub("", text).translate(_LIGATURES)
    if _NOT_LATIN.search(text):
        text = _MARKS.sub("", unicodedata.normalize("NFC", text).translate(_ALPHABETS))
    text = _MARKS.sub("", unicodedata.normalize("NFKD", text)).translate(_ALPHABETS)
    return _SCRIPT_EDGE.sub(" ", unicodedata.normalize("NFC", text))


def title_key(title: str) -> TitleKey:
    """Return the key of a title as people write it."""
    return folded_key(fold(title))


def folded_key(text: str) -> TitleKey:
    """Return the key of a title that `fold` has folded already."""
    words = _WORD.findall(text)
    article = ""
    if len(words) > 1:
        if words[0] in _ARTICLES and not (words[0] == "a" and len(words[1]) == 1):
            article = words.pop(0)
        last = _LAST_ARTICLE.search(text)
        if len(words) > 1 and (words[-1] == "the" or last):
            article = words.pop()
    if not _PLAIN_WORDS.isdisjoint(words):
        words = _plain_numbers(words)
    return TitleKey(squash(words), " ".join(words), article)


def is_number(key: TitleKey) -> bool:
    """Tell whether a key is nothing but numbers, Roman ones included."""
    return bool(key.words) and all(word.isdigit() or word in _ROMAN for word in key.words.split())


def squash(words: list[str]) -> str:
    """Join words without breaks, except between two numbers ("1 23" is not "12 3")."""
    joined = "".join(words)
    if joined.isalpha():
        return joined
    return _BETWEEN_NUMBERS.sub("_", " ".join(words)).replace(" ", "")


def _plain_numbers(words: list[str]) -> list[str]:
    """Write all numbers in digits and leave out "part", "vol." and the like before them.

    A first word stays as it is ("V for Vendetta", "X"), and so does a number that is the whole
    title ("9" and "Nine" are two films).
    """
    if len(words) == 1:
        return words
    plain: list[str] = []
    position = 0
    while position < len(words):
        number, used = _number_at(words, position)
        if number is None:
            plain.append(_SAME_WORDS.get(words[position], words[position]))
        else:
            if len(plain) > 1 and plain[-1] in _PARTS:
                plain.pop()
            plain.append(number)
        position += used
    return plain


def _number_at(words: list[str], position: int) -> tuple[str | None, int]:
    """Return the number that stands at a position, in digits, and how many words it takes."""
    word = words[position]
    if word.isdigit():
        return word, 1
    if word in _NUMBER_WORDS:
        return _spoken_number(words, position)
    if position == 0:
        return None, 1
    before = words[position - 1]
    if before in _PARTS and word in _FOREIGN_NUMBERS:
        return _FOREIGN_NUMBERS[word], 1
    return (_roman_number(words, position) if word in _ROMAN else None), 1


def _roman_number(words: list[str], position: int) -> str | None:
    """Read a Roman numeral, which may also be a letter of an acronym, or "v" for versus."""
    word, before = words[position], words[position - 1]
    after = words[position + 1] if position + 1 < len(words) else ""
    if len(word) == 1:
        beside_letter = len(before) == 1 or len(after) == 1
        if beside_letter and not (before.isdigit() or after.isdigit()):
            return None  # R.I.P.D., V/H/S, M:i:III
        if word == "v" and after and before not in _PARTS:
            return "vs"
    return _ROMAN[word]


def _spoken_number(words: list[str], position: int) -> tuple[str, int]:
    """Read "twelve", "twenty-one", "one hundred and one" and the year "nineteen eighty-four"."""
    value, used = _below_hundred(words, position)
    following = words[position + used : position + used + 1]
    if following == ["hundred"] and 0 < value < _TEN:
        used += 1
        linked = 1 if words[position + used : position + used + 1] == ["and"] else 0
        rest, more = _below_hundred(words, position + used + linked)
        return str(value * 100 + rest), used + (linked + more if more else 0)
    if _TEN < value <= 2 * _TEN:
        rest, more = _below_hundred(words, position + used)
        if rest >= _TEN:
            return f"{value}{rest}", used + more
    return str(value), used


def _below_hundred(words: list[str], position: int) -> tuple[int, int]:
    word, following = [*words[position : position + 2], "", ""][:2]
    if word in _TENS:
        unit = _UNITS.get(following, 0)
        return (_TENS[word] + unit, 2) if 0 < unit < _TEN else (_TENS[word], 1)
    return (_UNITS[word], 1) if word in _UNITS else (0, 0)
