"""What the daemon may cost: three threads and less than 50 MB, also with years of history."""

import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from house.crowd import CROWD, Crowd, crowded_peak
from house.program import PASSKEY, TRACKER_USER, Household, cost_of
from house.town import CLIENTS
from house.waiting import wait_until
from stand_ins.qbittorrent import QBittorrentStandIn
from stand_ins.transmission import TransmissionStandIn, row_of

from movie_sync.demo.filelist_server import FileListStandIn, StandInRelease
from movie_sync.demo.letterboxd_server import Fault, LetterboxdStandIn, StandInFilm, StandInList
from movie_sync.demo.torrent_maker import bencode

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
_LIMIT_KB = 50_000_000 // 1024  # /proc counts in 1,024 bytes


def _completed(count: int) -> str:
    films = [
        {
            "id": f"C{number:05d}",
            "slug": f"a-film-seen-long-ago-{number}",
            "title": f"A Film Seen Long Ago {number}",
            "year": 1920 + number % 100,
            "url": f"https://letterboxd.com/film/a-film-seen-long-ago-{number}/",
            "imdb_id": f"tt{7_000_000 + number}",
            "added_at": "2024-05-05T10:00:00Z",
            "completed_at": "2024-05-05T10:00:09Z",
            "reason": "downloaded",
            "release": f"A.Film.Seen.Long.Ago.{number}.1080p.BluRay.x264-GRP",
            "filelist_id": number,
            "info_hash": f"{number:040x}",
            "stage": "downloaded",
            "stage_since": "2024-05-05T11:00:00Z",
            "size": 8_000_000_000,
            "path": f"/films/A.Film.Seen.Long.Ago.{number}.1080p.BluRay.x264-GRP",
        }
        for number in range(count)
    ]
    return "[\n" + ",\n".join(json.dumps(film) for film in films) + "\n]\n"


@pytest.mark.long  # CI runs it besides the suite
@pytest.mark.parametrize("kind", ["qbittorrent", "transmission"])
def test_ten_thousand_completed_and_a_thousand_listed(
    tmp_path: Path, kind: str, record_property: Callable[[str, object], None]
) -> None:
    """With 10,000 completed films and 1,000 on the watchlist the peak is below 50 MB, with three threads."""
    films = [
        StandInFilm(f"W{number:04d}", f"wished-for-{number}", f"Wished For {number}", 2000)
        for number in range(1000)
    ]
    build, require = CLIENTS[kind]
    command = require()
    with (
        LetterboxdStandIn(films, username="maria") as letterboxd,
        FileListStandIn(users={TRACKER_USER: PASSKEY}, calls_per_hour=100_000) as filelist,
        build(tmp_path / "client", command) as client,
        Household(tmp_path, letterboxd, filelist, client=client) as home,
    ):
        (home.data / "queue_completed.json").write_text(_completed(10_000))
        daemon = home.start(fresh=True)

        def has_worked() -> bool:
            return len(filelist.requests) >= 50

        wait_until(has_worked)
        cost = cost_of(daemon.process.pid)
        assert cost["Threads"] == 3
        assert cost["VmHWM"] < _LIMIT_KB, cost
        record_property("measured", f"{kind}: {cost}")
        assert daemon.stop() == 0


@pytest.mark.parametrize(
    "size",
    [
        Crowd(films=500, library_files=2_000, torrents=2_000, files_a_torrent=9_000, hand_over=2),
        pytest.param(CROWD, marks=[pytest.mark.long, pytest.mark.timeout(900)]),
    ],
    ids=["a tenth", "whole"],
)
def test_everything_is_large_at_once(
    tmp_path: Path, size: Crowd, record_property: Callable[[str, object], None]
) -> None:
    """A full library and client, torrents of 9,000 files and a long list, read again: below 50 MB, three threads."""
    cost = crowded_peak(tmp_path, size)
    record_property("measured", str(cost))
    assert cost["Threads"] == 3
    assert cost["VmHWM"] < _LIMIT_KB


# What the program took at most, told by itself at its end.
_MEASURED = (
    sys.executable,
    "-c",
    "import sys\n"
    "from movie_sync.cli import main\n"
    "code = main(sys.argv[1:])\n"
    "print('peak', next(line.split()[1] for line in open('/proc/self/status') if line[:5] == 'VmHWM'))\n"
    "sys.exit(code)\n",
)


def _waiting(count: int) -> str:
    films = [
        {
            "id": f"F{number:05d}",
            "slug": f"a-film-waited-for-{number}",
            "title": f"A Film Waited For {number}",
            "year": 1950 + number % 70,
            "imdb_id": f"tt{8_000_000 + number}",
            "alternative_titles": [f"Another title of this film, {also} of {number}" for also in range(15)],
            "page_read": True,
            "added_at": "2024-05-05T10:00:00Z",
            "error": "no release on the tracker yet",
            "retry_count": 5,
            "retry_at": None,
            "waits_for_release": True,
        }
        for number in range(count)
    ]
    return "[\n" + ",\n".join(json.dumps(film) for film in films) + "\n]\n"


@pytest.mark.long
def test_ten_thousand_wait_for_a_release(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """All of them are held against the newest releases, with all their titles, below 50 MB."""
    with (
        LetterboxdStandIn(username="maria") as letterboxd,
        FileListStandIn(users={TRACKER_USER: PASSKEY}) as filelist,
        Household(tmp_path, letterboxd, filelist) as home,
    ):
        (home.data / "queue_failed.json").write_text(_waiting(10_000))
        answer = home.run("--once", program=_MEASURED)
        peak = int(answer.stdout.rpartition("peak ")[2])
        assert len(home.queue("failed")) == 10_000
        assert "latest" in str(filelist.requests[0])
    record_property("measured", f"{peak:,} KB")
    assert peak < _LIMIT_KB


def test_a_film_on_the_disk_costs_little(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Of a library next to nothing is kept: 6,000 films with folders of their own cost less than a megabyte."""
    peaks = []
    for count in (0, 6_000):
        folder = tmp_path / str(count)
        folder.mkdir()
        with (
            LetterboxdStandIn(
                [StandInFilm("W1", "wished-for", "Wished For", 2000)], username="maria"
            ) as letterboxd,
            FileListStandIn(users={TRACKER_USER: PASSKEY}) as filelist,
            Household(folder, letterboxd, filelist) as home,
        ):
            for number in range(count):
                place = home.films / f"A Film That Is There {number} ({1920 + number % 100})"
                place.mkdir()
                (place / f"{place.name} 1080p.mkv").write_bytes(b"film")
            answer = home.run("--once", program=_MEASURED)
            peaks.append(int(answer.stdout.rpartition("peak ")[2]))
    record_property("measured", f"{peaks[1] - peaks[0]:,} KB more than {peaks[0]:,} KB")
    assert peaks[1] - peaks[0] < 1_000


_HEADER = "Date,Name,Year,Letterboxd URI\n"
_ROOM = 599_000
"""Bytes of an export that is to be read with little memory, but for its header."""


def _rows(title: str, address: str, count: int = 8_000, left: int = _ROOM) -> str:
    """Return an export with as many films as have room."""
    rows = []
    for number in range(count):
        rows.append(f"2026-01-01,{title.format(number)},1999,{address.format(number)}")
        left -= len(rows[-1].encode()) + 1
        if left < 0:
            break
    return _HEADER + "\n".join(rows[:-1]) + "\n"


EXPORTS: dict[str, str] = {
    "a long list": _rows("A Film of Some Length {}", "https://boxd.it/{:06}"),
    "one wide character a title": _rows("A Film of Some \U0001f3ac {:05}", "https://boxd.it/{:06}"),
    "long titles of wide characters": _rows("\U0001f3ac" + "x" * 450 + "{}", "https://boxd.it/{:06}"),
    "long addresses": _rows("{}", "https://letterboxd.com/film/" + "x" * 230 + "{:05}/"),
    "addresses of some length": _rows("{}", "https://letterboxd.com/film/film-{:05}/"),
    "more films than are taken": _rows("{}", "https://boxd.it/{}", 30_000, 9 * _ROOM),
    "more bytes than are taken": _HEADER + "2026-01-01,X,1999,https://boxd.it/x\n" * 400_000,
}


_RARE = {
    "one wide character a title",
    "long titles of wide characters",
    "long addresses",
    "addresses of some length",
    "a long list",
}
_LONG = pytest.mark.long


@pytest.mark.parametrize(
    ("kind", "is_packed"),
    [
        *(pytest.param(kind, False, marks=_LONG if kind in _RARE else ()) for kind in EXPORTS),
        pytest.param("a long list", True, marks=_LONG),
        pytest.param("one wide character a title", True, marks=_LONG),
    ],
)
def test_no_export_makes_it_large(
    tmp_path: Path, kind: str, is_packed: bool, record_property: Callable[[str, object], None]
) -> None:
    """Whatever is given as the list (of 8,000 films), then another in its place, the peak is below 50 MB."""
    export = tmp_path / ("watchlist.zip" if is_packed else "watchlist.csv")
    with (
        LetterboxdStandIn(username="maria") as letterboxd,
        FileListStandIn(
            users={TRACKER_USER: PASSKEY}, calls_per_hour=2
        ) as filelist,  # searches are not measured
        Household(tmp_path, letterboxd, filelist) as home,
    ):
        letterboxd.fault = lambda _path: Fault.outage()
        home.write_settings(letterboxd={"base_url": letterboxd.url, "export_file": str(export)})
        peaks = []
        for word in ("film/film-", "film/movie-"):
            _put(export, EXPORTS[kind].replace("boxd.it/0", f"boxd.it/{word[5]}").replace("film/film-", word))
            answer = home.run("--once", program=_MEASURED)
            peaks.append(int(answer.stdout.rpartition("peak ")[2]))
            assert ("far too large" in answer.stderr) == kind.startswith("more "), answer.stderr
            assert bool(home.queue("pending")) != kind.startswith("more ")
    record_property("measured", f"{max(peaks):,} KB at most")
    assert max(peaks) < _LIMIT_KB


def _put(export: Path, text: str) -> None:
    """Write an export; packed with as many other files as a ZIP may have."""
    if export.suffix == ".csv":
        export.write_text(text, encoding="utf-8")
        return
    with zipfile.ZipFile(export, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("watchlist.csv", text)
        for number in range(5_000):
            archive.writestr(f"l/{number:04}", "")


@pytest.mark.parametrize(
    ("each", "checks"), [(150, 1), pytest.param(2_500, 4, marks=[_LONG, pytest.mark.timeout(600)])]
)
def test_five_lists(
    tmp_path: Path, each: int, checks: int, record_property: Callable[[str, object], None]
) -> None:
    """10,000 films over five lists, one of them with keys of its own, of which some are gone at the third check."""
    films = [
        StandInFilm(
            f"L{number:05}", f"a-film-of-a-list-{number}", f"A Film of a List {number}", 1950 + number % 70
        )
        for number in range(4 * each)
    ]
    step = each * 3 // 4  # each list has films of the next one
    with (
        LetterboxdStandIn(films[:each], username="maria") as letterboxd,
        FileListStandIn(users={TRACKER_USER: PASSKEY}) as filelist,
        Household(tmp_path, letterboxd, filelist, username="") as home,
    ):
        users = ["u1", "u2", "u3"]
        for number, user in enumerate(users, 1):
            letterboxd.watchlists[user] = films[number * step : number * step + each]
        letterboxd.lists["u1/list/all"] = StandInList(films[4 * step : 4 * step + each])
        own = {"list": "u1/list/all", "preset": "small", "category": "All", "max_pages": 100}
        home.write_settings(
            lists=[{"watchlist": "maria"}, *({"watchlist": user} for user in users), own],
            filelist={"base_url": filelist.url, "calls_per_hour": 1},  # searches are not measured
        )
        peaks = []
        for number in range(checks):
            if number == 2:
                del letterboxd.watchlists["u2"][::2]
            answer = home.run("--once", program=_MEASURED, seconds=300)
            peaks.append(int(answer.stdout.rpartition("peak ")[2]))
        count = len(home.queue("pending")) + len(home.queue("failed"))
    films_left = each + 4 * step - (each // 4 if checks > 2 else 0)
    assert count == films_left, answer.stderr
    record_property("measured", f"{', '.join(f'{peak:,}' for peak in peaks)} KB with {count:,} films left")
    assert max(peaks) < _LIMIT_KB


_FILES = 9_000


def _row_in_client(number: int) -> dict[str, object]:
    """Return a torrent as qBittorrent lists it, about as long as a real row, of no film that is wished for."""
    name = f"Some.Film.Of.Long.Ago.{number}.{1920 + number % 100}.1080p.BluRay.x264-GRP"
    padding = {f"a_field_like_those_of_qbittorrent_{field}": number * field for field in range(22)}
    return {
        **padding,
        "hash": f"{number:040x}",
        "name": name,
        "progress": 1,
        "state": "stalledUP",
        "amount_left": 0 if number % 50 else 1_000_000,
        "size": 8_000_000_000,
        "category": "Movies",
        "tags": "movie_sync",
        "content_path": f"/films/{name}/{name}.mkv",
        "save_path": "/films",
        "comment": f"https://filelist.io/details.php?id={number + 1_000_000}",
        "tracker": "",
        "magnet_uri": f"magnet:?xt=urn:btih:{number:040x}&dn={name}&tr=http%3A%2F%2Freactor.filelist.io%2F{'0' * 32}",
    }


def _torrent_of_many_files(name: str) -> bytes:
    """Return a whole torrent of 9,000 files with long names."""
    piece = 2**20
    files = [
        {"length": piece, "path": ["Extras", f"{number:05}.{'a.long.name.of.a.file.' * 3}rar"]}
        for number in range(_FILES)
    ]
    info = {"files": files, "name": name, "piece length": piece, "pieces": b"x" * 20 * _FILES}
    comment = "https://filelist.io/details.php?id=1"
    return (
        b"d"
        + b"8:announce19:http://127.0.0.1:9/7:comment%d:%s" % (len(comment), comment.encode())
        + (b"4:info" + bencode(info) + b"e")
    )


def _row_in_transmission(number: int) -> dict[str, object]:
    """Return the same as Transmission lists it."""
    name = f"Some.Film.Of.Long.Ago.{number}.{1920 + number % 100}.1080p.BluRay.x264-GRP"
    left = 0 if number % 50 else 1_000_000
    comment = f"https://filelist.io/details.php?id={number + 1_000_000}"
    return row_of(f"{number:040x}", name, leftUntilDone=left, sizeWhenDone=8_000_000_000, comment=comment)


@_LONG
@pytest.mark.parametrize("held", [2_000, 20_000])
@pytest.mark.parametrize("kind", CLIENTS)
def test_a_client_full_of_torrents(
    tmp_path: Path, kind: str, held: int, record_property: Callable[[str, object], None]
) -> None:
    """With so many torrents in the client, and torrents of 9,000 files to hand over, it stays below 50 MB."""
    films = [
        StandInFilm(
            f"W{number}", f"wished-for-{number}", f"Wished For {number}", 2000, imdb_id=f"tt900000{number}"
        )
        for number in range(3)
    ]
    with (
        LetterboxdStandIn(films, username="maria") as letterboxd,
        FileListStandIn(users={TRACKER_USER: PASSKEY}) as filelist,
        TransmissionStandIn()
        if kind == "transmission"
        else QBittorrentStandIn(asks_for_login=False) as client,
        Household(tmp_path, letterboxd, filelist) as home,
    ):
        client.keeps_torrents = True
        make_row = _row_in_transmission if kind == "transmission" else _row_in_client
        client.rows = [make_row(number) for number in range(held)]
        for number, film in enumerate(films):
            name = f"Wished.For.{number}.2000.1080p.BluRay.x264-GRP"
            filelist.releases.append(
                StandInRelease(
                    number + 1, name, imdb=film.imdb_id, size_bytes=_FILES * 2**20,
                    torrent=_torrent_of_many_files(name),
                )
            )  # fmt: skip
        (home.data / "queue_completed.json").write_text(_completed(10_000))
        home.write_settings(
            **{"client": kind, kind: {"url": client.url, "timeout": 60}}, min_free_space_gb=1,
            filelist={"base_url": filelist.url, "timeout": 60},
        )  # fmt: skip
        answer = home.run("--once", program=_MEASURED)
        peak = int(answer.stdout.rpartition("peak ")[2])
        assert len(client.rows) == held + len(films), answer.stderr
    record_property("measured", f"{kind}: {peak:,} KB with {held:,} torrents")
    assert peak * 1024 < 50_000_000


_LOADED = """
import sys
from movie_sync.cli import main
main(sys.argv[1:])
print("loaded", *sorted(name for name in sys.modules if "transmission" in name or "qbittorrent" in name))
"""


@pytest.mark.parametrize(
    ("kind", "other"), [("qbittorrent", "transmission"), ("transmission", "qbittorrent")]
)
def test_a_client_that_is_not_used_costs_nothing(tmp_path: Path, kind: str, other: str) -> None:
    """Of a client that is not the chosen one no more is loaded than what its settings are."""
    with (
        LetterboxdStandIn(
            [StandInFilm("W1", "wished-for", "Wished For", 2000)], username="maria"
        ) as letterboxd,
        FileListStandIn(users={TRACKER_USER: PASSKEY}) as filelist,
        TransmissionStandIn() as transmission,
        QBittorrentStandIn(asks_for_login=False) as qbittorrent,
        Household(tmp_path, letterboxd, filelist) as home,
    ):
        url = {"transmission": transmission, "qbittorrent": qbittorrent}[kind].url
        home.write_settings(**{"client": kind, kind: {"url": url}})
        answer = home.run("--once", program=(sys.executable, "-c", _LOADED))
        loaded = answer.stdout.rpartition("loaded ")[2].split()
    assert f"movie_sync.services.{kind}.client" in loaded
    service = f"movie_sync.services.{other}"
    assert [name for name in loaded if other in name] == [service, f"{service}.service"]
