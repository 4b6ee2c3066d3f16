"""`restore`: puts a backup's files into a data folder, once all of it has been checked and allowed."""

import contextlib
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TextIO

from movie_sync.commands.backup import FIRST_LINE, FORMAT, header_digits
from movie_sync.commands.context import Context
from movie_sync.commands.moved_files import CREDENTIALS, MANIFEST, REPLACED, MovedFiles, in_words
from movie_sync.commands.passphrase import given_passphrase, typed_passphrase
from movie_sync.credentials.content import Content, parsed
from movie_sync.domain.json_text import parse_json
from movie_sync.domain.times import minute, parse_time
from movie_sync.errors import UserError
from movie_sync.invocation import command_line
from movie_sync.reports.counts import films_words
from movie_sync.reports.daemon_state import read_state
from movie_sync.services.form import Dialogue, Prompts
from movie_sync.settings.hiding import left_out_of
from movie_sync.settings.reach import reaching_out
from movie_sync.settings.reading import UnreadableSettings, content_of
from movie_sync.storage.age_file import FORMAT as AGE
from movie_sync.storage.age_file import Lock, Opened, WrongPassphraseError
from movie_sync.storage.archive import Member, RefusedError, members
from movie_sync.storage.atomic_file import DamagedError
from movie_sync.storage.document import read_note
from movie_sync.storage.locks import FileLock, InstanceLock
from movie_sync.storage.regular_file import open_regular
from movie_sync.storage.restoring import Restoring

_ANSWER_IS_NO, _ALREADY_RUNNING = 1, 3
_LOCK_WAIT_SECONDS = 2.0
_MOST_TRIES = 3
_LONGEST_FIRST_LINE = 200
_GZIP = b"\x1f\x8b"
_SETTINGS = "config.json"
_KEPT = frozenset({MANIFEST, CREDENTIALS, _SETTINGS})


@dataclass(slots=True)
class _Backup:
    """A backup that is open to be read, more than once."""

    path: Path
    file: BinaryIO
    files: MovedFiles
    opened: Opened | None = None

    def members(self) -> Iterator[Member]:
        """Yield its files, checked. Raises what `told` puts into words."""
        self.file.seek(0)
        content = self.opened.content(self.file) if self.opened else self.file
        return members(content, self._most_bytes_of)

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """Raise a UserError if what is read meanwhile is damaged, or none of ours."""
        try:
            yield
        except DamagedError as exc:
            raise self.unusable(f"{exc}. Copy it again, or use another backup") from None
        except RefusedError as exc:
            raise self.unusable(f"{exc}. Movie Sync doesn't write such backups") from None
        except OSError as exc:
            raise self.unusable(f"it can't be read ({exc.strerror or exc})") from None

    def unusable(self, why: str) -> UserError:
        """Return the error that says why it isn't restored."""
        return UserError(f"{self.path} can't be restored: {why}. Nothing was changed.")

    def _most_bytes_of(self, name: str) -> int | None:
        return self.files.most_bytes_in_backup(name, has_secrets=self.opened is not None)


@dataclass(slots=True)
class _Found:
    """What a backup has, as far as that decides something."""

    made_at: str = "an unknown date"
    kept: dict[str, bytes] = field(default_factory=dict)
    credentials: Content | None = None


def run_restore(
    args: Namespace, context: Context, prompts: Prompts | None = None, out: TextIO | None = None
) -> int:
    """Restore a backup; returns the exit code."""
    prompts, files = prompts or Prompts(), MovedFiles(context.paths)
    if (holder := _holder(context)) is not None:
        return _refuse(context, holder)
    _refuse_data(context, files, args)
    try:
        file = open_regular(args.file)
    except OSError as exc:
        raise UserError(f"Can't read {args.file}: {exc.strerror or 'not a regular file'}.") from None
    with file:
        backup = _Backup(args.file, file, files)
        backup.opened = _unlocked(backup, context, prompts)
        found = _checked(backup)
        if not _is_allowed(found, args, context, prompts, out):
            context.complain("Nothing was changed.")
            return _ANSWER_IS_NO
        return _put_in_place(backup, found, args, context)


def _put_in_place(backup: _Backup, found: _Found, args: Namespace, context: Context) -> int:
    paths, files = context.paths, backup.files
    paths.prepare()
    with contextlib.ExitStack() as held:
        lock, page = InstanceLock(paths.daemon_lock), FileLock(paths.page_lock)
        is_held = lock.acquire(wait_seconds=_LOCK_WAIT_SECONDS, while_alone=paths.sweep)
        held.callback(lock.release)
        is_held = is_held and page.acquire(wait_seconds=_LOCK_WAIT_SECONDS)
        held.callback(page.release)
        if not is_held:
            held.close()
            return _refuse(context, _holder(context) or "Another command is changing the queues")
        _refuse_data(context, files, args)
        old, aside = files.to_move_aside(), _aside(context)
        restoring = Restoring(paths)
        held.callback(restoring.give_up)
        with backup.told():
            for member in backup.members():
                # What was checked and shown is restored, even if the file has changed meanwhile.
                kept = found.kept.get(member.name)
                if kept is None and member.name in _KEPT:
                    raise RefusedError("it was changed meanwhile")
                if member.name not in {MANIFEST, CREDENTIALS}:
                    restoring.add(member.name, member.chunks() if kept is None else [kept])
        if found.credentials:
            content = context.credentials_manager().encrypted(found.kept[CREDENTIALS])
            restoring.add(paths.credentials.name, [content])
        restoring.take_over(old, aside)
    _say_done(found, context, aside if old else "")
    return 0


def _say_done(found: _Found, context: Context, aside: str) -> None:
    root = context.paths.root
    numbers = context.queues_to_look_at().get_statistics()
    waiting, done = numbers["pending"] + numbers["failed"], numbers["completed"]
    films = f"{films_words(waiting + done)} ({waiting} in the queue, {done} done)"
    context.say(f"Restored {films}, the settings and everything else into {root}, as of {found.made_at}.")
    if aside:
        context.say(
            f"The previous files are in {root / aside}. You can delete that folder once everything works."
        )
    if not found.credentials:
        context.say(f"This backup has no passwords and keys. Enter them with `{command_line('setup')}`.")
    if lacking := [*left_out_of(_settings(found))]:
        context.say(f"Set these again in config.json (left out of the backup): {in_words(lacking)}.")
    context.say(f"Then check that everything works on this machine: `{command_line('check')}`")


# --- what keeps it from being restored --------------------------------------------------------


def _holder(context: Context) -> str | None:
    """Return who uses the data folder, in words; None if nobody does."""
    paths = context.paths
    if context.has_daemon():
        state = read_state(paths.daemon)
        who = f"process {state.pid}" if state else "another process"
        return f"Movie Sync is running on {paths.root} ({who})"
    page = FileLock(paths.page_lock)
    if paths.page_lock.exists() and not page.acquire(wait_seconds=0.1):
        pid = read_note(paths.page).get("pid")
        return f"The page is running (process {pid})" if pid else "The page is running"
    page.release()
    return None


def _refuse(context: Context, holder: str) -> int:
    context.complain(f"{holder}. Stop it, then restore. Nothing was changed.")
    return _ALREADY_RUNNING


def _refuse_data(context: Context, files: MovedFiles, args: Namespace) -> None:
    if not args.replace and (names := files.to_move_aside()):
        raise UserError(
            f"{context.paths.root} already has data ({in_words(names)}). Use --replace to move it to a "
            f"folder {REPLACED}TIME there first; nothing is deleted."
        )


def _aside(context: Context) -> str:
    """Return the name of a folder that isn't there yet."""
    name = f"{REPLACED}{context.clock.now():%Y%m%dT%H%M%SZ}"
    names = (f"{name}-{number}" if number else name for number in range(1000))
    return next(each for each in names if not os.path.lexists(context.paths.root / each))


# --- what is in it ----------------------------------------------------------------------------


def _unlocked(backup: _Backup, context: Context, prompts: Prompts) -> Opened | None:
    """Return what decrypts the backup, or None if it isn't encrypted."""
    file = backup.file
    start = file.read(_LONGEST_FIRST_LINE)
    if start.startswith(_GZIP):
        return None
    line, digits = start.partition(b"\n")[0] + b"\n", b""
    ours = FIRST_LINE % (FORMAT, b"")
    if start.startswith(ours.removesuffix(b"\n")):
        digits = line.rstrip(b"\n")[len(ours) - 1 :]
        file.seek(len(line))
    elif start.startswith(AGE):  # somebody took the line off, as other tools need it
        file.seek(0)
    elif start.startswith(FIRST_LINE.partition(b"%d")[0]):
        raise backup.unusable("its first line is damaged, or a newer version wrote it")
    else:
        raise backup.unusable("it isn't a backup of Movie Sync" if start else "it's empty")
    with backup.told():
        lock = Lock(file)
        if digits and header_digits(lock.header) != digits:
            raise DamagedError("its header is damaged")
        return _opened(lock, context, prompts, backup)


def _opened(lock: Lock, context: Context, prompts: Prompts, backup: _Backup) -> Opened:
    given = given_passphrase(context)
    for _ in range(1 if given else _MOST_TRIES):
        text = given or typed_passphrase(context, prompts, "Passphrase of the backup (hidden): ")
        try:
            return lock.opened(text)
        except WrongPassphraseError:
            if not given:
                context.complain("Wrong passphrase.")
    raise backup.unusable("wrong passphrase")


def _checked(backup: _Backup) -> _Found:
    """Read all of it once; raises UserError for whatever none of ours has."""
    found = _Found()
    with backup.told():
        for member in backup.members():
            if not found.kept and member.name != MANIFEST:
                raise backup.unusable("it isn't a backup of Movie Sync")
            if member.name in _KEPT:
                found.kept[member.name] = b"".join(member.chunks())
    about = _object(found.kept.get(MANIFEST, b""))
    if about.get("format") != FORMAT:
        is_newer = isinstance(about.get("format"), int)
        raise backup.unusable("a newer version wrote it" if is_newer else "it isn't a backup of Movie Sync")
    with contextlib.suppress(OverflowError):
        found.made_at = minute(parse_time(about.get("made_at"))) or found.made_at
    if CREDENTIALS in found.kept:
        found.credentials = parsed(found.kept[CREDENTIALS])
        if found.credentials is None:
            raise backup.unusable("its credentials aren't in the expected form")
    return found


def _object(content: bytes) -> dict[str, object]:
    try:
        plain = parse_json(content)
    except ValueError:
        return {}
    return plain if isinstance(plain, dict) else {}


# --- what it would do -------------------------------------------------------------------------


def _is_allowed(
    found: _Found, args: Namespace, context: Context, prompts: Prompts, out: TextIO | None
) -> bool:
    """Show what the backup's settings run and reach, and ask; raises UserError where nobody can be asked."""
    lines = [*_reaching(found, context)]
    if not lines:
        return True
    show: Callable[[str], None] = context.complain
    show("With the settings in this backup, Movie Sync would:")
    for line in lines:
        show(f"  {line}")
    if args.trust:
        return True
    if not prompts.is_terminal():
        raise UserError(
            "Only restore it if it's your own backup: add --trust, or run this in a terminal to be asked. "
            "Nothing was changed."
        )
    dialogue = Dialogue(prompts, out or sys.stdout, context.redactor)
    try:
        return dialogue.confirm("Restore it with these settings?", default=False)
    except EOFError:
        return False


def _settings(found: _Found) -> dict[str, object]:
    try:
        return content_of(Path(_SETTINGS), found.kept.get(_SETTINGS, b"{}"))
    except UnreadableSettings:  # nothing of it is used then
        return {}


def _reaching(found: _Found, context: Context) -> Iterator[str]:
    yield from reaching_out(_settings(found), context.environ)
    addresses = found.credentials.services.get("notices", {}).get("urls", "") if found.credentials else ""
    for scheme in sorted({address.partition(":")[0] for address in addresses.split()}):
        yield f"send notifications to a {scheme}:// address (hidden)"
