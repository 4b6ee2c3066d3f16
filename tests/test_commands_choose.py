"""`grab` and `reject`: which release is meant, by an id or by a number in the last search for the film."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from house import commands
from house.commands import held, run, write
from house.films import on_filelist

from movie_sync.clock import SystemClock
from movie_sync.commands.choose import note_search
from movie_sync.commands.context import Context, Options
from movie_sync.daemon.inbox import Inbox, Request
from movie_sync.domain.models import Movie, QueueName, ReleaseId, UserWord
from movie_sync.domain.redaction import Redactor
from movie_sync.domain.times import format_time
from movie_sync.queues.manager import QueueManager

data, process_as_before = commands.data, commands.process_as_before
PENDING, FAILED, COMPLETED, REMOVED = QueueName
HUGE = "9" * 5000


def searched(
    data: Path, film: str = "s:one", *, minutes: float = 5, ids: tuple[str, ...] = ("filelist:7",)
) -> None:
    """Write down a search of some time ago."""
    at = format_time(SystemClock().now() - timedelta(minutes=minutes))
    write(data / "searches.json", {film: {"at": at, "ids": list(ids)}})


def word(data: Path, film: str = "one") -> UserWord:
    """Return what the user said of a film."""
    found = QueueManager(data, writable=False).find(film)
    assert found
    return found[1].word


@pytest.mark.parametrize(
    ("release", "said"),
    [
        ("0", "has only number 1. Search again"),
        ("2", "has only number 1. Search again"),
        (HUGE, "has only number 1. Search again"),
        ("-1", "neither the id of a release"),
        ("1.0", "neither the id of a release"),
        ("", "neither the id of a release"),
        ("\u0663", "neither the id of a release"),
        ("filelist:", "neither the id of a release"),
        ("filelist:abc", "FileList's ids are numbers"),
        ("filelist:0", "FileList's ids are numbers"),
        (f"filelist:{HUGE}", "FileList's ids are numbers"),
        ("fielist:12", "isn't on any of your trackers (filelist)"),
        ("torznab:other:12", "isn't on any of your trackers (filelist)"),
    ],
)
@pytest.mark.parametrize("command", ["grab", "reject"])
def test_what_names_no_release(
    data: Path, command: str, release: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said in a line or two what is wrong and what to do; nothing is changed."""
    searched(data)
    before = (data / "queue_pending.json").read_bytes()
    assert run(data, command, "one", release) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) <= 2
    assert (data / "queue_pending.json").read_bytes() == before


@pytest.mark.parametrize("minutes", [61, -5])
def test_numbers_that_do_not_hold(data: Path, minutes: float, capsys: pytest.CaptureFixture[str]) -> None:
    """They hold for an hour, and none holds that a wrong clock wrote."""
    searched(data, minutes=minutes)
    assert run(data, "grab", "one", "1") == 2
    assert "Search again" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "[]", '{"s:one": 1}', '{"s:one": {"at": 5, "ids": 3}}', "{" * 2000])
def test_a_damaged_note_of_searches(data: Path, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It counts as none."""
    (data / "searches.json").write_text(content)
    assert run(data, "grab", "one", "1") == 2
    assert "Search again" in capsys.readouterr().err


def test_another_films_numbers(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The numbers of one film are none of another's; a search that found nothing has none."""
    searched(data, "s:four")
    assert run(data, "grab", "one", "1") == 2
    searched(data, ids=())
    assert run(data, "grab", "one", "1") == 2
    assert "found nothing. Search again" in capsys.readouterr().err


@pytest.mark.parametrize("release", ["1", " 1 ", "filelist:7", "FileList:007"])
def test_a_release_that_is_meant(data: Path, release: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is kept with the film as the tracker writes its id, and said; twice is as once."""
    searched(data)
    for _ in range(2):
        assert run(data, "grab", "one", release) == 0
        assert "One (1995): filelist:7 will be taken." in capsys.readouterr().out
        assert word(data) == UserWord("", on_filelist(7))
    assert run(data, "reject", "one", release) == 0
    assert word(data) == UserWord("", None, (on_filelist(7),))
    assert run(data, "grab", "one", release) == 0
    assert word(data) == UserWord("", on_filelist(7))
    assert held(data, PENDING) == ["K1"]


@pytest.mark.parametrize("film", ["one", "two", "three", "four"])
def test_grab_in_each_queue(data: Path, film: str) -> None:
    """Whatever queue it is in, it is pending for that release then; removed ones too."""
    assert run(data, "grab", film, "filelist:8") == 0
    found = QueueManager(data, writable=False).find(film)
    assert found
    assert (found[0], found[1].retry_at, found[1].error) == (PENDING, None, None)
    assert run(data, "remove", film) == 0
    assert run(data, "grab", film, "filelist:9") == 0
    found = QueueManager(data, writable=False).find(film)
    assert found
    assert (found[0], found[1].word.grabbed, found[1].by_command) == (PENDING, on_filelist(9), True)


@pytest.mark.parametrize("film", ["one", "two", "three", "four"])
def test_reject_in_each_queue(data: Path, film: str) -> None:
    """A film stays where it is unless it was its present one; a removed one stays removed."""
    before = QueueManager(data, writable=False).find(film)
    assert run(data, "reject", film, "filelist:8") == 0
    after = QueueManager(data, writable=False).find(film)
    assert before
    assert after
    assert (after[0], after[1].retry_at) == (before[0], before[1].retry_at)
    assert run(data, "remove", film) == 0
    assert run(data, "reject", film, "filelist:9") == 0
    found = QueueManager(data, writable=False).find(film)
    assert found
    assert (found[0], found[1].word.rejected) == (REMOVED, (on_filelist(8), on_filelist(9)))
    assert run(data, "add", film) == 0
    assert word(data, film).rejected == (on_filelist(8), on_filelist(9))


def test_numbers_for_a_film_in_no_queue(data: Path) -> None:
    """A search by title and year holds for the slug that says the same."""
    searched(data, "heat 1995")
    assert run(data, "grab", "heat-1995", "1") == 0
    assert word(data, "heat-1995") == UserWord("", on_filelist(7))


def test_many_searches_keep_the_latest(data: Path) -> None:
    """However many releases trackers have: what is read no further than a limit stays under it."""
    context = context_of(data)
    ids = [ReleaseId("torznab:films", f"{number:060d}") for number in range(300)]
    for number in range(60):
        note_search(context, Movie(f"K{number}", f"f-{number}", f"Film {number}", 1990), None, ids)
    searches = json.loads((data / "searches.json").read_text())
    assert list(searches)[-1] == "film 59 1990"
    assert (data / "searches.json").stat().st_size < 100_000


def test_a_search_is_kept_for_the_film_that_is_known(data: Path) -> None:
    """It may have been made by another of its titles."""
    known = Movie("K1", "one", "One", 1995)
    note_search(context_of(data), Movie("", "", "Unu", 1995), known, [on_filelist(3), on_filelist(4)])
    assert run(data, "grab", "K1", "2") == 0
    assert word(data).grabbed == on_filelist(4)


def test_a_request_that_names_no_release(data: Path) -> None:
    """It is kept aside, not passed over in silence."""
    box = Inbox(data / "inbox", SystemClock())
    path = box.put(Request("grab", movies=(Movie("K1", "one", "One"),)))
    done: list[Request] = []
    box.drain(done.append)
    assert not done
    assert not path.exists()
    assert list(path.parent.iterdir())


def context_of(data: Path) -> Context:
    """Return what a command works with."""
    return Context.load(data, Options(), {}, Redactor())
