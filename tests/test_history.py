"""What happened to films is kept in a bounded file that nothing fails for, and shown by `history`."""

import json
from pathlib import Path

import pytest
from house.commands import run
from house.fakes import FakeClock
from house.films import film
from house.workers import Bench, MonitorBench, snapshot

from movie_sync.domain.plain_text import folded, width
from movie_sync.storage.growing_file import older_of
from movie_sync.storage.history import Happened, History, read_history


def kept(path: Path) -> list[tuple[str, str, str]]:
    """Return film, what and detail of all that is known."""
    return [(event.film, event.what, event.detail) for event in read_history(path)]


@pytest.fixture
def history(tmp_path: Path) -> History:
    """A history without events."""
    return History(tmp_path / "history.jsonl", FakeClock(), lambda text: text.replace("s3cret", "***"))


def path_of(history: History) -> Path:
    """Return its file."""
    assert history.path
    return history.path


def test_it_is_kept_without_secrets_and_for_the_owner_alone(history: History) -> None:
    """One line for each film, in the order of time."""
    history.note(Happened.LISTED, [film(1), film(2)])
    history.note(Happened.FAILED, film(1), "odd answer with s3cret\nand a line")
    assert kept(path_of(history)) == [
        (film(1).label, "listed", ""),
        (film(2).label, "listed", ""),
        (film(1).label, "failed", "odd answer with ***\nand a line"),
    ]
    assert path_of(history).stat().st_mode & 0o777 == 0o600


def test_it_is_bounded(history: History) -> None:
    """A full file takes the place of the one before it; the latest are always there."""
    history.most_bytes = 2000
    for number in range(100):
        history.note(Happened.LISTED, film(number))
    path = path_of(history)
    assert path.stat().st_size <= 2000
    assert older_of(path).stat().st_size <= 2000
    labels = [label for label, _, _ in kept(path)]
    assert labels == [film(number).label for number in range(100 - len(labels), 100)]
    assert len(labels) > 10


def test_half_a_line_costs_only_itself(history: History) -> None:
    """A crash while a line is written loses that line, and lines of another kind are passed over."""
    history.note(Happened.LISTED, film(1))
    with path_of(history).open("ab") as file:
        file.write(b'[1]\n{"when": 3}\n\xff\n{"when": "2026-11-01T12:0')
    history.note(Happened.LISTED, film(2))
    assert kept(path_of(history)) == [(film(1).label, "listed", ""), (film(2).label, "listed", "")]


def test_what_stands_in_its_place_is_put_aside(history: History) -> None:
    """A folder, or a link to another file, is no file of ours."""
    path_of(history).mkdir()
    history.note(Happened.LISTED, film(1))
    assert len(kept(path_of(history))) == 1
    elsewhere = path_of(history).with_name("another")
    elsewhere.write_text("not ours")
    path_of(history).unlink()
    path_of(history).symlink_to(elsewhere)
    history.note(Happened.LISTED, film(1))
    assert elsewhere.read_text() == "not ours"
    assert len(kept(path_of(history))) == 1


def test_nothing_fails_for_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where it cannot be written, that is said once."""
    history = History(tmp_path / "gone" / "history.jsonl", FakeClock())
    for _ in range(3):
        history.note(Happened.LISTED, film(1))
    assert [record.levelname for record in caplog.records].count("WARNING") == 1


def test_from_the_list_to_the_end(tmp_path: Path) -> None:
    """What is listed, searched, refused, handed over and left is all there, with why."""
    monitor = MonitorBench(tmp_path, snapshot(film(1), film(2)), snapshot(film(1)))
    monitor.step()
    bench = Bench(tmp_path)
    bench.offer(film(1))
    for _ in range(2):
        bench.worker.step()
    assert bench.only_failed().movie.id == film(2).id
    monitor.start()
    for _ in range(3):
        monitor.step()
    known = kept(tmp_path / "history.jsonl")
    assert [(label, what) for label, what, _ in known] == [
        (film(1).label, "listed"),
        (film(2).label, "listed"),
        (film(1).label, "handed over"),
        (film(2).label, "searched"),
        (film(2).label, "left"),
    ]
    assert known[2][2].startswith("Made.Up.Bravo.1951.1080p")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A film by its title, slug, address or id; as a line a record, or as one document."""
    history = History(tmp_path / "history.jsonl", FakeClock())
    history.note(Happened.LISTED, [film(1), film(2)])
    history.note(Happened.REFUSED, film(1), "1 release, not acceptable: camera copy")
    assert run(tmp_path, "history") == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    for name in ("made up bravo", "Made Up Bravo (1951)", "K1", "https://letterboxd.com/film/made-up-bravo/"):
        assert run(tmp_path, "history", name) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.split("\t")[1:] for line in lines] == [
            ["Made Up Bravo (1951)", "listed", ""],
            ["Made Up Bravo (1951)", "refused", "1 release, not acceptable: camera copy"],
        ]
    assert run(tmp_path, "history", "K2", "--json") == 0
    assert json.loads(capsys.readouterr().out) == [
        {
            "when": "2026-11-01T12:00:00Z",
            "film": "Made Up Charlie (1952)",
            "slug": "made-up-charlie",
            "id": "K2",
            "what": "listed",
            "detail": "",
        }
    ]
    assert run(tmp_path, "history", "Made Up Bravoo") == 1
    assert "Did you mean Made Up Bravo (1951)" in capsys.readouterr().out
    assert run(tmp_path, "history", "Heat") == 1
    assert "Heat" in capsys.readouterr().out


@pytest.mark.parametrize("columns", [10, 20, 40])
def test_lines_are_parted_at_blanks(columns: int) -> None:
    """No word is broken, but for what is longer than a line: that is parted after a dot or dash."""
    text = "Taken: Made.Up.Bravo.1951.1080p.BluRay.x264-GRP, as it is the only one there is"
    lines = folded(text, columns)
    assert all(width(line) <= columns for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert folded("", columns) == [""]


def test_a_command_is_parted_in_no_place() -> None:
    """It can be copied in one go, unless it is wider than the terminal; a lone backtick means nothing."""
    text = "Stopped. Saved: `main.py setup client` continues (`main.py check` tests it). It`s a title."
    lines = folded(text, 30)
    assert lines == [
        "Stopped. Saved:",
        "`main.py setup client`",
        "continues (`main.py check`",
        "tests it). It`s a title.",
    ]
    assert folded(text, 12)[2:5] == ["`main.py", "setup", "client`"]
