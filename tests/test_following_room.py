"""So many torrents at once, room on the disk, and what the client stops: the real daemon, a real qBittorrent."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import town as house_town
from house.program import PASSKEY
from house.real_qbittorrent import wait_until
from house.town import Town, seedable

town = house_town.town
pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize("town", [{"films": 10, "max_unfinished": 2}], indirect=True)
def test_a_big_list_drips(town: Town) -> None:
    """At no moment are more than two of ours unfinished; all ten arrive."""
    releases = [seedable(number) for number in range(10)]
    town.offer(*releases)
    daemon = town.home.start()
    town.seed(*releases[:5])
    most = 0

    def chores(_seconds: float) -> None:
        nonlocal most
        most = max(most, town.unfinished())
        if len(town.stages()) >= 7 and town.seeder.url not in seeded_late:
            town.seed(*releases[5:])
            seeded_late.add(town.seeder.url)

    seeded_late: set[str] = set()
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


@pytest.mark.parametrize("town", [{"films": 2, "min_free_space_gb": 0.1}], indirect=True)
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
    assert list(town.web.torrents_info()) == []
    filler.unlink()
    town.meanwhile(lambda: town.stages() == ["downloaded"] * 2)
    assert town.home.queue("failed") == []
    assert daemon.stop() == 0


@pytest.mark.parametrize("town", [{"films": 3, "max_unfinished": 1}], indirect=True)
def test_what_the_client_stops_and_what_it_holds_already(town: Town) -> None:
    """A stop condition holds nothing up; a stopped torrent of the user's own is adopted, and arrives when started."""
    releases = [seedable(number) for number in range(3)]
    town.offer(*releases)
    town.seed(*releases)
    town.web.app_set_preferences({"torrent_stop_condition": "FilesChecked"})
    own = releases[1]
    town.web.torrents_add(torrent_files=town.filelist.torrent_for(own, PASSKEY), is_stopped=True)
    daemon = town.home.start()

    def has_come_so_far() -> bool:
        return sorted(town.stages()) == ["downloaded", "downloaded", "stopped"]

    town.meanwhile(has_come_so_far)
    status = town.home.run("status", "--json")
    (held,) = json.loads(status.stdout)["downloading"]
    assert (held["state"], held["info_hash"]) == ("stopped", own.info_hash)
    assert "2 of our torrents" not in daemon.output
    town.web.torrents_start(torrent_hashes=own.info_hash)
    town.meanwhile(lambda: town.is_whole(own))
    # Without anything of ours on its way it looks every ten minutes, and at once when it is started anew.
    assert daemon.stop() == 0
    daemon = town.home.start()
    town.meanwhile(lambda: town.stages() == ["downloaded"] * 3)
    town.meanwhile(lambda: town.kinds_told()["downloaded"] == 3)
    assert daemon.stop() == 0
    assert town.kinds_told() == {"added": 2, "downloaded": 3}
