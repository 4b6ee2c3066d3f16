"""The disks: what counts as a film there, what is noticed later, and what is an error."""

import atexit
import functools
import os
import shutil
import tempfile
import threading
import time
import tracemalloc
import unicodedata
from pathlib import Path

import pytest
from house.fakes import FakeClock
from house.films import film

from movie_sync.domain.quality_rules import QualityRules
from movie_sync.domain.titles import fold
from movie_sync.errors import LibraryError, Stopped, UnclearFilmError
from movie_sync.library import film_file
from movie_sync.library import folder as library_folder
from movie_sync.library import table as library_table
from movie_sync.library.disks import DiskLibrary

BIG = 60_000_000
LONG_AGO = 1_600_000_000


def wish(title="Heat", year=1995, imdb_id=None):
    """Make a wanted film."""
    return film(title.lower(), id=title, title=title, year=year, imdb_id=imdb_id)


def put(path: Path, size=BIG):
    """Make a file of a size that is filled, in folders as needed; of a large one, another name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if size == BIG:
        os.link(_large(), path)
    else:
        path.write_bytes(b"film." * (size // 5))
    return path


@functools.cache
def _large() -> Path:
    """Make the one large file that is filled."""
    folder = Path(tempfile.mkdtemp(prefix="films-"))
    atexit.register(shutil.rmtree, folder)
    with (folder / "film").open("wb") as file:
        for _ in range(BIG // 1_000_000):
            file.write(b"film." * 200_000)
    return folder / "film"


def settle(folder: Path):
    """Let a folder and all in it look untouched for long."""
    for place, _, names in os.walk(folder, topdown=False):
        for name in names:
            os.utime(Path(place, name), (LONG_AGO, LONG_AGO))
        os.utime(place, (LONG_AGO, LONG_AGO))


class Shelf:
    """A library folder with its library."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = FakeClock()
        self.stop = threading.Event()
        self.library = DiskLibrary([root], rules=QualityRules(), stop=self.stop, clock=self.clock)

    def find(self, movie=None):
        """Look for a film in a new pass; the answer is relative to the library."""
        self.clock.advance(60)
        found = self.library.find(movie or wish())
        return found and str(Path(found).relative_to(self.root))


@pytest.fixture
def shelf(tmp_path):
    """Give an empty library."""
    root = tmp_path / "films"
    root.mkdir()
    return Shelf(root)


FOUND = [
    "Heat (1995).mkv",
    "Heat.1995.1080p.BluRay.x264-GRP/grp-heat.mkv",
    "Heat (1995)/Heat.mkv",
    "Heat (1995)/CD1/heat.avi",
    "Heat (1995)/VIDEO_TS/VTS_01_1.VOB",
    "Heat (1995)/BDMV/STREAM/00001.m2ts",
    "Crime/Mann/Heat (1995)/movie.mkv",
    "Other/Heat (1995).mkv",
]
NOT_FOUND = [
    "Heat (1995).srt",
    "Heat (1995).mkv.!qB",
    "Heat (1995).mkv.part",
    "Heat (1995).txt",
    "Heat (1986).mkv",
    "Heat (1995)/Sample/heat.mkv",
    "Heat (1995)/Featurettes/heat.mkv",
    "Heat (1995)/heat-trailer.mkv",
    "Heat (1995)/Season 1/heat.mkv",
    ".trash/Heat (1995).mkv",
    "incomplete/Heat (1995).mkv",
    "$RECYCLE.BIN/Heat (1995).mkv",
]


@pytest.mark.parametrize("path", FOUND)
def test_found(shelf, path):
    """A film is found by its file or its folder, at any depth."""
    put(shelf.root / path)
    assert shelf.find() == path


@pytest.mark.parametrize("path", NOT_FOUND)
def test_not_found(shelf, path):
    """Unfinished files, extras, samples, other files and system folders are no film."""
    put(shelf.root / path)
    assert shelf.find() is None


def test_a_small_file_counts_only_if_it_is_the_only_one(shelf):
    """A sample beside a film is none, but a short film may be small."""
    short = put(shelf.root / "short" / "Heat (1995).mkv", 5)
    assert shelf.find() == "short/Heat (1995).mkv"
    put(short.with_name("Other (2001).mkv"))
    assert shelf.find() is None


def test_a_sample_beside_a_small_file_does_not_hide_it(shelf):
    """Samples are not counted as the film's company."""
    put(shelf.root / "a" / "Heat (1995).mkv", 5)
    put(shelf.root / "a" / "sample.mkv", 5)
    assert shelf.find() == "a/Heat (1995).mkv"


def test_a_file_that_is_still_fetched_is_not_there(shelf):
    """A control file beside a download of full size says that it is not finished."""
    put(shelf.root / "Heat (1995).mkv")
    control = put(shelf.root / "Heat (1995).mkv.aria2", 10)
    assert shelf.find() is None
    control.unlink()
    assert shelf.find() == "Heat (1995).mkv"


def test_an_id_in_the_name_decides(shelf):
    """The IMDb id in a name outweighs the name."""
    put(shelf.root / "Vapeur {imdb-tt0113277}.mkv")
    put(shelf.root / "Heat (1995) {imdb-tt0000001}.mkv")
    assert shelf.find(wish(imdb_id="tt0113277")) == "Vapeur {imdb-tt0113277}.mkv"


@pytest.mark.parametrize(
    ("note", "text"),
    [
        ("Vapeur.nfo", "https://www.imdb.com/title/tt0113277/"),
        ("movie.nfo", '<movie><uniqueid type="imdb">tt0113277</uniqueid><id>tt0113277</id></movie>'),
        ("grp.nfo", "info: imdb.com/title/tt0113277"),
    ],
)
def test_an_id_beside_the_file_decides(shelf, note, text):
    """An .nfo of the file's name, or the only one beside the only film, gives the id."""
    put(shelf.root / "a" / "Vapeur.mkv")
    (shelf.root / "a" / note).write_text(text)
    assert shelf.find(wish(imdb_id="tt0113277")) == "a/Vapeur.mkv"
    assert shelf.find(wish("Vapeur", 2001, imdb_id="tt0000002")) is None


@pytest.mark.parametrize(
    "text", ["tt0113277 and tt0000009", "<episodedetails>tt0113277</episodedetails>", ""]
)
def test_an_unclear_note_decides_nothing(shelf, text):
    """An .nfo with several films, of an episode, or without an id leaves it to the name."""
    put(shelf.root / "a" / "Vapeur (1995).mkv")
    (shelf.root / "a" / "movie.nfo").write_text(text)
    assert shelf.find(wish(imdb_id="tt0113277")) is None
    assert shelf.find(wish("Vapeur")) == "a/Vapeur (1995).mkv"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_note_that_is_a_pipe_keeps_nobody_waiting(shelf):
    """A pipe, a folder or a device called like the film's .nfo is passed over."""
    put(shelf.root / "a" / "Heat (1995).mkv")
    os.mkfifo(shelf.root / "a" / "movie.nfo")
    put(shelf.root / "b" / "Ronin (1998).mkv")
    (shelf.root / "b" / "movie.nfo").symlink_to("/dev/zero")
    assert shelf.find() == "a/Heat (1995).mkv"
    assert shelf.find(wish("Ronin", 1998)) == "b/Ronin (1998).mkv"


def test_changes_are_noticed(shelf):
    """What is added, renamed or removed is known in the next pass, wherever it happens."""
    first = put(shelf.root / "a" / "b" / "Ronin (1998).mkv")
    settle(shelf.root)
    assert shelf.find() is None
    first.rename(first.with_name("Heat (1995).mkv"))
    assert shelf.find() == "a/b/Heat (1995).mkv"
    assert shelf.find(wish("Ronin", 1998)) is None
    put(shelf.root / "new" / "deep" / "Ronin (1998).mkv")
    assert shelf.find(wish("Ronin", 1998)) == "new/deep/Ronin (1998).mkv"
    shutil.rmtree(shelf.root / "a")
    assert shelf.find() is None
    assert shelf.find(wish("Ronin", 1998)) == "new/deep/Ronin (1998).mkv"


def test_a_folder_that_moves_is_noticed(shelf):
    """Renaming a folder moves all that is in it."""
    put(shelf.root / "a" / "x" / "Heat (1995).mkv")
    settle(shelf.root)
    assert shelf.find() == "a/x/Heat (1995).mkv"
    (shelf.root / "a").rename(shelf.root / "b")
    assert shelf.find() == "b/x/Heat (1995).mkv"


def test_a_file_that_still_grows_is_looked_at_again(shelf):
    """A copy that was small in one pass is a film in a later one, though its folder did not change."""
    shelf.clock.jump(time.time() - shelf.clock.now().timestamp() - 60)
    put(shelf.root / "Ronin (1998).mkv")
    growing = put(shelf.root / "Heat (1995).mkv", 5)
    assert shelf.find() is None
    shutil.copyfile(_large(), growing)
    assert shelf.find() == "Heat (1995).mkv"


def test_unchanged_folders_are_not_listed_again(shelf, monkeypatch):
    """A pass over a library where nothing changed lists no folder."""
    for number in range(20):
        put(shelf.root / f"Film {number} (2001)" / "a.mkv")
    put(shelf.root / "Heat (1995)" / "a.mkv")
    settle(shelf.root)
    assert shelf.find() == "Heat (1995)/a.mkv"
    listed: list[str] = []
    scan = os.scandir
    monkeypatch.setattr(library_folder.os, "scandir", lambda path: listed.append(str(path)) or scan(path))
    assert shelf.find() == "Heat (1995)/a.mkv"
    assert listed == []
    put(shelf.root / "Film 3 (2001)" / "b.mkv")
    shelf.find()
    assert listed == [str(shelf.root / "Film 3 (2001)")]


def test_a_pass_is_reused_for_a_few_seconds(shelf):
    """Many films in a row do not make many passes."""
    assert shelf.find() is None
    put(shelf.root / "Heat (1995).mkv")
    assert shelf.library.find(wish()) is None
    assert shelf.find() == "Heat (1995).mkv"


def test_much_replaced_is_built_anew(shelf):
    """A library whose files keep being replaced does not pile up forgotten names."""
    for number in range(2100):
        put(shelf.root / f"Film {number} (2001).mkv")
    settle(shelf.root)
    assert shelf.find() is None
    for path in shelf.root.iterdir():
        path.unlink()
    put(shelf.root / "Heat (1995).mkv")
    assert shelf.find() == "Heat (1995).mkv"
    assert shelf.find() == "Heat (1995).mkv"
    assert len(shelf.library._table._file_names) == 1


# What is there and not the film -----------------------------------------------------------------


def _with_gaps(path: Path, filled: float, *, sparse: bool) -> Path:
    """Make a large file of which only a part is filled, in pieces as a torrent client does it."""
    piece = b"film." * 100_000
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for number in range(120):
            if (number * 7) % 120 < 120 * filled:
                file.seek(number * len(piece))
                file.write(piece)
            elif not sparse:
                file.seek(number * len(piece))
                file.write(bytes(len(piece)))
        file.truncate(120 * len(piece))
    return path


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("filled", [0, 0.03, 0.5, 0.8])
def test_a_file_with_gaps_is_not_the_film(shelf, caplog, filled, sparse):
    """What a torrent client has prepared and not filled yet has the film's size, and nothing in it."""
    _with_gaps(shelf.root / "Heat (1995).mkv", filled, sparse=sparse)
    assert shelf.find() is None
    assert shelf.find() is None
    assert caplog.text.count("large parts of it are empty") == 1
    put(shelf.root / "Whole" / "Heat (1995).mkv")
    assert shelf.find() == "Whole/Heat (1995).mkv"


def test_an_empty_file_is_not_the_film(shelf):
    """A file without a byte, as a full disk leaves it, is nothing."""
    put(shelf.root / "Heat (1995).mkv", 0)
    assert shelf.find() is None


def test_padding_does_not_make_a_film_broken(shelf):
    """A gap between the parts of a file, and the empty beginning of a disc's image, belong there."""
    image = shelf.root / "Heat (1995).iso"
    shutil.copyfile(_large(), image)
    with image.open("r+b") as file:
        file.write(bytes(32_768))
        file.seek(BIG // 16)  # where it is looked at
        file.write(bytes(300_000))
    assert shelf.find() == "Heat (1995).iso"


def test_holes_that_are_none_do_not_make_a_film_broken(shelf, monkeypatch):
    """A file system that names as a hole what is not written out yet is not believed."""
    put(shelf.root / "Heat (1995).mkv")
    seek = os.lseek
    monkeypatch.setattr(
        film_file.os,
        "lseek",
        lambda file, place, how: place if how == os.SEEK_HOLE else seek(file, place, how),
    )
    assert shelf.find() == "Heat (1995).mkv"


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable for root")
def test_a_film_that_may_not_be_read_counts(shelf):
    """No fault is known of a file of somebody else's, so nothing is fetched in its place."""
    shutil.copyfile(_large(), shelf.root / "Heat (1995).mkv")
    (shelf.root / "Heat (1995).mkv").chmod(0)
    assert shelf.find() == "Heat (1995).mkv"


def test_a_copy_that_the_settings_would_not_take_is_not_the_film(shelf, caplog):
    """A camera copy or a quality outside the order does not keep the film from being fetched."""
    put(shelf.root / "Heat.1995.HDCAM.x264-GRP" / "heat.mkv")
    put(shelf.root / "Heat.1995.DVDRip.XviD-GRP.avi")
    assert shelf.find() is None
    assert caplog.text.count("your settings wouldn't accept such a copy") == 2
    put(shelf.root / "Heat.1995.1080p.BluRay.x264-GRP.mkv")
    assert shelf.find() == "Heat.1995.1080p.BluRay.x264-GRP.mkv"


# Odd entries -----------------------------------------------------------------------------------


def test_odd_entries_are_passed_over(shelf, caplog):
    """A link to itself, a link through a file and a path without end stop nothing; each is named once."""
    put(shelf.root / "Heat (1995)" / "Heat (1995).mkv")
    (shelf.root / "loop.mkv").symlink_to("loop.mkv")
    (shelf.root / "Heat (1995)" / "round").symlink_to("round")
    (shelf.root / "through").symlink_to(shelf.root / "Heat (1995)" / "Heat (1995).mkv" / "x")
    (shelf.root / "long.mkv").symlink_to("x" * 300)
    assert shelf.find() == "Heat (1995)/Heat (1995).mkv"
    assert shelf.find(wish("Ronin", 1998)) is None
    for name in ("loop.mkv", "round", "through", "long.mkv"):
        assert caplog.text.count(f"{name} was skipped") == 1


def test_a_path_without_end_is_passed_over(shelf, caplog):
    """What lies deeper than a path can be long is named once, in a short line."""
    put(shelf.root / "Heat (1995).mkv")
    here = os.open(shelf.root, os.O_RDONLY)
    for _ in range(25):
        os.mkdir("d" * 200, dir_fd=here)
        inner = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    assert shelf.find() == "Heat (1995).mkv"
    assert shelf.find(wish("Ronin", 1998)) is None
    assert caplog.text.count("was skipped") == 1
    assert max(len(record.getMessage()) for record in caplog.records) < 300


def test_many_odd_entries_are_not_all_named(shelf, caplog):
    """A folder full of broken links does not fill the log."""
    for number in range(200):
        (shelf.root / f"{number}").symlink_to(f"{number}")
    put(shelf.root / "Heat (1995).mkv")
    assert shelf.find() == "Heat (1995).mkv"
    assert len(caplog.records) < 60


# What is not there ----------------------------------------------------------------------------


def library(*required, optional=()):
    """Make a library over some folders."""
    return DiskLibrary(required, optional, rules=QualityRules(), stop=threading.Event(), clock=FakeClock())


def test_a_missing_required_folder_is_an_error(tmp_path):
    """An unmounted disk is never "nothing there"."""
    with pytest.raises(LibraryError, match=r"gone is missing"):
        library(tmp_path / "gone").find(wish())


def test_a_missing_optional_folder_is_nothing(tmp_path):
    """The default download folder of somebody who never had one is no error; it may come later."""
    clock = FakeClock()
    later = DiskLibrary(
        [], [tmp_path / "Downloads"], rules=QualityRules(), stop=threading.Event(), clock=clock
    )
    assert later.find(wish()) is None
    put(tmp_path / "Downloads" / "Heat (1995).mkv")
    clock.advance(60)
    assert later.find(wish()) is not None


def test_a_required_folder_that_goes_away_is_an_error_until_it_is_back(shelf, tmp_path):
    """Nothing is concluded while the folder is away, and nothing is lost by it."""
    put(shelf.root / "Heat (1995).mkv")
    assert shelf.find() == "Heat (1995).mkv"
    shelf.root.rename(tmp_path / "away")
    for _ in range(2):
        with pytest.raises(LibraryError, match="is missing"):
            shelf.find()
    (tmp_path / "away").rename(shelf.root)
    assert shelf.find() == "Heat (1995).mkv"


def test_an_optional_folder_that_goes_away_is_nothing_again(tmp_path):
    """Its films are no longer there."""
    clock = FakeClock()
    downloads = tmp_path / "Downloads"
    put(downloads / "Heat (1995).mkv")
    books = DiskLibrary([], [downloads], rules=QualityRules(), stop=threading.Event(), clock=clock)
    assert books.find(wish()) is not None
    shutil.rmtree(downloads)
    clock.advance(60)
    assert books.find(wish()) is None


def test_an_empty_mount_point_is_an_error(shelf, monkeypatch):
    """A folder that was on a disk of its own and is empty now is an unmounted disk."""
    put(shelf.root / "Heat (1995).mkv")
    assert shelf.find() == "Heat (1995).mkv"
    shelf.library._devices = dict.fromkeys(shelf.library._devices, -1)
    assert shelf.find() == "Heat (1995).mkv", "another disk with films is a library"
    shelf.library._devices = dict.fromkeys(shelf.library._devices, -1)
    (shelf.root / "Heat (1995).mkv").unlink()
    with pytest.raises(LibraryError, match="is empty"):
        shelf.find()


@pytest.mark.parametrize("piece", ['<uniqueid type="imdb"', "<uniqueid>", "<id>" + " " * 500, "<uniqueid  "])
def test_a_hostile_nfo_holds_nobody_up(shelf, piece):
    """An .nfo made to be read for ever is read like any other."""
    put(shelf.root / "a" / "Vapeur.mkv")
    (shelf.root / "a" / "movie.nfo").write_text(piece * (250_000 // len(piece)))
    assert shelf.find(wish(imdb_id="tt0113277")) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable for root")
def test_an_unreadable_folder_is_an_error(shelf):
    """A folder that may not be read hides films, so nothing may be concluded."""
    locked = shelf.root / "locked"
    locked.mkdir(mode=0)
    try:
        with pytest.raises(LibraryError, match="locked can't be read"):
            shelf.find()
    finally:
        locked.chmod(0o700)


def test_a_failing_disk_is_an_error(shelf, monkeypatch):
    """An input/output error is told with the folder's name, never taken for an empty folder."""
    (shelf.root / "bad").mkdir()

    def scandir(path):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(library_folder.os, "scandir", scandir)
    with pytest.raises(LibraryError, match=r"films can't be read \(Input/output error\)"):
        shelf.find()


def test_a_file_as_library_folder_is_an_error(tmp_path):
    """A configured folder that is a file is said to be unreadable."""
    place = put(tmp_path / "file")
    with pytest.raises(LibraryError, match="can't be read"):
        library(place / "below").find(wish())


# Links, nesting, stopping -------------------------------------------------------------------------


def test_symbolic_links_do_not_loop(shelf):
    """Links to a folder above, to each other and to nothing end; a linked film is found once."""
    put(shelf.root / "a" / "Ronin (1998).mkv")
    (shelf.root / "a" / "up").symlink_to(shelf.root)
    (shelf.root / "b").symlink_to(shelf.root / "a")
    (shelf.root / "c").symlink_to(shelf.root / "a")
    (shelf.root / "nowhere.mkv").symlink_to(shelf.root / "missing.mkv")
    assert shelf.find() is None
    assert shelf.find(wish("Ronin", 1998)) == "a/Ronin (1998).mkv"
    assert len(shelf.library._table.parents) < 6


def test_a_linked_folder_counts(shelf, tmp_path):
    """A link to another disk is part of the library."""
    put(tmp_path / "disk" / "Heat (1995).mkv")
    (shelf.root / "disk").symlink_to(tmp_path / "disk")
    assert shelf.find() == "disk/Heat (1995).mkv"


def test_nested_library_folders_are_scanned_once(tmp_path):
    """A library folder inside another one is not kept twice."""
    put(tmp_path / "films" / "new" / "Heat (1995).mkv")
    both = library(tmp_path / "films", tmp_path / "films" / "new")
    assert both.find(wish()) == str(tmp_path / "films" / "new" / "Heat (1995).mkv")
    assert len(both._table._file_names) == 1


def test_a_stop_ends_a_scan(shelf):
    """Shutdown does not wait for a scan, and what was scanned is not lost."""
    for number in range(30):
        put(shelf.root / f"Film {number} (2001)" / "a.mkv")
    put(shelf.root / "Heat (1995)" / "a.mkv")
    shelf.stop.set()
    with pytest.raises(Stopped):
        shelf.find()
    shelf.stop.clear()
    assert shelf.find() == "Heat (1995)/a.mkv"


def test_a_stop_in_the_middle_loses_nothing(shelf, monkeypatch):
    """A scan that was cut short is finished by the next pass."""
    for number in range(30):
        put(shelf.root / f"Film {number} (2001)" / "a.mkv")
    put(shelf.root / "Heat (1995)" / "a.mkv")
    settle(shelf.root)
    scan, listed = os.scandir, []

    def scandir(path):
        listed.append(path)
        if len(listed) == 10:
            shelf.stop.set()
        return scan(path)

    monkeypatch.setattr(library_folder.os, "scandir", scandir)
    with pytest.raises(Stopped):
        shelf.find()
    shelf.stop.clear()
    assert shelf.find() == "Heat (1995)/a.mkv"
    assert len(set(listed)) == 32


def test_a_waiting_thread_stops_too(shelf):
    """Whoever waits for the other thread's scan is let go at shutdown."""
    shelf.library._lock.acquire()
    ended = threading.Event()

    def look():
        with pytest.raises(Stopped):
            shelf.find()
        ended.set()

    waiting = threading.Thread(target=look)
    waiting.start()
    shelf.stop.set()
    assert ended.wait(5)
    waiting.join()
    shelf.library._lock.release()


OLD_NAMES = [
    ("Amélie", 2001, "cp1252"),
    ("Amélie", 2001, "cp850"),
    ("Amélie", 2001, "mac-roman"),
    ("Das fliegende Klassenzimmer - Die Überfahrt", 1954, "cp1252"),
    ("8½", 1963, "cp1252"),
    ("Moartea domnului Lăzărescu", 2005, "cp1250"),
    ("După dealuri și țară", 2012, "iso8859-16"),
    ("Žižek!", 2005, "cp1250"),
    ("Şehir ığdır", 2001, "cp1254"),
    ("Ночной дозор", 2004, "cp1251"),
    ("Ночной дозор", 2004, "koi8-r"),
    ("Ночной дозор", 2004, "cp866"),
    ("もののけ姫", 1997, "cp932"),
    ("卧虎藏龙", 2000, "gb18030"),
    ("기생충", 2019, "cp949"),
]


@pytest.mark.parametrize(("title", "year", "encoding"), OLD_NAMES)
@pytest.mark.parametrize("place", ["{} ({}).mkv", "{} ({})/movie.mkv"])
def test_a_name_in_an_old_encoding_is_read(shelf, place, title, year, encoding):
    """A name that is no UTF-8 is read as what it most likely is, and shown as that."""
    name = place.format(title, year)
    put(shelf.root / os.fsdecode(name.encode(encoding)))
    put(shelf.root / "Ronin (1998).mkv")
    assert fold(shelf.find(wish(title, year))) == fold(name)
    assert shelf.find(wish("Ronin", 1998)) == "Ronin (1998).mkv"
    assert shelf.find(wish("Heat", year)) is None


def test_a_name_that_cannot_be_read_holds_back_what_it_may_be(shelf):
    """A film is not fetched while a file is there that may be it; no other film is held back."""
    odd = put(shelf.root / os.fsdecode(b"Am\xff\x81\x8dlie (2001).mkv"))
    put(shelf.root / os.fsdecode(b"\xff\x81\x8d.mkv"))
    with pytest.raises(UnclearFilmError, match="may be this film"):
        shelf.find(wish("Amélie", 2001))
    assert shelf.find(wish("Amélie", 2011)) is None
    assert shelf.find(wish("Monsters, Inc.", 2001)) is None
    odd.rename(odd.with_name("Amélie (2001).mkv"))
    assert shelf.find(wish("Amélie", 2001)) == "Amélie (2001).mkv"


def test_a_name_that_is_cut_within_a_letter_is_read(shelf):
    """Half a letter at the end, as a limit of the length leaves it, hides nothing."""
    put(shelf.root / os.fsdecode("Amélie (2001) Édition d’Amé".encode()[:-1] + b".mkv"))
    assert shelf.find(wish("Amélie", 2001)) == "Amélie (2001) Édition d’Am.mkv"


def test_an_unclear_name_is_no_trouble_where_it_is_shown(shelf):
    """What cannot be read of it is a visible mark, which every log, notice and file can hold."""
    put(shelf.root / os.fsdecode(b"Am\xff\x81\x8dlie (2001).mkv"))
    with pytest.raises(UnclearFilmError) as raised:
        shelf.find(wish("Amélie", 2001))
    assert f"{shelf.root}/Am\ufffd\ufffd\ufffdlie (2001).mkv may be" in str(raised.value)


def test_a_name_in_pieces_is_read(shelf):
    """Some systems part letters from their accents in names of files."""
    name = unicodedata.normalize("NFD", "Călătoria Amélie (2001).mkv")
    put(shelf.root / name)
    assert shelf.find(wish("Călătoria Amélie", 2001)) == name


def test_a_disk_that_does_not_note_all_changes(shelf):
    """Where times are whole seconds a film that was only renamed is found after a while, others at once."""
    put(shelf.root / "Heat (1995)" / "a.mkv")
    settle(shelf.root)
    assert shelf.find() == "Heat (1995)/a.mkv"
    (shelf.root / "Heat (1995)" / "a.mkv").rename(shelf.root / "Heat (1995)" / "Heat (1995).mkv")
    settle(shelf.root)
    assert shelf.find() == "Heat (1995)/Heat (1995).mkv", "the one known is gone: its folder is looked at"
    assert shelf.find(wish("Ronin", 1998)) is None
    (shelf.root / "Heat (1995)" / "Heat (1995).mkv").rename(shelf.root / "Heat (1995)" / "Ronin (1998).mkv")
    settle(shelf.root)
    assert shelf.find(wish("Ronin", 1998)) is None
    shelf.clock.advance(600)
    assert shelf.find(wish("Ronin", 1998)) == "Heat (1995)/Ronin (1998).mkv"


def test_folders_that_come_and_go_leave_no_growing_trace(shelf, monkeypatch):
    """Folders without a film, such as what an archive is unpacked into, are not kept for ever."""
    monkeypatch.setattr(library_table, "_BEARABLE_WASTE", 20)
    put(shelf.root / "Heat (1995)" / "a.mkv")
    for number in range(50):
        (shelf.root / f"unpacked {number}" / "inside").mkdir(parents=True)
        assert shelf.find() == "Heat (1995)/a.mkv"
        shutil.rmtree(shelf.root / f"unpacked {number}")
        assert shelf.find() == "Heat (1995)/a.mkv"
    assert len(shelf.library._table.parents) < 50


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("Film number {0} ({1})/Film number {0} ({1}) 1080p.mkv", marks=pytest.mark.long),
        "Film number {0} ({1}).mkv",
    ],
)
def test_a_large_library_is_small(shelf, place):
    """Each film costs little, also while the folder is listed that holds thousands, and after a second pass."""
    put(shelf.root / "Heat (1995)" / "Heat (1995).mkv")
    assert shelf.find() is not None
    for number in range(4000):
        put(shelf.root / place.format(number, 1950 + number % 70))
    settle(shelf.root)
    tracemalloc.start()
    try:
        assert shelf.find() is not None
        assert shelf.find(wish("Ronin", 1998)) is None
        now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert now / 4000 < 100
    assert peak / 4000 < 250
