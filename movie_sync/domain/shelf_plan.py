"""What of a torrent's files goes to the shelf: the film and its subtitles, or why that can't be told.

A path is relative to the torrent, its pieces separated by slashes; sizes are bytes.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from movie_sync.domain.languages import code_of
from movie_sync.domain.name_kinds import VIDEO_EXTENSIONS
from movie_sync.domain.titles import fold

_DISC_FOLDERS = frozenset({"bdmv", "video_ts", "hvdvd_ts"})
_DISC_FILES = frozenset({"iso", "img", "nrg", "mdf", "vob", "ifo"})
_ARCHIVES = re.compile(r"(?:rar|r\d\d|zip|7z|tar|gz|\d{3})")
_SUBTITLES = frozenset({"srt", "ass", "ssa", "sub", "idx", "vtt", "smi", "sup"})
_SAMPLE_FOLDERS = frozenset({"sample", "samples", "proof", "screens", "screenshots"})
_SAMPLE = re.compile(r"(?<![a-z0-9])sample(?![a-z0-9])")
_SAMPLE_SHARE = 4  # the film is at least so many times as large
_SAMPLE_BYTES = 300_000_000
_PART = re.compile(r"(?:^|[^a-z])(?:cd|dvd|dis[ck]|part|pt|teil)[ ._-]?(\d{1,2}|[a-d])(?![a-z0-9])")
_OTHER_FILM_SHARE = 0.4
_EXTRAS: Mapping[str, str] = {
    "trailer": "trailers",
    "teaser": "trailers",
    "behind": "behind the scenes",
    "making": "behind the scenes",
    "deleted": "deleted scenes",
    "interview": "interviews",
    "featurette": "featurettes",
    "short": "shorts",
    "scene": "scenes",
}
"""The folders that both Jellyfin and Plex know, by how a word in the path begins."""
_OF_EXTRAS = frozenset(
    "a and bonus clips content disc discs disk dvd extra extras feature features material misc of other "
    "special specials supplement supplements supplemental the videos".split()
)
_OTHER_EXTRAS = "other"
_FORCED, _HEARING = frozenset({"forced", "foreign"}), frozenset({"sdh", "cc", "hi", "hearing"})
# Tell nothing of the language, or which of its forms: "Spanish (Latin American)", "zh-Hans", "pt-BR".
_BESIDE_LANGUAGE = frozenset(
    "american br brazil castilian cn es european eu hans hant latam latin mx retail sub subs subtitle "
    "subtitles tw us".split()
)
_BY_FORM = {"brazilian": "pt", "brasil": "pt", "simplified": "zh", "traditional": "zh"}
_CODE_LETTERS = 3
_WORD = re.compile(r"[^\W_]+")


class Left(StrEnum):
    """Why nothing of a torrent goes to the shelf; the words stand in `queue_completed.json`."""

    DISC = "it's a disc, not a video file"
    PARTS = "the film is in several parts"
    SEVERAL = "there are several videos as long as a film"
    PACKED = "it's in an archive"
    NO_VIDEO = "there's no video in it"
    AMONG_OTHERS = "its files are mixed with others"


@dataclass(frozen=True, slots=True)
class ShelfFile:
    """A file of the torrent, and what its name on the shelf has behind the film's: `.ro.forced.srt`.

    `folder` is the one for extras, in which it keeps its own name.
    """

    path: str
    ending: str = ""
    folder: str = ""


@dataclass(frozen=True, slots=True)
class ShelfPlan:
    """The film's one video, and what belongs to it."""

    video: ShelfFile
    subtitles: tuple[ShelfFile, ...] = ()
    extras: tuple[ShelfFile, ...] = ()


def plan_of(files: Mapping[str, int], *, with_extras: bool = False) -> ShelfPlan | Left:
    """Return what goes to the shelf, by paths and sizes."""
    disc = {path: size for path, size in files.items() if _is_of_disc(path)}
    videos = {
        path: size
        for path, size in files.items()
        if path not in disc and _extension(path) in VIDEO_EXTENSIONS
    }
    largest = max(videos.values(), default=0)
    if sum(disc.values()) > largest or (disc and not videos):
        return Left.DISC
    if sum(size for path, size in files.items() if _ARCHIVES.fullmatch(_extension(path))) > largest:
        return Left.PACKED
    videos = {path: size for path, size in videos.items() if not _is_sample(path, size, largest)}
    if not videos:
        return Left.NO_VIDEO
    main = max(videos, key=lambda path: (videos[path], path))
    others = [path for path in videos if path != main]
    if any(_are_parts(main, other) for other in others):
        return Left.PARTS
    if any(videos[path] > _OTHER_FILM_SHARE * videos[main] and not _is_in_extras(path) for path in others):
        return Left.SEVERAL
    ending = f".{_extension(main)}"
    extras = (ShelfFile(path, folder=_extras_folder(path, main)) for path in sorted(others))
    paths = [path for path in sorted(files) if _is_subtitles(path, main, others)]
    return ShelfPlan(
        ShelfFile(main, ending), tuple(_subtitles(paths, main)), tuple(extras) if with_extras else ()
    )


def _extension(path: str) -> str:
    return PurePosixPath(path).suffix[1:].lower()


def _stem(path: str) -> str:
    return PurePosixPath(path).stem


def _folders(path: str) -> list[str]:
    return [fold(piece).strip() for piece in PurePosixPath(path).parts[:-1]]


def _is_of_disc(path: str) -> bool:
    return _extension(path) in _DISC_FILES or not _DISC_FOLDERS.isdisjoint(_folders(path))


def _is_sample(path: str, size: int, largest: int) -> bool:
    """Tell whether a video is a piece of the film. A film may be called "Sample", but is not small."""
    is_called_so = _SAMPLE.search(_stem(path).lower()) or not _SAMPLE_FOLDERS.isdisjoint(_folders(path))
    is_small = size * _SAMPLE_SHARE <= largest or ("/" in path and size < _SAMPLE_BYTES)
    return bool(is_called_so) and is_small


def _are_parts(one: str, other: str) -> bool:
    """Tell whether two videos are called alike but for the number of a part."""
    names = [fold("/".join(PurePosixPath(path).with_suffix("").parts)) for path in (one, other)]
    found = [_PART.search(name) for name in names]
    if not all(found):
        return False
    without = [_PART.sub("", name) for name in names]
    return without[0] == without[1] and names[0] != names[1]


def _is_in_extras(path: str) -> bool:
    """Tell whether a file is in a folder called nothing but that: a film may be called "Interview"."""
    return any(
        (words := _WORD.findall(folder))
        and all(word in _OF_EXTRAS or word.isdigit() or _kind_of_extra(word) for word in words)
        and not all(word.isdigit() for word in words)
        for folder in _folders(path)
    )


def _extras_folder(path: str, main: str) -> str:
    """Return the folder for a video beside the film. What the film's own name has too tells nothing."""
    own = {*_WORD.findall(fold(_stem(main)))}
    words = [word for piece in (*_folders(path), fold(_stem(path))) for word in _WORD.findall(piece)]
    return next((kind for word in words if word not in own and (kind := _kind_of_extra(word))), _OTHER_EXTRAS)


def _kind_of_extra(word: str) -> str:
    return next((folder for beginning, folder in _EXTRAS.items() if word.startswith(beginning)), "")


def _is_subtitles(path: str, main: str, others: Sequence[str]) -> bool:
    """Tell whether a file has subtitles of the film, and not of what lies beside it."""
    if _extension(path) not in _SUBTITLES or _is_in_extras(path):
        return False
    if _stem(path).startswith(_stem(main)) and not _stem(path).lower().endswith("-sample"):
        return True
    stem = str(PurePosixPath(path).with_suffix(""))
    return (
        not _SAMPLE.search(_stem(path).lower())
        and _SAMPLE_FOLDERS.isdisjoint(_folders(path))
        and not any(f"{stem}.".startswith(f"{PurePosixPath(other).with_suffix('')}.") for other in others)
    )


def _subtitles(paths: Sequence[str], main: str) -> list[ShelfFile]:
    """Return the subtitles, each with its language and kind; those of one kind are numbered."""
    groups: dict[str, list[str]] = {}  # a pair of .idx and .sub is one
    for path in paths:
        groups.setdefault(str(PurePosixPath(path).with_suffix("")), []).append(path)
    counts: Counter[tuple[str, str]] = Counter()
    found = []
    for stem, members in groups.items():
        tags = _tags(stem, main)
        extensions = {_extension(path) for path in members}
        counts.update((tags, extension) for extension in extensions)
        number = max(counts[tags, extension] for extension in extensions)
        counts.update({(tags, extension): number - counts[tags, extension] for extension in extensions})
        ending = f"{tags}.{number}" if number > 1 else tags
        found += [ShelfFile(path, f"{ending}.{_extension(path)}") for path in members]
    return found


def _tags(stem: str, main: str) -> str:
    """Return the language and the kind that the name of subtitles tells: `.ro.forced`.

    What the film's own name has tells nothing of them.
    """
    own = {*_WORD.findall(fold(_stem(main)))}
    words = [word for word in _WORD.findall(fold(PurePosixPath(stem).name)) if word not in own]
    code, kinds = _language(words), {*words}
    if not code:  # in a folder for each language
        folder = _WORD.findall(fold(PurePosixPath(stem).parent.name))
        code = _language(folder)
        kinds |= {*folder}
    tags = [f".{code}"] if code else []
    tags += [".forced"] if not _FORCED.isdisjoint(kinds) else []
    is_hindi = code == "hi" and "hi" in words
    tags += [".sdh"] if not (_HEARING - {"hi"} if is_hindi else _HEARING).isdisjoint(kinds) else []
    return "".join(tags)


def _language(words: Sequence[str]) -> str:
    """Return the code of the language that is named last.

    Its name counts anywhere; a code only where nothing but a kind or a number follows, as many are words too.
    """
    rest = list(words)
    while rest and (
        rest[-1] in _FORCED | _HEARING | _BESIDE_LANGUAGE or rest[-1].isdigit() or rest[-1] in _BY_FORM
    ):
        rest.pop()
    if rest and len(rest[-1]) <= _CODE_LETTERS and (code := code_of(rest[-1])):
        return code
    named = [code for word in words if (code := _BY_FORM.get(word) or _code_of_name(word))]
    if named:
        return named[-1]
    # What may be a code as well as something else is one if nothing else is there to be it.
    return next((code for word in reversed(words[len(rest) :]) if (code := code_of(word))), "")


def _code_of_name(word: str) -> str:
    return code_of(word) if len(word) > _CODE_LETTERS and word not in _BESIDE_LANGUAGE else ""
