"""Where films land: paths of the client as this machine names them, and what `check` says of them."""

import json
from pathlib import Path

import house.commands
import pytest
from house.commands import run, write
from house.fakes import FakeClock
from house.films import film
from stand_ins.qbittorrent import PREFERENCES, VERSION, Answer, QBittorrentStandIn

from movie_sync.domain.events import Downloaded
from movie_sync.domain.path_map import Pairs, on_this_machine
from movie_sync.notices.wording import worded

process_as_before = house.commands.process_as_before


@pytest.mark.parametrize(
    ("path", "here"),
    [
        ("/downloads", "/srv/films"),
        ("/downloads/", "/srv/films"),
        ("/downloads/Heat (1995)/heat.mkv", "/srv/films/Heat (1995)/heat.mkv"),
        ("/downloads2/x", "/downloads2/x"),
        ("/Downloads/x", "/Downloads/x"),
        ("/downloads/hd/x", "/mnt/hd/x"),
        ("/downloads//hd", "/mnt/hd"),
        ("D:\\Films\\Heat\\a b.mkv", "/mnt/d/Heat/a b.mkv"),
        ("d:/films", "/mnt/d"),
        ("\\\\nas\\films\\x", "/nas/x"),
        ("/a\\b", "/a\\b"),
        ("", ""),
    ],
)
def test_paths_of_the_client_on_this_machine(path: str, here: str) -> None:
    """The longest folder that fits is replaced, name by name; what fits none stays."""
    pairs = [
        ("/downloads", "/srv/films"),
        ("/downloads/hd/", "/mnt/hd"),
        ("D:\\films\\", "/mnt/d/"),
        ("\\\\nas\\films", "/nas"),
    ]
    assert on_this_machine(path, pairs) == on_this_machine(path, pairs[::-1]) == here


def test_roots() -> None:
    """The whole of one side may be mapped to a folder, and a folder to the root."""
    pairs: Pairs = [("/", "/mnt/nas")]
    assert on_this_machine("/films/x", pairs) == "/mnt/nas/films/x"
    assert on_this_machine("/data/x", [("/data", "/")]) == "/x"
    assert on_this_machine("/data", [("/data", "/")]) == "/"


def check_line(data: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what `check` says of where films land."""
    run(data, "check")
    lines = capsys.readouterr().out.splitlines()
    return next((line for line in lines if "Where films land" in line), "")


def test_check_says_where_films_land(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same place, through `path_map` or not; another one here; one that is not here; not known."""
    closed = "http://127.0.0.1:9"
    films, other, data = tmp_path / "films", tmp_path / "other", tmp_path / "data"
    for folder in (films, other, data):
        folder.mkdir()
    export = tmp_path / "watchlist.csv"
    export.write_text("Date,Name,Year,Letterboxd URI\n2026-01-01,Heat,1995,https://boxd.it/1\n")
    monkeypatch.setenv("MOVIE_SYNC_FILELIST_USERNAME", "anna")
    monkeypatch.setenv("MOVIE_SYNC_FILELIST_PASSKEY", "0" * 32)
    with QBittorrentStandIn(asks_for_login=False) as client:
        settings = {
            "lists": [{"export": str(export)}],
            "filelist": {"base_url": closed},
            "qbittorrent": {"url": client.url},
            "download_directory": str(films),
        }

        def line_with(saves_to: object, **more: object) -> str:
            preferences = {"save_path": str(saves_to), "temp_path_enabled": False}
            client.always[PREFERENCES] = Answer(body=json.dumps(preferences).encode())
            write(data / "config.json", settings | more)
            return check_line(data, capsys)

        def note_with(saves_to: object, **more: object) -> str:
            line_with(saves_to, **more)
            run(data, "check")
            lines = capsys.readouterr().out.splitlines()
            return next((line for line in lines if "path_map" in line), "")

        assert line_with(films) == f"ok    Where films land: qBittorrent saves to {films}"
        assert line_with(films / "hd").startswith("ok ")
        assert line_with(other, library_directories=[str(other)]).startswith("ok ")
        line = line_with(other)
        assert line.startswith(f"NOTE  Where films land: qBittorrent saves to {other}, but")
        assert "qbittorrent.save_path" in line
        line = line_with("/downloads")
        assert "isn't a folder on this machine" in line
        pair = line.partition('"path_map": ')[2].removesuffix(".")
        line = line_with("/downloads", path_map=json.loads(pair))
        assert line == f"ok    Where films land: qBittorrent saves to /downloads, which is {films} here"
        assert "path_map has /other, but qBittorrent has nothing there" in note_with(
            "/downloads", path_map=[["/downloads", str(films)], ["/other", str(other)]]
        )
        client.rows = [{"hash": "1" * 40, "name": "X", "content_path": "/other/X", "state": "uploading"}]
        assert note_with(films, path_map=[["/other", str(other)]]) == ""
        gone = tmp_path / "gone"
        assert f"path_map: {gone} isn't a folder" in note_with(films, path_map=[["/other", str(gone)]])
        assert line_with("C:\\films").startswith("NOTE ")
        client.always[PREFERENCES] = Answer(500)
        assert check_line(data, capsys) == ""
        client.always |= {VERSION: Answer(500)}
        client.seen.clear()
        assert check_line(data, capsys) == ""
        assert PREFERENCES not in client.seen


def test_the_path_of_an_event_is_this_machine_s() -> None:
    """What is told is where the files are here."""
    now = FakeClock().now()
    event = Downloaded(now, film("Heat"), now, "Heat.1995", "0" * 40, "/downloads/Heat")
    told = worded(event, str, lambda path: on_this_machine(path, [("/downloads", "/srv/films")]))
    assert told.details["path"] == "/srv/films/Heat"
