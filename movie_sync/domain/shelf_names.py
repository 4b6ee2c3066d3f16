"""What a film is called on the shelf, by the user's template: safe on every file system."""

import re
import unicodedata
from collections.abc import Mapping
from string import Formatter

from movie_sync.domain.models import Movie
from movie_sync.domain.release_quality import read_quality

# A file's name has at most 255 bytes on most file systems; the rest is for the version, the language
# of subtitles, and the extension.
_MOST_BYTES = 180
_MOST_GROUP_BYTES = 24
_ELLIPSIS = "…"
_NOTHING, _FILLED = "\0", "\1"
"""Stand for a token without a value, and around each value, until what belongs to none is gone."""
_OPENING, _CLOSING, _SEPARATORS = "([{", ")]}", "-–—_.,"
# What Windows, and shares that speak its protocol, do not allow in a name.
_SUBSTITUTES = str.maketrans(
    {":": "-", "/": "-", "\\": "-", "|": "-", "*": "-", '"': "'", "<": "(", ">": ")", "?": None}
)
_DEVICES = re.compile(r"(?:con(?:in\$|out\$)?|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])\s*(?=\.|$)", re.IGNORECASE)


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
            break
        values[longest] = shorter
        name = _filled(template, values)
    return _cut(name, _MOST_BYTES) or safe_name(title) or "film"


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


def safe_name(text: str) -> str:
    """Return a file's name, without its extension, as every file system takes it; "" if nothing is left."""
    return _cut(_safe(_cleaned(text)), _MOST_BYTES)


def _filled(template: str, values: Mapping[str, str]) -> str:
    pieces = []
    for literal, name, _, _ in Formatter().parse(template):
        value = values.get(name or "")
        pieces += [_printable(literal), f"{_FILLED}{value}{_FILLED}" if value else _NOTHING if name else ""]
    text = "".join(pieces)
    while _NOTHING in text:
        text = _without_nothing(text, text.index(_NOTHING))
    return _safe(text.replace(_FILLED, ""))


def _without_nothing(text: str, place: int) -> str:
    """Take out what stands for nothing, with brackets that hold no value, or else what belongs to it."""
    left, right = place - 1, place + 1
    while left >= 0 and text[left] not in _OPENING + _CLOSING:
        left -= 1
    while right < len(text) and text[right] not in _OPENING + _CLOSING:
        right += 1
    is_in_brackets = left >= 0 and text[left] in _OPENING and text[right : right + 1] in {*_CLOSING}
    if is_in_brackets and _FILLED not in text[left:right]:
        return _without_separator(text[:left]) + text[right + 1 :]
    begin = place
    while begin and not (text[begin - 1].isspace() or text[begin - 1] in _OPENING + _CLOSING + _FILLED):
        begin -= 1  # "imdbid-"
    before, behind = _without_separator(text[:begin]), text[place + 1 :]
    if before[-1:] in {*_OPENING}:
        behind = behind.lstrip().lstrip(_SEPARATORS).lstrip()
    return before + behind


def _without_separator(text: str) -> str:
    return text.rstrip().rstrip(_SEPARATORS).rstrip()


def _printable(text: str) -> str:
    """Return a text without what is not to be seen, and without half characters; its blanks stay."""
    kept = "".join(
        mark if not mark.isspace() else " " for mark in text if mark.isprintable() or mark.isspace()
    )
    return kept.encode("utf-8", "ignore").decode()


def _cleaned(text: str) -> str:
    """Return a value without what no name may have."""
    text = " ".join(_printable(text).replace("：", ":").split()).replace(" : ", " - ").replace(": ", " - ")
    return " ".join(text.translate(_SUBSTITUTES).split())


def _safe(text: str) -> str:
    """Return a whole name as every file system takes it: no blank or dot at its ends, and no device's."""
    text = unicodedata.normalize("NFC", " ".join(text.translate(_SUBSTITUTES).split()))
    text = text.strip(" .-")
    device = _DEVICES.match(text)
    return f"{device[0].rstrip()}_{text[device.end() :]}" if device else text


def _cut(text: str, most_bytes: int) -> str:
    """Return the text in at most so many bytes, without half a character, and with a sign of what is gone."""
    if len(text.encode()) <= most_bytes:
        return text
    kept = text.encode()[: max(most_bytes - len(_ELLIPSIS.encode()), 0)].decode(errors="ignore")
    while kept and unicodedata.combining(text[len(kept)]):
        kept = kept[:-1]
    return f"{kept.rstrip(' .-')}{_ELLIPSIS}" if kept else ""
