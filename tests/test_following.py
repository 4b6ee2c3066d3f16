"""From the list to the disk: the real daemon, a real torrent client of each kind, a tracker, a seeder."""

import random
from collections import Counter
from pathlib import Path

import pytest
from house import town as house_town
from house.films import stand_in_film
from house.program import Running, cost_of
from house.town import Town, seedable
from stand_ins.tracker import copy_of

from movie_sync.demo.filelist_server import StandInRelease

_UNSEEDED, _LATE, _REFUSED, _REMOVED = 8, 9, 10, 11
town = house_town.town
pytestmark = [pytest.mark.timeout(600), pytest.mark.waits]


# Transmission looks only every ten seconds from whom it wants anything: CI runs its form besides the suite.
@pytest.mark.parametrize(
    "town",
    [
        pytest.param({"kind": "qbittorrent", "films": 12, "stalled_after": 5}, id="qbittorrent"),
        pytest.param(
            {"kind": "transmission", "films": 12, "stalled_after": 13},
            id="transmission",
            marks=pytest.mark.long,
        ),
    ],
    indirect=True,
)
def test_twelve_films_to_the_end(town: Town) -> None:
    """Eight arrive; one stalls, one is refused, both are replaced; one comes later; one is removed by hand.

    Meanwhile the daemon is killed and the client is started anew, again and again.
    """
    usual = [seedable(number) for number in range(8)]
    unseeded, second = seedable(_UNSEEDED), seedable(_UNSEEDED, "WEB-DL")
    refused, third = seedable(_REFUSED), seedable(_REFUSED, "WEB-DL")
    late, removed = seedable(_LATE), seedable(_REMOVED)
    town.offer(*usual, unseeded, second, refused, third, removed)
    town.seed(*usual, second, third, late)
    town.swarm.refused[refused.info_hash] = "unregistered torrent"
    wanted = {
        **{stand_in_film(number).title: usual[number] for number in range(8)},
        stand_in_film(_UNSEEDED).title: second, stand_in_film(_REFUSED).title: third, stand_in_film(_LATE).title: late,
    }  # fmt: skip
    expected_events = {
        *(("added", _lid(title), release.info_hash) for title, release in wanted.items()),
        *(("downloaded", _lid(title), release.info_hash) for title, release in wanted.items()),
        ("replaced", stand_in_film(_UNSEEDED).lid, unseeded.info_hash),
        ("replaced", stand_in_film(_REFUSED).lid, refused.info_hash),
    }
    dice = random.Random(3)
    daemon = town.home.start(fresh=True)
    kills_at = (1.0, 2.5, 5.0, 8.0)
    kills, restarts, state = list(kills_at), [3.5, 6.5], {"late": False}

    def chores(seconds: float) -> None:
        nonlocal daemon
        if restarts and seconds > restarts[0] + dice.random():
            restarts.pop(0)
            town.client.stop()
            town.client.start()
        # The last one is after the last start of the client: else a daemon that missed it pauses for a minute.
        if kills[bool(restarts) :] and seconds > kills[0] + dice.random():
            kills.pop(0)
            daemon.process.kill()
            daemon.wait()
            daemon = town.home.start(fresh=True)
        if not state["late"] and seconds > 4:
            town.offer(late)
            state["late"] = True
        # Again and again: a client that is ended right after it forgot a torrent may know it again.
        if removed.info_hash in town.client.hashes():
            town.client.take_out(removed.info_hash)

    def is_done() -> bool:
        completed = town.completed()
        arrived = {title for title, entry in completed.items() if entry.get("stage") == "downloaded"}
        return (
            not kills
            and not restarts
            and set(wanted) <= arrived
            and completed.get(stand_in_film(_REMOVED).title, {}).get("stage") == "removed"
            and expected_events
            <= {
                (event["kind"], event["film"] and event["film"]["id"], event.get("info_hash"))
                for event in town.told()
            }
        )

    town.meanwhile(is_done, chores)
    _check_size(daemon)
    assert daemon.stop() == 0
    _check_arrived(town, wanted)
    _check_told(town, wanted, most_repeats=len(kills_at))
    held = set(town.client.hashes())
    expected = {release.info_hash for release in wanted.values()}
    assert held == expected | {unseeded.info_hash, refused.info_hash}, "nothing taken out, nothing twice"
    tried = {title: entry["tried"][0]["why"] for title, entry in town.completed().items() if "tried" in entry}
    assert set(tried) == {stand_in_film(_UNSEEDED).title, stand_in_film(_REFUSED).title}
    assert "almost no data" in tried[stand_in_film(_UNSEEDED).title]
    assert "unregistered torrent" in tried[stand_in_film(_REFUSED).title]
    assert town.home.queue("pending") == town.home.queue("failed") == []


def _check_size(daemon: Running) -> None:
    """Fail if the daemon has more than three threads, or was ever larger than 50 MB."""
    if Path(f"/proc/{daemon.process.pid}/status").exists():
        cost = cost_of(daemon.process.pid)
        assert cost["Threads"] == 3
        assert cost["VmHWM"] * 1024 < 50_000_000


def _check_arrived(town: Town, wanted: dict[str, StandInRelease]) -> None:
    """Fail unless each film is complete with the release, whose file is there with identical bytes."""
    for title, release in wanted.items():
        entry = town.completed()[title]
        assert entry["info_hash"] == release.info_hash, title
        assert Path(entry["path"]).name == release.file_name
        assert copy_of(town.client.downloads, release.file_name) == release.content


def _check_told(town: Town, wanted: dict[str, StandInRelease], *, most_repeats: int) -> None:
    """Fail unless the user's command was told of each film that arrived, once but for crashes."""
    ids = Counter(event["id"] for event in town.told())
    assert sum(ids.values()) - len(ids) <= most_repeats
    arrived = [event for event in town.told() if event["kind"] == "downloaded"]
    names = {Path(event["path"]).name for event in arrived}
    assert names == {release.file_name for release in wanted.values()}


def _lid(title: str) -> str:
    return next(stand_in_film(number).lid for number in range(12) if stand_in_film(number).title == title)
