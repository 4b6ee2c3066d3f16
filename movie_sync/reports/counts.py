"""How many films the queues hold, in words."""

from collections.abc import Mapping

from movie_sync.queues.manager import QueueManager


def counts_words(statistics: Mapping[str, int]) -> str:
    """Return how many films each queue holds."""
    return (
        f"{statistics['pending']} pending, {statistics['failed']} failed "
        f"({statistics['permanent_failures']} for good), {statistics['completed']} completed"
    )


def statistics_words(queue_manager: QueueManager) -> str:
    """Return the counts as the log says them; those of torrents only where there are any."""
    films = queue_manager.get_statistics()
    stopped = queue_manager.stopped_count()
    torrents = (
        (queue_manager.unfinished_count() - stopped, "downloading"),
        (stopped, "stopped in the client"),
        (queue_manager.waiting_count(), "waiting for a release"),
        (queue_manager.done_lately_count(), "done this week"),
    )
    besides = ", ".join(f"{count} {words}" for count, words in torrents if count)
    return f"{counts_words(films)}{'; ' if besides else ''}{besides}."
