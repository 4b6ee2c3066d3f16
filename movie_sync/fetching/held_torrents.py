"""Which films are among the torrents that the client holds already, whoever put them there.

Of tens of thousands of torrents only what they are found by is kept, some eighty bytes each. What
is found is asked for anew, so that how far it is is known as it is now.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from movie_sync.domain.already_there import counts_as_there, is_acceptable
from movie_sync.domain.compact import HashedNumbers
from movie_sync.domain.judging import judge
from movie_sync.domain.models import HeldTorrent, Movie, ReleaseId
from movie_sync.domain.name_index import KeyIndex
from movie_sync.domain.quality_rules import QualityRules
from movie_sync.domain.titles import KnowsTitle
from movie_sync.domain.torrents import usable_hashes
from movie_sync.domain.wanted import WantedFilm
from movie_sync.ports import Clock, TorrentClient

_NEWS_SECONDS = 60.0
_LONGEST_SHARE = 10.0
_MOST_CANDIDATES = 1000
_HASH_BYTES = 20


@dataclass(eq=False, repr=False)
class HeldTorrents:
    """For one thread. Methods raise as those of `TorrentClient`."""

    client: TorrentClient
    knows_title: KnowsTitle
    release_in: Callable[[str], ReleaseId | None]
    clock: Clock
    _until: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._clear()

    def find_film(
        self,
        movie: Movie,
        rules: QualityRules,
        *,
        but_for: Collection[str] = (),
        but_for_hashes: Collection[str] = (),
    ) -> HeldTorrent | None:
        """Return the torrent that is the film, the one that is furthest of several.

        One that the rules would not take is not the film, nor are those of the names and the
        info-hashes given.
        """
        if self.clock.monotonic() >= self._until:
            self._read()
        wanted = WantedFilm.from_movie(movie)
        found = [
            held
            for held in self._look_up(self._names.candidates(wanted)[:_MOST_CANDIDATES])
            if held.name not in but_for
            and held.info_hash not in but_for_hashes
            and counts_as_there(judgement := judge(wanted, held.name), self.knows_title)
            and is_acceptable(held.name, rules, title_end=judgement.title_end)
        ]
        return _furthest(found)

    def find_release(self, ids: Iterable[ReleaseId]) -> HeldTorrent | None:
        """Return the torrent whose comment names one of these releases, under whatever name it is.

        Only what `find_film` has read is looked through. The one that is furthest counts.
        """
        wanted = set(ids)
        found = self._look_up(self._releases.under(*wanted))
        return _furthest(held for held in found if self.release_in(held.comment) in {None, *wanted})

    def note(self, info_hash: str, name: str, release: ReleaseId | None) -> None:
        """Note what was handed over, so that the client need not be asked for all it holds after it."""
        if not usable_hashes([info_hash]):
            return
        number = len(self._hashes) // _HASH_BYTES
        self._hashes += bytes.fromhex(info_hash)
        self._names.add(number, name)
        if release:
            self._releases.put(number, release)

    def _clear(self) -> None:
        self._hashes = bytearray()
        self._names = KeyIndex()
        self._releases = HashedNumbers()

    def _read(self) -> None:
        self._until = 0.0
        self._clear()
        begun = self.clock.monotonic()
        for torrent in self.client.torrents():
            self.note(torrent.info_hash, torrent.name, self.release_in(torrent.comment))
        now = self.clock.monotonic()
        # A client for which that is hard work is not asked for it all the time.
        self._until = now + max(_NEWS_SECONDS, _LONGEST_SHARE * (now - begun))

    def _look_up(self, numbers: Iterable[int]) -> list[HeldTorrent]:
        """Ask for torrents again: the list may be a minute old. If one is gone, reload the list next time."""
        places = {number * _HASH_BYTES for number in numbers}
        hashes = {self._hashes[place : place + _HASH_BYTES].hex() for place in places}
        held = self.client.states(hashes) if hashes else {}
        if len(held) < len(hashes):
            self._until = 0.0
        return list(held.values())


def _furthest(torrents: Iterable[HeldTorrent]) -> HeldTorrent | None:
    return max(torrents, key=lambda held: (held.phase.counts_as_there, held.progress), default=None)
