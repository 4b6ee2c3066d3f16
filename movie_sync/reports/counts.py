"""What the running daemon says of its queues: counts for the log, and the line below it."""

from collections.abc import Mapping

from movie_sync.queues.manager import QueueManager
from movie_sync.queues.progress import percent
from movie_sync.queues.releases import Slot
from movie_sync.reports.daemon_state import Activity


def films_words(count: int) -> str:
    """Return how many films there are."""
    return f"{count} film" if count == 1 else f"{count} films"


def counts_words(statistics: Mapping[str, int]) -> str:
    """Return how many films each queue holds."""
    return (
        f"{statistics['pending']} pending, {statistics['failed']} failed "
        f"({statistics['permanent_failures']} given up), {statistics['completed']} completed"
    )


def statistics_words(queue_manager: QueueManager) -> str:
    """Return the counts as the log says them; those of torrents only where there are any."""
    films = queue_manager.get_statistics()
    slots = queue_manager.slots()
    torrents = (
        (slots[Slot.IN_USE], "downloading"),
        (slots[Slot.IDLE], "stalled"),
        (slots[Slot.STOPPED], "stopped in the client"),
        (queue_manager.waiting_count(), "waiting for a release"),
        (queue_manager.done_lately_count(), "done this week"),
    )
    besides = ", ".join(f"{count} {words}" for count, words in torrents if count)
    return f"{counts_words(films)}{'; ' if besides else ''}{besides}."


def bottom_words(queue_manager: QueueManager, share: float | None, monitor: Activity) -> str:
    """Return what stands below the log: torrents on their way, how far in all, and when the next check is."""
    slots = queue_manager.slots()
    downloading = slots[Slot.IN_USE] + slots[Slot.IDLE]
    waiting = queue_manager.get_statistics()["pending"] + queue_manager.waiting_count()
    far = f", {percent(share)}%" if downloading and share is not None else ""
    check = f"next check {monitor.until.astimezone():%H:%M}" if monitor.until else "checking the list"
    return f"{downloading} downloading{far} \u00b7 {waiting} waiting \u00b7 {check}"
