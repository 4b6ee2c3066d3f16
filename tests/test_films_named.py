"""What a person calls a film, and which one that is: in the queues, on the lists, on Letterboxd."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import commands
from house.commands import held, run, write
from house.program import PASSKEY, TRACKER_USER

from movie_sync.clock import SystemClock
from movie_sync.demo.filelist_server import FileListStandIn, StandInRelease
from movie_sync.demo.letterboxd_server import Fault, LetterboxdStandIn, StandInFilm
from movie_sync.domain.film_words import film_at, film_of_slug, titles_meant
from movie_sync.domain.models import Movie, QueueName
from movie_sync.domain.watchlist import WatchlistMemory
from movie_sync.queues.manager import QueueManager
from movie_sync.wishes.film_finder import FilmFinder
from movie_sync.wishes.watchlist_store import WatchlistStore

data, process_as_before = commands.data, commands.process_as_before
PENDING, FAILED, COMPLETED, REMOVED = QueueName
BASE = "https://letterboxd.com"
HEAT = Movie("2bbs", "heat-1995", "Heat", 1995, imdb_id="tt0113277")
OLD_HEAT = Movie("9xyz", "heat-1986", "Heat", 1986)
RUNNER = Movie("k1", "blade-runner-2049", "Blade Runner 2049", 2017)
AMELIE = Movie(
    "k2", "amelie", "Amélie", 2001, alternative_titles=("Die fabelhafte Welt der Amélie",), page_read=True
)
WAR = Movie("k3", "1917", "1917", 2019)
LISTED = Movie("k4", "the-godfather", "The Godfather", 1972)


@pytest.fixture
def queues(tmp_path: Path) -> QueueManager:
    """One film or two in each queue, and a list with one more."""
    queues = QueueManager(tmp_path)
    for movie in (HEAT, OLD_HEAT, RUNNER, AMELIE, WAR):
        queues.add_to_pending(movie)
    queues.add_to_failed(OLD_HEAT, "no release", None)
    queues.add_to_completed(RUNNER)
    queues.remove(["amelie"])
    memory = WatchlistMemory("maria", (HEAT, LISTED), (), (), frozenset())
    WatchlistStore(tmp_path / "watchlist.json", SystemClock()).save(memory)
    return queues


@pytest.fixture
def finder(queues: QueueManager, tmp_path: Path) -> FilmFinder:
    """What finds them."""
    return FilmFinder(queues, tmp_path / "watchlist.json", BASE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("heat-1995", HEAT),
        ("HEAT-1995", HEAT),
        ("2bbs", HEAT),
        ("tt0113277", HEAT),
        ("https://m.imdb.com/title/tt0113277/?ref_=x", HEAT),
        ("https://letterboxd.com/film/heat-1995/", HEAT),
        ("https://boxd.it/2bbs", HEAT),
        ("Heat (1995)", HEAT),
        ("heat 1986", OLD_HEAT),
        ("blade runner 2049", RUNNER),
        ("Blade Runner 2049 (2017)", RUNNER),
        ("amelie", AMELIE),
        ("Die fabelhafte Welt der Amelie", AMELIE),
        ("1917", WAR),
        ("the godfather", LISTED),
        ("Godfather, The", LISTED),
        ("the-godfather", LISTED),
    ],
)
def test_what_names_a_film(finder: FilmFinder, text: str, expected: Movie) -> None:
    """Whatever is unmistakable."""
    found = finder.find(text, in_lists=True).film
    assert found is not None
    assert found.movie.id == expected.id


def test_where_it_is(finder: FilmFinder) -> None:
    """The queue comes with it; none has a film that is only listed, and which counts only if asked for."""
    texts = ("heat-1995", "Heat 1986", "1917", "Blade Runner 2049", "amelie")
    assert [finder.find(text).films[0].queue for text in texts] == [
        PENDING,
        FAILED,
        PENDING,
        COMPLETED,
        REMOVED,
    ]
    listed = finder.find("The Godfather", in_lists=True).film
    assert listed is not None
    assert listed.queue is None
    assert finder.find("The Godfather").films == ()


def test_several_and_the_queue_that_decides(finder: FilmFinder) -> None:
    """Two films of a title are both told; where only one is in the queue that matters, it is that one."""
    assert {film.movie.year for film in finder.find("heat").films} == {1995, 1986}
    assert [film.movie.year for film in finder.find("heat", [FAILED]).films] == [1986]
    elsewhere = finder.find("1917", [FAILED]).film
    assert elsewhere is not None
    assert elsewhere.queue is PENDING


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("Hete", ["Heat"]),
        ("godfater", ["The Godfather"]),
        ("blade runer", ["Blade Runner 2049"]),
        ("heat 1994", ["Heat"]),
        ("zzzz", []),
        ("", []),
        ("???", []),
    ],
)
def test_did_you_mean(finder: FilmFinder, text: str, near: list[str]) -> None:
    """What names nothing is answered with what is near it, and only that."""
    finding = finder.find(text, in_lists=True)
    assert finding.films == ()
    assert list(dict.fromkeys(movie.title for movie in finding.near)) == near


def test_what_is_new() -> None:
    """Addresses and IMDb ids name films that nobody knows here; a text with blanks does not."""
    assert film_at("tt0113277", BASE) == Movie(
        "tt0113277", "", "tt0113277", url="https://www.imdb.com/title/tt0113277/", imdb_id="tt0113277"
    )
    assert film_at("Heat", BASE) is None
    assert film_of_slug("a film", BASE) is None
    assert titles_meant("Heat (1995)")[-1] == ("heat", 1995)


# --- the commands -----------------------------------------------------------------------------------


@pytest.fixture
def site(data: Path) -> Iterator[LetterboxdStandIn]:
    """A Letterboxd that the commands ask."""
    films = [
        StandInFilm("2bbs", "heat-1995", "Heat", 1995, imdb_id="tt0113277"),
        StandInFilm("9ser", "a-series", "A Series", 2020, is_series=True),
    ]
    with LetterboxdStandIn(films) as site:
        settings = {"base_url": site.url, "request_delay": 0}
        write(data / "config.json", {"username": "maria", "letterboxd": settings})
        yield site


@pytest.mark.parametrize("text", ["heat-1995", "tt0113277", "{site}/film/heat-1995/"])
def test_a_film_that_letterboxd_has(
    data: Path, site: LetterboxdStandIn, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said which one it is, and all that its page told is queued with it."""
    assert run(data, "add", text.format(site=site.url)) == 0
    assert capsys.readouterr().out == "Queued: Heat (1995).\n"
    [entry] = [each for each in QueueManager(data).entries(PENDING) if each.movie.id != "K1"]
    assert (entry.movie.id, entry.movie.imdb_id, entry.movie.page_read) == ("2bbs", "tt0113277", True)
    assert run(data, "add", "Heat") == 0
    assert capsys.readouterr().out == "Already queued: Heat (1995).\n"
    assert len(site.requests) <= 2


def test_a_series_is_grabbed(data: Path, site: LetterboxdStandIn, capsys: pytest.CaptureFixture[str]) -> None:
    """What `add` refuses is taken on the user's word, by its release."""
    assert run(data, "add", "a-series") == 1
    assert "search a-series" in capsys.readouterr().err
    assert run(data, "grab", "a-series", "filelist:7") == 0
    (entry,) = (each for each in QueueManager(data).entries(PENDING) if each.movie.id == "9ser")
    assert (str(entry.word.grabbed), entry.movie.is_series) == ("filelist:7", True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("thre", 'No film "thre" here or on Letterboxd. Did you mean Three (1995)?'),
        ("Thre", 'No film "Thre" here. Did you mean Three (1995)?'),
        ("tt9999999", "Letterboxd has no film with the IMDb id tt9999999."),
        ("no such film", "give its Letterboxd address"),
        ("a-series", "A Series (2020) is a series"),
    ],
)
def test_what_cannot_be_added(
    data: Path, site: LetterboxdStandIn, text: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said at once; what else was named is queued."""
    assert run(data, "add", text, "two") == 1
    out, err = capsys.readouterr()
    assert said in err
    assert "Queued: Two" in out
    assert held(data, PENDING) == ["K1", "K2"]


def test_nobody_answers(data: Path, site: LetterboxdStandIn, capsys: pytest.CaptureFixture[str]) -> None:
    """Films are taken at the word, and the site is asked once, not for each."""
    site.fault = lambda _path: Fault.ban()
    assert run(data, "add", "heat-1995", "alien") == 0
    out = capsys.readouterr().out
    assert out.count("not checked: Letterboxd blocks") == 2
    assert held(data, PENDING) == ["K1", "heat-1995", "alien"]
    assert len(site.requests) == 1


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("retry", "One (1995)"), "One (1995) hasn't failed: it's waiting in the queue."),
        (("remove", "thre"), 'No film "thre" here. Did you mean Three (1995)?'),
        (("reject", "onne", "filelist:1"), "Did you mean One (1995)?"),
        (("grab", "no film", "filelist:1"), 'No film "no film" here'),
    ],
)
def test_a_film_that_the_command_is_not_for(
    data: Path, command: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said where it is, or what may be meant; the answer is no."""
    assert run(data, *command) == 1
    assert said in capsys.readouterr().err


def test_titles_do_as_well(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was removed is named, and what becomes of it."""
    write(
        data / "queue_failed.json",
        [
            {
                "id": f"K{year}",
                "slug": f"one-{year}",
                "title": "One",
                "year": year,
                "error": "",
                "retry_at": None,
            }
            for year in (1995, 2001)
        ],
    )
    assert run(data, "retry", "one") == 1
    assert (
        "matches several films here: One (1995) [one-1995], One (2001) [one-2001]" in capsys.readouterr().err
    )
    assert run(data, "retry", "one 2001") == 0
    assert run(data, "remove", "Four", "One 2001") == 0
    out = capsys.readouterr().out
    assert "Removed Four (1995). It won't come back unless you `add` it; nothing is deleted." in out
    assert set(held(data, REMOVED)) == {"K4", "K2001"}


def test_the_history_of_a_film(
    data: Path, site: LetterboxdStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    """It goes by what is known of the film, and a slip is answered as everywhere."""
    assert run(data, "add", "tt0113277", "one") == 0
    capsys.readouterr()
    for name in ("Heat (1995)", "heat", "tt0113277", f"{site.url}/film/heat-1995/", "2bbs"):
        assert run(data, "history", name) == 0
        assert [line.split("\t")[1] for line in capsys.readouterr().out.splitlines()] == ["Heat (1995)"]
    assert run(data, "history", "hete") == 1
    assert "Did you mean Heat (1995)?" in capsys.readouterr().out


# --- search -----------------------------------------------------------------------------------------


@pytest.fixture
def shop(data: Path, site: LetterboxdStandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder with a Letterboxd and a tracker that has two releases of Heat."""
    with FileListStandIn(users={TRACKER_USER: PASSKEY}) as tracker:
        tracker.releases = [
            StandInRelease(id=number, name=name, imdb="tt0113277", size_bytes=9_000_000_000)
            for number, name in ((7, "Heat.1995.1080p.BluRay.x264-GRP"), (8, "Heat.1995.720p.HDTV.x264-GRP"))
        ]
        settings = json.loads((data / "config.json").read_text()) | {"filelist": {"base_url": tracker.url}}
        write(data / "config.json", settings | {"qbittorrent": {"enabled": False}})
        monkeypatch.setenv("MOVIE_SYNC_FILELIST_USERNAME", TRACKER_USER)
        monkeypatch.setenv("MOVIE_SYNC_FILELIST_PASSKEY", PASSKEY)
        yield data


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("{site}/film/heat-1995/",), "2bbs"),
        (("tt0113277",), "2bbs"),
        (("Heat (1995)",), "tt0113277"),
        (("heat-1995", "--imdb", "tt0113277"), "tt0113277"),
        (("Heat", "--year", "1995"), "tt0113277"),
    ],
)
def test_a_search_says_the_next_command(
    shop: Path, site: LetterboxdStandIn, words: tuple[str, ...], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the film is named by, its releases come, and the command that takes one of them works."""
    assert run(shop, "search", *(word.format(site=site.url) for word in words)) == 0
    out = capsys.readouterr().out
    assert "Heat.1995.1080p.BluRay.x264-GRP" in out
    last = out.splitlines()[-1]
    assert last.startswith("To take number 2: `")
    film = "heat-1995" if name == "2bbs" else name
    assert last.endswith(f" --data-dir {shop} grab {film} 2`")
    assert run(shop, "grab", film, "2") == 0
    assert "Heat (1995): filelist:8 will be taken" in capsys.readouterr().out


def test_a_film_without_a_slug_is_grabbed_by_its_title(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What only Letterboxd's key names is called by a name that people can read, unless that may be another."""
    queues = QueueManager(shop)
    queues.add_all_to_pending([Movie("2aYU", "", "Heat", 1995)])
    assert run(shop, "search", "2aYU") == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith(" grab 'Heat (1995)' 2`")
    assert run(shop, "grab", "Heat (1995)", "2") == 0
    queues.add_all_to_pending([Movie("2aYV", "", "Heat", 1995)])
    capsys.readouterr()
    assert run(shop, "search", "2aYU") == 1, "neither can be told from the other"
    assert capsys.readouterr().out.splitlines()[-1].endswith(" grab 2aYU 1`")


def test_a_film_of_the_queue_is_searched_by_what_is_known_of_it(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its year and IMDb id too; and then `grab` takes it by its number."""
    assert run(shop, "add", "heat-1995") == 0
    assert run(shop, "search", "heat", "--json") == 0
    document = json.loads(capsys.readouterr().out.partition("\n")[2])
    assert (document["film"]["year"], document["film"]["imdb_id"]) == (1995, "tt0113277")
    assert run(shop, "grab", "Heat", "2") == 0
    assert "filelist:8 will be taken" in capsys.readouterr().out


def test_nothing_to_take(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing found, no such film at the address, and Letterboxd out of reach: the answer is no."""
    assert run(shop, "search", "Heat", "--year", "2013") == 1
    assert run(shop, "search", "tt9999999") == 1
    assert "no film with the IMDb id" in capsys.readouterr().err


def test_the_year_is_asked_for(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a terminal, where several films have the title or none is known here."""
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    questions: list[str] = []
    answers = iter(["95", "1995"])

    def answer(question: str) -> str:
        questions.append(question)
        return next(answers)

    monkeypatch.setattr("builtins.input", answer)
    assert run(shop, "search", "Heat", "--imdb", "tt0113277") == 0
    assert questions == []
    assert run(shop, "search", "Heat") == 0
    assert [question[:12] for question in questions] == ["Year of Heat", "Year of Heat"]
    assert "GRP" in capsys.readouterr().out
