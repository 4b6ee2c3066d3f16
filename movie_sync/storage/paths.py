"""Where everything lies: the data folder, every file in it, and the key file outside it.

The key that opens `credentials.enc` is never kept beside it: whoever copies the data folder, into a
backup for instance, then has nothing to read the credentials with.
What cannot be used is a UserError that says what to do.
"""

import contextlib
import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from movie_sync.errors import UserError
from movie_sync.storage.atomic_file import (
    TEMPORARY_SUFFIX,
    delete_leftover,
    keep_private,
    make_folder,
    temporary_of,
)
from movie_sync.storage.replacing import restore_replaced

PREFIX = "MOVIE_SYNC_"
"""How the name of every environment variable of ours begins."""
HOME_VARIABLE = "MOVIE_SYNC_HOME"
KEY_FILE_VARIABLE = "MOVIE_SYNC_KEY_FILE"
PASSPHRASE_VARIABLE = "MOVIE_SYNC_BACKUP_PASSPHRASE"  # noqa: S105 - its name
_OTHER_FOLDER = f"Fix that, or choose another folder with --data-dir or {HOME_VARIABLE}."
_PRIVATE_FOLDER = 0o700
_PRIVATE_FILE = 0o600


class AppPaths:
    """Names each file and folder in the data folder `root` but for the queues', which `queues.book` knows.

    Makes nothing until `prepare`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config = root / "config.json"  # the user's settings
        self.setup = root / "setup.json"  # which parts of a setup that was interrupted are answered
        self.credentials = root / "credentials.enc"
        self.watchlist = root / "watchlist.json"  # the last one that was read whole
        self.lists = root / "lists"  # the folder of what is remembered of further lists
        self.unreadable = root / "unreadable.json"  # since when it could not be read
        self.unlisted = root / "unlisted.json"  # films that left it in the last month
        self.budget = root / "budget.json"  # when the tracker was called in the last hour
        self.radar = root / "radar.json"  # how far its newest releases have been looked through
        self.searches = root / "searches.json"  # what `search` showed last, for `grab` and `reject`
        self.history = root / "history.jsonl"  # what happened to films, and why
        self.metadata = root / "tmdb.jsonl"  # what a database of films answered
        self.events = root / "events.json"  # what is still to be told to the user
        self.daemon = root / "daemon.json"  # what the daemon is doing, for `status`
        self.daemon_lock = root / "daemon.lock"  # locked by the one daemon that may use this folder
        self.health = root / "health.sock"  # where a running daemon answers `health`
        self.shelf_owner = root / "shelf.id"  # whose halves of copies are this folder's, on a shared shelf
        self.page = root / "web.json"  # where the page is, while its lock is held
        self.page_lock = root / "web.lock"
        self.page_login = root / "web_login.json"  # the address that lets its reader in once
        self.page_sessions = root / "web_sessions.json"  # who is logged in to it
        self.posters = root / "posters"  # the folder of images that the page shows
        self.log = root / "movie_sync.log"
        self.inbox = root / "inbox"  # the folder of commands that a running daemon takes up
        self.restored = root / "restored"  # the folder of a backup's files that are taking their places
        self.torrents = root / "torrents"  # the folder for `.torrent` files where no client is used

    def check(self, *, is_to_be_made: bool = False) -> None:
        """See that the data folder, if it is there, can be looked into; changes nothing.

        One that `is_to_be_made` private must not be one that other programs live in: that would break them.
        """
        try:
            mode = self.root.stat().st_mode
        except FileNotFoundError:
            return
        except OSError as exc:
            raise self._unusable(exc) from exc
        if not stat.S_ISDIR(mode):
            raise UserError(f"The data folder {self.root} isn't a folder. {_OTHER_FOLDER}")
        if not os.access(self.root, os.R_OK | os.X_OK):
            raise UserError(f"The data folder {self.root} can't be read. {_OTHER_FOLDER}")
        if is_to_be_made and (mode & stat.S_ISVTX or self.root.resolve() == Path(self.root.anchor)):
            raise UserError(
                f"The data folder {self.root} is shared with other programs. Choose a folder of its own, "
                f"such as {self.root / 'movie_sync'}, with --data-dir or {HOME_VARIABLE}."
            )

    def prepare(self) -> None:
        """Make the data folder, or make an existing one private (mode 0700), and our files in it too."""
        self.check(is_to_be_made=True)
        try:
            make_folder(self.root)
            keep_private(self.root, _PRIVATE_FOLDER, self.root)
            self._close_files()
        except OSError as exc:
            raise self._unusable(exc) from exc
        if not os.access(self.root, os.R_OK | os.W_OK | os.X_OK):
            raise UserError(f"The data folder {self.root} can't be written to. {_OTHER_FOLDER}")

    def sweep(self, is_alone: bool) -> None:  # noqa: FBT001 - told by the instance lock
        """Delete what crashes left half-written of our files. For the holder of the instance lock.

        What commands write beside it is left where it is not sure that nobody does (`is_alone`). The
        queues and the inbox sweep theirs themselves.
        """
        for folder in (self.root, self.lists):
            restore_replaced(folder)
        for path in (self.watchlist, self.daemon, self.radar, self.unlisted, self.unreadable, self.events):
            delete_leftover(path)
        if os.path.lexists(unfinished := temporary_of(self.restored)):
            shutil.rmtree(unfinished, ignore_errors=True)
        if is_alone:
            budgets = {path.with_suffix("") for path in self.root.glob(f"budget*.json{TEMPORARY_SUFFIX}")}
            for path in (self.config, self.credentials, self.setup, *budgets):
                delete_leftover(path)

    def _close_files(self) -> None:
        """Take back what an editor or a restored backup allows others."""
        folders = (self.root, self.inbox, self.torrents, self.posters, self.lists, self.restored)
        named = (path for path in vars(self).values() if path not in folders)
        ours = ("queue_", "budget-", *(path.name for path in named))
        for path in self.root.iterdir():
            with contextlib.suppress(FileNotFoundError):  # a running daemon replaces its files
                mode = path.lstat().st_mode
                if stat.S_ISREG(mode) and mode & 0o077 and path.name.startswith(ours):
                    keep_private(path, _PRIVATE_FILE, self.root)

    def _unusable(self, exc: OSError) -> UserError:
        return UserError(f"The data folder {self.root} can't be used: {exc.strerror}. {_OTHER_FOLDER}")


def make_inner_folder(folder: Path) -> None:
    """Make a folder of the data folder's, but not in an empty one: that is where its disk was, or will be.

    Raises OSError.
    """
    if not folder.is_dir() and any(folder.parent.iterdir()):
        make_folder(folder)


def default_root(environ: Mapping[str, str]) -> Path:
    """Return the data folder: MOVIE_SYNC_HOME, else `~/.movie_sync`."""
    return _from_variable(HOME_VARIABLE, environ) or _home(environ) / ".movie_sync"


def default_key_file(environ: Mapping[str, str], root: Path) -> Path:
    """Return where the key lies: MOVIE_SYNC_KEY_FILE, else below XDG_CONFIG_HOME, else `~/.config`.

    It is refused inside `root`, the data folder in use.
    """
    named = _from_variable(KEY_FILE_VARIABLE, environ)
    if named is None:
        settings = Path(environ.get("XDG_CONFIG_HOME", "").strip())
        # A relative XDG_CONFIG_HOME is to be ignored, says the XDG base directory specification.
        base = settings if settings.is_absolute() else _home(environ) / ".config"
        named = base / "movie_sync" / "credentials.key"
    check_key_is_outside(named, root)
    return named


def check_key_is_outside(key_file: Path, root: Path) -> None:
    """Refuse a key file inside the data folder, also behind symbolic links."""
    if key_file.resolve().is_relative_to(root.resolve()):
        raise UserError(
            f"The key file {key_file} is inside the data folder {root}: a copy of the folder would "
            f"contain both the credentials and their key. Choose a place outside it with {KEY_FILE_VARIABLE}."
        )


def expand_home(text: str, environ: Mapping[str, str]) -> Path:
    """Return the path with a leading `~` replaced by the home folder."""
    if text == "~" or text.startswith(("~/", f"~{os.sep}")):
        return _home(environ) / text[2:]
    if not text.startswith("~"):
        return Path(text)
    try:
        return Path(text).expanduser()
    except RuntimeError as exc:
        raise UserError(f"The home folder in {text!r} is unknown. Enter the full path.") from exc


def _from_variable(name: str, environ: Mapping[str, str]) -> Path | None:
    text = environ.get(name, "").strip()
    return expand_home(text, environ).absolute() if text else None


def _home(environ: Mapping[str, str]) -> Path:
    named = Path(environ.get("HOME", "").strip())
    if named.is_absolute():
        return named
    try:
        return Path.home()
    except RuntimeError as exc:
        raise UserError(
            f"This user has no home folder. Set the data folder with {HOME_VARIABLE} "
            f"and the key file with {KEY_FILE_VARIABLE}."
        ) from exc
