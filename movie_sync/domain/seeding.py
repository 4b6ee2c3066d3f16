"""What a tracker asks of those who took a torrent there, and what of that is still to be done."""

from dataclasses import dataclass
from enum import StrEnum


class SeedingTrouble(StrEnum):
    """Why a whole torrent is of no use to others any more; the words stand in `queue_completed.json`."""

    FILES_MISSING = "files missing"
    REFUSED = "refused by the tracker"
    FAILED = "error in the client"


@dataclass(frozen=True, slots=True)
class SeedingRule:
    """To upload `ratio` times what was downloaded, or else to seed for `seconds` in all."""

    ratio: float
    seconds: float


@dataclass(frozen=True, slots=True)
class SeedingLeft:
    """What is missing in each of the two ways to satisfy the rule (one is enough); 0 if satisfied."""

    ratio: float
    seconds: float

    @property
    def is_enough(self) -> bool:
        """Tell whether the torrent has seeded enough for its tracker."""
        return self.ratio == 0 or self.seconds == 0


def seeding_left(rule: SeedingRule, ratio: float | None, seeding_seconds: float | None) -> SeedingLeft:
    """Return what a torrent lacks by this rule; what is not known of it (None) counts as nothing done."""
    return SeedingLeft(max(rule.ratio - (ratio or 0), 0.0), max(rule.seconds - (seeding_seconds or 0), 0.0))
