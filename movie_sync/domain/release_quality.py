"""Read a release name's technical words: quality, revision, forbidden sources, sound, languages.

Only words behind the title count: *Cam* (2018) is a film, "Dracula Untold TS" a telesync.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from movie_sync.domain import quality_words as words
from movie_sync.domain.release_name import ParsedName, parse_name
from movie_sync.domain.titles import fold

RESOLUTIONS = ("2160p", "1080p", "720p", "576p", "480p")

# The words of `quality.order`: those of the configuration page, and two that allow what is otherwise
# refused. Whoever wants full discs or 3D has to ask for them.
ORDER_WORDS = (
    *(f"{source}-{lines}" for source in ("Remux", "Bluray", "WEB", "HDTV") for lines in RESOLUTIONS[:3]),
    "Bluray-576p", "Bluray-480p", "WEB-480p", "DVD", "SDTV",
)  # fmt: skip
ON_REQUEST_WORDS = (
    *(f"Disc-{lines}" for lines in RESOLUTIONS[:2]), "Disc-DVD",
    *(f"3D-{lines}" for lines in RESOLUTIONS[:3]),
)  # fmt: skip

# Category numbers of the tracker.
CATEGORIES_4K = frozenset({6, 26})
CATEGORIES_BLURAY = frozenset({20, 26})
CATEGORIES_DVD = frozenset({2, 3})
CATEGORIES_SD = frozenset({1, 2, 3})
CATEGORIES_3D = frozenset({25})

_WIDTHS = ((3000, "2160p"), (1700, "1080p"), (1150, "720p"), (960, "576p"), (320, "480p"))
_SOURCES_OF_HD = {"": "HDTV", "SDTV": "HDTV", "DVD": "Bluray"}
_BRACKET_BEFORE = re.compile(r"\s*\[[^\]]*\]")

_GROUP = re.compile(r"-\s?([^\W_][\w@]*(?:\s?\[[^\]]*\])?)$|\[([^\[\]\s]+)\]$")
_NO_GROUP = re.compile(r"(?:dl|rip|hd|ray|\d+(?:p|bit)?|x26[45]|h26[45]|ma|es|ts|sbs|\d.*)", re.IGNORECASE)
_EXTENSION = re.compile(r"\.(?:mkv|mp4|avi|m4v|ts|m2ts|iso|wmv|torrent)$", re.IGNORECASE)
_SEPARATORS = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class ReleaseQuality:
    """What a release's name says of its picture and sound.

    `name` is a word of `ORDER_WORDS` or `ON_REQUEST_WORDS`, "" if the name does not tell. `bad` is
    what the picture was taken from if nobody should watch it ("camera copy"), else "". Where the name
    does not tell the source or the lines, `name` and `resolution` are what is usual; `source` and
    `resolution_told` say what was told.
    """

    name: str
    resolution: str
    bad: str = ""
    hardcoded_subtitles: bool = False
    three_d: bool = False
    upscaled: bool = False
    disc: bool = False
    revision: int = 0
    codec: str = ""
    hdr: tuple[str, ...] = ()
    audio: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    group: str = ""
    source: str = ""
    resolution_told: bool = False

    @property
    def size_class(self) -> str:
        """The key of `quality.size_mb_per_minute`: everything below 720p is `sd`."""
        return self.resolution if self.resolution in RESOLUTIONS[:3] else "sd"


def read_quality(name: str, category_id: int | None = None, title_end: int | None = None) -> ReleaseQuality:
    """Read a release name.

    The category helps where the name does not tell the resolution. `title_end` is the index of the
    word where the title is known to end; without it the name alone has to tell.
    """
    parsed = parse_name(name)
    tail = _tail(name, parsed, title_end)
    is_remux = bool(words.REMUX.search(tail))
    disc = not is_remux and (parsed.extension in ("iso", "img") or _is_disc(tail, category_id))
    dvd_disc = not is_remux and bool(words.DVD_DISC.search(tail))
    three_d = bool(words.THREE_D.search(tail)) or category_id in CATEGORIES_3D
    source = _source(tail, category_id)
    told = _resolution(tail, category_id)
    resolution = told or ("1080p" if disc else _usual_resolution(tail, source))
    kind = "Disc" if disc else "Disc-DVD" if dvd_disc else "3D" if three_d else ""
    return ReleaseQuality(
        name=_name_of_kind(kind, resolution) if kind else _name_of(source, resolution),
        resolution=resolution,
        bad=_first(words.BAD_SOURCES, tail, ""),
        hardcoded_subtitles=bool(words.HARDSUBS.search(tail)),
        three_d=three_d,
        upscaled=bool(words.UPSCALE.search(tail)),
        disc=disc or dvd_disc,
        revision=_first(words.REVISIONS, tail, 0),
        codec=_first(words.CODECS, tail, ""),
        hdr=_all(words.HDR, tail),
        audio=_all(words.AUDIO, tail),
        languages=_all(words.LANGUAGES, tail),
        group=_group(name),
        source=source,
        resolution_told=bool(told),
    )


_Value = TypeVar("_Value")


def _first(table: Sequence[tuple[_Value, re.Pattern[str]]], tail: str, nothing: _Value) -> _Value:
    return next((value for value, pattern in table if pattern.search(tail)), nothing)


def _all(table: Sequence[tuple[str, re.Pattern[str]]], tail: str) -> tuple[str, ...]:
    return tuple(value for value, pattern in table if pattern.search(tail))


def _tail(name: str, parsed: ParsedName, title_end: int | None) -> str:
    """Return what is not the title, as words with single blanks: a bracket before it, and all behind."""
    before = _BRACKET_BEFORE.match(fold(name))
    behind = " ".join(parsed.words[parsed.title_end if title_end is None else title_end :])
    return _SEPARATORS.sub(" ", f"{before.group() if before else ''} {behind}").strip()


def _is_disc(tail: str, category_id: int | None) -> bool:
    """Tell whether this is a Blu-ray as it was pressed; most names say so only by their codec."""
    if words.DISC.search(tail):
        return True
    if not (words.BLURAY.search(tail) or category_id in CATEGORIES_BLURAY) or words.ENCODED.search(tail):
        return False
    if words.DISC_CODECS.search(tail) or category_id in CATEGORIES_BLURAY:
        return True
    return bool(words.UHD_DISC_CODECS.search(tail) and words.LOSSLESS.search(tail) and "2160p" in tail)


def _resolution(tail: str, category_id: int | None) -> str:
    """Return the resolution from the name, else from the category, else from the pixels."""
    found = list(words.LINES.finditer(tail))
    for match in found:
        lines = f"{match['lines'] or match['m']}p"
        if lines in RESOLUTIONS:
            return lines
        if match["misspelt"]:
            return "1080p"
    if any(match["uhd"] for match in found) or category_id in CATEGORIES_4K:
        return "2160p"
    if category_id in CATEGORIES_SD:
        return "480p"
    pixels = words.PIXELS.search(tail)
    width = max(int(pixels.group(1)), int(pixels.group(2))) if pixels else 0
    return next((lines for least, lines in _WIDTHS if width >= least), "")


def _usual_resolution(tail: str, source: str) -> str:
    """Return what a source has where a name does not tell."""
    if source == "Remux":
        return "1080p"
    if source == "Bluray" and not words.BLURAY_RIP.search(tail):
        return "720p"
    return "480p" if source or words.OLD_CODECS.search(tail) else ""


def _source(tail: str, category_id: int | None) -> str:
    if words.REMUX.search(tail) and not words.OTHER_REMUX.search(tail):
        return "Remux"
    for source, pattern in words.SOURCES:
        if pattern.search(tail):
            return source
    if category_id in CATEGORIES_BLURAY:
        return "Bluray"
    return "DVD" if category_id in CATEGORIES_DVD else ""


def _name_of_kind(kind: str, resolution: str) -> str:
    if kind == "Disc":
        return f"Disc-{resolution}" if resolution == "2160p" else "Disc-1080p"
    return f"3D-{resolution}" if kind == "3D" else kind


def _name_of(source: str, resolution: str) -> str:
    """Return the word for a source and a resolution, as `quality.order` has them.

    Where the source is not told the least is assumed, and a source that cannot have the resolution
    stands for what it was made from.
    """
    if not resolution:
        return ""
    if resolution in RESOLUTIONS[:3]:
        return f"{_SOURCES_OF_HD.get(source, source)}-{resolution}"
    if source == "WEB":
        return "WEB-480p"
    if source in ("Remux", "Bluray"):
        return f"Bluray-{resolution}"
    return "DVD" if source == "DVD" else "SDTV"


def _group(name: str) -> str:
    found = _GROUP.search(_EXTENSION.sub("", name.strip()))
    if not found:
        return ""
    group = found.group(1) or found.group(2)
    return "" if _NO_GROUP.fullmatch(group) else group
