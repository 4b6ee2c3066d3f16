"""The torrents that were handed over for the films in the queues: which are on their way, and how far.

It works on the same queues as `QueueManager`, under the same locks, and is reached through it.
"""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager

from movie_sync.domain.models import Choice, Movie, QueueName, Reason
from movie_sync.ports import Clock
from movie_sync.queues.entry import FailedRelease, QueueEntry, TorrentProgress
from movie_sync.queues.queue_set import QueueSet

_FOLLOWED = (QueueName.COMPLETED, QueueName.PENDING, QueueName.FAILED)


class QueuedTorrents:
    """What the queues know of torrents. Thread-safe, by the locks that `locked` takes.

    `wake` is called when a film was queued anew. Methods that only read may raise `StorageError`
    too, as those of `QueueManager`.
    """

    def __init__(
        self,
        queues: QueueSet,
        locked: Callable[[], AbstractContextManager[None]],
        clock: Clock,
        *,
        wake: Callable[[], None],
    ) -> None:
        self._queues = queues
        self._locked = locked
        self._clock = clock
        self._wake = wake

    def hashes(self) -> list[str]:
        """Return the info-hashes of all torrents that may still come to their end."""
        with self._locked():
            return [
                info_hash
                for name in _FOLLOWED
                for hashes in self._queues[name].followed.values()
                for info_hash in hashes
            ]

    def followed(self, among: AbstractSet[str] | None = None) -> list[QueueEntry]:
        """Return the films with a torrent that may still come to its end: one of `among`, if given."""
        with self._locked():
            return [
                queue.entry(row)
                for queue in (self._queues[name] for name in _FOLLOWED)
                for row, hashes in sorted(queue.followed.items())
                if among is None or not among.isdisjoint(hashes)
            ]

    def unfinished_count(self) -> int:
        """Return how many completed films have a torrent that the client is still to finish.

        What was in the client before and is stopped there does not count.
        """
        with self._locked():
            return len(self._queues[QueueName.COMPLETED].unfinished)

    def stopped_count(self) -> int:
        """Return how many of the unfinished ones are stopped in the client."""
        with self._locked():
            queue = self._queues[QueueName.COMPLETED]
            return sum(row in queue.unfinished for row in queue.stopped)

    def followed_count(self) -> int:
        """Return how many films have a torrent that may still come to its end."""
        with self._locked():
            return sum(len(self._queues[name].followed) for name in _FOLLOWED)

    def done_lately_count(self) -> int:
        """Return how many completed films have a torrent that came to its end in the last week."""
        with self._locked():
            return self._queues[QueueName.COMPLETED].done_lately()

    def of_film(self, movie: Movie) -> tuple[str, ...]:
        """Return the info-hashes of all torrents that were handed over for a film."""
        with self._locked():
            entry = self._queues.held(movie)
        if entry is None:
            return ()
        choices = ([entry.choice] if entry.choice else []) + [old.choice for old in entry.tried]
        return tuple(dict.fromkeys(choice.info_hash for choice in choices if choice.info_hash))

    def note(self, follows: Mapping[str, TorrentProgress]) -> None:
        """Write down, with one write, how far the torrents of completed films are, by info-hash.

        Raises:
            StorageError: nothing was changed.
        """
        with self._locked():
            queue = self._queues[QueueName.COMPLETED]
            changed = {}
            rows = [row for row, hashes in queue.followed.items() if not follows.keys().isdisjoint(hashes)]
            for row in sorted(rows):
                entry = queue.entry(row)
                follow = follows.get(entry.choice.info_hash) if entry.choice else None
                if follow is not None:
                    changed[row] = entry._replace(follow=follow)
            if changed:
                queue.change(replace=changed)

    def give_up(self, movie: Movie, tried: FailedRelease) -> bool:
        """Queue a completed film for its next release; False if that torrent is no longer its choice.

        The release that came to nothing is remembered with the film.

        Raises:
            StorageError: nothing was changed.
        """
        return self._queue_anew(movie, tried.choice, (tried,))

    def hand_over_again(self, movie: Movie, choice: Choice) -> bool:
        """Queue a completed film whose torrent the client has lost; otherwise as `give_up`."""
        return self._queue_anew(movie, choice, ())

    def _queue_anew(self, movie: Movie, choice: Choice, tried: tuple[FailedRelease, ...]) -> bool:
        with self._locked():
            entry = self._queues.held(movie, [QueueName.COMPLETED])
            if entry is None or entry.choice is None or entry.choice.info_hash != choice.info_hash:
                return False
            again = entry._replace(
                choice=None,
                follow=None,
                completed_at=None,
                reason=None,
                retry_count=0,
                acceptable_since=None,
                tried=(*entry.tried, *tried),
            )
            self._queues.move([again], QueueName.PENDING)
        self._wake()
        return True

    def finish_with(self, movie: Movie, choice: Choice, follow: TorrentProgress, *, overtaken: str) -> bool:
        """Complete a film with a torrent that was given up and came to its end all the same.

        Its present torrent, if it has one, counts as tried, with `overtaken` as the reason.
        False if no queue holds the film.

        Raises:
            StorageError: nothing was changed.
        """
        with self._locked():
            entry = self._queues.held(movie, _FOLLOWED)
            if entry is None:
                return False
            tried = tuple(old for old in entry.tried if old.choice.info_hash != choice.info_hash)
            if entry.choice and entry.choice.info_hash != choice.info_hash:
                tried = (*tried, FailedRelease(entry.choice, overtaken))
            completed = entry.completed(entry.movie, self._clock.now(), Reason.DOWNLOADED, choice)
            finished = completed._replace(
                follow=follow, tried=tried, error=None, retry_at=None, waits_for_release=False
            )
            self._queues.move([finished], QueueName.COMPLETED)
            return True
