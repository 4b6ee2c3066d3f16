"""A FileList client before a stand-in tracker, which the test file gives as its fixture `tracker`."""

import threading
from pathlib import Path

import pytest

from house.fakes import FakeClock
from house.films import release
from movie_sync.demo.filelist_server import FileListStandIn, StandInRelease
from movie_sync.domain.models import Release
from movie_sync.net.http import HttpClient
from movie_sync.services.filelist.client import FileListClient
from movie_sync.storage.call_budget import CallBudget

USER, PASSKEY = "some_user", "5ec2e7000000000000000000c0ffee42"
TIMEOUT = 0.6
HEAT = StandInRelease(
    10, "Heat.1995.1080p.BluRay.x264-AMIABLE", imdb="tt0113277", size_bytes=12_000_000_000, files=3
)


@pytest.fixture
def stop() -> threading.Event:
    """Return the event that ends a request."""
    return threading.Event()


@pytest.fixture
def budget(tmp_path: Path) -> CallBudget:
    """Return a real budget on a clock that stands still."""
    return CallBudget(tmp_path / "calls.json", 200, FakeClock())


@pytest.fixture
def client(tracker: FileListStandIn, stop: threading.Event, budget: CallBudget) -> FileListClient:
    """Return a client of the tracker."""
    http = HttpClient("FileList", stop=stop, timeout_seconds=TIMEOUT)
    return FileListClient(http, tracker.url, USER, PASSKEY, budget)


def found_earlier(number: int = 10, size_bytes: int = 12_000_000_000) -> Release:
    """Return a release as a search gave it earlier."""
    return release(HEAT.name, number, size_bytes=size_bytes, seeders=1, imdb_id=None)
