"""What is asked of all films at once, for each the little that is kept in memory of it."""

from datetime import UTC, datetime
from typing import NamedTuple

from movie_sync.domain.models import QueueName
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.progress import DONE_LATELY, downloaded_at

_NEVER = datetime.min.replace(tzinfo=UTC)


class Facts(NamedTuple):
    """What a queue knows of one of its films without reading it. Most films have next to nothing of it."""

    wished_at: datetime = _NEVER
    """Of a pending film, since when it stands there: the newest is worked on first."""
    is_chosen: bool = False
    """Of a pending film, whether a torrent was about to be handed over for it."""
    retry_at: datetime | None = None
    """Of a failed film, when it is due; None if it is not tried again."""
    waits: bool = False
    """Whether a failed film waits for an acceptable release."""
    hashes: tuple[str, ...] = ()
    """The info-hashes of its torrents that may still come to their end."""
    takes_a_place: bool = False
    """Whether its present torrent counts among those that may be unfinished at once."""
    is_stopped: bool = False
    """Whether that one is stopped in the client."""
    done_at: datetime | None = None
    """When its torrent came to its end, if that was lately."""


def facts_of(entry: QueueEntry, queue: QueueName, now: datetime) -> Facts:
    """Return the facts of a film as it stands in a queue."""
    if queue is QueueName.PENDING:
        return Facts(
            wished_at=entry.added_at, is_chosen=entry.choice is not None, hashes=entry.followed_hashes
        )
    if queue is QueueName.FAILED:
        return Facts(retry_at=entry.retry_at, waits=entry.waits_for_release, hashes=entry.followed_hashes)
    if queue is QueueName.REMOVED or entry.follow is None:
        return NOTHING
    done_at = downloaded_at(entry)
    return Facts(
        hashes=entry.followed_hashes,
        takes_a_place=entry.is_followed and entry.takes_a_place,
        is_stopped=entry.is_followed and entry.is_stopped,
        done_at=done_at if done_at is not None and done_at > now - DONE_LATELY else None,
    )


NOTHING = Facts()
