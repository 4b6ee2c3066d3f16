"""One film from wish to torrent client: look whether it is there, choose, write down, hand over."""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from movie_sync.domain.film_rules import FilmRules
from movie_sync.domain.judging import Verdict
from movie_sync.domain.models import (
    NO_WORD,
    Choice,
    DownloadResult,
    HeldTorrent,
    Movie,
    Reason,
    Release,
    ReleaseId,
    TorrentFile,
    UserWord,
)
from movie_sync.domain.quality_rules import QualityRules
from movie_sync.domain.selection import (
    Candidate,
    describe_refusals,
    improvements,
    rank,
    shown_seeders,
    wait_until,
)
from movie_sync.domain.titles import KnowsTitle, knows_no_title
from movie_sync.domain.torrents import TorrentPhase
from movie_sync.errors import (
    AuthError,
    BetterAwaitedError,
    BudgetError,
    MovieSyncError,
    NoLongerWantedError,
    NoneAcceptableError,
    NotAvailableError,
    RefusedQueryError,
    ReleaseError,
    SeriesError,
    TransientError,
    UnansweredError,
    UnavailableError,
)
from movie_sync.fetching.client_files import AS_THE_CLIENT_SAYS, ClientFiles
from movie_sync.fetching.held_torrents import HeldTorrents
from movie_sync.fetching.name_queries import name_queries
from movie_sync.fetching.page_reader import PageReader
from movie_sync.fetching.trackers import Outage, Trackers
from movie_sync.ports import Clock, FollowedClient, MovieLibrary, TorrentClient, Tracker
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.releases import FailedRelease

_log = logging.getLogger(__name__)

_MOST_TRIES = 3
# Stands for the info-hash that only the torrent tells, so that the choice counts as one.
_NOT_FETCHED = "not fetched"


@dataclass(frozen=True, slots=True)
class Search:
    """A film with what its page told, and the trackers' releases for it, best first.

    `outages` is why trackers could not be asked while others were.
    """

    movie: Movie
    candidates: tuple[Candidate, ...]
    outages: tuple[Outage, ...] = ()

    @property
    def accepted(self) -> tuple[Candidate, ...]:
        """The candidates that may be taken, best first."""
        return tuple(candidate for candidate in self.candidates if candidate.accepted)


@dataclass(eq=False, repr=False, kw_only=True)
class FileListDownloader:
    """Finds a film's best release on the user's trackers and hands it to the torrent client.

    `knows_title` tells whether some film has a title as its own, `in_company` returns a film with what
    other films of its title there are; both are asked whenever names are judged.
    `rules` tell what a film is judged by, and where its torrent goes.
    With `dry_run` it stops before the torrent is fetched and answers as if it had been handed over.
    For one thread (the download worker's, or a command's). All methods raise `TransientError`,
    `AuthError` and `StorageError` where a service or the disk cannot be used now.
    """

    trackers: Trackers
    client: TorrentClient
    pages: PageReader
    library: MovieLibrary
    rules: FilmRules
    clock: Clock
    knows_title: KnowsTitle = knows_no_title
    in_company: Callable[[Movie], Movie] = lambda movie: movie
    files: ClientFiles = AS_THE_CLIENT_SAYS
    dry_run: bool = False

    def __post_init__(self) -> None:
        release_in = self.trackers.release_in
        self._held = HeldTorrents(self.client, self.knows_title, release_in, self.clock)

    def find_handed_over(self, movie: Movie, choice: Choice) -> DownloadResult | None:
        """Look for the torrent that an earlier attempt chose: it may have been handed over."""
        is_there = self.client.find(choice.info_hash) is not None
        return DownloadResult(movie, Reason.DOWNLOADED, choice, is_found_again=True) if is_there else None

    def download_movie(
        self,
        movie: Movie,
        *,
        acceptable_since: datetime | None = None,
        tried: Sequence[FailedRelease] = (),
        word: UserWord = NO_WORD,
        check_room: Callable[[int], None] = lambda _bytes: None,
        record_choice: Callable[[Movie, Choice], bool] = lambda _movie, _choice: True,
    ) -> DownloadResult:
        """Find the film's best release and hand it over, unless a better one is to be waited for.

        `acceptable_since` is when an acceptable release was first seen, if one was. What was `tried`
        is not taken again; the user's `word` takes precedence over the rules. `check_room` is given the
        bytes of each release that is about to be fetched
        and may raise NoRoomError. `record_choice` is called before anything is handed over; False means
        that the film is no longer wanted.

        Raises:
            FilmError: in one of its kinds.
            NoRoomError: there is no room for it now.
        """
        if movie.is_series and not word.grabbed:
            raise SeriesError("a series, not a film, so it isn't searched")
        found = self.search(movie, tried, word)
        if not found.accepted:
            raise _why_none(found, word.grabbed)
        best = found.accepted[0].release
        # Under names of their own; none of those that were tried is among the accepted.
        held = self._held.find_release(each.release.id for each in found.accepted)
        if held is not None:
            return self._found_there(movie, held)
        now = self.clock.now()
        if not word.grabbed:
            since = min(acceptable_since or now, now)  # a time to come is a wrong clock's
            self._check_grace(found, since, self.rules.of(movie, word))
        if self.dry_run:
            check_room(best.size_bytes)
            return DownloadResult(movie, Reason.DOWNLOADED, Choice(best.name, best.id, _NOT_FETCHED))
        tried_hashes = {old.choice.info_hash for old in tried if not word.grabbed}
        return self._hand_over_best(found, tried_hashes, check_room, record_choice)

    def _check_grace(self, found: Search, since: datetime, rules: QualityRules) -> None:
        """Raise BetterAwaitedError while a better release than the best one is waited for."""
        until = wait_until(found.candidates, rules, since)
        if until is not None and self.clock.now() < until:
            best = found.accepted[0]
            raise BetterAwaitedError(
                f"{best.quality} found; waiting for a better release until {until:%Y-%m-%d %H:%M} UTC",
                since=since,
                until=until,
            )

    def upgrade(
        self,
        present: QueueEntry,
        better: Search,
        *,
        check_room: Callable[[int], None],
        record_choice: Callable[[Movie, Choice], bool],
    ) -> DownloadResult:
        """Hand over the best of what is `better_than` how the film is done; raises as `download_movie`."""
        known = (present.choice, *(old.choice for old in present.set_aside))
        hashes = {choice.info_hash for choice in known if choice}
        return self._hand_over_best(better, hashes, check_room, record_choice)

    def better_than(
        self, present: QueueEntry, movie: Movie, releases: Sequence[Release], *, in_doubt: bool = False
    ) -> Search:
        """Return those of these releases that are better than the present one; asks nobody.

        With `in_doubt`, while the film's page is not read, those that could be.
        """
        found = self.examine(movie, releases, present.set_aside, present.word)
        near: Sequence[Candidate] = found.candidates
        if in_doubt:
            near = [replace(each, refusals=()) for each in near if each.judgement.verdict is not Verdict.NO]
        taken, rules = present.choice.release if present.choice else "", self.rules.of(movie, present.word)
        wanted = self.in_company(movie)
        better = improvements(wanted, taken, near, rules, language_counts=not in_doubt)
        return replace(found, candidates=tuple(better))

    def find_already_there(
        self, movie: Movie, tried: Sequence[FailedRelease] = (), word: UserWord = NO_WORD
    ) -> DownloadResult | None:
        """Look for the film on the disks and in the torrent client.

        What a torrent that came to nothing has left in either of them is not the film. A torrent in
        the client that is not whole yet is adopted. A release that the user has taken is looked for alone.
        """
        if word.grabbed:
            held = self._held.find_release([word.grabbed])
            if held is None:
                return None
            return self._found_there(movie, held, Choice(held.name, word.grabbed, held.info_hash))
        rules = self.rules.of(movie, word)
        but_for = {name for old in tried for name in (old.name, old.choice.release, old.shelf_name) if name}
        wanted = self.in_company(movie)
        where = self.library.find(wanted, but_for=but_for, knows_title=self.knows_title, rules=rules)
        if where is not None:
            return DownloadResult(movie, Reason.ALREADY_DOWNLOADED, where=where)
        tried_hashes = {old.choice.info_hash for old in tried}
        held = self._held.find_film(wanted, rules, but_for=but_for, but_for_hashes=tried_hashes)
        return None if held is None else self._found_there(movie, held)

    def _found_there(self, movie: Movie, held: HeldTorrent, choice: Choice | None = None) -> DownloadResult:
        """Return the result for a torrent that is in the client: done, or to be followed from now on.

        One whose files somebody deleted is still whole for the client, until it compares them.
        """
        choice = choice or Choice(held.name, self.trackers.release_in(held.comment), held.info_hash)
        is_gone = self.files.are_there(held, self.client.torrents()) is False
        if held.phase.counts_as_there and not is_gone:
            place = held.content_path if held.phase is TorrentPhase.WHOLE else ""
            return DownloadResult(
                movie, Reason.ALREADY_DOWNLOADED, choice, place=place, size_bytes=held.size_bytes
            )
        if is_gone and isinstance(self.client, FollowedClient) and not self.dry_run:
            place = self.files.here(held.content_path)
            _log.warning("%s: the client has it, but not its files in %s; rechecking.", held.name, place)
            self.client.recheck(held.info_hash)
        return DownloadResult(movie, Reason.DOWNLOADED, choice, is_adopted=True, is_rechecked=is_gone)

    def latest(self) -> dict[str, list[Release]]:
        """Return the newest releases of each tracker that tells them, by its name."""
        return self.trackers.ask_each(lambda tracker: tracker.latest())[0]

    def examine(
        self,
        movie: Movie,
        releases: Sequence[Release],
        tried: Sequence[FailedRelease] = (),
        word: UserWord = NO_WORD,
    ) -> Search:
        """Judge releases that are at hand as candidates for a film; asks nobody."""
        why = {old.choice.id: old.why for old in tried if old.choice.id}
        wanted = self.in_company(movie)
        rules, now = self.rules.of(movie, word), self.clock.now()
        return Search(movie, tuple(rank(wanted, releases, rules, now, tried=why, word=word)))

    def search(self, movie: Movie, tried: Sequence[FailedRelease] = (), word: UserWord = NO_WORD) -> Search:
        """Ask each tracker, by IMDb id and else, or if that gives nothing acceptable, by name.

        Where the user has taken a release, until that one is found: no other is acceptable.

        Raises RefusedQueryError: there is nothing, and a tracker accepts no title as a search.
        """
        answers, outages = self.trackers.ask_each(lambda each: self._search_on(each, movie, tried, word))
        releases = [release for told, _ in answers.values() for release in told]
        refusals = [refusal for _, refusal in answers.values() if refusal]
        if refusals and not releases and not outages:
            raise refusals[0]
        return replace(self.examine(movie, releases, tried, word), outages=tuple(outages))

    def _search_on(
        self, tracker: Tracker, movie: Movie, tried: Sequence[FailedRelease], word: UserWord
    ) -> tuple[list[Release], RefusedQueryError | None]:
        """Return what a tracker has, and why it was not searched by name if it accepts none of them."""
        releases: dict[ReleaseId, Release] = {}
        names = [partial(tracker.search_name, text) for text in name_queries(movie)]
        queries = [partial(tracker.search_imdb, movie.imdb_id), *names] if movie.imdb_id else names
        refused: list[RefusedQueryError] = []
        for query in queries:
            try:
                releases |= {release.id: release for release in query()}
            except RefusedQueryError as exc:  # a short title, for instance: the others may be accepted
                _log.debug("%s: %s", movie.label, exc)
                refused.append(exc)
                continue
            if self.examine(movie, list(releases.values()), tried, word).accepted:
                break
        return list(releases.values()), refused[0] if refused and len(refused) == len(names) else None

    def _hand_over_best(
        self,
        found: Search,
        tried_hashes: Collection[str],
        check_room: Callable[[int], None],
        record_choice: Callable[[Movie, Choice], bool],
    ) -> DownloadResult:
        """Hand over the best release that turns out to be whole; the next ones stand in for it."""
        tries, last_error, placement = 0, "", self.rules.placement(found.movie)
        unanswered: UnansweredError | None = None
        for candidate in found.accepted:
            release = candidate.release
            check_room(release.size_bytes)
            try:
                torrent = self._fetch(release)
                if any(info_hash in tried_hashes for info_hash in torrent.info_hashes):
                    raise ReleaseError("the same torrent was tried before and failed")
                choice = _choice(found.movie, release, torrent.info_hash)
                if not record_choice(found.movie, choice):
                    raise NoLongerWantedError("removed from the queue in the meantime")
                is_new = self.client.hand_over(torrent, placement)
            except ReleaseError as exc:
                _log.warning("%s: %s", release.name, exc)
                tries, last_error = tries + 1, str(exc)
                if tries == _MOST_TRIES:
                    break
            except UnansweredError as exc:
                unanswered = exc
            else:
                return self._handed_over(candidate, found, torrent, is_new=is_new)
        if unanswered:
            raise unanswered
        raise ReleaseError(
            last_error
            if tries == 1
            else f"none of the best {tries} releases could be fetched; the last one: {last_error}"
        )

    def _fetch(self, release: Release) -> TorrentFile:
        """Return a release's torrent; raises UnansweredError if its tracker fails, being one of several."""
        try:
            return self.trackers.ask(release.id.tracker, lambda tracker: tracker.fetch_torrent(release))
        except BudgetError:
            raise
        except (AuthError, TransientError) as exc:
            if self.trackers.is_sole:
                raise
            raise UnansweredError(f"Couldn't fetch {release.name}: {exc}") from None

    def _handed_over(
        self, candidate: Candidate, found: Search, torrent: TorrentFile, *, is_new: bool
    ) -> DownloadResult:
        """Return what came of a hand-over: the torrent may have been there, or be known by its other hash."""
        release, shown = candidate.release, None
        if not is_new or torrent.other_hash:
            shown = next(iter(self.client.states(torrent.info_hashes).values()), None)
        choice = _choice(found.movie, release, shown.info_hash if shown else torrent.info_hash)
        self._held.note(choice.info_hash, torrent.name, release.id)
        if shown and not is_new:
            return self._found_there(found.movie, shown, choice)
        if not is_new:
            raise UnavailableError(
                f"The torrent client had {release.name} a moment ago, but doesn't any more."
            )
        return DownloadResult(found.movie, Reason.DOWNLOADED, choice, why=_praise(candidate, found))


def _choice(movie: Movie, release: Release, info_hash: str) -> Choice:
    return Choice(release.name, release.id, info_hash, None if movie.imdb_id else release.imdb_id)


def _why_none(found: Search, grabbed: ReleaseId | None) -> MovieSyncError:
    """Return why nothing can be taken: while a tracker could not be asked, its absence tells nothing."""
    if grabbed and grabbed in {each.release.id for each in found.candidates}:
        return NotAvailableError(
            f"the release you grabbed ({grabbed}) is a magnet link only, which isn't supported"
        )
    if grabbed and not found.outages:
        return NotAvailableError(f"the release you grabbed ({grabbed}) isn't on the tracker any more")
    spent = [outage for outage in found.outages if isinstance(outage, BudgetError)]
    if spent:
        return spent[0]
    text = describe_refusals(found.candidates)
    if found.outages:
        return UnansweredError(f"{text}. {' '.join(map(str, found.outages))}")
    return NoneAcceptableError(text) if found.candidates else NotAvailableError(text)


def _praise(candidate: Candidate, found: Search) -> str:
    """Say what spoke for a release: "Bluray-1080p, 9.8 GB, 120 seeders, best of 7 acceptable"."""
    release = candidate.release
    parts = [candidate.quality, f"{release.size_bytes / 1e9:.1f} GB", f"{shown_seeders(release)} seeders"]
    if release.freeleech:
        parts.append("freeleech")
    if len(found.accepted) > 1:
        parts.append(f"best of {len(found.accepted)} acceptable")
    return ", ".join(parts)
