"""The real program with Torznab trackers: two beside FileList, one of them down, over restarts, leaking nothing."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from house.films import release_name, stand_in_film
from house.program import PASSKEY, ROOT, TRACKER_USER, Household, cost_of
from house.waiting import wait_until
from stand_ins.torznab import Link, TorznabRelease, TorznabStandIn, Voice, error

from movie_sync.credentials.manager import CredentialsManager
from movie_sync.demo.filelist_server import FileListStandIn, StandInRelease
from movie_sync.demo.letterboxd_server import LetterboxdStandIn, StandInFilm

KEY_A, KEY_B = "key-of-prowlarr-0f1e2d3c4b5a", "KeyOfJackett5a4b3c2d1e0f"
FILMS = [stand_in_film(number) for number in range(3)]
_LIMIT_KB = 50_000_000 // 1024


def offered(film: StandInFilm, source: str = "BluRay", **changes: Any) -> TorznabRelease:
    """Return a good release of a film."""
    values = {"imdb": film.imdb_id, "size_bytes": 9_000_000_000}
    return TorznabRelease(release_name(film, source), **values | changes)


@pytest.fixture
def letterboxd() -> Iterator[LetterboxdStandIn]:
    """A watchlist of three films."""
    with LetterboxdStandIn(FILMS, username="maria") as stand_in:
        yield stand_in


@pytest.fixture
def filelist() -> Iterator[FileListStandIn]:
    """A FileList that has a middling release of the first one."""
    first = StandInRelease(
        1, release_name(FILMS[0], "WEB-DL"), imdb=FILMS[0].imdb_id, size_bytes=6_000_000_000
    )
    with FileListStandIn([first], users={TRACKER_USER: PASSKEY}, calls_per_hour=100_000) as stand_in:
        yield stand_in


@pytest.fixture
def prowlarr() -> Iterator[TorznabStandIn]:
    """A Prowlarr that has better ones of the first two."""
    with TorznabStandIn([offered(FILMS[0]), offered(FILMS[1])], key=KEY_A) as stand_in:
        yield stand_in


@pytest.fixture
def jackett() -> Iterator[TorznabStandIn]:
    """A Jackett that has one of the third, and a film of another year under its id."""
    wrong = TorznabRelease(
        f"{FILMS[2].title.replace(' ', '.')}.1911.1080p.BluRay.x264-X", imdb=FILMS[2].imdb_id
    )
    with TorznabStandIn([wrong, offered(FILMS[2], "WEB-DL")], voice=Voice.JACKETT, key=KEY_B) as stand_in:
        yield stand_in


@pytest.fixture
def home(
    tmp_path: Path,
    letterboxd: LetterboxdStandIn,
    filelist: FileListStandIn,
    prowlarr: TorznabStandIn,
    jackett: TorznabStandIn,
) -> Iterator[Household]:
    """A household with all three, the keys in the environment."""
    with Household(
        tmp_path,
        letterboxd,
        filelist,
        secrets={"MOVIE_SYNC_TORZNAB_KEYS": json.dumps({"prowlarr": KEY_A, "jackett": KEY_B})},
        trackers=["filelist", "torznab:prowlarr", "torznab:jackett"],
        torznab={
            "prowlarr": {"url": prowlarr.url, "calls_per_hour": 500},
            "jackett": {"url": jackett.url, "calls_per_hour": 500},
        },
    ) as household:
        yield household


def handed_over(home: Household) -> dict[str, str]:
    """Return the releases of the completed films, by title."""
    return {entry["title"]: entry["release"] for entry in home.queue("completed")}


def assert_no_key(home: Household, *outputs: str) -> None:
    """Look for the keys in what was shown and kept."""
    kept = [str(path) + path.read_text(errors="replace") for path in home.data.rglob("*") if path.is_file()]
    for key in (KEY_A, KEY_B):
        assert not [text for text in [*outputs, *kept] if key.lower() in text.lower()]


def test_three_trackers_are_judged_together(
    home: Household, filelist: FileListStandIn, prowlarr: TorznabStandIn, jackett: TorznabStandIn
) -> None:
    """The best release of all is taken, and each film is known by its tracker and id there."""
    check = home.run("check")
    assert (
        "ok    Torznab prowlarr: answers; searched by IMDb id and words; 2 newest releases; 498 calls"
        in check.stdout
    )
    assert "ok    Torznab jackett: answers" in check.stdout
    answer = home.run("--once", "--log-level", "DEBUG")
    assert answer.returncode == 0, answer.stderr
    assert handed_over(home) == {
        FILMS[0].title: release_name(FILMS[0]),
        FILMS[1].title: release_name(FILMS[1]),
        FILMS[2].title: release_name(FILMS[2], "WEB-DL"),
    }
    ids = {entry["title"]: entry.get("release_id", "") for entry in home.queue("completed")}
    assert ids[FILMS[0].title].startswith("torznab:prowlarr:t")
    assert ids[FILMS[2].title].startswith("torznab:jackett:t")
    assert len(list((home.data / "torrents").glob("*.torrent"))) == 3
    assert {f"budget-torznab-{name}.json" for name in ("prowlarr", "jackett")} <= {
        p.name for p in home.data.iterdir()
    }
    assert_no_key(home, check.stdout, answer.stdout, answer.stderr, home.run("status").stdout)


def test_search_shows_all_and_says_why_not(home: Household, jackett: TorznabStandIn) -> None:
    """With ids, seeders that nobody tells, and releases that are a magnet alone."""
    jackett.releases = [
        offered(FILMS[2], "WEB-DL", seeders=None),
        offered(FILMS[2], link=Link.MAGNET),
        TorznabRelease(f"{FILMS[2].title.replace(' ', '.')}.1911.1080p.BluRay.x264-X", imdb=FILMS[2].imdb_id),
    ]
    asked = ("search", FILMS[2].title, "--year", str(FILMS[2].year), "--imdb", str(FILMS[2].imdb_id))
    document = json.loads(home.run(*asked, "--json").stdout)
    found = {each["name"]: each for each in document["candidates"]}
    taken = found[release_name(FILMS[2], "WEB-DL")]
    assert document["chosen_id"] == taken["id"]
    assert document["chosen"] is None
    assert taken["id"].startswith("torznab:jackett:t")
    assert taken["seeders"] is None
    assert "magnet link only, which isn't supported" in str(found[release_name(FILMS[2])]["reasons"])
    assert len(found) == 3
    assert "unknown" in home.run(*asked).stdout


@pytest.mark.parametrize("which", ["down", "wrong key"])
def test_one_that_is_down_holds_up_no_other(
    home: Household, prowlarr: TorznabStandIn, jackett: TorznabStandIn, which: str
) -> None:
    """What the others have is taken; the film that only it may have waits, and is no failure of its own."""
    if which == "down":
        home.write_settings(
            torznab={"prowlarr": {"url": "http://127.0.0.1:1/api"}, "jackett": {"url": jackett.url}}
        )
    else:
        prowlarr.key = "another"
    answer = home.run("--once")
    assert handed_over(home) == {
        FILMS[0].title: release_name(FILMS[0], "WEB-DL"),
        FILMS[2].title: release_name(FILMS[2], "WEB-DL"),
    }
    (failed,) = home.queue("failed")
    assert failed["title"] == FILMS[1].title
    assert failed["retry_count"] == 0
    assert "Torznab prowlarr" in failed["error"]
    assert answer.returncode == 1
    assert_no_key(home, answer.stdout, answer.stderr)


def test_the_budget_holds_over_restarts(
    home: Household, prowlarr: TorznabStandIn, jackett: TorznabStandIn
) -> None:
    """Each has its own; what one has spent the other may still call."""
    home.write_settings(
        torznab={"prowlarr": {"url": prowlarr.url, "calls_per_hour": 4}, "jackett": {"url": jackett.url}}
    )
    for _ in range(2):
        home.run("search", FILMS[0].title, "--imdb", str(FILMS[0].imdb_id))
    assert prowlarr.calls == ["caps", "movie"] * 2
    assert len(jackett.calls) > 4
    assert "tracker calls are used up" in home.run("check").stdout


def test_without_filelist(home: Household, filelist: FileListStandIn) -> None:
    """Nobody needs an account there."""
    home.write_settings(trackers=["torznab:prowlarr"])
    without = ("MOVIE_SYNC_FILELIST_USERNAME", "MOVIE_SYNC_FILELIST_PASSKEY")
    answer = home.run("--once", without=without)
    assert set(handed_over(home)) == {FILMS[0].title, FILMS[1].title}, answer.stderr
    assert filelist.requests == []


def test_stored_keys(home: Household) -> None:
    """They are encrypted in the file that `setup` writes."""
    home.write_settings(trackers=["torznab:prowlarr"])
    manager = CredentialsManager(
        home.data / "credentials.enc", Path(home.environment["MOVIE_SYNC_KEY_FILE"]), {}
    )
    manager.save({"torznab": {"prowlarr": KEY_A}})
    answer = home.run("--once", "--log-level", "DEBUG", without=("MOVIE_SYNC_TORZNAB_KEYS",))
    assert len(handed_over(home)) == 2
    assert_no_key(home, answer.stdout, answer.stderr)


def test_a_tracker_that_is_not_set_up(home: Household) -> None:
    """It is named and left out; so is what is wrong with an entry, and a key that stands in the file."""
    home.write_settings(
        trackers=["filelist", "torznab:films"],
        torznab={
            "films": {"url": "http://nas/api?apikey=s3cret-key"},
            "other": {"url": "http://nas/api", "apikey": KEY_A},
        },
    )
    said = home.run("check").stdout
    assert "torznab.films.url" in said
    assert "names" in said
    assert "run setup" in said
    assert "s3cret-key" not in said
    assert KEY_A not in said


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.long  # CI runs it besides the suite
@pytest.mark.parametrize("listed", [100, 1_000])
def test_memory(tmp_path: Path, filelist: FileListStandIn, record_property: Any, listed: int) -> None:
    """With 10,000 films, feeds of a hundred releases and a server that sends two megabytes of nothing: under 50 MB."""
    many = [stand_in_film(number) for number in range(listed)]
    releases = [offered(film) for film in many[: listed // 2]]
    with (
        LetterboxdStandIn(many, username="maria") as letterboxd,
        TorznabStandIn(releases, key=KEY_A) as server,
        Household(
            tmp_path,
            letterboxd,
            filelist,
            secrets={"MOVIE_SYNC_TORZNAB_KEYS": json.dumps({"films": KEY_A})},
            trackers=["filelist", "torznab:films"],
            torznab={"films": {"url": server.url, "calls_per_hour": 100_000}},
        ) as home,
    ):
        done = [
            {
                "id": f"C{number:05d}", "slug": f"a-film-seen-long-ago-{number}", "title": f"A Film Seen {number}",
                "year": 1920 + number % 100, "imdb_id": f"tt{7_000_000 + number}", "added_at": "2024-05-05T10:00:00Z",
                "completed_at": "2024-05-05T10:00:09Z", "reason": "downloaded", "info_hash": f"{number:040x}",
                "release": f"A.Film.Seen.{number}.1080p.BluRay.x264-GRP", "release_id": f"torznab:films:t{number:015x}",
            }
            for number in range(10_000 - listed)
        ]  # fmt: skip
        (home.data / "queue_completed.json").write_text(
            "[\n" + ",\n".join(json.dumps(film) for film in done) + "\n]\n"
        )
        daemon = home.start(fresh=True)
        wait_until(lambda: server.calls.count("download") >= listed // 4)
        server.always["search"] = replace(error(0), body=b"<rss>" + b"<a b='&amp;'/>" * 140_000)
        before = len(server.requests)
        wait_until(lambda: len(server.requests) >= before + listed // 20)
        cost = cost_of(daemon.process.pid)
        record_property("measured", str(cost))
        print(cost)
        assert daemon.stop() == 0
    assert cost["Threads"] == 3
    assert cost["VmHWM"] < _LIMIT_KB, cost


def test_who_does_not_use_it_pays_nothing() -> None:
    """Neither the client nor what reads XML is loaded with the settings, which every command reads."""
    code = (
        "import sys, movie_sync.cli; from movie_sync.services import registry; registry.everything();"
        "from movie_sync.settings.config import Config; Config();"
        "sys.exit(bool({'defusedxml', 'xml.sax', 'movie_sync.services.torznab.client'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
