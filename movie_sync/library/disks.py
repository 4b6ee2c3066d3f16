"""The films on the user's disks: scanned once, then only where a folder changed.

A pass asks every known folder for its modification time, which changes when something in it is
added, renamed or removed, and lists again only what differs.
"""

import logging
import os
import threading
from array import array
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from movie_sync.domain.already_there import counts_as_there, is_acceptable
from movie_sync.domain.judging import judge
from movie_sync.domain.models import Movie
from movie_sync.domain.odd_names import likely_names, may_be
from movie_sync.domain.path_name import is_never_film
from movie_sync.domain.plain_text import one_line
from movie_sync.domain.quality_rules import QualityRules
from movie_sync.domain.titles import KnowsTitle, knows_no_title
from movie_sync.domain.wanted import WantedFilm
from movie_sync.errors import LibraryError, Stopped, UnclearFilmError
from movie_sync.library.film_file import has_content
from movie_sync.library.folder import ODD_ENTRY, FolderListing
from movie_sync.library.table import Inventory, LibraryTable
from movie_sync.ports import Clock
from movie_sync.storage.regular_file import NotAFileError

_log = logging.getLogger(__name__)

# A pass so soon after the last one would find the same.
_REUSE_SECONDS = 5.0
# Sticks and old shares, whose times are whole seconds, note not every change in a folder: so often they are
# listed whether one shows or not.
_RELIST_SECONDS = 600.0
_RELISTED_AT_ONCE = 2_000  # more would take memory
_LOCK_POLL_SECONDS = 0.2
_MOST_SAID = 50
_SHOWN_LETTERS = 80  # at either end


class DiskLibrary:
    """Implements `ports.MovieLibrary` for folders of this machine. Thread-safe; writes nothing.

    A `required` folder that is missing or cannot be read is a `LibraryError`; an `optional` one that is
    missing is nothing (the default download folder of somebody who never had one). What is there counts if
    it is whole, and if `rules` would take it as far as its name tells. A call raises `Stopped` when `stop`
    is set while it scans or waits for the other thread's scan.
    """

    def __init__(
        self,
        required: Sequence[Path],
        optional: Sequence[Path] = (),
        *,
        rules: QualityRules,
        stop: threading.Event,
        clock: Clock,
    ) -> None:
        self._required = dict.fromkeys(os.path.abspath(folder) for folder in required)
        self._roots = dict.fromkeys((*self._required, *(os.path.abspath(folder) for folder in optional)))
        self._rules = rules
        self._stop = stop
        self._clock = clock
        self._said: set[int] = set()
        self._lock = threading.Lock()
        self._scanned_at: float | None = None
        self._relisted_at: float | None = None
        self._reset()

    def find(
        self,
        movie: Movie,
        *,
        but_for: AbstractSet[str] = frozenset(),
        knows_title: KnowsTitle = knows_no_title,
        rules: QualityRules | None = None,
    ) -> str | None:
        """Implement `MovieLibrary.find`."""
        rules = rules or self._rules
        wanted = WantedFilm.from_movie(movie)
        while not self._lock.acquire(timeout=_LOCK_POLL_SECONDS):
            self._check_stop()
        try:
            self._check_stop()
            if self._scanned_at is None or self._clock.monotonic() - self._scanned_at >= _REUSE_SECONDS:
                self._scan()
                self._scanned_at = self._clock.monotonic()
            found, is_outdated = self._look_for(wanted, but_for, knows_title, rules)
            if is_outdated:
                self._scan()
                found, _ = self._look_for(wanted, but_for, knows_title, rules)
            if found:
                return found
            for file in self._table.unclear():
                self._complain_if_it_may_be(wanted, file, but_for, rules)
            return None
        finally:
            self._lock.release()

    def _look_for(
        self, wanted: WantedFilm, but_for: AbstractSet[str], knows_title: KnowsTitle, rules: QualityRules
    ) -> tuple[str | None, bool]:
        """Return where a film is, to be shown, and whether a file that may be it is no more where it was."""
        is_outdated = False
        for file in self._table.candidates(wanted):
            raw, path = self._table.name(file), self._table.path(file)
            for name in likely_names(raw) or (raw,):
                found = judge(wanted, name, id_beside=self._table.imdb_id(file))
                if not counts_as_there(found, knows_title):
                    continue
                if self._is_the_film(name, path, but_for, found.title_end, rules):
                    return one_line(path.removesuffix(raw) + name), False
                if not os.path.lexists(path):
                    self._table.doubt(file)
                    is_outdated = True
                break
        return None, is_outdated

    def _complain_if_it_may_be(
        self, wanted: WantedFilm, file: int, but_for: AbstractSet[str], rules: QualityRules
    ) -> None:
        """Raise if an unclear name may be the film's: what may be there is not fetched once more."""
        name, path = self._table.name(file), self._table.path(file)
        if may_be(wanted, name) and self._is_the_film(name, path, but_for, None, rules):
            raise UnclearFilmError(
                f"{_shortened(path)} may be this film, but its name has an unknown encoding. "
                "Rename or move the file."
            )

    def _is_the_film(
        self, name: str, path: str, but_for: AbstractSet[str], title_end: int | None, rules: QualityRules
    ) -> bool:
        """Tell whether a file named like the film is whole, and a copy that the settings would take."""
        parts = Path(path)
        if not but_for.isdisjoint({*parts.parts, parts.stem}):
            return False
        if not is_acceptable(name, rules, title_end=title_end):
            self._say_once(path, "doesn't count as its film: your settings wouldn't accept such a copy")
            return False
        try:
            is_whole = has_content(path)
        except (FileNotFoundError, NotADirectoryError, NotAFileError):
            return False
        except OSError as exc:
            # Without permission to read it, only its name and size can decide.
            self._say_once(path, f"counts as its film, but can't be read ({_reason(exc)})")
            return True
        if not is_whole:
            self._say_once(path, "doesn't count as its film: large parts of it are empty")
        return is_whole

    def _say_once(self, path: str, words: str) -> None:
        """Log what is odd about an entry of a film folder: each once, up to a limit."""
        said = hash((path, words))
        if said in self._said or len(self._said) > _MOST_SAID:
            return
        self._said.add(said)
        if len(self._said) > _MOST_SAID:
            _log.warning("There are more like that in the film folders; not logging the rest.")
        else:
            _log.warning("%s %s.", _shortened(path), words)

    def _reset(self) -> None:
        self._table = LibraryTable()
        self._root_numbers: dict[str, int] = {}
        self._devices: dict[int, int] = {}  # of roots and other mount points, by folder
        self._link_targets: dict[int, tuple[int, int]] = {}
        self._scanned_at = self._relisted_at = None

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise Stopped

    # One pass ---------------------------------------------------------------------------------

    def _scan(self) -> None:
        """Bring the table up to date. Interrupted at any point, the next pass goes on from there."""
        if self._table.is_wasteful:
            self._reset()
        table = self._table
        self._take_roots()
        changed, listed_long_ago = array("i"), array("i")
        now = self._clock.monotonic()
        is_time = self._relisted_at is not None and now - self._relisted_at >= _RELIST_SECONDS
        for folder in range(len(table.parents)):
            self._check_stop()
            found = self._look_at(folder) if table.is_alive(folder) else None
            if found is None:
                self._devices.pop(folder, None)
                self._link_targets.pop(folder, None)
                table.bury(folder)
            elif not table.is_current(folder, found.st_mtime_ns):
                changed.append(folder)
            elif is_time and not found.st_mtime_ns % 1_000_000_000:
                listed_long_ago.append(folder)
        if changed:
            self._list_again(changed)
        for begin in range(0, len(listed_long_ago), _RELISTED_AT_ONCE):
            self._list_again(listed_long_ago[begin : begin + _RELISTED_AT_ONCE])
        if is_time or self._relisted_at is None:
            self._relisted_at = now
        table.settle()

    def _take_roots(self) -> None:
        """Add the folders of the configuration that are there and not known yet."""
        for path in self._roots:
            number = self._root_numbers.get(path)
            if number is not None and self._table.is_alive(number):
                continue
            try:
                os.stat(path)
            except FileNotFoundError:
                if path in self._required:
                    raise _missing(path) from None
                continue
            except OSError as exc:
                raise _unreadable(path, exc) from None
            self._root_numbers[path] = self._table.add_folder(None, path)

    def _look_at(self, folder: int) -> os.stat_result | None:
        """Return a known folder's state, or None if it is gone."""
        path = self._table.folder_path(folder)
        is_root = self._table.parents[folder] == folder
        try:
            found = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            if path in self._required:
                raise _missing(path) from None
            return None
        except OSError as exc:
            if exc.errno in ODD_ENTRY and not is_root:
                self._pass_over(path, exc)
                return None
            raise _unreadable(path, exc) from None
        if self._devices.get(folder, found.st_dev) != found.st_dev:
            self._complain_if_unmounted(path)
            self._devices[folder] = found.st_dev
        return found

    def _complain_if_unmounted(self, path: str) -> None:
        """Raise if a folder that was on a disk of its own is an empty mount point now."""
        try:
            with os.scandir(path) as entries:
                is_empty = next(entries, None) is None
        except OSError as exc:
            raise _unreadable(path, exc) from None
        if is_empty:
            raise LibraryError(
                f"The film folder {path} is empty and its disk is gone. "
                "Downloads are paused until it's mounted again."
            )

    # Listing ----------------------------------------------------------------------------------

    def _list_again(self, changed: Sequence[int]) -> None:
        """List the folders that changed, and all new ones in them."""
        table = self._table
        inventory, new = table.inventory(changed), len(table.parents)
        listed = bytearray(new)
        try:
            for folder in changed:
                self._check_stop()
                listed[folder] = self._list(folder, inventory)
            # New folders have the highest numbers, and listing them adds more behind.
            while new < len(table.parents):
                self._check_stop()
                self._list(new, inventory)
                new += 1
        finally:
            table.forget_unseen(inventory, listed)

    def _list(self, folder: int, inventory: Inventory) -> bool:
        """List one folder into the table, with the new folders in it as not listed yet.

        Returns whether it was there; a folder that vanished just now is buried by the next pass.
        """
        found = self._look_at(folder)
        if found is None:
            return False
        table = self._table
        path = table.folder_path(folder)
        try:
            listing = FolderListing(
                path,
                stamp=found.st_mtime_ns,
                now_seconds=self._clock.now().timestamp(),
                check_stop=self._check_stop,
                pass_over=self._pass_over,
            )
        except FileNotFoundError:
            return False
        except OSError as exc:
            raise _unreadable(path, exc) from None
        self._note_device(folder, found)
        for name in listing.films.drain():
            known = inventory.known.get((folder, name))
            known_number = 0 if known is None else table.ids[known]
            imdb_number = known_number or listing.imdb_number(name)
            if known is not None and imdb_number == known_number:
                inventory.seen[known] = True
            elif not is_never_film(table.name_in(folder, name)):
                table.add_file(folder, name, imdb_number)
        for name in listing.folders.drain():
            below = os.path.join(path, name)
            is_known = inventory.known.get((folder, f"{name}/")) is not None or below in self._roots
            if not is_known and (not os.path.islink(below) or self._is_new_link(below)):
                table.add_folder(folder, name)
        table.set_stamp(folder, listing.stamp)
        return True

    def _pass_over(self, path: str, exc: OSError) -> None:
        self._say_once(path, f"was skipped: it can't be read ({_reason(exc)})")

    def _note_device(self, folder: int, found: os.stat_result) -> None:
        """Remember the disk of a root, and of a folder on another disk than the folder above it."""
        parents = self._table.parents
        above = parents[folder]
        while above not in self._devices and above != parents[above]:
            above = parents[above]
        if self._devices.get(above) != found.st_dev:
            self._devices[folder] = found.st_dev

    def _is_new_link(self, path: str) -> bool:
        """Tell whether a symbolic link leads to a folder that is not scanned anyway; note where it leads.

        A link into the library, to a folder above it, or to what another link leads to would at best
        find everything twice, and at worst go round for ever.
        """
        target = os.path.join(os.path.realpath(path), "")
        own = os.path.join(os.path.realpath(os.path.dirname(path)), "")
        roots = tuple(os.path.join(os.path.realpath(root), "") for root in self._roots)
        if own.startswith(target) or target.startswith(roots):
            return False
        try:
            found = os.stat(target)
        except OSError:
            return False
        identity = (found.st_dev, found.st_ino)
        if identity in self._link_targets.values():
            return False
        self._link_targets[len(self._table.parents)] = identity  # the folder's number to be
        return True


def _missing(path: str) -> LibraryError:
    return LibraryError(
        f"The film folder {path} is missing (disk unmounted?). Downloads are paused until it's back."
    )


def _unreadable(path: str, exc: OSError) -> LibraryError:
    return LibraryError(
        f"The film folder {path} can't be read ({_reason(exc)}). "
        "Downloads are paused until you fix that or remove it from config.json."
    )


def _reason(exc: OSError) -> str:
    return exc.strerror or type(exc).__name__


def _shortened(path: str) -> str:
    path = one_line(path)
    return path if len(path) <= 2 * _SHOWN_LETTERS else f"{path[:_SHOWN_LETTERS]}…{path[-_SHOWN_LETTERS:]}"
