"""A data folder that the version before wrote, with that version's own code: everything in it is read and kept."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from house.fakes import FakeClock

from movie_sync.domain.models import QueueName
from movie_sync.queues.codec import entry_to_dict
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.manager import QueueManager
from movie_sync.queues.releases import Stage

BEFORE = Path(__file__).parent / "resources" / "data_folder_before"
PENDING, FAILED, COMPLETED, REMOVED = QueueName


def plain(folder: Path) -> dict[QueueName, list[dict[str, object]]]:
    """Return what the files hold."""
    return {name: json.loads((folder / f"queue_{name}.json").read_bytes()) for name in QueueName}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of that folder."""
    shutil.copytree(BEFORE, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_loading_it_changes_nothing(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Every entry is read with every key it has, the user's own too; nothing is said and nothing written.

    But for the word before the reason of a stall, which stands over the group in `status` now.
    """
    queues = QueueManager(folder)
    for name, films in plain(BEFORE).items():
        for tried in (tried for film in films for tried in film.get("tried", ())):
            tried["why"] = tried["why"].removeprefix("stalled: ")
        read = [entry_to_dict(entry, name) for entry in queues.entries(name)]
        assert [
            {key: again.get(key) for key in film} for film, again in zip(films, read, strict=True)
        ] == films
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        path.name: path.read_bytes() for path in BEFORE.iterdir()
    }
    assert not caplog.text


def test_what_it_means_is_understood(folder: Path) -> None:
    """Each kind of state that it can hold is there."""
    queues = QueueManager(folder)

    def read(slug: str) -> QueueEntry:
        found = queues.find(slug)
        assert found is not None
        return found[1]

    on_its_way = read("made-up-2")
    assert (on_its_way.follow.stage, on_its_way.follow.is_adopted) == (Stage.DOWNLOADING, True)
    assert on_its_way.choice.info_hash == f"{2:040x}"
    assert read("made-up-3").extra["where"] == "/films/Made Up 3 (1953)"
    assert read("made-up-4").follow.stage is Stage.DOWNLOADED
    assert [old.why for old in read("made-up-5").tried] == ["nothing came for 48 hours"]
    assert read("made-up-6").waits_for_release
    assert read("made-up-8").retry_at is None
    assert read("made-up-9").is_extra_look
    assert read("tt9000099").by_command
    assert queues.get_statistics() == {"pending": 7, "failed": 3, "completed": 3, "permanent_failures": 1}
    notes = [queues.entries(name)[0].extra.get("note") for name in QueueName]
    assert notes == [{"for": ["mum"], "when": 2026}] * 4
    assert queues.get_next_pending().movie.slug == "made-up-5"  # its torrent was about to be handed over


def test_it_survives_a_save(folder: Path) -> None:
    """Films that are written anew, each in every file, keep all their keys; so do those beside them."""
    clock = FakeClock(datetime(2026, 11, 9, tzinfo=UTC))
    queues = QueueManager(folder, clock=clock)
    queues.note_film(queues.entries(PENDING)[0].movie, queues.entries(PENDING)[0].movie)
    queues.add_to_failed(queues.find("made-up-1")[1].movie, "gone", clock.now() + timedelta(hours=1))
    queues.add_to_completed(queues.find("made-up-12")[1].movie)
    queues.remove(["made-up-40"])
    moved = {"made-up-1", "made-up-12", "made-up-40"}
    before = {film["id"]: (name, film) for name, films in plain(BEFORE).items() for film in films}
    after = {film["id"]: (name, film) for name, films in plain(folder).items() for film in films}
    assert after.keys() == before.keys()
    for key, (name, film) in before.items():
        kept = (
            film.keys() if film["slug"] not in moved else {"id", "slug", "title", "url", "added_at", "note"}
        )
        changed = {"sequence"}
        assert {k: film[k] for k in kept if k in film and k not in changed} == {
            k: after[key][1].get(k) for k in kept if k in film and k not in changed
        }
        assert (after[key][0] is name) is (film["slug"] not in moved)
