"""Read which languages are spoken in a release; languages of subtitles are not."""

import re
from collections.abc import Sequence

from movie_sync.domain.word_lists import listed, meanings

_LANGUAGES: dict[str, str] = {}
_ORDER: dict[str, int] = {}
_ending: set[str] = set()
for _name, _text in meanings("languages"):
    _both, _may_end, _behind = (part.split() for part in f"{_text}||".split("|")[:3])
    _LANGUAGES |= dict.fromkeys(_both + _behind, _name)
    _ORDER[_name] = len(_ORDER)
    _ending.update(_both, _may_end)
LANGUAGES_BEHIND_TITLE = frozenset(_ending)
_BESIDE_ANOTHER = listed("ambiguous languages")
_SHORT_NAMES = listed("short languages")
_SUBTITLES = listed("subtitles")
_JOINING = frozenset({"and", "plus"})
_DUBBED = listed("dubbed")
_BY_LINE = frozenset({"ld", "md"})
_COUNT = re.compile(r"(?<![a-z0-9])\d{1,2}x(?=[a-z]{3})")  # "2xRus"
_DUB = re.compile(r"(?:dub(?:bed)?)?([a-z]{2,9}?)(?:dub(?:bed|s)?|lek)?")
_ROMANIAN_SUBTITLES = re.compile(r"ro(?:sub(?:s|bed|bes)?)|subtitrat[ae]?|subtitrare|subro")
_ROMANIAN = frozenset({"ro", "romanian", "romana"})
_BEFORE_DOWNLOAD = frozenset({"web", "itunes", "amzn", "nf"})
_GLUED_SUBTITLES = re.compile(r"[a-z]{0,5}sub(?:s|bed)?|napisy[a-z]{2}")
_TOKEN = re.compile(r"[a-z0-9]+|[\[\](){}|]")


def read_languages(text: str, filed_as: str = "") -> tuple[str, ...]:
    """Return the languages that a folded text names as spoken, in the order of their list.

    "Multi" stands for several without names; "RoDubbed", "RoSubbed" and "VOSTFR" are what they say.
    `filed_as` is a tag that stands beside the name.
    """
    words = _TOKEN.findall(_COUNT.sub("", text))
    found = [_meaning(words, index) for index in range(len(words))]
    for index, word in enumerate(words):
        if word in _SUBTITLES:
            _mark_subtitles(words, found, index)
    spoken = {name for index, name in enumerate(found) if name and not _is_lonely(words, found, index)}
    spoken |= {filed_as} - {""}
    return tuple(sorted(spoken, key=lambda name: (_ORDER.get(name, -1), name)))


def says_dubbed(text: str) -> bool:
    """Tell whether a folded text says that what is spoken is a dub, in whatever language."""
    words = _TOKEN.findall(text)
    if any(word in _DUBBED or word.endswith("dubbed") for word in words):
        return True
    # "LD" is by line and "MD" by microphone, beside a language: alone it is a laser disc.
    return not _BY_LINE.isdisjoint(words) and any(_meaning(words, index) for index in range(len(words)))


def is_beside_language(words: Sequence[str], index: int) -> bool:
    """Tell whether the word before this one is a language, as in "German Subbed" and "Multi-Subbed"."""
    before = words[index - 1] if index else ""
    return before in _LANGUAGES or before in _SHORT_NAMES or before in {"soft", "multi"}


def is_language_word(word: str) -> bool:
    """Tell whether a folded word is a language, its sound or its subtitles, also glued ("napisypl")."""
    return bool(
        word in _LANGUAGES
        or word in _SUBTITLES
        or _ROMANIAN_SUBTITLES.fullmatch(word)
        or _dubbed(word)
        or _GLUED_SUBTITLES.fullmatch(word)
    )


def _meaning(words: Sequence[str], index: int) -> str:
    word = words[index]
    before = words[index - 1] if index else ""
    behind = words[index + 1] if index + 1 < len(words) else ""
    if word == "dl" and before in _BEFORE_DOWNLOAD:
        return ""
    if _ROMANIAN_SUBTITLES.fullmatch(word):
        return "RoSubbed"
    if word == "dublat" or (word in _ROMANIAN and behind in {"dub", "dubbed"}):
        return "RoDubbed"
    if word in {"original", "orig"} and not _JOINING.isdisjoint({before, behind}):
        return "Multi"  # "3 XX + Original + RUS"
    return _LANGUAGES.get(word) or _dubbed(word)


def _dubbed(word: str) -> str:
    """Return what a language glued to "dub" means: "dubpl", "rodubbed", "hindidubbed"."""
    if "dub" not in word and not word.endswith("lek") and not word.startswith("lek"):
        return ""
    found = _DUB.fullmatch(word.replace("lek", "dub"))
    if not found:
        return ""
    return "RoDubbed" if found[1] == "ro" else _LANGUAGES.get(found[1], "")


def _mark_subtitles(words: Sequence[str], found: list[str], index: int) -> None:
    """Take out the languages of subtitles: those behind the word, else those before it."""
    places = []
    place = index + 1
    while place < len(words) and (_is_language(words, found, place) or words[place] in _JOINING):
        places.append(place)
        place += 1
    place = -1 if places else index - 1
    while place >= 0 and words[place] in {"forced", "full", "hardcoded"}:
        place -= 1
    while place >= 0 and _is_language(words, found, place):
        places.append(place)
        place = place - 2 if words[place - 1] in _JOINING else -1
    for place in places:
        found[place] = ""
    found[index] = "RoSubbed" if any(words[place] in _ROMANIAN for place in places) else ""


def _is_language(words: Sequence[str], found: Sequence[str], index: int) -> bool:
    if words[index] in {"dl", "ml", "dual"} | _DUBBED or found[index] in {"VOSTFR", "RoDubbed", "RoSubbed"}:
        return False
    return bool(found[index]) or words[index] in _SHORT_NAMES


def _is_lonely(words: Sequence[str], found: Sequence[str], index: int) -> bool:
    """Tell whether an abbreviation that is a word as well stands without another language beside it."""
    if words[index] not in _BESIDE_ANOTHER:
        return False
    for step in (-1, 1):
        place = index + step
        while 0 <= place < len(words) and words[place] in _JOINING:
            place += step
        if 0 <= place < len(words) and found[place]:
            return False
    return True
