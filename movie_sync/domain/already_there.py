"""Whether something that is there already, on a disk or in the torrent client, is the wanted film."""

from collections.abc import Iterator

from movie_sync.domain.judging import Judgement, Verdict
from movie_sync.domain.path_name import naming_pieces
from movie_sync.domain.quality_rules import RESOLUTIONS, QualityRules
from movie_sync.domain.release_name import parse_name
from movie_sync.domain.release_quality import ReleaseQuality, read_quality
from movie_sync.domain.release_rules import comparable, has_word
from movie_sync.domain.titles import KnowsTitle

_DISC_ENDINGS = (".iso", ".img")
_SD_WORDS = frozenset({"DVD", "SDTV"})


def counts_as_there(judgement: Judgement, knows_title: KnowsTitle) -> bool:
    """Tell whether a name's verdict is enough to count as the film.

    A name that has only an alternative title counts unless another film is known that is called so.
    """
    if judgement.alternative_keys:
        return not any(knows_title(key) for key in judgement.alternative_keys)
    return judgement.verdict is Verdict.YES


def is_acceptable(name: str, rules: QualityRules, *, title_end: int | None = None) -> bool:
    """Tell whether the settings would take what a name or a path says is there.

    A camera copy, burned-in subtitles and an upscale would never be taken, and a quality outside the
    order or a rejected word not by this user: if such a copy counted as the film, the good one would
    never come. The quality may stand in the file's name or in its folder's. Only what a name really
    tells counts against it: in most libraries it is "Heat (1995).mkv", and that is the film.
    So what is missing is not made up for by what is usual: "1080p" alone may be any source's, and
    "BluRay" alone may have any size. For the same reason a disc is one if a word says so, not because
    it lies there as an image or in folders. Sizes and seeders are no matter for what is there.

    `title_end` is the judgement's: words of the film's title (*Saw 3D*) tell nothing.
    """
    pieces = naming_pieces(name)
    if any(has_word(comparable(piece), word) for piece in pieces for word in rules.reject_words):
        return False
    told = list(_told(pieces, title_end))
    if any(quality.bad or quality.hardcoded_subtitles or quality.upscaled for quality in told):
        return False
    return all(_may_be_in(rules.order, quality) for quality in told)


def _told(pieces: list[str], title_end: int | None) -> Iterator[ReleaseQuality]:
    """Read the quality of the file's name, then of its folder's, which may have the title, too."""
    title = parse_name(pieces[0]).words[:title_end] if title_end is not None else ()
    for piece in pieces:
        plain = piece[:-4] if piece.lower().endswith(_DISC_ENDINGS) else piece
        has_title = title and parse_name(piece).words[: len(title)] == title
        yield read_quality(plain, title_end=len(title) if has_title else None)


def _may_be_in(order: tuple[str, ...], quality: ReleaseQuality) -> bool:
    """Tell whether a quality, as far as it was told, may be one of the order's."""
    if not quality.missing_in(order) or not quality.name:
        return True
    is_told_whole = quality.source == "DVD" or (quality.source and quality.resolution_told)
    if quality.disc or quality.three_d or is_told_whole:
        return False
    if quality.source:
        return any(word.startswith(quality.source) for word in order)
    if quality.size_class == "sd":
        return any(word in _SD_WORDS or word.endswith(RESOLUTIONS[3:]) for word in order)
    return any(
        word.endswith(f"-{quality.resolution}") for word in order if not word.startswith(("Disc", "3D"))
    )
