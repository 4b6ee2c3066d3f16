"""The program beside a real qBittorrent that has other names for the same folders, with `path_map`."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from house.elsewhere import THEIR_FOLDER, ElsewhereQBittorrent, require_mounts
from house.films import stand_in_film
from house.program import PASSKEY
from house.town import CLIENTS, Town, seedable
from house.waiting import wait_until
from stand_ins.tracker import copy_of

pytestmark = [pytest.mark.timeout(600), pytest.mark.waits]


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """Two films are wished for; the client is in a mount tree of its own."""
    monkeypatch.setitem(CLIENTS, "elsewhere", (ElsewhereQBittorrent, require_mounts))
    downloads, shelf = tmp_path / "client" / "downloads", tmp_path / "shelf"
    shelf.mkdir()
    with contextlib.ExitStack() as stack:
        yield Town(
            stack, tmp_path, kind="elsewhere", films=2, download_directory=str(downloads),
            path_map=[[THEIR_FOLDER, str(downloads)]], shelf={"folder": str(shelf)},
        )  # fmt: skip


def test_every_path_is_this_machines(town: Town, tmp_path: Path) -> None:
    """Events, status, history, the shelf and `check`; a torrent whose files are gone here is no film that is there."""
    first, second = seedable(0), seedable(1)
    town.offer(first)
    town.seed(first, second)
    daemon = town.home.start()
    town.meanwhile(lambda: {"downloaded", "shelved"} <= set(town.kinds_told()))
    assert daemon.stop() == 0
    here = town.client.downloads / first.file_name
    assert copy_of(town.client.downloads, first.file_name) == first.content
    title = stand_in_film(0).title
    assert town.completed()[title]["path"] == f"{THEIR_FOLDER}/{first.file_name}"
    assert [each["path"] for each in town.told() if each["kind"] == "downloaded"] == [str(here)]
    (done,) = json.loads(town.home.run("status", "--json").stdout)["done_this_week"]
    assert done["path"] == str(here)
    past = json.loads(town.home.run("history", "--json").stdout)
    assert [each["detail"] for each in past if each["what"] == "downloaded"] == [f"{first.name}, in {here}"]
    (shelved,) = [path for path in (tmp_path / "shelf").rglob("*") if path.is_file()]
    assert shelved.samefile(here)

    checked = town.home.run("check").stdout
    assert f"ok    Paths of the client: {THEIR_FOLDER} is {town.client.downloads} here" in checked
    assert f"ok    Where films land: qBittorrent saves to {THEIR_FOLDER}, which is" in checked
    missing = tmp_path / "missing"
    town.home.write_settings(path_map=[[THEIR_FOLDER, str(missing)]])
    answer = town.home.run("check")
    assert answer.returncode == 1
    assert f"path_map: {missing} isn't a folder on this machine" in answer.stdout
    town.home.write_settings(path_map=[["/data", str(town.client.downloads)]])
    checked = town.home.run("check").stdout
    assert "path_map has /data, but qBittorrent has nothing there" in checked
    assert f"qBittorrent saves to {THEIR_FOLDER}, which isn't a folder on this machine" in checked
    town.home.write_settings(path_map=[[THEIR_FOLDER, str(town.client.downloads)]])

    other = town.client.downloads / second.file_name
    other.write_bytes(second.content or b"")
    assert isinstance(town.client, ElsewhereQBittorrent)
    town.client.web.torrents_add(torrent_files=town.filelist.torrent_for(second, PASSKEY))
    wait_until(lambda: second.info_hash in town.client.hashes() and town.client.is_whole(second.info_hash))
    other.unlink()
    town.home.run("add", stand_in_film(1).slug)
    daemon = town.home.start()
    town.meanwhile(lambda: town.kinds_told()["downloaded"] == 2)
    assert daemon.stop() == 0
    assert town.completed()[stand_in_film(1).title]["adopted"]
    assert other.read_bytes() == second.content
