"""Languages by their names and codes, and whether a release speaks one that the user wants."""

from collections.abc import Sequence
from typing import NamedTuple

from movie_sync.domain.titles import fold
from movie_sync.domain.word_lists import meanings

ORIGINAL = "original"
"""Stands in the configuration for the language that a film was made in."""

_CODE_LETTERS = 2
_NAMES: dict[str, str] = {}
for _name, _text in meanings("language codes"):
    _NAMES |= dict.fromkeys([fold(_name), *_text.split(", ")], _name)
_CODES: dict[str, str] = {}
"""The codes of ISO 639-1 by what else names the language: itself, an English name, one of ISO 639-2."""
for _name, _text in meanings("language codes"):
    _words = [fold(_name), *_text.split(", ")]
    _code = next((_word for _word in _words if len(_word) == _CODE_LETTERS), "")
    _CODES |= dict.fromkeys(_words, _code) if _code else {}
for _code, _text in meanings("codes of subtitles"):
    _CODES |= dict.fromkeys(_text.split(), _code)
# Tags that say something else than one language that is spoken.
_SEVERAL = frozenset({"Multi", "Nordic"})
_SUBTITLES_ALONE = frozenset({"RoSubbed", "VOSTFR"})
_DUBS = {"RoDubbed": "Romanian"}
# One language by a page's name, of which names have several.
_NAMED_APART = {"Serbo-Croatian": frozenset({"Serbian", "Croatian", "Bosnian"})}


class Sound(NamedTuple):
    """What is spoken in a release: by name, and whether it has the original (None: that is not known)."""

    languages: frozenset[str]
    has_original: bool | None

    def place_in(self, wanted: Sequence[str]) -> int:
        """Return the place of its best language among those wanted, best first; their number if none is."""
        spoken = {*self.languages, ORIGINAL} if self.has_original else self.languages
        return next((place for place, name in enumerate(wanted) if name in spoken), len(wanted))


UNTOLD = Sound(frozenset(), has_original=True)
"""What is spoken where neither the name nor the film's page tells."""


def language_named(text: str) -> str:
    """Return the name used here for an English name or an ISO 639-1 code; "" if none is known by it."""
    return _NAMES.get(fold(text), "")


def code_of(text: str) -> str:
    """Return the code of ISO 639-1 for a language's name or code; "" if none is known by it."""
    return _CODES.get(fold(text), "")


def language_of_page(text: str) -> str:
    """Return the name used here for one as film pages have it: "Greek (modern)", "Bengali, Bangla".

    A language unknown here keeps its name: it is no other one's. "" for a film in which nobody speaks.
    """
    first = text.partition("(")[0].partition(",")[0].strip()
    return "" if fold(first).startswith("no ") else language_named(first) or first


def sound_of(tags: Sequence[str], original: str | None, *, is_dubbed: bool) -> Sound:
    """Read what is spoken from a name's language tags and the film's own language.

    A name without a tag speaks the original. Several tags count as having it too, as does MULTI. With
    `is_dubbed` the name says that what is spoken is a dub.
    """
    spoken = {_DUBS.get(tag, tag) for tag in tags if tag not in _SUBTITLES_ALONE}
    several = len(spoken) > 1 or not spoken.isdisjoint(_SEVERAL)
    languages = frozenset(spoken - _SEVERAL)
    if several or (original and not languages.isdisjoint({original, *_NAMED_APART.get(original, ())})):
        return Sound(languages, has_original=True)
    if is_dubbed or not _DUBS.keys().isdisjoint(tags):
        return Sound(languages, has_original=False)
    if not languages:
        return Sound(frozenset({original} if original else ()), has_original=True)
    return Sound(languages, has_original=False if original else None)
