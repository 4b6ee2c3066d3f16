"""Choose the release that a user would pick by hand, and say why not each other one.

Refusals come first. Among what is left: quality in the user's order, then PROPER/REPACK, words, flags,
seeders in steps of ten to the power, size. Seeders never buy quality, and a flag never beats a better
release.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from movie_sync.domain.judging import RANK, Judgement, Verdict, judge
from movie_sync.domain.languages import ORIGINAL, UNTOLD, Sound, sound_of
from movie_sync.domain.models import NO_WORD, NOT_FILED, Movie, Release, ReleaseId, UserWord
from movie_sync.domain.quality_rules import DEFAULT_SIZES, QualityRules
from movie_sync.domain.refusals import Refusal, RefusalKind, bad_source
from movie_sync.domain.release_quality import ReleaseQuality, read_quality
from movie_sync.domain.release_rules import Condition, Field, Rule, comparable, has_word
from movie_sync.domain.wanted import WantedFilm

ASSUMED_RUNTIME_MINUTES = 110
_MOST_REASONS = 6
_FRESH = timedelta(hours=1)
_MB = 1_000_000
_GB = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Candidate:
    """A release with what was found out about it.

    `refusals` are most telling first. `score` is what its words and the rules give it.
    """

    release: Release
    refusals: tuple[Refusal, ...]
    quality: str  # a word of the configuration's order, "" if the name does not tell
    details: ReleaseQuality
    judgement: Judgement
    score: float = 0
    mb_per_minute: float = 0
    sound: Sound = UNTOLD
    scored_by: tuple[Rule, ...] = ()  # the rules that gave it a score
    is_grabbed: bool = False  # the user took it, whatever the rules say
    seeders_awaited: bool = False  # nothing but its seeders is against it, and it was uploaded just now

    @property
    def accepted(self) -> bool:
        """Tell whether it may be taken."""
        return not self.refusals

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it was refused, in words; what is special about one that is accepted, and its rules' scores."""
        awaited = ("new upload, so seeders may still come",) if self.accepted and self.seeders_awaited else ()
        scored = (f"{rule.score:+g} from {rule.words}" for rule in self.scored_by)
        grabbed = ("grabbed by you",) if self.is_grabbed else ()
        return (*(refusal.words for refusal in self.refusals), *grabbed, *awaited, *scored)


def rank(
    movie: Movie,
    releases: Sequence[Release],
    rules: QualityRules,
    now: datetime,
    *,
    tried: Mapping[ReleaseId, str] = MappingProxyType({}),
    word: UserWord = NO_WORD,
) -> list[Candidate]:
    """Return all releases as candidates, best first: the accepted ones, then the refused ones.

    The first is the one to take if it is accepted; between equals it is that of the tracker which comes
    first among the releases, and the newest there. `tried` says why a release that
    was taken for the film before came to nothing. The user's `word` takes precedence over the rules: what
    was rejected is refused, and of the one to take nothing but that it has no torrent file.
    """
    wanted = WantedFilm.from_movie(movie)
    places = {release.id.tracker: place for place, release in reversed(list(enumerate(releases)))}
    in_order = sorted(releases, key=lambda release: (places[release.id.tracker], -release.id.number))
    candidates = [_examine(movie, wanted, release, rules, now, tried.get(release.id)) for release in in_order]
    candidates = [_by_word(each, word) for each in candidates]
    if not any(candidate.accepted for candidate in candidates):
        # A new upload has no seeders yet; when nothing better is there, it may be the one to take.
        candidates = [
            replace(candidate, refusals=()) if candidate.seeders_awaited else candidate
            for candidate in candidates
        ]
    return sorted(candidates, key=lambda candidate: _preference(candidate, rules))


def _by_word(candidate: Candidate, word: UserWord) -> Candidate:
    """Return a candidate as the user's word has it."""
    release = candidate.release
    if word.grabbed == release.id and release.has_torrent:
        return replace(candidate, refusals=(), is_grabbed=True, seeders_awaited=False)
    if release.id in word.rejected:
        why = Refusal(RefusalKind.REJECTED_BY_USER)
    elif word.grabbed and word.grabbed != release.id:
        why = Refusal(RefusalKind.ANOTHER_GRABBED, (word.grabbed,))
    else:
        return candidate
    return replace(candidate, refusals=(why, *candidate.refusals), seeders_awaited=False)


def wait_until(candidates: Sequence[Candidate], rules: QualityRules, first_seen: datetime) -> datetime | None:
    """Return until when a better release is waited for, or None if the best one is to be taken now.

    `first_seen` is when the first acceptable release of the film was seen. The caller compares the
    answer with its clock.
    """
    best = candidates[0] if candidates and candidates[0].accepted else None
    if best is None or not rules.wait_for_best_hours or best.quality in rules.order[:1]:
        return None
    return first_seen + timedelta(hours=rules.wait_for_best_hours)


def quality_of(movie: Movie, name: str) -> ReleaseQuality:
    """Return what the name of a release of that film tells of its quality."""
    return read_quality(name, NOT_FILED, judge(WantedFilm.from_movie(movie), name).title_end)


def is_below_enough(movie: Movie, taken: str, rules: QualityRules) -> bool:
    """Tell whether a better release than that named `taken` is wanted; not if its quality is not known."""
    if rules.upgrade is None or (name := quality_of(movie, taken).name) not in rules.order:
        return False
    return rules.order.index(name) > rules.order.index(rules.upgrade.until)


def improvements(
    movie: Movie,
    taken: str,
    candidates: Sequence[Candidate],
    rules: QualityRules,
    *,
    language_counts: bool = True,
) -> list[Candidate]:
    """Return those accepted candidates that a film's release, named `taken`, may be exchanged for.

    Best first: of a strictly better quality, or a later PROPER or REPACK of the same, up to the one that is
    enough. What comes last within its quality counts only if `taken` does too, a PROPER in a language that
    comes later not at all, and where the quality of `taken` is not known, nothing is better. Names alone
    tell, as of `taken` nothing else is known. Without the film's page the language does not count.
    """
    if rules.upgrade is None or not is_below_enough(movie, taken, rules):
        return []
    present = quality_of(movie, taken)
    enough, place = rules.order.index(rules.upgrade.until), rules.order.index(present.name)
    sound = sound_of(present.languages, movie.original_language, is_dubbed=present.is_dubbed)

    def rank_of(details: ReleaseQuality, sound: Sound) -> tuple[bool, int]:
        wanted = (language_counts and rules.languages) or ()
        language = sound.place_in(wanted)
        return details.is_dv_alone or (language == len(wanted) and bool(wanted)), language

    its_rank = rank_of(present, sound)

    def is_better(candidate: Candidate) -> bool:
        name = quality_of(movie, candidate.release.name).name
        if not candidate.accepted or name not in rules.order:
            return False
        its_place, rank = rules.order.index(name), rank_of(candidate.details, candidate.sound)
        is_later = its_place == place and candidate.details.revision > present.revision and rank <= its_rank
        return (enough <= its_place < place and rank[0] <= its_rank[0]) or is_later

    return list(filter(is_better, candidates))


def describe_refusals(candidates: Sequence[Candidate]) -> str:
    """Say in one line why none was taken: "no suitable release yet (3 found: CAM ×2; no seeders)"."""
    if not candidates:
        return "no release on the tracker yet"
    counted = Counter(candidate.refusals[0].words for candidate in candidates if candidate.refusals)
    parts = [
        words if count == 1 else f"{words} ×{count}" for words, count in counted.most_common(_MOST_REASONS)
    ]
    if len(counted) > _MOST_REASONS:
        others = len(counted) - _MOST_REASONS
        parts.append("1 other reason" if others == 1 else f"{others} other reasons")
    found = f"{len(candidates)} found"
    return f"no suitable release yet ({': '.join(filter(None, (found, '; '.join(parts))))})"


def why_not_first(candidate: Candidate, best: Candidate, rules: QualityRules) -> str:
    """Say what speaks for the best candidate rather than for another accepted one."""
    ours, other = _preference(candidate, rules), _preference(best, rules)
    release, taken = candidate.release, best.release
    words = (
        "acceptable",
        f"{candidate.quality} ranks below {best.quality}",
        f"{_last_because(candidate, rules)} ranks last within its quality",
        "its language ranks lower",
        "the pick is a newer PROPER or REPACK",
        "your words and rules score the pick higher",
        "the pick is freeleech or internal",
        "the pick is freeleech",
        f"fewer seeders ({shown_seeders(release)}; the pick has {taken.seeders})",
        "smaller" if rules.preferred_mb_per_minute is None else "its size is further from your preferred one",
    )
    otherwise = "older" if release.id.tracker == taken.id.tracker else "its tracker comes later in `trackers`"
    differing = (text for text, mine, theirs in zip(words, ours, other, strict=True) if mine != theirs)
    return f"acceptable, but {next(differing, otherwise)}"


# Refusals ------------------------------------------------------------------------------------------


def _examine(
    movie: Movie,
    wanted: WantedFilm,
    release: Release,
    rules: QualityRules,
    now: datetime,
    came_to_nothing: str | None,
) -> Candidate:
    judgement = judge(wanted, release.name)
    if judgement.is_two_years_off and movie.imdb_id and movie.imdb_id == release.imdb_id:
        why = f"title and IMDb id match, but {judgement.reason}"
        judgement = replace(judgement, verdict=Verdict.MAYBE, reason=why)
    quality = read_quality(release.name, release.filed_as, judgement.title_end)
    mb_per_minute = release.size_bytes / _MB / (movie.runtime_minutes or ASSUMED_RUNTIME_MINUTES)
    name = comparable(release.name)
    sound = sound_of(quality.languages, movie.original_language, is_dubbed=quality.is_dubbed)
    rules_met = _rules_met(rules, release, quality, sound)
    refusals = [
        *([] if came_to_nothing is None else [Refusal(RefusalKind.GIVEN_UP, (came_to_nothing,))]),
        *_film_refusals(movie, release, judgement),
        *_picture_refusals(quality, rules),
        *_size_refusals(release, quality, rules, mb_per_minute),
        *(Refusal(RefusalKind.REJECTED_WORD, (word,)) for word in rules.reject_words if has_word(name, word)),
        *_sound_refusals(sound, rules),
        *(Refusal(RefusalKind.RULE, (rule.words,)) for rule in rules_met if rule.reject),
    ]
    if rules.freeleech == "only" and not release.freeleech:
        refusals.append(Refusal(RefusalKind.NOT_FREELEECH))
    if not release.has_torrent:
        refusals.append(Refusal(RefusalKind.NO_TORRENT_FILE))
    awaited = False
    if release.seeders is not None and release.seeders < rules.min_seeders:
        awaited = not refusals and release.uploaded_at is not None and now - release.uploaded_at < _FRESH
        kinds = {0: RefusalKind.NO_SEEDERS, 1: RefusalKind.ONE_SEEDER}
        kind = kinds.get(release.seeders, RefusalKind.FEW_SEEDERS)
        refusals.append(Refusal(kind, (release.seeders, rules.min_seeders)))
    return Candidate(
        release=release,
        refusals=tuple(refusals),
        quality=quality.name,
        details=quality,
        judgement=judgement,
        score=sum(worth for word, worth in rules.words.items() if has_word(name, word))
        + sum(rule.score for rule in rules_met),
        sound=sound,
        scored_by=tuple(rule for rule in rules_met if rule.score),
        mb_per_minute=round(mb_per_minute, 1),
        seeders_awaited=awaited,
    )


def _film_refusals(movie: Movie, release: Release, judgement: Judgement) -> Iterator[Refusal]:
    """Say why a release is not the film.

    The tracker's IMDb id alone proves nothing, as mislabelled uploads are common: the name must be
    the film's too. Where only the id is lacking (the film's year is not known, another film has that
    title and year, or may have it, as it is but an alternative title) it decides.
    """
    ids_known = bool(movie.imdb_id and release.imdb_id)
    if ids_known and movie.imdb_id != release.imdb_id:
        yield Refusal(RefusalKind.OTHER_IMDB_ID)
    if judgement.verdict is Verdict.NO:
        yield Refusal(RefusalKind.OTHER_FILM, (judgement,))
    elif judgement.verdict is Verdict.MAYBE and not judgement.lacks_only_id:
        yield Refusal(RefusalKind.PERHAPS_ANOTHER, (judgement,))
    elif judgement.verdict is Verdict.MAYBE and not ids_known and movie.year is None:
        yield Refusal(RefusalKind.NO_YEAR)
    elif judgement.verdict is Verdict.MAYBE and not ids_known:
        yield Refusal(RefusalKind.ONLY_AN_ID_TELLS, (judgement,))
    elif not judgement.exact and not movie.imdb_id:
        yield Refusal(RefusalKind.NOT_EXACT, (judgement,))


def _picture_refusals(quality: ReleaseQuality, rules: QualityRules) -> Iterator[Refusal]:
    if quality.bad:
        yield bad_source(quality.bad)
    if quality.hardcoded_subtitles:
        yield Refusal(RefusalKind.HARDCODED_SUBTITLES)
    if quality.upscaled:
        yield Refusal(RefusalKind.UPSCALED)
    missing = quality.missing_in(rules.order)
    if not missing:
        return
    if quality.disc and quality.name in missing:
        yield Refusal(RefusalKind.RAW_DISC)
    elif quality.three_d:
        yield Refusal(RefusalKind.THREE_D)
    elif quality.name:
        yield Refusal(RefusalKind.QUALITY_NOT_WANTED, (quality,))
    else:
        yield Refusal(RefusalKind.QUALITY_UNKNOWN)


def _sound_refusals(sound: Sound, rules: QualityRules) -> Iterator[Refusal]:
    """Refuse what has no sound but a dub that nobody asked for; a doubt is no reason."""
    if rules.languages is None or not rules.reject_dubbed or sound.has_original is not False:
        return
    if sound.place_in(rules.languages) == len(rules.languages):
        yield Refusal(RefusalKind.DUBBED, (", ".join(sorted(sound.languages)) or "language unknown",))


def _rules_met(rules: QualityRules, release: Release, quality: ReleaseQuality, sound: Sound) -> list[Rule]:
    """Return the user's rules that hold for a release."""
    if not rules.rules:
        return []
    has: dict[Field, Condition] = {
        Field.RESOLUTION: (quality.size_class,) if quality.resolution else (),
        Field.SOURCE: (quality.source or quality.name.partition("-")[0],),
        Field.CODEC: (quality.codec,),
        Field.HDR: quality.hdr_kinds,
        Field.AUDIO: quality.audio,
        Field.LANGUAGES: (*sound.languages, *((ORIGINAL,) if sound.has_original else ())),
        Field.GROUP: (quality.group,),
        Field.EDITION: (quality.edition,),
        Field.WORD: (release.name,),
        Field.FREELEECH: release.freeleech,
        Field.INTERNAL: release.internal,
    }
    return [rule for rule in rules.rules if rule.holds(has)]


def _size_refusals(
    release: Release, quality: ReleaseQuality, rules: QualityRules, mb_per_minute: float
) -> Iterator[Refusal]:
    size_class = quality.size_class
    least, most = rules.size_mb_per_minute.get(size_class, DEFAULT_SIZES[size_class])
    if mb_per_minute < least:
        yield Refusal(RefusalKind.TOO_SMALL, (mb_per_minute, least, size_class))
    elif mb_per_minute > most:
        yield Refusal(RefusalKind.TOO_LARGE, (mb_per_minute, most, size_class))
    if rules.max_size_gb is not None and release.size_bytes > rules.max_size_gb * _GB:
        yield Refusal(RefusalKind.OVER_SIZE_LIMIT, (release.size_bytes / _GB, rules.max_size_gb))


def shown_seeders(release: Release) -> str:
    """Return the number of seeders as people read it."""
    return "unknown" if release.seeders is None else str(release.seeders)


# Preference ----------------------------------------------------------------------------------------


def _last_because(candidate: Candidate, rules: QualityRules) -> str:
    """Say what puts a release behind all others of its quality; "" if nothing does."""
    if candidate.details.is_dv_alone:
        return "Dolby Vision without a fallback layer"
    if rules.languages is None or candidate.sound.place_in(rules.languages) < len(rules.languages):
        return ""
    return "another language" if candidate.sound.languages else "a dub"


def _preference(candidate: Candidate, rules: QualityRules) -> tuple[float, ...]:
    """Return the sort key: smaller is better."""
    release = candidate.release
    place = rules.order.index(candidate.quality) if candidate.quality in rules.order else len(rules.order)
    freeleech = 1 if rules.freeleech == "prefer" and release.freeleech else 0
    internal = 1 if rules.prefer_internal and release.internal else 0
    if rules.preferred_mb_per_minute is None:
        size = -float(release.size_bytes)
    else:
        size = abs(candidate.mb_per_minute - rules.preferred_mb_per_minute)
    # 1-9 seeders are one step, 10-99 the next; unknown counts as none.
    step = int(math.log10(release.seeders)) + 1 if release.seeders else 0
    return (
        0 if candidate.accepted else 1 + RANK[candidate.judgement.verdict],
        place,
        1 if _last_because(candidate, rules) else 0,
        candidate.sound.place_in(rules.languages) if rules.languages is not None else 0,
        -candidate.details.revision,
        -candidate.score,
        -(freeleech + internal),
        -freeleech,
        -step,
        size,
    )
