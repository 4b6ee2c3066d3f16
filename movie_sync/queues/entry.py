"""A film in a queue: its states, and everything that leads from one to the next.

Nothing here reads or writes: each transition is a pure method that returns the entry as it stands
in its new queue, without what that queue does not keep.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple, TypedDict, Unpack

from movie_sync.domain.models import NO_WORD, Choice, Movie, QueueName, Reason, ReleaseId, UserWord
from movie_sync.queues.releases import FailedRelease, Seeding, Slot, Stage, TorrentProgress, Upgrade

_NOTHING: Mapping[str, object] = MappingProxyType({})


class Noted(TypedDict, total=False):
    """What else a failure tells of a film; what it does not tell, or as None, stays as it is."""

    waits_for_release: bool
    acceptable_since: datetime | None
    searched_at: datetime | None
    doubts: int | None
    page_missing_since: datetime | None
    needs_bytes: int | None
    is_unclear: bool


class QueueEntry(NamedTuple):
    """One film in one queue, with what its state there needs.

    A tuple, as that is made in a fifth of the time, and thousands are at once.
    `retry_count` is the number of failures of the film's own so far. `retry_at` is None for a
    permanent failure; `waits_for_release` says that only an acceptable release was missing,
    `acceptable_since` when one was first seen (and a better one is waited for).
    `reason` is one of `Reason`, or what a hand edit says. `follow` tells how far the chosen torrent
    is, once it was handed over to a client that tells; `tried` are the releases that came to
    nothing. `searched_at` is when the tracker was last asked for the film, and `is_extra_look`
    says that it is asked besides the schedule, which is then kept. `asked_at` is since when the film is
    asked for, where that is not when it was queued. `doubts` is how often in a row the
    work on it ended with what may be no failure of its own, `page_missing_since` since when Letterboxd
    has had no page for it, `needs_bytes` the size of the release found at `searched_at`, for which the disk
    had no room, `is_unclear` that only the user can see whether a file is it. `word` is what the user said
    of its releases, `replaced` what was handed over for it and is not its torrent any more, as a better one
    came or the user took another. `sequence` rises with every write, over all queues, so that the later of
    two states is known after a crash. `extra` holds keys of the file that we do not know.

    The plain values stand in the files in this order, as those of `TorrentProgress` do.
    """

    movie: Movie
    added_at: datetime
    error: str | None = None
    retry_count: int = 0
    retry_at: datetime | None = None
    waits_for_release: bool = False
    acceptable_since: datetime | None = None
    completed_at: datetime | None = None
    reason: str | None = None
    choice: Choice | None = None
    by_command: bool = False
    follow: TorrentProgress | None = None
    tried: tuple[FailedRelease, ...] = ()
    searched_at: datetime | None = None
    asked_at: datetime | None = None
    doubts: int = 0
    page_missing_since: datetime | None = None
    needs_bytes: int | None = None
    is_extra_look: bool = False
    is_unclear: bool = False
    word: UserWord = NO_WORD
    replaced: tuple[FailedRelease, ...] = ()
    upgrade: Upgrade | None = None
    sequence: int = 0
    extra: Mapping[str, object] = _NOTHING

    @property
    def wish(self) -> datetime:
        """Since when the film is asked for: what is told of it is told once for each time."""
        return self.asked_at or self.added_at

    def torrents(self) -> "tuple[QueueEntry, ...]":
        """Return the entry, and how it would be if a better release on its way were its present one."""
        if self.upgrade is None:
            return (self,)
        new = self.upgraded(self.upgrade.choice, self.upgrade.follow)
        return self, new._replace(tried=(), upgrade=self.upgrade)

    @property
    def is_upgrade(self) -> bool:
        """Tell whether this is the second of `torrents`."""
        return self.upgrade is not None and self.upgrade.choice == self.choice

    @property
    def is_unfinished(self) -> bool:
        """Tell whether the client is still to bring the film's torrent to its end."""
        return self.follow is not None and self.follow.stage not in {Stage.DOWNLOADED, Stage.REMOVED}

    @property
    def slot(self) -> Slot | None:
        """How the film's torrent counts among those that may be unfinished at once.

        What somebody stopped that we have not put there counts nowhere.
        """
        if self.follow is None or not self.is_unfinished:
            return None
        if self.follow.stage is Stage.STOPPED:
            return None if self.follow.is_adopted else Slot.STOPPED
        return Slot.IDLE if self.follow.is_idle else Slot.IN_USE

    @property
    def is_followed(self) -> bool:
        """Tell whether one of the film's torrents may still come to its end."""
        if self.follow is not None and self.choice is not None:
            return self.follow.stage is not Stage.DOWNLOADED
        return bool(self.tried) and self.completed_at is None

    @property
    def set_aside(self) -> tuple[FailedRelease, ...]:
        """What was handed over for the film and does not count as it: it is not taken again."""
        return self.tried + self.replaced

    @property
    def followed_hashes(self) -> tuple[str, ...]:
        """The info-hashes of the film's torrents that may still come to their end."""
        upgrade = (self.upgrade.choice,) if self.upgrade else ()
        present = (self.choice,) if self.is_followed and self.choice and self.follow else ()
        tried = (old.choice for old in self.tried if self.is_followed and self.may_take(old.choice))
        return tuple(choice.info_hash for choice in (*present, *upgrade, *tried))

    def has_attempts_left(self, max_retries: int) -> bool:
        """Tell whether a failed film is tried again.

        One that waits for a better release than those that are there has not failed with the last look.
        """
        return self.retry_count < max_retries or self.acceptable_since is not None

    # --- what each queue keeps ------------------------------------------------------------

    def kept_in(self, queue: QueueName) -> "QueueEntry":
        """Return the entry without what that queue does not keep."""
        if queue is QueueName.COMPLETED:  # earlier failures are of no interest any more
            return self._replace(movie=_without_page(self.movie), **_NO_COURSE)
        is_failed = queue is QueueName.FAILED
        is_extra_look = self.is_extra_look and queue is QueueName.PENDING
        keeps_schedule = is_failed or is_extra_look
        return self.keeping_present("the film was queued anew or taken out")._replace(
            error=self.error if is_failed else None,
            retry_at=self.retry_at if keeps_schedule else None,
            waits_for_release=self.waits_for_release and keeps_schedule,
            is_extra_look=is_extra_look,
            completed_at=None,
            reason=None,
            follow=None,
        )

    def found_in(self, queue: QueueName, now: datetime) -> "QueueEntry":
        """Return the entry as it counts where it was found: somebody may have moved it there by hand.

        Taken out of the completed ones it is asked for anew.
        """
        is_taken_back = queue is not QueueName.COMPLETED and (self.follow or self.completed_at)
        return (self._replace(asked_at=now) if is_taken_back else self).kept_in(queue)

    # --- to pending -----------------------------------------------------------------------

    def asked_again(self, known: "QueueEntry") -> "QueueEntry":
        """Return this new wish for a film that was there before, with what was handed over for it.

        A torrent that is still on its way is looked for first: it is followed on, not handed over again.
        One that was in the client before is found there anew. A command names less of a film than is known.
        """
        known = known.keeping_present("the film was asked for anew")
        word = known.word._replace(preset=self.word.preset or known.word.preset)
        again = self._replace(tried=known.tried, replaced=known.replaced, word=word)
        if self.by_command:
            again = again._replace(movie=known.movie, extra=known.extra)
        if not known.is_unfinished:
            return again
        is_adopted = known.follow is not None and known.follow.is_adopted
        return again._replace(choice=None if is_adopted else known.choice, asked_at=known.wish)

    def learnt(self, movie: Movie, choice: Choice | None = None) -> "QueueEntry":
        """Return the entry with what its page told of the film, and the release about to be handed over."""
        return self._replace(movie=movie, choice=choice or self.choice)

    def retried(self, at: datetime) -> "QueueEntry":
        """Return a failed film's entry as the user asks for it anew, with no failures counted."""
        fresh = self._replace(retry_count=0, doubts=0, page_missing_since=None, needs_bytes=None, asked_at=at)
        return fresh.kept_in(QueueName.PENDING)

    def looked_for(self) -> "QueueEntry":
        """Return a failed film's entry for a search besides its schedule, which is kept."""
        return self._replace(is_extra_look=True).kept_in(QueueName.PENDING)

    def without_torrent(self, *tried: FailedRelease) -> "QueueEntry":
        """Return a completed film's entry for its next release: its torrent came to nothing, or is lost.

        What came to nothing is remembered. If the user had taken it, the rules choose from now on.
        """
        is_grabbed = self.word.grabbed in {old.choice.id for old in tried} - {None}
        again = self._replace(choice=None, retry_count=0, acceptable_since=None, tried=(*self.tried, *tried))
        return (again.without_grabbed() if is_grabbed else again).kept_in(QueueName.PENDING)

    # --- the user's word ------------------------------------------------------------------

    def judged_by(self, preset: str) -> "QueueEntry":
        """Return a pending film's entry with the quality it is judged by; what is in hand stays known."""
        word = self.word._replace(preset=preset)
        return self._replace(
            word=word, by_command=True, acceptable_since=None, needs_bytes=None, is_extra_look=False
        )

    def may_take(self, choice: Choice | None) -> bool:
        """Tell whether a release, or what has none, may count as the film, by the user's word."""
        release = choice.id if choice else None
        return release not in self.word.rejected and self.word.grabbed in {None, release}

    def grabbing(self, release: ReleaseId, at: datetime) -> "QueueEntry":
        """Return the entry for taking this release, in pending unless it is the film's present one.

        Whatever came of it before, it is taken, before all other films; where the client may still have it
        it is looked for first.
        """
        rejected = tuple(other for other in self.word.rejected if other != release)
        entry = self._replace(word=self.word._replace(grabbed=release, rejected=rejected))
        is_present = self.choice is not None and self.choice.id == release
        why, better = "you grabbed another release", self.upgrade
        if better and better.follow and better.choice.id == release:  # it is the film's from now on
            return entry.upgraded(better.choice, better.follow, why)
        if is_present and not (self.follow and self.follow.stage is Stage.REMOVED):
            return entry.keeping_present(why)
        entry = entry._replace(choice=None if is_present else self.choice, is_extra_look=False)
        entry = entry.for_another(why)
        known = [old for old in entry.set_aside if old.choice.id == release]
        return entry._replace(
            added_at=at,
            choice=next((old.choice for old in reversed(known) if not old.is_adopted), None),
            tried=tuple(old for old in entry.tried if old not in known),
            replaced=tuple(old for old in entry.replaced if old not in known),
        )

    def rejecting(self, release: ReleaseId) -> "QueueEntry":
        """Return the entry that never takes this release; in pending if it was the film's present one.

        So is the one that was to be taken by the user's word, whether it was there yet or not. A better
        release that is followed already takes the place of the present one.
        """
        rejected = tuple(dict.fromkeys((*self.word.rejected, release)))
        entry = self._replace(word=self.word._replace(rejected=rejected))
        why, better = "rejected by you", self.upgrade
        if better and better.choice.id == release:
            return entry.keeping_present(why)
        is_grabbed = self.word.grabbed == release
        is_awaited = is_grabbed and self.completed_at is None
        is_present = self.choice.id == release if self.choice else is_awaited
        if is_present and better:
            entry = entry.upgraded(better.choice, better.follow, why)
            return entry if better.follow else entry.kept_in(QueueName.PENDING)
        entry = entry.for_another(why) if is_present else entry
        return entry.without_grabbed() if is_grabbed else entry

    def without_grabbed(self) -> "QueueEntry":
        """Return the entry for which the rules choose: what the user's one replaced is the film's again.

        One that was in the client before is found there anew.
        """
        back = [old for old in self.replaced if old.choice.id not in self.word.rejected][-1:]
        choice = self.choice or next((old.choice for old in back if not old.is_adopted), None)
        replaced = tuple(old for old in self.replaced if old not in back)
        return self._replace(choice=choice, word=self.word._replace(grabbed=None), replaced=replaced)

    def for_another(self, why: str) -> "QueueEntry":
        """Return the entry for another release than the present one, which stays where it is."""
        alone = self.keeping_present(why)  # which comes last: `without_grabbed` takes that one back
        replaced = (*alone.replaced, *alone.as_replaced(why))
        fresh = alone._replace(choice=None, replaced=replaced, retry_count=0, doubts=0, acceptable_since=None)
        return fresh.kept_in(QueueName.PENDING)

    # --- a better release -----------------------------------------------------------------

    def seen(self, follows: Mapping[str, TorrentProgress]) -> "QueueEntry":
        """Return the entry with how far its torrents are, by info-hash; a better one that is whole counts."""
        present = follows.get(self.choice.info_hash) if self.choice else None
        entry = self._replace(follow=present) if present else self
        better = follows.get(self.upgrade.choice.info_hash) if self.upgrade else None
        if better is None or self.upgrade is None:
            return entry
        if better.stage is Stage.DOWNLOADED:
            return entry.upgraded(self.upgrade.choice, better)
        return entry._replace(upgrade=Upgrade(self.upgrade.choice, better))

    def upgraded(
        self, choice: Choice, follow: TorrentProgress | None, why: str = "replaced by a better release"
    ) -> "QueueEntry":
        """Return the entry with a better release as its present one; the one before stays where it is."""
        replaced = (*self.replaced, *self.as_replaced(why))
        return self._replace(choice=choice, follow=follow, upgrade=None, replaced=replaced)

    def keeping_present(self, why: str) -> "QueueEntry":
        """Return the entry whose better release, if one is on its way, stays where it is and never counts."""
        replaced = (old for new in self.torrents()[1:] for old in new.as_replaced(why))
        return self._replace(upgrade=None, replaced=(*self.replaced, *replaced)) if self.upgrade else self

    def without_upgrade(self, *failed: FailedRelease) -> "QueueEntry":
        """Return the entry without the better release; what came to nothing is not taken for it again."""
        return self._replace(upgrade=None, tried=(*self.tried, *failed))

    def seeding_seen(self, seen: Mapping[str, Seeding]) -> "QueueEntry":
        """Return the entry with how its whole torrent seeds, and those replaced, as seen; by info-hash."""
        replaced = (
            replace(old, seeding=seen.get(old.choice.info_hash, old.seeding)) for old in self.replaced
        )
        follow = self.follow
        if self.choice and follow and follow.stage is Stage.DOWNLOADED:
            follow = replace(follow, seeding=seen.get(self.choice.info_hash, follow.seeding))
        return self._replace(replaced=tuple(replaced), follow=follow)

    def as_replaced(self, why: str) -> tuple[FailedRelease, ...]:
        """Return the present release as one that another takes the place of, if there is one."""
        if self.choice is None:
            return ()
        if self.follow is None:
            return (FailedRelease(self.choice, why),)
        place = self.follow.path  # as the client says it, on whatever system
        name = place.replace("\\", "/").rstrip("/").rpartition("/")[2]
        shelf_name = self.follow.shelf.last_path.rpartition("/")[2] if self.follow.shelf else ""
        return (FailedRelease(self.choice, why, name, self.follow.is_adopted, shelf_name=shelf_name),)

    # --- to failed ------------------------------------------------------------------------

    def failed(
        self, movie: Movie, error: str, retry_at: datetime | None, *, counts: bool, **noted: Unpack[Noted]
    ) -> "QueueEntry":
        """Return a pending film's entry once it has failed, as `QueueManager.add_to_failed` says."""
        known: dict[str, Any] = {"waits_for_release": False, "needs_bytes": None, "is_unclear": False}
        if counts:
            known |= {"retry_count": self.retry_count + 1, "doubts": 0, "page_missing_since": None}
        known |= {name: value for name, value in noted.items() if value is not None}
        return self._replace(movie=movie, error=error, retry_at=retry_at, **known).kept_in(QueueName.FAILED)

    def due(self, at: datetime | None) -> "QueueEntry":
        """Return a failed film's entry with another time for its next attempt; None gives it up."""
        return self._replace(retry_at=at)

    # --- to completed, and there ----------------------------------------------------------

    def completed(
        self,
        movie: Movie,
        at: datetime,
        reason: str,
        choice: Choice | None = None,
        where: str = "",
        follow: TorrentProgress | None = None,
    ) -> "QueueEntry":
        """Return the entry as it is once the film is done, with what is known of it now."""
        extra = {key: value for key, value in self.extra.items() if key != "where"}
        extra |= {"where": where} if where else {}
        return self._replace(
            movie=_without_page(movie),
            completed_at=at,
            reason=reason,
            choice=choice,
            follow=follow,
            extra=extra,
            **_NO_COURSE,
        )

    def finished_with(
        self, choice: Choice, follow: TorrentProgress, at: datetime, overtaken: str
    ) -> "QueueEntry":
        """Return the entry once a torrent that was given up came to its end all the same.

        The present one, if there is one, counts as tried, with `overtaken` as the reason.
        """
        tried = tuple(old for old in self.tried if old.choice.info_hash != choice.info_hash)
        if self.choice and self.choice.info_hash != choice.info_hash:
            tried = (*tried, FailedRelease(self.choice, overtaken))
        return self.completed(self.movie, at, Reason.DOWNLOADED, choice, follow=follow)._replace(tried=tried)


def _without_page(movie: Movie) -> Movie:
    if not movie.page_read:
        return movie
    return replace(
        movie, alternative_titles=(), runtime_minutes=None, original_language=None, is_series=False,
        page_read=False, release_dates=(),
    )  # fmt: skip


# What a film has met with until it is completed.
_COURSE = (
    "retry_count error retry_at waits_for_release acceptable_since searched_at is_extra_look doubts "
    "page_missing_since needs_bytes is_unclear"
).split()
_NO_COURSE: Mapping[str, Any] = {name: QueueEntry._field_defaults[name] for name in _COURSE}
