"""Commands run within the test's own process, on a data folder written by hand."""

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from movie_sync import cli
from movie_sync.domain.models import QueueName
from movie_sync.logs import LOGGER_NAME, tear_down_logging
from movie_sync.queues.manager import QueueManager

NOWHERE = "http://127.0.0.1:9"
"""Where nobody answers: films that are named are taken at the word."""


@pytest.fixture(autouse=True)
def process_as_before() -> Iterator[None]:
    """Leave umask and logging as they were found."""
    umask = os.umask(0o022)
    logger = logging.getLogger(LOGGER_NAME)
    before = (logger.level, logger.propagate, logging.raiseExceptions)
    yield
    os.umask(umask)
    tear_down_logging()
    logger.level, logger.propagate, logging.raiseExceptions = before


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder written by hand: one film in each state."""
    folder = tmp_path / "data"
    folder.mkdir()
    film = {"added_at": "2026-10-01T10:00:00Z", "year": 1995, "url": "", "imdb_id": None}
    settings = {"username": "maria", "qbittorrent": {"enabled": False}, "letterboxd": {"base_url": NOWHERE}}
    write(folder / "config.json", settings)
    write(folder / "queue_pending.json", [{"id": "K1", "slug": "one", "title": "One", "mine": 7, **film}])
    retry = {"error": "no release", "retry_count": 2, "retry_at": "2026-11-02T10:00:00Z"}
    for_good = {"error": "a series", "retry_count": 1, "retry_at": None}
    write(
        folder / "queue_failed.json",
        [
            {"id": "K2", "slug": "two", "title": "Two \u2013 \x1b[31m\u202e", **film, **retry},
            {"id": "K3", "slug": "three", "title": "Three", **film, **for_good},
        ],
    )
    there = {"completed_at": "2026-10-02T10:00:00Z", "reason": "already downloaded"}
    write(folder / "queue_completed.json", [{"id": "K4", "slug": "four", "title": "Four", **film, **there}])
    return folder


def write(path: Path, document: object) -> None:
    """Write a file of JSON."""
    path.write_text(json.dumps(document), encoding="utf-8")


def run(data: Path, *arguments: str) -> int:
    """Run a command on a data folder, in this process."""
    return cli.main([*arguments, "--data-dir", str(data), "--plain"])


def held(data: Path, queue: QueueName) -> list[str]:
    """Return the ids in a queue."""
    return [entry.movie.id for entry in QueueManager(data, writable=False).entries(queue)]
