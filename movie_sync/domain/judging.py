"""Decide whether a name is a wanted film: yes, maybe or no, and why.

There is no measure of closeness here. A name is this film if one of its readings is one of the
film's titles and the year agrees; everything else needs a reason to be let through. A wrong "yes"
costs a wrong download or a film that is never fetched, a wrong "no" costs one more look.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from movie_sync.domain.name_kinds import NonFilm, NonFilmMark
from movie_sync.domain.name_rest import FilmPart, Leftover
from movie_sync.domain.path_name import NamePath, parse_path
from movie_sync.domain.readings import Sureness, TitleReading
from movie_sync.domain.titles import folded_key
from movie_sync.domain.wanted import KnownTitle, Proof, WantedFilm


class Verdict(StrEnum):
    """Only YES may be downloaded, and only YES skips a download."""

    YES = "yes"
    MAYBE = "maybe"
    NO = "no"


_NEW_EDITIONS = frozenset(
    "special anniversary remastered remaster restored restoration restauration rerelease".split()
)
_WORDS_OF_A_TELLING_TITLE = 3
_TWO_YEARS = 2
_KNOWN_WORDS_AROUND = 6  # "The", "of" and the like at the edges of a title
_NUMBER = re.compile(r"(?<!\S)\d+(?!\S)")
# What a small difference may be in, without making another title; in letters, but for the parts.
_LEAST_TITLE = 8
_LEAST_WORD = 5
_LONG_WORD = 9
_MOST_ERRORS = 2
_MOST_PARTS = 15
_SUBTITLE_LETTERS = 6
RANK = {Verdict.YES: 0, Verdict.MAYBE: 1, Verdict.NO: 2}


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its reason in words.

    Where the name has only an alternative title, maybe another film's own, `alternative_keys` are the
    squashed keys of that title and of how the name writes it.
    """

    verdict: Verdict
    reason: str
    exact: bool = False  # title and year stand there as the film has them: enough without an IMDb id
    title_end: int | None = None  # the index of the name's word where the film's title ends
    lacks_only_id: bool = False  # the film's IMDb id beside the name would make a MAYBE a YES
    alternative_keys: tuple[str, ...] = ()
    is_two_years_off: bool = False  # a NO for the year alone, where the title is the film's to the letter


def judge(wanted: WantedFilm, name: str, *, id_beside: str | None = None) -> Judgement:
    """Decide whether a release name, file name or path is the wanted film.

    `id_beside` is an IMDb id that stands beside the name (in an .nfo); one in the name comes first.
    The answer depends on the arguments alone.
    """
    path = parse_path(name)
    imdb_id = path.imdb_id or id_beside
    if imdb_id and wanted.imdb_id:
        return _judge_id(wanted, imdb_id, path)
    found = _judge_titles(wanted, path)
    if found.verdict is Verdict.YES and wanted.year in wanted.twin_years:
        why = "another film has the same title and year"
        return replace(found, verdict=Verdict.MAYBE, reason=why, lacks_only_id=True)
    return found


def _judge_titles(wanted: WantedFilm, path: NamePath) -> Judgement:
    others = []
    for reading in path.readings:
        known = wanted.keys.get(reading.key.squashed)
        if known is None:
            continue
        found = _weighed(_judge_reading(wanted, known, reading, path), wanted, known, reading, path.marks)
        if found.verdict is Verdict.YES:
            return found
        others.append(found)
    if not others:
        return _judge_other_title(wanted, path)
    return min(
        others, key=lambda found: (RANK[found.verdict], not (found.lacks_only_id or found.is_two_years_off))
    )


def _judge_id(wanted: WantedFilm, imdb_id: str, path: NamePath) -> Judgement:
    if imdb_id != wanted.imdb_id:
        return _another(f"IMDb id: {imdb_id} instead of {wanted.imdb_id}")
    for mark in path.marks:
        if mark.first < 0 or mark.first >= path.name.title_end:
            return Judgement(Verdict.NO, str(mark.kind))
    return Judgement(Verdict.YES, f"the name has the film's IMDb id {wanted.imdb_id}", exact=True)


def _weighed(
    found: Judgement,
    wanted: WantedFilm,
    known: KnownTitle,
    reading: TitleReading,
    marks: Sequence[NonFilmMark],
) -> Judgement:
    """Weigh what else a name says against what its title and year say."""
    if found.verdict is Verdict.NO and not found.is_two_years_off:
        return found
    for mark in marks:
        if mark.is_outside(reading.first, reading.last):
            return Judgement(Verdict.NO, str(mark.kind))
    if found.is_two_years_off:
        return (
            found if reading.part is None and reading.rest is None else Judgement(found.verdict, found.reason)
        )
    if found.verdict is Verdict.YES and reading.last > 0:
        found = replace(found, title_end=reading.last)
    if reading.part is not None:
        found = _less_if_part(found, wanted, reading, reading.part)
    if reading.rest is not None:
        found = _less_if_more(found, wanted, reading.rest)
    if found.verdict is Verdict.YES and known.alternative:  # any film may have been given that name once
        why = "only an alternative title matches, and another film may have it"
        keys = tuple(dict.fromkeys((known.alternative, reading.key.squashed)))
        found = replace(found, verdict=Verdict.MAYBE, reason=why, lacks_only_id=True, alternative_keys=keys)
    return found


def _less_if_part(found: Judgement, wanted: WantedFilm, reading: TitleReading, part: FilmPart) -> Judgement:
    """Take another part, or a piece of the film, for what it is; the title may well have the number."""
    if part.is_disc:
        return found if part.is_file else Judgement(Verdict.NO, f"disc {part.number} only")
    named = reading.key.words
    titles = [known.key.words for known in wanted.titles]
    if named.endswith(f" {part.number}") and any(words.endswith(f" {part.number}") for words in titles):
        return found
    numbers = [words[len(named) + 1 :] for words in titles if words.startswith(f"{named} ")]
    numbered = next((number for number in numbers if number.isdigit()), "")
    if part.is_file and not numbered:
        return found
    if part.number == "1" and not numbered:
        return Judgement(Verdict.MAYBE, "part 1 only, but the film's title has no number")
    return _another(f"part: {part.number} instead of {numbered or 'none'}")


def _less_if_more(found: Judgement, wanted: WantedFilm, rest: Leftover) -> Judgement:
    """Doubt a name that goes on behind its year with words that may make it another thing."""
    if found.verdict is not Verdict.YES and not found.lacks_only_id:
        return found
    for first in range(max(0, rest.first - _KNOWN_WORDS_AROUND), rest.first + 1):
        for last in range(rest.last, min(len(rest.words), rest.last + _KNOWN_WORDS_AROUND) + 1):
            known = wanted.keys.get(folded_key(" ".join(rest.words[first:last])).squashed)
            if known is not None and known.proof <= Proof.SPELLING:
                return found  # the title said twice, or another one of its titles
    more = " ".join(rest.words[rest.first : rest.last])
    return Judgement(Verdict.MAYBE, f'title and year match, but "{more}" follows the year')


def _judge_reading(wanted: WantedFilm, known: KnownTitle, reading: TitleReading, path: NamePath) -> Judgement:
    if wanted.year is None:
        why = "the title matches, but the film's year isn't known"
        return Judgement(Verdict.MAYBE, why, lacks_only_id=True)
    if reading.year is None:
        return _judge_without_year(wanted, known, reading)
    if reading.year == wanted.year:
        return _judge_same_year(wanted, known, reading)
    return _judge_other_year(wanted, known, reading, path, reading.year - wanted.year)


def _judge_same_year(wanted: WantedFilm, known: KnownTitle, reading: TitleReading) -> Judgement:
    if known.proof is Proof.HINT:
        return Judgement(Verdict.MAYBE, "the year and part of the title match")
    if reading.key.article and "" not in known.articles and reading.key.article not in known.articles:
        return Judgement(Verdict.MAYBE, "the year matches, but the title has another article")
    words = reading.key.words.count(" ") + 1
    all_words = words + bool(reading.key.article)
    sure = (
        reading.sureness <= Sureness.LED
        or (reading.sureness is Sureness.PREFIXED and words > 1)
        or (reading.sureness in (Sureness.OWNED, Sureness.SECOND_HALF) and all_words > 1)
        or (reading.sureness in (Sureness.SECOND_HALF, Sureness.HALF) and reading.other in wanted.keys)
    )
    if sure:
        return Judgement(Verdict.YES, "title and year match", exact=known.proof <= Proof.ALTERNATIVE)
    return Judgement(Verdict.MAYBE, "title and year may match, but there is more in the name")


def _judge_other_year(
    wanted: WantedFilm, known: KnownTitle, reading: TitleReading, path: NamePath, later: int
) -> Judgement:
    """A year off by one is the film's, unless a film of that title has that year."""
    apart = f"the year is {reading.year}, not {wanted.year}"
    if reading.year in wanted.twin_years:
        return Judgement(Verdict.NO, apart)
    if abs(later) > 1:
        if later > 0 and not _NEW_EDITIONS.isdisjoint(path.name.words[reading.last :]):
            return Judgement(Verdict.MAYBE, f"{apart}, but that may be the edition's")
        to_the_letter = (
            known.proof is Proof.TITLE
            and known.key.words == reading.key.words
            and reading.key.article in known.articles
            and reading.sureness <= Sureness.LED
        )
        return Judgement(Verdict.NO, apart, is_two_years_off=to_the_letter and abs(later) == _TWO_YEARS)
    if known.proof > Proof.ALTERNATIVE or reading.sureness > Sureness.FOREIGN_HALF:
        return Judgement(Verdict.NO, apart)
    is_between_twins = wanted.year is not None and wanted.year + 2 * later in wanted.twin_years
    if is_between_twins or reading.sureness >= Sureness.LOOSE or _is_doubtful(known, reading):
        return Judgement(Verdict.MAYBE, apart)
    return Judgement(Verdict.YES, f"the title matches, and the year is off by one ({reading.year})")


def _judge_without_year(wanted: WantedFilm, known: KnownTitle, reading: TitleReading) -> Judgement:
    """No year: yes only if nothing speaks for another film of that title."""
    if wanted.twin_years:
        return Judgement(Verdict.MAYBE, "no year in the name, and another film has the same title")
    whole = reading.sureness < Sureness.LOOSE or reading.other in wanted.keys
    if known.proof > Proof.ALTERNATIVE or not whole or _is_doubtful(known, reading):
        return Judgement(Verdict.MAYBE, "no year in the name, and the title doesn't quite match")
    return Judgement(Verdict.YES, "the title matches; the name has no year")


def _is_doubtful(known: KnownTitle, reading: TitleReading) -> bool:
    """Tell whether a title agrees so loosely that the exact year would have to stand beside it.

    So it is with a single word that is only an alternative title (*Solo*, *Ring*), with other word
    breaks ("The Dead Pool"), and with an article more or less on a short title (*The Batman*).
    """
    words = reading.key.words.count(" ") + 1
    return (
        (known.proof is Proof.ALTERNATIVE and words == 1)
        or known.key.words != reading.key.words
        or (reading.key.article not in known.articles and words < _WORDS_OF_A_TELLING_TITLE)
    )


def _judge_other_title(wanted: WantedFilm, path: NamePath) -> Judgement:
    """Judge a name none of whose readings is a title of the film: a typing error, or another film."""
    for reading in path.readings:
        if reading.year is None or reading.year != wanted.year or reading.sureness > Sureness.AKA:
            continue
        for known in wanted.titles:
            if _differs_by_series_number(known.key.words, reading.key.words):
                why = "the number in its series"
            elif _is_typo(known.key.words, reading.key.words):
                why = "a typo"
            else:
                continue
            found = Judgement(Verdict.YES, f"the year matches, and so does the title apart from {why}")
            return _weighed(found, wanted, known, reading, path.marks)
    return _difference(wanted, path)


def _differs_by_series_number(right: str, written: str) -> bool:
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


def _is_typo(right: str, written: str) -> bool:
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


def _another(what: str) -> Judgement:
    return Judgement(Verdict.NO, f"another {what}")


def _difference(wanted: WantedFilm, path: NamePath) -> Judgement:
    for mark in path.marks:
        if mark.first < 0 or mark.kind in (NonFilm.EPISODE, NonFilm.PACK):
            return Judgement(Verdict.NO, mark.kind)
    if not path.readings:
        return Judgement(Verdict.NO, "no title in the name")
    reading = path.readings[0]
    own, named = wanted.titles[0].key.words, reading.key.words
    if own[:3] == named[:3]:
        wanted_numbers, numbers = (_NUMBER.findall(words) for words in (own, named))
        if wanted_numbers != numbers and _NUMBER.sub("", own).split() == _NUMBER.sub("", named).split():
            return _another(
                f"part: {' '.join(numbers) or 'none'} instead of {' '.join(wanted_numbers) or 'none'}"
            )
    year = f" ({reading.year})" if reading.year else ""
    return _another(f"title: {named}{year}")
