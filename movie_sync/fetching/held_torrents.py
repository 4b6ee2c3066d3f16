"""Which films are among the torrents that the client holds already, whoever put them there.

Of tens of thousands of torrents only what they are found by is kept, some eighty bytes each. What
is found is asked for anew, so that how far it is is known as it is now.
"""

import re
from array import array
from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Iterator

from movie_sync.domain.already_there import KnowsTitle, counts_as_there, is_acceptable
from movie_sync.domain.matching import KeyIndex, WantedFilm, judge
from movie_sync.domain.models import HeldTorrent, Movie
from movie_sync.domain.selection import QualityRules
from movie_sync.ports import Clock, TorrentClient

_NEWS_SECONDS = 60.0
_LONGEST_SHARE = 10.0
_MOST_CANDIDATES = 1000
_HASH_BYTES = 20
_NUMBER_BITS = 24  # as in the index of names
_INFO_HASH = re.compile(r"[0-9a-f]{40}")
_DETAILS_ID = re.compile(r"details\.php\?id=(\d{1,12})\b")


class HeldTorrents:
    """For one thread. Methods raise as those of `TorrentClient`."""

    def __init__(
        self, client: TorrentClient, rules: QualityRules, knows_title: KnowsTitle, clock: Clock
    ) -> None:
        self._client = client
        self._rules = rules
        self._knows_title = knows_title
        self._clock = clock
        self._until = 0.0
        self._clear()

    def find_film(
        self, movie: Movie, *, but_for: Collection[str] = (), but_for_hashes: Collection[str] = ()
    ) -> HeldTorrent | None:
        """Return the torrent that is the film, the one that is furthest of several.

        One that the settings would not take is not the film, nor are those of the names and the
        info-hashes given.
        """
        if self._clock.monotonic() >= self._until:
            self._read()
        wanted = WantedFilm.from_movie(movie)
        found = [
            held
            for held in self._look_up(self._names.candidates(wanted)[:_MOST_CANDIDATES])
            if held.name not in but_for
            and held.info_hash not in but_for_hashes
            and self._counts_as(wanted, held.name)
        ]
        return max(found, key=lambda held: (held.phase.counts_as_there, held.progress), default=None)

    def find_releases(self, filelist_ids: Iterable[int]) -> dict[int, HeldTorrent]:
        """Return the torrents whose comment names one of these releases, under whatever name they are.

        Only what was read before is looked through, by `find_film`.
        """
        numbers = {wanted: number for wanted in filelist_ids for number in self._numbered(wanted)}
        held = {each.info_hash: each for each in self._look_up(numbers.values())}
        hashes = {wanted: self._hash(number) for wanted, number in numbers.items()}
        return {wanted: held[info_hash] for wanted, info_hash in hashes.items() if info_hash in held}

    def note(self, info_hash: str, name: str, filelist_id: int) -> None:
        """Note what was handed over, so that the client need not be asked for all it holds after it."""
        if not _INFO_HASH.fullmatch(info_hash):
            return
        number = len(self._hashes) // _HASH_BYTES
        self._hashes += bytes.fromhex(info_hash)
        self._names.add(number, name)
        if filelist_id:
            insort(self._numbers, filelist_id << _NUMBER_BITS | number)

    def _clear(self) -> None:
        self._hashes = bytearray()
        self._names = KeyIndex()
        self._numbers = array("Q")

    def _read(self) -> None:
        self._until = 0.0
        self._clear()
        begun = self._clock.monotonic()
        for torrent in self._client.torrents():
            self.note(torrent.info_hash, torrent.name, filelist_id(torrent))
        now = self._clock.monotonic()
        # A client for which that is hard work is not asked for it all the time.
        self._until = now + max(_NEWS_SECONDS, _LONGEST_SHARE * (now - begun))

    def _counts_as(self, wanted: WantedFilm, name: str) -> bool:
        judgement = judge(wanted, name)
        return counts_as_there(judgement, self._knows_title) and is_acceptable(
            name, self._rules, title_end=judgement.title_end
        )

    def _look_up(self, numbers: Iterable[int]) -> list[HeldTorrent]:
        """Ask for torrents anew: the list may be a minute old. If one is gone, it is read anew next time."""
        hashes = {self._hash(number) for number in numbers}
        held = self._client.states(hashes) if hashes else {}
        if len(held) < len(hashes):
            self._until = 0.0
        return list(held.values())

    def _numbered(self, filelist_id: int) -> Iterator[int]:
        """Yield the number of the torrent with that id of the tracker, the last one of several."""
        place = bisect_left(self._numbers, (filelist_id + 1) << _NUMBER_BITS) - 1
        if place >= 0 and self._numbers[place] >> _NUMBER_BITS == filelist_id:
            yield self._numbers[place] & (1 << _NUMBER_BITS) - 1

    def _hash(self, number: int) -> str:
        return self._hashes[number * _HASH_BYTES : (number + 1) * _HASH_BYTES].hex()


def filelist_id(held: HeldTorrent) -> int:
    """Return the tracker's id in a torrent's comment, 0 if it has none."""
    details = _DETAILS_ID.search(held.comment)
    return int(details[1]) if details else 0
