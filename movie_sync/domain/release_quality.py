"""Read a release name's technical words: quality, revision, forbidden sources, sound, languages.

Only words behind the title count, and not the group's name: *Cam* (2018) is a film, "Dracula Untold
TS" a telesync, "FLUX [TC-87]" somebody's name.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from movie_sync.domain import quality_words as words
from movie_sync.domain.models import NOT_FILED, Filing
from movie_sync.domain.name_kinds import split_extension
from movie_sync.domain.name_words import WordClass, class_of
from movie_sync.domain.quality_rules import RESOLUTIONS
from movie_sync.domain.release_group import split_group
from movie_sync.domain.release_languages import is_beside_language, read_languages, says_dubbed
from movie_sync.domain.release_name import MAX_LENGTH, ParsedName, parse_name
from movie_sync.domain.titles import fold

_WIDTHS = ((3000, "2160p"), (1700, "1080p"), (1150, "720p"), (960, "576p"), (320, "480p"))
# Resolutions that have no word of their own count as the next below: "1440p" is at least 1080p.
_HEIGHTS = ((2000, "2160p"), (1000, "1080p"), (700, "720p"), (560, "576p"), (200, "480p"))
_MOST_LINES = 4320
_SOURCES_OF_HD = {"": "HDTV", "SDTV": "HDTV", "DVD": "Bluray"}
_DV_WITHOUT_FALLBACK = 5
_DV_OVER_ANOTHER = 8
_FILES = frozenset({"mkv", "mp4", "avi", "m4v", "mov", "wmv", "webm"})
_DISC_FILES = frozenset({"iso", "img"})

_BRACKET_BEFORE = re.compile(r"\[[^\]]{0,200}\]")
_APOSTROPHES = re.compile("['’‘`´ʼ′]")
_PLUS = re.compile(r"(?<=[a-z0-9])\+(?![a-z])", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")
_SEPARATORS = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class ReleaseQuality:
    """What a release's name says of its picture and sound.

    Where it does not tell the source or the lines, `name` and `resolution` are what is usual; `source`
    and `resolution_told` say what was told. Lists have the order of their tables.
    """

    name: str  # of `ORDER_WORDS` or `ON_REQUEST_WORDS`, "" if the name does not tell
    resolution: str
    bad: str = ""  # what the picture was taken from if nobody should watch it: "camera copy"
    hardcoded_subtitles: bool = False
    three_d: bool = False
    upscaled: bool = False
    disc: bool = False
    revision: int = 0
    codec: str = ""
    hdr: tuple[str, ...] = ()
    audio: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()  # spoken ones
    edition: str = ""  # "Extended, IMAX"
    group: str = ""
    source: str = ""
    resolution_told: bool = False
    is_dubbed: bool = False  # the name says so
    bit_depth: int = 0  # 0 where it is not told, and so
    dv_profile: int = 0

    @property
    def size_class(self) -> str:
        """The key of `quality.size_mb_per_minute`: everything below 720p is `sd`."""
        return self.resolution if self.resolution in RESOLUTIONS[:3] else "sd"

    @property
    def hdr_kinds(self) -> tuple[str, ...]:
        """What the name says of HDR: "HDR" alone is HDR10, as is below HDR10+, and nothing is SDR."""
        below = ("HDR10",) if {"HDR", "HDR10+"}.intersection(self.hdr) else ()
        return (*(kind for kind in self.hdr if kind != "HDR"), *below) or ("SDR",)

    @property
    def is_dv_alone(self) -> bool:
        """Whether it is Dolby Vision that other screens show in green and purple.

        Discs, and what was made from them, carry an HDR10 picture below it whether their names say so
        or not (profiles 7 and 8); streams of profile 5 do not.
        """
        if self.dv_profile:
            return self.dv_profile == _DV_WITHOUT_FALLBACK
        return self.hdr == ("DV",) and self.source not in {"Remux", "Bluray"}

    def missing_in(self, order: Sequence[str]) -> list[str]:
        """Return what `quality.order` does not list and would have to; a disc in 3D needs both words."""
        needed = [self.name, *([f"3D-{self.resolution}"] if self.disc and self.three_d else [])]
        return [word for word in needed if word not in order]


def read_quality(name: str, filed_as: Filing = NOT_FILED, title_end: int | None = None) -> ReleaseQuality:
    """Read a release name; the tracker's filing helps where it does not tell.

    `title_end` is the index of the word where the title is known to end, None if it is not known.
    """
    parsed = parse_name(name)
    before, behind = _parts(name, parsed, title_end)
    group, rest = split_group(behind)
    text = fold(_without_names(rest, "" if title_end is not None else before))
    tail = words.unglue(_SEPARATORS.sub(" ", text).strip())
    is_remux = words.REMUX.search(tail) and not words.OTHER_REMUX.search(tail)
    source = "Remux" if is_remux else _first(words.SOURCES, tail) or filed_as.source
    three_d = bool(words.THREE_D.search(tail)) or filed_as.is_3d or name.lower().endswith(".mk3d")
    kind = _disc_kind(tail, parsed.extension, source, filed_as)
    is_disc = bool(kind)
    told = _resolution(tail, filed_as)
    resolution = told or ("1080p" if kind == "Disc" else _usual_resolution(tail, source))
    if kind == "Disc":
        kind = "Disc-2160p" if resolution == "2160p" else "Disc-1080p"
    elif not kind and three_d:
        kind = f"3D-{resolution}"
    hdr = _all(words.HDR, tail)
    return ReleaseQuality(
        name=kind or _name_of(source, resolution),
        resolution=resolution,
        bad=_first(words.BAD_SOURCES, tail),
        hardcoded_subtitles=_has_hardcoded_subtitles(tail),
        three_d=three_d,
        upscaled=bool(words.UPSCALE.search(tail) or words.UPSCALE.search(fold(group))),
        disc=is_disc,
        revision=_revision(tail),
        codec=_first(words.CODECS, tail),
        hdr=hdr,
        audio=_all(words.AUDIO, tail),
        languages=read_languages(text, filed_as.language),
        edition=", ".join(_all(words.EDITIONS, tail)),
        group=group,
        source=source,
        resolution_told=bool(told),
        is_dubbed=says_dubbed(text),
        bit_depth=int(_first(words.BIT_DEPTHS, tail) or 0),
        dv_profile=_dv_profile(tail, hdr),
    )


def _first(table: Iterable[tuple[str, re.Pattern[str]]], tail: str) -> str:
    return next((value for value, pattern in table if pattern.search(tail)), "")


def _all(table: Iterable[tuple[str, re.Pattern[str]]], tail: str) -> tuple[str, ...]:
    return tuple(value for value, pattern in table if pattern.search(tail))


def _parts(name: str, parsed: ParsedName, title_end: int | None) -> tuple[str, str]:
    """Return the title and what is not, as it is written: a bracket before it, and all behind."""
    text = _APOSTROPHES.sub("", name.strip()[:MAX_LENGTH])
    text = _PLUS.sub(" plus ", text).replace("+", " and ").replace("&", " and ")
    stem, extension = split_extension(text)
    if extension in {"torrent", "nzb"}:
        stem, extension = split_extension(stem)
    end = parsed.title_end if title_end is None else title_end
    start = _start_of_last(stem, len(parsed.words) - end)
    bracket = _BRACKET_BEFORE.match(stem)
    told = bracket.group() if bracket and "www" not in stem[: bracket.end()].lower() else ""
    return stem[:start], f"{'' if '.' in told else told} {stem[start:]}"


def _start_of_last(text: str, count: int) -> int:
    """Return where the last words of a text begin, counted as the folded name counts them."""
    found = list(_WORD.finditer(text))
    start = len(text)
    while found and count > 0:
        word = found.pop()
        start = word.start()
        count -= 1 if word.group().isascii() else len(_WORD.findall(fold(word.group())))
    return start


def _without_names(text: str, title: str) -> str:
    """Leave out what is written like a name: "Cam Gigandet", and *Body Cam* where no title is known."""
    found = list(_WORD.finditer(text))
    last = _WORD.findall(title)[-1:]
    around = [*(last or [""]), *(word.group() for word in found), ""]
    for index, word in reversed(list(enumerate(found))):
        bare = word.group().lower() in words.BARE and word.group().istitle()
        if bare and (_is_name(around[index]) or _is_name(around[index + 2])):
            text = text[: word.start()] + text[word.end() :]
    return text


def _is_name(word: str) -> bool:
    return (
        word.istitle()
        and word.isalpha()
        and word.lower() not in words.AROUND_BARE
        and class_of(fold(word)) is WordClass.TITLE
    )


def _disc_kind(tail: str, extension: str, source: str, filed_as: Filing) -> str:
    """Return "Disc" or "Disc-DVD" for a disc as it was pressed; most names say so only by their codec."""
    if words.REMUX.search(tail):
        return ""
    encoded = bool(words.ENCODED.search(tail)) or extension in _FILES
    if words.DVD_DISC.search(tail) or (not encoded and words.DVD_DISC_UNLESS_ENCODED.search(tail)):
        return "Disc-DVD"
    if extension in _DISC_FILES or words.IMAGE.search(tail):
        return "Disc-DVD" if source == "DVD" else "Disc"
    return "Disc" if _is_bluray_disc(tail, filed_as, encoded=encoded) else ""


def _is_bluray_disc(tail: str, filed_as: Filing, *, encoded: bool) -> bool:
    if words.DISC.search(tail):
        return True
    is_filed = filed_as.source == "Bluray"
    if encoded or words.BLURAY_RIP.search(tail) or not (is_filed or words.BLURAY.search(tail)):
        return False
    if is_filed or words.DISC_CODECS.search(tail) or words.DISC_UNLESS_ENCODED.search(tail):
        return True
    return bool(words.UHD_DISC_CODECS.search(tail) and words.LOSSLESS.search(tail) and "2160p" in tail)


def _resolution(tail: str, filed_as: Filing) -> str:
    """Return the resolution from the name, else from the category, else from the pixels."""
    found = list(words.LINES.finditer(tail))
    for kind in ("lines", "bare"):
        for match in found:
            height = int((match[kind] or "0").replace("o", "0"))
            height = height // 10 if height > _MOST_LINES else height  # "10800p" is a slip
            if height:
                return next((lines for least, lines in _HEIGHTS if height >= least), "480p")
    if any(match["full"] for match in found):
        return "1080p"
    if any(match["uhd"] for match in found) or filed_as.resolution == "2160p":
        return "2160p"
    if filed_as.resolution:
        return filed_as.resolution
    pixels = words.PIXELS.search(tail)
    width = max(int(pixels.group(1)), int(pixels.group(2))) if pixels else 0
    return next((lines for least, lines in _WIDTHS if width >= least), "")


def _usual_resolution(tail: str, source: str) -> str:
    if source == "Remux":
        return "1080p"
    if source == "Bluray" and not words.BLURAY_RIP.search(tail):
        return "720p"
    return "480p" if source or words.OLD_CODECS.search(tail) else ""


def _name_of(source: str, resolution: str) -> str:
    """Return `quality.order`'s word; of a source that is not told, or cannot be, what it was made from."""
    if not resolution:
        return ""
    if resolution in RESOLUTIONS[:3]:
        return f"{_SOURCES_OF_HD.get(source, source)}-{resolution}"
    if source == "WEB":
        return "WEB-480p"
    if source in ("Remux", "Bluray"):
        return f"Bluray-{resolution}"
    return "DVD" if source == "DVD" else "SDTV"


def _has_hardcoded_subtitles(tail: str) -> bool:
    """Tell whether subtitles are burned in: "SUBBED" alone says so, "RO Subbed" only that there are some."""
    spoken = tail.split()
    return bool(words.HARDSUBS.search(tail)) or any(
        word == "subbed" and not is_beside_language(spoken, index) for index, word in enumerate(spoken)
    )


def _dv_profile(tail: str, hdr: Sequence[str]) -> int:
    found = words.DV_PROFILE.search(tail) if "DV" in hdr else None
    if found:
        return int(found["profile"] or found["glued"])
    return _DV_OVER_ANOTHER if "DV" in hdr and words.SDR.search(tail) else 0


def _revision(tail: str) -> int:
    """Return 1 for a PROPER or REPACK, the number that one has, 2 for a REAL PROPER."""
    return max(
        (
            2 if found["real"] or found["real_behind"] else int(found["glued"] or found["number"] or 1)
            for found in words.REVISION.finditer(tail)
        ),
        default=0,
    )
