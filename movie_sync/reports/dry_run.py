"""What a dry run says it would have done."""

from collections.abc import Iterator

from movie_sync.domain.models import QueueName, Reason
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.manager import QueueManager
from movie_sync.settings.faults import sentence


def outcomes_so_far(queues: QueueManager) -> frozenset[int]:
    """Return the sequences of what is done and has failed, before a run begins."""
    names = (QueueName.COMPLETED, QueueName.FAILED)
    return frozenset(entry.sequence for name in names for entry in queues.entries(name))


def dry_run_lines(
    queues: QueueManager,
    on_disk: QueueManager,
    *,
    before: frozenset[int],
    target: str,
    why_waiting: str,
    held_back: str,
) -> Iterator[str]:
    """Yield a line for each film that the run came to, in that order, and one for those that wait.

    `queues` are those of the run, which wrote nothing, and `before` are the outcomes that it began with.
    What a daemon did with a film meanwhile stands `on_disk`, and is no longer to be done.
    `held_back` is why the run could have handed nothing over, if so.
    """

    def new(name: QueueName) -> list[QueueEntry]:
        return [
            entry
            for entry in queues.entries(name)
            if entry.sequence not in before and not _is_settled(on_disk, entry)
        ]

    lines = {entry.sequence: _of_done(entry, target) for entry in new(QueueName.COMPLETED)}
    lines |= {entry.sequence: f"{entry.movie.label}: {entry.error}" for entry in new(QueueName.FAILED)}
    yield from (line for _, line in sorted(lines.items()))
    waiting = queues.get_statistics()["pending"]
    if waiting:
        yield f"{waiting} more would wait in the queue: {why_waiting.rstrip('.')}."
    elif held_back:
        yield sentence(held_back)
    elif not lines:
        yield "Nothing to do."


def _is_settled(queues: QueueManager, entry: QueueEntry) -> bool:
    found = queues.find(entry.movie.slug or entry.movie.id)
    return found is not None and found[0] in {QueueName.COMPLETED, QueueName.REMOVED}


def _of_done(entry: QueueEntry, target: str) -> str:
    release = entry.choice.release if entry.choice else str(entry.extra.get("where", ""))
    if entry.is_unfinished and entry.follow and entry.follow.is_adopted:
        return f"{entry.movie.label}: already in {target}, not complete yet: {release}"
    words = f"would be handed to {target}" if entry.reason == Reason.DOWNLOADED else "already downloaded"
    return f"{entry.movie.label}: {words}: {release}"
