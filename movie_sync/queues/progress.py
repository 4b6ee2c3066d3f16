"""How a handed-over torrent gets on: the stages, what counts as standing still, what as done."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from movie_sync.domain.models import HeldTorrent, Reason
from movie_sync.domain.torrents import TorrentPhase
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.releases import LONG_IDLE_SECONDS, Stage, TorrentProgress

DONE_LATELY = timedelta(days=7)
"""How long a film whose torrent came to its end is shown as done."""

# Less than a thousandth of the torrent an hour is no progress: it would take more than a month.
_LEAST_PROGRESS_A_SECOND = 0.001 / 3600
_PERCENT = 100
_NEXT_TO_NOTHING = 0.005
_WRITTEN_PROGRESS = 0.01
_WRITTEN_IDLE_SHARE = 20
# Each of these is passed once in a standstill: then what is shown of a torrent has to be true, and a
# restart takes back at most a quarter of the way to where it counts as idle.
_WRITTEN_IDLE_SECONDS = (60.0, *(LONG_IDLE_SECONDS * quarters / 4 for quarters in (1, 2, 3, 4)))


def observed(
    follow: TorrentProgress, held: HeldTorrent, now: datetime, tried_seconds: float
) -> TorrentProgress:
    """Return what a look at a torrent tells.

    `tried_seconds` is the time since the last look, through which the client was running.
    """
    progress = min(max(held.progress, 0.0), 1.0)
    if follow.stage is Stage.REMOVED:  # it was taken out and is back: a new start
        follow = replace(follow, idle_seconds=0.0, rechecked_at=None)
    if held.phase is TorrentPhase.WHOLE:
        since = follow.since if follow.stage is Stage.DOWNLOADED else now
        return replace(
            follow, stage=Stage.DOWNLOADED, since=since, progress=1.0, bytes_a_second=0,
            idle_seconds=0.0, missing_since=None, path=held.content_path,
            size_bytes=held.size_bytes or follow.size_bytes, seeds=None,
        )  # fmt: skip
    if held.phase.is_passing:  # its progress is another one now
        # One that was stopped has been started, or may be when that is over: it is looked at soon.
        stage, since = (Stage.ADDED, now) if follow.stage is Stage.STOPPED else (follow.stage, follow.since)
        return replace(follow, stage=stage, since=since, missing_since=None, bytes_a_second=0)
    idle, idle_from = follow.idle_seconds, follow.progress if follow.idle_from is None else follow.idle_from
    if held.phase.is_broken:
        stage = Stage.BROKEN
    elif held.phase is TorrentPhase.STOPPED:
        stage = Stage.STOPPED
    else:
        stage = Stage.DOWNLOADING if progress > 0 or held.bytes_a_second > 0 else Stage.ADDED
        idle += tried_seconds if held.phase.is_trying else 0.0
        gained = progress - idle_from
        if gained > 0 and gained >= idle * _LEAST_PROGRESS_A_SECOND:
            idle, idle_from = 0.0, progress
    return replace(
        follow,
        stage=stage,
        since=follow.since if stage is follow.stage else now,
        progress=progress,
        bytes_a_second=held.bytes_a_second,
        idle_seconds=idle,
        idle_from=min(idle_from, progress),  # after its files were checked there may be less
        missing_since=None,
        rechecked_at=None if progress > follow.progress else follow.rechecked_at,
        path=held.content_path or follow.path,
        size_bytes=held.size_bytes or follow.size_bytes,
        seeds=held.seeds,
    )


def share_done(follows: Iterable[TorrentProgress]) -> float | None:
    """Return how much there is of several torrents, by their sizes if all are known; None of none."""
    known = list(follows)
    if not known:
        return None
    are_sized = all(follow.size_bytes for follow in known)
    weights = [follow.size_bytes if are_sized else 1 for follow in known]
    return sum(w * f.progress for w, f in zip(weights, known, strict=True)) / sum(weights)


def percent(progress: float) -> int:
    """Return how much of an unfinished torrent is there as people read it; 100 is for what is whole."""
    # Rounded down, but for what is next to nothing: 0.29 times a hundred is less than 29.
    return min(int(progress * _PERCENT + _NEXT_TO_NOTHING), _PERCENT - 1)


def downloaded_at(entry: QueueEntry) -> datetime | None:
    """Return when the film's torrent came to its end, or None if it did not while we looked."""
    follow, was_there = entry.follow, entry.reason == Reason.ALREADY_DOWNLOADED
    return follow.since if follow and follow.stage is Stage.DOWNLOADED and not was_there else None


def is_worth_writing(before: TorrentProgress, after: TorrentProgress, stalled_after_seconds: float) -> bool:
    """Tell whether what was seen is to be on the disk now, and not only at the next occasion."""
    return (
        before.stage is not after.stage
        or abs(before.progress - after.progress) >= _WRITTEN_PROGRESS
        or abs(before.idle_seconds - after.idle_seconds) >= stalled_after_seconds / _WRITTEN_IDLE_SHARE
        or any(before.idle_seconds < mark <= after.idle_seconds for mark in _WRITTEN_IDLE_SECONDS)
        or before.missing_since != after.missing_since
        or before.rechecked_at != after.rechecked_at
    )
