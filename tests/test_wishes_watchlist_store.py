"""What is remembered of the watchlist survives damage: the good part counts, the state before it fills the gap."""

import errno
import json
import os
from pathlib import Path

import pytest
from house.fakes import FakeClock

from movie_sync.domain.models import Movie
from movie_sync.domain.watchlist import WatchlistMemory
from movie_sync.errors import StorageError
from movie_sync.wishes.watchlist_store import WatchlistStore

A, B, C, D = (Movie(id=f"k{name}", slug=f"film-{name}", title=f"Film {name}", year=1990) for name in "abcd")
EARLIER = WatchlistMemory("maria", (A, B), left=(C,), not_wanted=frozenset({"k:kx"}))
LATEST = WatchlistMemory("maria", (B, D), absent=(A,), left=(C,), not_wanted=frozenset({"k:ky"}))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Write two generations."""
    path = tmp_path / "watchlist.json"
    store = WatchlistStore(path, FakeClock())
    store.save(EARLIER)
    store.save(LATEST)
    return path


@pytest.mark.parametrize(
    "content", [b"", b"\xff rubbish", b"[" * 99_999, b"[]", b'{"username": 3}', None], ids=str
)
def test_the_earlier_state_stands_in(
    path: Path, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a file that says nothing the generation before it is used; it is put aside at the next write, and said once."""
    path.unlink()
    path.write_bytes(content) if content is not None else path.mkdir()
    store = WatchlistStore(path, FakeClock())
    assert store.load() == store.load() == EARLIER
    assert not caplog.records
    store.save(LATEST)
    (aside,) = path.parent.glob("watchlist.json.damaged-*")
    assert (None if aside.is_dir() else aside.read_bytes()) == content
    store.save(LATEST)
    (record,) = caplog.records
    assert aside.name in record.message
    assert WatchlistStore(path, FakeClock()).load() == LATEST


def test_good_entries_count(path: Path) -> None:
    """Odd entries are left out; films that only the earlier state names come back in their place."""
    plain = json.loads(path.read_text())
    plain["absent"] = [7, {"title": "nobody"}]
    plain["films"][0] = None
    path.write_text(json.dumps(plain))
    memory = WatchlistStore(path, FakeClock()).load()
    assert memory == WatchlistMemory("maria", (D, A, B), left=(C,), not_wanted=frozenset({"k:ky"}))


def test_both_damaged_is_a_first_reading(path: Path) -> None:
    """With nothing left to know there is no memory, and neither file is touched by looking."""
    path.write_bytes(b"x")
    path.with_name("watchlist.json.previous").write_bytes(b"y")
    assert WatchlistStore(path, FakeClock(), writable=False).load() is None
    assert path.read_bytes() == b"x"


def test_a_shortage_is_not_taken_for_damage(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many open files says nothing about this one: it is an error, and the file stays."""

    def no_more(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", no_more)
        with pytest.raises(StorageError, match="Can't read"):
            WatchlistStore(path, FakeClock()).load()
    assert WatchlistStore(path, FakeClock()).load() == LATEST
