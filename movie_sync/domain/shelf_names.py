"""What a film is called on the shelf, by the user's template: safe on every file system."""

import re
import unicodedata
from collections.abc import Mapping
from string import Formatter

from movie_sync.domain.models import Movie
from movie_sync.domain.plain_text import printable
from movie_sync.domain.release_quality import read_quality

# A file's name has at most 255 bytes on most file systems; the rest is for the version, the language
# of subtitles, and the extension.
_MOST_BYTES = 180
_MOST_GROUP_BYTES = 24
_ELLIPSIS = "…"
_NOTHING = "\0"
"""Stands for a token without a value until what is around it is gone too."""
_OPENING, _CLOSING, _SEPARATORS = "([{", ")]}", "-–—_.,"
# What Windows, and shares that speak its protocol, do not allow in a name.
_SUBSTITUTES = str.maketrans(
    {":": "-", "/": "-", "\\": "-", "|": "-", "*": "-", '"': "'", "<": "(", ">": ")", "?": None}
)
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])", re.IGNORECASE)


def shelf_name(template: str, movie: Movie, release: str) -> str:
    """Return what the film's folder and files are called, without an extension; never empty.

    A token of which nothing is known leaves nothing behind, nor do the brackets around it. A name that
    would be too long loses the end of its longest texts, never an id or a year.
    """
    quality = read_quality(release)
    title = movie.title if _safe(_cleaned(movie.title)) else movie.imdb_id or movie.slug or movie.id
    values = {
        "title": title,
        "original_title": movie.original_title or title,
        "year": str(movie.year or ""),
        "imdb_id": movie.imdb_id or "",
        "quality": quality.name,
        "resolution": quality.resolution if quality.resolution_told else "",
        "source": quality.source,
        "edition": quality.edition,
        "group": quality.group,
        "release": release,
    }
    values = {name: _cleaned(text) for name, text in values.items()}
    name = _filled(template, values)
    while (excess := len(name.encode()) - _MOST_BYTES) > 0:
        longest = max(values, key=lambda key: len(values[key]) if f"{{{key}" in template else 0)
        shorter = _cut(values[longest], max(len(values[longest].encode()) - excess, 1))
        if shorter == values[longest]:  # the template alone is too long
            return _cut(name, _MOST_BYTES)
        values[longest] = shorter
        name = _filled(template, values)
    return name or _cut(_safe(_cleaned(title)), _MOST_BYTES) or "film"


def version_labels(release: str) -> tuple[str, ...]:
    """Return what tells this release's files from another one's of the film, to be put behind the name.

    The first is nothing; each further one tells more. The form, ` - ` and a text, is the one by which
    Jellyfin and Plex know versions of one film.
    """
    quality = read_quality(release)
    resolution = quality.resolution if quality.resolution_told else ""
    group = _cut(_cleaned(quality.group), _MOST_GROUP_BYTES)
    texts = (resolution, quality.name, f"{quality.name} {group}".strip() if group else "")
    return ("", *(f" - {text}" for text in dict.fromkeys(texts) if text))


def _filled(template: str, values: Mapping[str, str]) -> str:
    pieces = []
    for literal, name, _, _ in Formatter().parse(template):
        pieces += [literal, "" if name is None else values.get(name) or _NOTHING]
    text = "".join(pieces)
    while _NOTHING in text:
        text = _without_nothing(text, text.index(_NOTHING))
    return _safe(text)


def _without_nothing(text: str, place: int) -> str:
    """Take out what stands for nothing, with the brackets around it, or else a separator before it."""
    left, right = place - 1, place + 1
    while left >= 0 and text[left] not in _OPENING + _CLOSING:
        left -= 1
    while right < len(text) and text[right] not in _OPENING + _CLOSING:
        right += 1
    if left >= 0 and text[left] in _OPENING and right < len(text) and text[right] in _CLOSING:
        return text[:left] + text[right + 1 :]
    before = text[:place].rstrip()
    return before.rstrip(_SEPARATORS).rstrip() + text[place + 1 :]


def _cleaned(text: str) -> str:
    """Return a value without what no name may have."""
    text = printable(unicodedata.normalize("NFC", text)).replace(_NOTHING, "")
    text = text.encode("utf-8", "ignore").decode()
    text = " ".join(text.split()).replace(" : ", " - ").replace(": ", " - ")
    return " ".join(text.translate(_SUBSTITUTES).split())


def _safe(text: str) -> str:
    """Return a whole name as every file system takes it: no blank or dot at its ends, and no device's."""
    text = " ".join(text.translate(_SUBSTITUTES).split()).lstrip(" .").rstrip(" .-")
    return f"{text}_" if _DEVICES.fullmatch(text.partition(".")[0].strip()) else text


def _cut(text: str, most_bytes: int) -> str:
    """Return the text in at most so many bytes, without half a character, and with a sign of what is gone."""
    if len(text.encode()) <= most_bytes:
        return text
    kept = text.encode()[: max(most_bytes - len(_ELLIPSIS.encode()), 0)].decode(errors="ignore")
    while kept and unicodedata.combining(text[len(kept)]):
        kept = kept[:-1]
    return f"{kept.rstrip(' .-')}{_ELLIPSIS}" if kept else ""
