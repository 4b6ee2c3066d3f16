"""Finished films on the shelf: the real program beside a real torrent client."""

import os
from pathlib import Path
from typing import Any

import pytest
from house import town as house_town
from house.films import stand_in_film, stand_in_release
from house.program import PASSKEY, cost_of
from house.shapes import LONG_NAME, Shape, check_all_again, content_of, files_of, offer_shapes, told_once
from house.town import CLIENTS, SMALL_SIZES, Town, seedable, towns
from house.waiting import wait_until
from stand_ins.receiver import Received, Receiver

from movie_sync.domain.shelf_plan import Left

town = house_town.town
pytestmark = [pytest.mark.timeout(300), pytest.mark.waits]
_LIMIT_KB = 50_000_000 // 1024  # /proc counts in 1,024 bytes
_MOST_RUNS = 3
_KILL_SECONDS = 1.2


def shapes() -> list[Shape]:
    """Torrents as people make them."""
    film = "Amélie – 千と千尋 🎬"
    return [
        Shape(
            {"Film.mkv": 120_000, "Film.nfo": 100, "Sample/sample.mkv": 9_000, "Subs/2_English.srt": 300,
             "Subs/3_Romanian.srt": 301, "Subs/4_English (SDH).srt": 302},
            {"Film.mkv": ".mkv", "Subs/2_English.srt": ".en.srt", "Subs/3_Romanian.srt": ".ro.srt",
             "Subs/4_English (SDH).srt": ".en.sdh.srt"},
        ),
        Shape({"film.cd1.avi": 60_000, "film.cd2.avi": 60_000}, left=Left.PARTS),
        Shape({"VIDEO_TS/VTS_01_1.VOB": 90_000, "VIDEO_TS/VIDEO_TS.IFO": 2_000}, left=Left.DISC),
        Shape(
            {f"{film}.mkv": 100_000, f"{film}.ro.srt": 200},
            {f"{film}.mkv": ".mkv", f"{film}.ro.srt": ".ro.srt"},
            title="Amélie: Été? 2/2",
            folder=f"{film} [1954]",
        ),
        Shape({LONG_NAME: 100_000}, {LONG_NAME: ".mkv"}, title="Long " * 45 + "End", folder="字" * 83),
    ]  # fmt: skip


def shelf_of(town: Town, **settings: Any) -> Path:
    """Make the shelf, and have the program use it."""
    shelf = town.home.data.parent / "shelf"
    shelf.mkdir()
    town.home.write_settings(shelf={"folder": str(shelf)}, **settings)
    return shelf


_SHAPES = len(shapes())


def with_kills(town: Town, *, shelved: int) -> None:
    """Let the program work until all is done and told; it's killed now and then."""
    runs = [town.home.start(fresh=True)]
    killed_at = [0.0]

    def kill(seconds: float) -> None:
        if len(runs) < _MOST_RUNS and seconds - killed_at[0] > _KILL_SECONDS:
            runs[-1].process.kill()
            runs[-1].process.wait()
            killed_at[0] = seconds
            runs.append(town.home.start(fresh=True))

    def is_done() -> bool:
        states = [entry.get("shelf", {}) for entry in town.home.queue("completed")]
        are_all = len(states) == len(town.letterboxd.films)
        return are_all and all(state.get("path") or state.get("left") for state in states)

    town.meanwhile(is_done, kill)
    town.meanwhile(lambda: len(told_once(town)) == shelved)
    cost = cost_of(runs[-1].process.pid)
    assert cost["Threads"] == 3
    assert cost["VmHWM"] < _LIMIT_KB, cost
    assert runs[-1].stop() == 0


@towns(*CLIENTS, long="transmission", films=1 + _SHAPES)
def test_films_of_all_shapes(town: Town) -> None:
    """Each as a hard link, under its own name, told once; killed now and then; the client seeds on."""
    alone, made = seedable(0), shapes()
    town.offer(alone)
    town.seed(alone)
    offer_shapes(town, made, 1)
    shelf = shelf_of(town)
    with_kills(town, shelved=1 + sum(not shape.left for shape in made))

    entries = {entry["imdb_id"]: entry for entry in town.home.queue("completed")}
    expected: dict[str, bytes] = {}
    for number, shape in enumerate(made, 1):
        entry = entries[stand_in_film(number).imdb_id]
        assert entry["shelf"].get("left", "") == shape.left
        if shape.left:
            continue
        stem, files = Path(entry["shelf"]["path"]).stem, files_of(town.client, shape)
        assert len(stem.encode()) <= 180
        for path, ending in shape.shelf.items():
            expected[f"{stem}/{stem}{ending}"] = shape.content[path]
            assert (shelf / stem / f"{stem}{ending}").samefile(files[path])
    film = "Made Up Alpha (1950) [imdbid-tt9000000]"
    expected[f"{film}/{film}.mkv"] = alone.content or b""
    assert {
        str(path.relative_to(shelf)): path.read_bytes() for path in shelf.rglob("*") if path.is_file()
    } == expected
    assert "Amélie - Été 2-2 (1954) [imdbid-tt9000004]" in {path.name for path in shelf.iterdir()}
    assert {event["path"] for event in told_once(town)} == {
        entry["shelf"]["path"] for entry in entries.values() if "path" in entry["shelf"]
    }
    assert "on the shelf in" in town.home.run("status").stdout
    again = town.home.run("shelf", "--all")
    assert again.returncode == 1, "what was left is tried once more"
    assert again.stderr.count("left where it is, because") == sum(bool(shape.left) for shape in made)
    check_all_again(town, [town.filelist.torrent_for(alone, PASSKEY), *(shape.torrent for shape in made)])
    for shape in made:
        assert content_of(town.client, shape) == shape.content


_UPGRADES = {"size_mb_per_minute": SMALL_SIZES, "upgrade": {"until": "Bluray-1080p", "days": 30}}


@pytest.mark.long
@towns("qbittorrent", films=1, quality=_UPGRADES)
def test_two_qualities(town: Town) -> None:
    """After an upgrade both are on the shelf, and both are told; neither took the other's place."""
    first, better = seedable(0, "WEB-DL"), stand_in_release(0, content=os.urandom(150_000))
    town.offer(first)
    town.seed(first, better)
    shelf = shelf_of(town)
    daemon = town.home.start()
    town.meanwhile(lambda: len(told_once(town)) == 1)
    town.offer(better)
    town.meanwhile(lambda: len(told_once(town)) == 2)
    assert daemon.stop() == 0
    film = "Made Up Alpha (1950) [imdbid-tt9000000]"
    assert {path.name: path.read_bytes() for path in (shelf / film).iterdir()} == {
        f"{film}.mkv": first.content,
        f"{film} - 1080p.mkv": better.content,
    }
    (entry,) = town.home.queue("completed")
    assert entry["shelf"]["path"] == str(shelf / film / f"{film} - 1080p.mkv")
    check_all_again(town, [town.filelist.torrent_for(each, PASSKEY) for each in (first, better)])


class _Looking(list[Received]):
    """Notes what was on the shelf when each request came."""

    def __init__(self, shelf: Path) -> None:
        super().__init__()
        self.shelf = shelf
        self.seen: list[int] = []

    def append(self, received: Received) -> None:
        self.seen.append(len(list(self.shelf.glob("*/*.mkv"))))
        super().append(received)


@towns("qbittorrent", films=2)
def test_films_of_before_and_media_servers(town: Town) -> None:
    """What was finished before the shelf is put there by a command, and then the media servers look.

    So is what was whole in the client before the program came. A wrong `path_map` is said, with the folder
    that isn't there.
    """
    films = [seedable(number) for number in range(2)]
    town.offer(*films)
    town.seed(films[0])
    (town.client.downloads / films[1].file_name).write_bytes(films[1].content or b"")
    check_all_again(town, [town.filelist.torrent_for(films[1], PASSKEY)], were_there=False)
    daemon = town.home.start()
    town.meanwhile(lambda: town.stages() == ["downloaded"] * 2)
    assert daemon.stop() == 0
    assert {entry["reason"] for entry in town.home.queue("completed")} == {"downloaded", "already downloaded"}
    assert "shelf" not in str(town.home.queue("completed"))
    assert town.home.run("shelf", "--all").returncode == 2, "there is none"
    tokens = {"MOVIE_SYNC_JELLYFIN_TOKEN": "a" * 32, "MOVIE_SYNC_PLEX_TOKEN": "b" * 20}
    with Receiver(status=200) as jellyfin, Receiver(status=200) as plex:
        downloads, nowhere = str(town.client.downloads), str(town.home.data.parent / "nowhere")
        servers = {"jellyfin": {"url": jellyfin.url}, "plex": {"url": plex.url}}
        shelf = shelf_of(town, path_map=[[downloads, nowhere]], **servers)
        for receiver in (jellyfin, plex):
            receiver.received = _Looking(shelf)
        wrong = town.home.run("shelf", "--all", **tokens)
        assert wrong.returncode == 1
        for film in films:
            assert (
                f"The folder {nowhere} isn't on this machine, so {nowhere}/{film.file_name} (the torrent client "
                f"calls it {downloads}/{film.file_name}) can't be reached."
            ) in wrong.stderr
        town.home.write_settings(path_map=[])
        done = town.home.run("shelf", "--all", **tokens)
        assert (done.returncode, done.stderr) == (0, "")
        assert sorted(line.partition(": ")[2] for line in done.stdout.splitlines()) == sorted(
            map(str, shelf.glob("*/*.mkv"))
        )
        assert len(told_once(town)) == 2
        assert town.kinds_told()["downloaded"] == 1
        for receiver in (jellyfin, plex):
            assert isinstance(receiver.received, _Looking)
            assert receiver.received.seen == [2]
        assert town.home.run("shelf", "--all", **tokens).stdout.startswith("Every film")
        assert town.home.run("shelf", "Made Up Alpha", **tokens).returncode == 0
        assert len(list(shelf.glob("*/*"))) == 2
    check_all_again(town, [town.filelist.torrent_for(film, PASSKEY) for film in films])


@pytest.mark.long
@towns("qbittorrent", films=2)
def test_a_shelf_that_is_not_there(town: Town) -> None:
    """It's said once, in `status` too, and goes on when it appears; files that can't be reached are named."""
    films = [seedable(number) for number in range(2)]
    town.offer(*films)
    town.seed(*films)
    shelf = shelf_of(town)
    shelf.rmdir()
    daemon = town.home.start()
    town.meanwhile(lambda: town.stages() == ["downloaded"] * 2)
    why = f"The shelf's folder {shelf} doesn't exist. Create it, or mount the disk it's on."
    daemon.wait_for(why)
    wait_until(lambda: why in town.home.run("status").stdout)
    shelf.mkdir()
    town.meanwhile(lambda: len(told_once(town)) == 2)
    assert daemon.output.count(f"WARNING: Films can't be put on the shelf: {why}") == 1
    assert daemon.stop() == 0
    assert why not in town.home.run("status").stdout
