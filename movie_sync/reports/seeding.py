"""How long torrents have seeded against what their trackers ask, in words and for scripts."""

from collections.abc import Mapping
from dataclasses import dataclass

from movie_sync.domain.models import Choice, Movie
from movie_sync.domain.seeding import SeedingLeft, SeedingRule, seeding_left
from movie_sync.domain.times import duration, format_time
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.releases import Seeding, Stage


@dataclass(frozen=True, slots=True)
class SeedingTorrent:
    """A whole torrent; `left` is what it has to seed yet, None if not known; `why` another took its place."""

    movie: Movie
    choice: Choice
    seeding: Seeding
    left: SeedingLeft | None
    why: str = ""

    @property
    def words(self) -> str:
        """How it stands."""
        seeding, left = self.seeding, self.left
        told = [f"seeded for {duration(seeding.seconds)}"] if seeding.seconds is not None else []
        told += [f"ratio {seeding.ratio:.2f}"] if seeding.ratio is not None else []
        if seeding.is_gone:
            told.insert(0, "no longer in the client")
        elif left and left.is_enough:
            told.insert(0, "can be deleted")
        elif left:
            told.append(
                f"can be deleted in {duration(left.seconds)}, or once its ratio has grown by {left.ratio:.2f}"
            )
        return ", ".join(told) or "not checked yet"

    def document(self) -> dict[str, object]:
        """Return it in plain values, but for its film."""
        seeding = self.seeding
        return {
            "release": self.choice.release,
            "info_hash": self.choice.info_hash,
            "why": self.why or seeding.why,
            "ratio": seeding.ratio,
            "seeding_seconds": seeding.seconds,
            "may_go": self.left.is_enough if self.left else None,
            "seen_at": format_time(seeding.seen_at) if seeding.seen_at else None,
        }


def seeding_of(entry: QueueEntry, rules: Mapping[str, SeedingRule]) -> SeedingTorrent | None:
    """Return how a film's whole torrent seeds, or None if it has none or it was not looked at yet."""
    choice, follow = entry.choice, entry.follow
    if choice is None or follow is None or follow.stage is not Stage.DOWNLOADED:
        return None
    seeding = follow.seeding
    if not seeding.seen_at and not seeding.is_gone:
        return None
    return SeedingTorrent(entry.movie, choice, seeding, left_of(choice, seeding, rules))


def left_of(choice: Choice, seeding: Seeding, rules: Mapping[str, SeedingRule]) -> SeedingLeft | None:
    """Return what a torrent has to seed yet; None where the tracker's rule or the torrent is not known."""
    rule = rules.get(choice.id.tracker) if choice.id else None
    if rule is None or seeding.seen_at is None:
        return None
    return seeding_left(rule, seeding.ratio, seeding.seconds)
