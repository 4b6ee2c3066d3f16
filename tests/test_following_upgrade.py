"""A better release from the radar to the disk: the real daemon, a real client, a tracker, a seeder, kill -9 between."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from house import town as house_town
from house.films import stand_in_release
from house.town import CLIENTS, SMALL_SIZES, Town, seedable, towns
from house.waiting import wait_until
from stand_ins.tracker import copy_of

town = house_town.town
pytestmark = [pytest.mark.timeout(600), pytest.mark.waits]
_QUALITY = {"size_mb_per_minute": SMALL_SIZES, "upgrade": {"until": "Bluray-1080p", "days": 30}}


# Transmission looks only every ten seconds from whom it wants anything.
@towns(*CLIENTS, long="transmission", films=1, quality=_QUALITY)
def test_a_better_release_comes_later(town: Town) -> None:
    """Both seed in the end, one entry and one notice tell of it; the daemon is killed at each step on the way."""
    first, better = seedable(0, "WEB-DL"), stand_in_release(0, content=os.urandom(150_000))
    town.offer(first)
    town.seed(first, better)
    daemon = town.home.start()
    town.meanwhile(lambda: town.stages() == ["downloaded"])
    town.offer(better)

    def entry() -> dict[str, object]:
        (only,) = town.home.queue("completed")
        return only

    def upgrade() -> dict[str, object]:
        found = entry().get("upgrade", {})
        assert isinstance(found, dict)
        return found

    def is_upgraded() -> bool:
        return entry()["info_hash"] == better.info_hash

    steps: list[Callable[[], bool]] = [
        lambda: bool(upgrade()) or is_upgraded(),
        lambda: better.info_hash in town.client.hashes(),
        lambda: "stage" in upgrade() or is_upgraded(),
        lambda: "upgraded" in town.kinds_told(),
        is_upgraded,
    ]
    for step in steps:
        wait_until(step)
        daemon.process.kill()
        daemon.wait()
        daemon = town.home.start()

    def is_tagged() -> bool:
        (old,) = entry().get("replaced", [{}])  # type: ignore[misc]  # a list, as the files have it
        return "seen_at" in old

    town.meanwhile(is_tagged)
    daemon.wait_for("Watching ")
    assert daemon.stop() == 0
    assert sorted(town.client.hashes()) == sorted([first.info_hash, better.info_hash])
    assert entry()["stage"] == "downloaded"
    assert Path(str(entry()["path"])).name == better.file_name
    for release in (first, better):
        assert copy_of(town.client.downloads, release.file_name) == release.content
    assert "replaced" in town.client.tags_of(first.info_hash)
    told = {event["id"]: event for event in town.told() if event["kind"] == "upgraded"}
    assert [event["after"] for event in told.values()] == ["Bluray-1080p"]
    (shown,) = json.loads(town.home.run("status", "--json").stdout)["replaced"]
    assert (shown["info_hash"], shown["may_go"]) == (first.info_hash, False)
    assert "Replaced, and still seeding" in town.home.run("status").stdout
