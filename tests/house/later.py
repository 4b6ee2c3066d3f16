"""A film that was taken, for which better releases may appear."""

import dataclasses
from pathlib import Path

from house.films import film, hash_of, on_filelist, release_of
from house.workers import Bench
from movie_sync.domain.events import Upgraded
from movie_sync.domain.models import HeldTorrent, Movie, QueueName, Release
from movie_sync.domain.quality_rules import QualityRules, UpgradeRule
from movie_sync.domain.torrents import TorrentPhase
from movie_sync.following.follower import FollowPolicy
from movie_sync.queues.entry import QueueEntry

CHECK = 3600.0
DAY = 24 * CHECK
RULES = QualityRules(upgrade=UpgradeRule("Bluray-1080p", 30))
WEB, BLURAY, PROPER = 100, 200, 300
OTHERS = [
    Release(on_filelist(number), f"Something.Else.{number}.2020.1080p.BluRay.x264-GRP", 9_000_000_000, 20)
    for number in range(1000, 1100)
]


def release(number: int, words: str, movie: Movie | None = None) -> Release:
    """Return a release of a film, the first one if no other is named, with these words in its name."""
    movie = movie or film(0)
    name = f"{movie.title.replace(' ', '.')}.{movie.year}.{words}-GRP"
    return dataclasses.replace(release_of(movie, number), name=name)


class Later:
    """A film that was taken as a WEB release, whose torrent is whole; better ones may appear."""

    def __init__(self, folder: Path, rules: QualityRules = RULES, *, follows: bool = True) -> None:
        self.bench = Bench(folder, rules=rules)
        if follows:
            self.bench.follow(FollowPolicy(2 * CHECK))
        else:
            self.bench.looks_at_newest = True
            self.bench.start()
        self.bench.tracker.newest = list(OTHERS)
        self.bench.tracker.offer(film(0).imdb_id or "", release(WEB, "1080p.WEB-DL.x264"))
        self.bench.queues.add_all_to_pending([film(0)])
        self.work()
        if follows:
            self.arrive(WEB)

    def work(self) -> None:
        """Let the worker do what is due now."""
        for _ in range(100):
            if self.bench.worker.step() is not None:
                return
        raise AssertionError("the worker never rests")

    def check(self, times: int = 1) -> None:
        """Let hours pass, at the end of each of which the watchlist is read."""
        for _ in range(times):
            self.bench.clock.advance(CHECK)
            self.bench.worker.note_check()
            self.work()

    def appear(self, *releases: Release) -> None:
        """Let releases be the tracker's newest."""
        self.bench.tracker.newest = [*releases, *self.bench.tracker.newest][:100]
        for each in releases:
            self.bench.tracker.offer(each.imdb_id or "", each)

    def arrive(self, number: int) -> None:
        """Let a torrent be whole."""
        self.become(number, TorrentPhase.WHOLE, 1.0)
        self.bench.clock.advance(60)
        self.work()

    def become(self, number: int, phase: TorrentPhase, progress: float, **more: object) -> None:
        """Let the client show a torrent so."""
        info_hash = hash_of(number)
        held = HeldTorrent(
            info_hash, f"T{number}", progress, phase, has_tracker=True, content_path=f"/f/{number}"
        )
        self.bench.client.held[info_hash] = dataclasses.replace(held, **more)  # type: ignore[arg-type]

    @property
    def entry(self) -> QueueEntry:
        """The film's entry, which is among the completed ones throughout."""
        return self.bench.only(QueueName.COMPLETED)

    @property
    def taken(self) -> str:
        """The id of the release that the film has."""
        return str(self.entry.choice.id) if self.entry.choice else ""

    @property
    def upgrades(self) -> list[Upgraded]:
        """What was told of better releases."""
        return [event for event in self.bench.told if isinstance(event, Upgraded)]
