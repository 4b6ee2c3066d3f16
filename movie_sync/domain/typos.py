"""Small differences that do not make another title, if the year agrees too."""

from collections import Counter

_LEAST_TITLE = 8  # letters
_LEAST_WORD = 5
_LONG_WORD = 9
_MOST_ERRORS = 2
_MOST_PARTS = 15
_SUBTITLE_LETTERS = 6


def differs_by_series_number(right: str, written: str) -> bool:
    """Tell whether one of two keys has a number before the subtitle and the other none.

    "Avatar 2 The Way of Water" is *Avatar: The Way of Water*; a number at the end is another part.
    """
    shorter, longer = sorted((right.split(), written.split()), key=len)
    if len(longer) != len(shorter) + 1:
        return False
    place = next(place for place, word in enumerate(longer) if shorter[place : place + 1] != [word])
    number, rest = longer[place], longer[place + 1 :]
    return (
        place > 0
        and number.isdigit()
        and int(number) <= _MOST_PARTS
        and rest == shorter[place:]
        and not (rest and rest[0].isdigit())
        and len("".join(rest)) >= _SUBTITLE_LETTERS
    )


def is_long_enough(key: str) -> bool:
    """Tell whether a title is long enough for a small difference not to make it another one."""
    return len(key) >= _LEAST_TITLE


def is_typo(right: str, written: str) -> bool:
    """Tell whether `written` is `right` with one word misspelt (both keys with word breaks).

    All numbers and all other words must be equal; the word must be long; one letter may differ, in
    long words two. A plural is another title, and so is another first letter of the only word.
    """
    if right == written or abs(len(right) - len(written)) > _MOST_ERRORS or not is_long_enough(right):
        return False
    own, other = right.split(), written.split()
    differing = [(a, b) for a, b in zip(own, other, strict=False) if a != b]
    if len(own) != len(other) or len(differing) != 1:
        return False
    a, b = differing[0]
    return (len(own) > 1 or a[0] == b[0]) and _is_misspelt(a, b)


def _is_misspelt(right: str, written: str) -> bool:
    shorter, longer = sorted((right, written), key=len)
    if len(shorter) < _LEAST_WORD or not (right.isalpha() and written.isalpha()):
        return False
    if longer in (f"{shorter}s", f"{shorter}es"):
        return False
    errors = _MOST_ERRORS if len(shorter) >= _LONG_WORD else 1  # letters to add, drop, change or swap
    missing, extra = Counter(right) - Counter(written), Counter(written) - Counter(right)
    if max(missing.total(), extra.total()) > errors:
        return False
    # 3.5 MB that only a word with almost the same letters is worth.
    from rapidfuzz.distance import OSA  # noqa: PLC0415

    return OSA.distance(right, written, score_cutoff=errors) <= errors
