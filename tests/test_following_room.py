"""So many torrents at once, room on the disk, and what the client stops: the real daemon, real clients."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import town as house_town
from house.program import PASSKEY
from house.town import CLIENTS, Town, seedable, towns
from house.waiting import wait_until

town = house_town.town
pytestmark = [pytest.mark.timeout(600), pytest.mark.waits]


@towns("qbittorrent", films=10, max_unfinished=2)
def test_a_big_list_drips(town: Town) -> None:
    """At no moment are more than two of ours unfinished; all ten arrive."""
    releases = [seedable(number) for number in range(10)]
    town.offer(*releases)
    daemon = town.home.start()
    town.seed(*releases[:5])
    most = 0

    def chores(_seconds: float) -> None:
        nonlocal most
        most = max(most, town.client.unfinished())
        if len(town.stages()) >= 7:
            town.seed(*releases[5:])

    town.meanwhile(lambda: town.stages().count("downloaded") == 10, chores)
    assert most == 2
    assert daemon.stop() == 0
    assert "10 completed" in daemon.output


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real small file system (200 MB) where the client puts its films."""
    folder = tmp_path / "client" / "downloads"
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@towns(*CLIENTS, long="qbittorrent", films=2, min_free_space_gb=0.1)
def test_with_too_little_space_nothing_is_handed_over(small_disk: Path, town: Town) -> None:
    """`status` says why; when there is room it goes on by itself."""
    filler = small_disk / "filler"
    filler.write_bytes(bytes(150_000_000))
    releases = [seedable(number) for number in range(2)]
    town.offer(*releases)
    town.seed(*releases)
    daemon = town.home.start()
    daemon.wait_for("waiting for room")

    def is_told() -> bool:
        return "min_free_space_gb is 0.1" in town.home.run("status").stdout

    wait_until(is_told)
    assert town.client.hashes() == []
    filler.unlink()
    town.meanwhile(lambda: town.stages() == ["downloaded"] * 2)
    assert town.home.queue("failed") == []
    assert daemon.stop() == 0


@towns(*CLIENTS, long="transmission", films=3, max_unfinished=1)
def test_what_the_client_stops_and_what_it_holds_already(town: Town) -> None:
    """What the client stops by itself holds nothing up; a stopped torrent of the user's own is adopted, and arrives when started."""
    releases = [seedable(number) for number in range(3)]
    town.offer(*releases)
    town.seed(*releases)
    town.client.stop_what_is_added()
    own = releases[1]
    town.client.add_stopped(town.filelist.torrent_for(own, PASSKEY))
    daemon = town.home.start()

    def has_come_so_far() -> bool:
        return sorted(town.stages()) == ["downloaded", "downloaded", "stopped"]

    town.meanwhile(has_come_so_far)
    status = town.home.run("status", "--json")
    (held,) = json.loads(status.stdout)["downloading"]
    assert (held["state"], held["info_hash"]) == ("stopped", own.info_hash)
    assert "in use (" not in daemon.output, "what is not ours counts nowhere"
    town.client.start_torrent(own.info_hash)
    town.meanwhile(lambda: town.client.is_whole(own.info_hash))
    # Without anything of ours on its way it looks every ten minutes, and at once when it is started anew.
    assert daemon.stop() == 0
    daemon = town.home.start()
    town.meanwhile(lambda: town.stages() == ["downloaded"] * 3)
    town.meanwhile(lambda: town.kinds_told()["downloaded"] == 3)
    assert daemon.stop() == 0
    assert town.kinds_told() == {"added": 2, "downloaded": 3}
