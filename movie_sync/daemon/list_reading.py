"""One list that is read again and again: when it is due, and what became of the last try."""

import math
from dataclasses import KW_ONLY, dataclass, field

from movie_sync.complaints import Complaints
from movie_sync.domain.models import WatchlistSnapshot
from movie_sync.ports import WatchlistSource
from movie_sync.wishes.intake import IntakeCounts, WatchlistIntake
from movie_sync.wishes.unreadable_store import UnreadableStore


@dataclass(slots=True)
class LastReading:
    """When (monotonic seconds) a list was last read whole, by this worker or by one before it."""

    at: float = -math.inf


@dataclass(eq=False, repr=False)
class ListReading:
    """For the monitor's thread. `label` is what people call the list, `site` what is asked for it.

    It is due at `due_at` (monotonic seconds); `is_asked_for`: the site asked for that wait. `why` is what
    the last try failed with, in words, empty if it did not.
    """

    source: WatchlistSource
    intake: WatchlistIntake
    unreadable: UnreadableStore
    interval_seconds: float
    complaints: Complaints
    _: KW_ONLY
    label: str = ""
    site: str = ""
    last: LastReading = field(default_factory=LastReading)
    due_at: float = field(init=False)
    is_asked_for: bool = field(default=False, init=False)
    tried_at: float = field(default=-math.inf, init=False)
    failures: int = field(default=0, init=False)
    why: str = field(default="", init=False)
    _untaken: WatchlistSnapshot | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.due_at = self.last.at + self.interval_seconds

    @property
    def why_words(self) -> str:
        """What the last try failed with, and for which list, if there are several."""
        return f"{self.label}: {self.why}" if self.label else self.why

    def read(self) -> tuple[IntakeCounts, bool]:
        """Read it and take it in; return what came of it, and whether it was found unchanged."""
        # A file that was not written again is not read again: a reading is kept until it is taken in.
        self._untaken = self.source.fetch() or self._untaken
        is_unchanged = self._untaken is None
        counts = self.intake.take_again() if self._untaken is None else self.intake.take(self._untaken)
        self._untaken = None
        return counts, is_unchanged

    def note_read(self, now: float) -> None:
        """Note that it was read whole."""
        self.failures, self.why, self.is_asked_for = 0, "", False
        self.last.at = now
        self.due_at = now + self.interval_seconds
        self.unreadable.over()
        self.complaints.over()

    def wait(self, until: float, *, is_asked_for: bool) -> None:
        """Let it wait until a time, at least."""
        self.due_at = until
        self.is_asked_for = is_asked_for
