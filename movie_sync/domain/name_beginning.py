"""Find where the title begins in a name: behind sites, groups, numbers and other prefixes."""

import re
from collections.abc import Iterator

from movie_sync.domain.name_words import LANGUAGE_PREFIXES, WordClass, class_of
from movie_sync.domain.readings import Sureness

_WORD = re.compile(r"[^\W_]+")
_ENDINGS = "com|org|net|to|tv|me|cc|mx|io|ro|cam|tel|ws|xyz|vip|site|info|eu|ru|in|pw|lol|art|cx"
_SITE = re.compile(
    rf"""
    \s* (?: [\[({{【] \s* (?:www[ .])? [\w-]+ (?:\.[\w-]+)* [ .] (?:{_ENDINGS}) \s* [\])}}】]
          | www [ .] [\w-]{{1,60}} [ .] (?:[\w-]{{1,60}} [ .])? (?:{_ENDINGS}) (?=[\s\]_.-])
          | www \. [\w-]{{1,60}} \. (?:[\w-]{{1,60}} \.)? [a-z]{{2,14}} (?=[\s\]_-])
          | www [ ] [\w-]{{1,60}} [ ] [a-z]{{2,14}} (?=\s+-\s)
          | @ [\w.]{{3,40}} (?=[\s-])
          | [\w-]+ \. (?:com|org|net|to|tv|cc|mx|cam|tel|ws|xyz|vip|site|info|eu|pw|lol|art|cx) (?=\s+-\s)
          | [\w-]{{1,60}} \. (?:com|org|net) (?=_)
        ) [\s._-]*
    """,
    re.VERBOSE,
)
_GROUP = re.compile(r"\s*(?:\[([^\[\]]*)\]|\{([^{}]*)\}|【([^【】]*)】)[\s._-]*")
_YEAR = re.compile(r"\d{4}")
_DIGITS = frozenset("0123456789#(")
_NUMBERS = (
    (re.compile(r"\s{0,9}\d\d\.\d\d\.\d\d[. _-]"), Sureness.WHOLE),  # the day it was recorded
    (re.compile(r"\s{0,9}(?:\(\d{1,3}\)\s*|\d{1,3}\s*[.)-]\s+)"), Sureness.LOOSE),  # its place on a shelf
    (re.compile(r"\s{0,9}(?:#\d{1,3}|0\d{1,2})[\s._)-]{1,4}"), Sureness.LOOSE),
    (re.compile(r"\s{0,9}\d{1,2}[\s_]{1,4}"), Sureness.HALF),  # it may as well be the title's
)
_JAMES_BOND = (re.compile(r"\s{0,9}(?:james[ ._]bond(?:[ ._-]+007)?|007)[ ._-]+"), Sureness.LOOSE)
_SITE_WITH_DASH = (
    re.compile(r"\s{0,9}(?:[\w-]{1,4}\.)?[\w-]{3,40}\.[a-z]{2,14}[\s_]{1,4}-[\s_]{1,4}"),
    Sureness.PREFIXED,
)
_LANGUAGE = (re.compile(rf"\s*(?:{'|'.join(LANGUAGE_PREFIXES)})\s+-\s+"), Sureness.WHOLE)
_SERIES_NUMBER = (re.compile(r".*?-f\d{1,3}-", re.DOTALL), Sureness.PREFIXED)
_SCENE_GROUP = (re.compile(r"[a-z0-9]{2,9}-(?=[a-z0-9]+\.[a-z0-9]+\.)"), Sureness.PREFIXED)


def find_beginnings(text: str) -> tuple[int, list[tuple[int, Sureness]]]:
    """Return the position in a folded name where its title begins, and others where it may begin."""
    position = 0
    others: list[tuple[int, Sureness]] = []
    while True:
        site = _SITE.match(text, position)
        if site and site.end() < len(text):
            position = site.end()
            continue
        group = _GROUP.match(text, position)
        if not group or group.end() >= len(text):
            break
        content = next(part for part in group.groups() if part is not None).strip()
        if _YEAR.fullmatch(content):
            break
        words = _WORD.findall(content)
        if len(words) == 1 and "." not in content and class_of(words[0]) is WordClass.TITLE:  # "[REC] 2"
            others.append((position, Sureness.WHOLE))
        position = group.end()
    for pattern, how in _prefixes(text, text[position : position + 10].lstrip()):
        prefix = pattern.match(text, position)
        if prefix:
            others.append((prefix.end(), how))
    return position, others


def _prefixes(text: str, beginning: str) -> Iterator[tuple[re.Pattern[str], Sureness]]:
    if beginning[:1] in _DIGITS:
        yield from _NUMBERS
    if beginning.startswith(("james", "007")):
        yield _JAMES_BOND
    if " - " in text or "_-_" in text:
        yield _SITE_WITH_DASH
    if "-" in beginning:
        yield _SCENE_GROUP
    yield _LANGUAGE
    if "-f" in text:
        yield _SERIES_NUMBER
