"""What a dry run answers: film by film, what a real run would do now."""

from movie_sync.commands.context import Context
from movie_sync.commands.settings_gate import sentence
from movie_sync.domain.models import QueueEntry, QueueName, Reason
from movie_sync.queue_manager import QueueManager


def say_what_would_be_done(
    context: Context, queues: QueueManager, target: str, *, why_waiting: str, held_back: str
) -> None:
    """Write a line for each film that the run came to, in that order, and one for those that wait.

    `queues` are those of the run, which wrote nothing: what the disk holds is how it was before.
    `held_back` is why the run could have handed nothing over, if so.
    """
    before = context.queues_to_look_at()
    context.complain_of_damage(before)
    known = {
        entry.sequence for name in (QueueName.COMPLETED, QueueName.FAILED) for entry in before.entries(name)
    }
    done = [entry for entry in queues.entries(QueueName.COMPLETED) if entry.sequence not in known]
    failed = [entry for entry in queues.entries(QueueName.FAILED) if entry.sequence not in known]
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


def _of_done(entry: QueueEntry, target: str) -> str:
    release = entry.choice.release if entry.choice else str(entry.extra.get("where", ""))
    if entry.follow and entry.follow.is_adopted:
        return f"{entry.movie.label}: in {target} already, not whole yet: {release}"
    words = f"would be handed to {target}" if entry.reason == Reason.DOWNLOADED else "already downloaded"
    return f"{entry.movie.label}: {words}: {release}"
