"""What a dry run answers: film by film, what a real run would do now."""

from movie_sync.commands.context import Context
from movie_sync.domain.models import QueueName, Reason
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.manager import QueueManager
from movie_sync.settings.faults import sentence


def outcomes_so_far(queues: QueueManager) -> frozenset[int]:
    """Return the sequences of what is done and has failed, before a run begins."""
    names = (QueueName.COMPLETED, QueueName.FAILED)
    return frozenset(entry.sequence for name in names for entry in queues.entries(name))


def say_what_would_be_done(
    context: Context,
    queues: QueueManager,
    target: str,
    *,
    before: frozenset[int],
    why_waiting: str,
    held_back: str,
) -> None:
    """Write a line for each film that the run came to, in that order, and one for those that wait.

    `queues` are those of the run, which wrote nothing, and `before` are the outcomes that it began with.
    What a daemon did with a film meanwhile stands on the disk, and is no longer to be done.
    `held_back` is why the run could have handed nothing over, if so.
    """
    now = context.queues_to_look_at()
    context.complain_of_damage(now)

    def new(name: QueueName) -> list[QueueEntry]:
        return [
            entry
            for entry in queues.entries(name)
            if entry.sequence not in before and not _is_settled(now, entry)
        ]

    done, failed = new(QueueName.COMPLETED), new(QueueName.FAILED)
    lines = {entry.sequence: _of_done(entry, target) for entry in done}
    lines |= {entry.sequence: f"{entry.movie.label}: {entry.error}" for entry in failed}
    for _, line in sorted(lines.items()):
        context.say(line)
    waiting = queues.get_statistics()["pending"]
    if waiting:
        context.say(f"{waiting} more would wait in the queue: {why_waiting.rstrip('.')}.")
    elif held_back:
        context.say(sentence(held_back))
    elif not lines:
        context.say("Nothing would be done.")


def _is_settled(queues: QueueManager, entry: QueueEntry) -> bool:
    found = queues.find(entry.movie.slug or entry.movie.id)
    return found is not None and found[0] in {QueueName.COMPLETED, QueueName.REMOVED}


def _of_done(entry: QueueEntry, target: str) -> str:
    release = entry.choice.release if entry.choice else str(entry.extra.get("where", ""))
    if entry.follow and entry.follow.is_adopted:
        return f"{entry.movie.label}: in {target} already, not whole yet: {release}"
    words = f"would be handed to {target}" if entry.reason == Reason.DOWNLOADED else "already downloaded"
    return f"{entry.movie.label}: {words}: {release}"
