"""`backup`: the data folder in one file, as it is at one moment, beside a running daemon or without one."""

import contextlib
import hashlib
import json
import os
import sys
from argparse import Namespace
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from movie_sync import __version__
from movie_sync.commands.context import Context
from movie_sync.commands.moved_files import CREDENTIALS, MANIFEST, MovedFiles, in_words
from movie_sync.commands.passphrase import new_passphrase
from movie_sync.domain.times import format_time
from movie_sync.errors import UserError
from movie_sync.services.form import Prompts
from movie_sync.settings.hiding import without_secrets
from movie_sync.settings.reading import UnreadableSettings, content_of
from movie_sync.storage.age_file import Encryptor
from movie_sync.storage.archive import ArchiveWriter
from movie_sync.storage.atomic_file import flush, keep_private, sync_folder, told_as
from movie_sync.storage.replacing import stood_aside
from movie_sync.storage.shortcomings import shortcomings
from movie_sync.storage.snapshot import HeldFile, held_at_once

FORMAT = 1
FIRST_LINE = b"movie-sync backup %d, age with scrypt and ChaCha20-Poly1305, header %s\n"
"""Before an encrypted backup; the digits are of its header, to tell a damaged one from a wrong passphrase."""
_STDOUT = "-"
_FILE_MODE = 0o600


def header_digits(header: bytes) -> bytes:
    """Return the digits that tell whether a header is as it was written."""
    return hashlib.sha256(header).hexdigest()[:16].encode()


def run_backup(args: Namespace, context: Context, prompts: Prompts | None = None) -> int:
    """Write the backup; returns the exit code."""
    files = MovedFiles(context.paths)
    if not files.to_move() and not context.paths.credentials.exists():
        raise UserError(f"There's nothing to back up in {context.paths.root}.")
    is_to_stdout = args.file == _STDOUT
    if is_to_stdout and sys.stdout.isatty():
        raise UserError(
            "Backups aren't text and aren't written to a terminal. Name a file, or redirect the output."
        )
    if not is_to_stdout and os.path.lexists(args.file):
        raise UserError(_is_there(args.file))
    passphrase, credentials, left_out = "", b"", files.left_out()
    if args.with_secrets:
        if context.paths.credentials.exists():
            credentials = context.credentials_manager().note_servers({})
        passphrase = new_passphrase(context, prompts or Prompts())
    with _stdout() if is_to_stdout else _new_file(Path(args.file)) as file:
        said = _write(file, context, files, credentials, passphrase)
    context.complain(said) if is_to_stdout else context.say(f"{args.file}: {said}")
    context.warn(shortcomings(but_for=context.paths.root))
    if left_out:
        context.complain(f"Left out (not Movie Sync's, or damaged): {in_words(left_out)}.")
    return 0


def _write(file: BinaryIO, context: Context, files: MovedFiles, credentials: bytes, passphrase: str) -> str:
    """Write the backup to an open file; return what is to be said of it."""
    now = context.clock.now()
    encryptor = Encryptor(file, passphrase) if passphrase else None
    if encryptor:
        file.write(FIRST_LINE % (FORMAT, header_digits(encryptor.header)))
        encryptor.begin()
    archive = ArchiveWriter(encryptor or file, made_at=now.timestamp())
    about = {
        "format": FORMAT,
        "version": __version__,
        "made_at": format_time(now),
        "secrets": bool(passphrase),
    }
    count = 0
    with held_at_once(context.paths.root, files.to_move) as held:
        _add(archive, MANIFEST, json.dumps(about).encode())
        for there, found in held.items():
            name = stood_aside(there) or there
            if found is None:
                context.complain(f"Left out (not a regular file): {name}.")
            elif found.size > (files.most_bytes_in_backup(name, has_secrets=False) or 0):
                context.complain(f"Left out (far too large, so probably damaged): {name}.")
            elif name.startswith(context.paths.config.name) and not passphrase:
                count += _add_settings(archive, found, context)
            else:
                archive.add(name, found.size, found.chunks())
                count += 1
    if passphrase:
        if credentials:
            _add(archive, CREDENTIALS, credentials)
        count += bool(credentials) + _add_torrents(archive, context.paths.root, files)
    archive.finish()
    if encryptor:
        encryptor.finish()
    secrets = "encrypted, with your credentials" if credentials else "encrypted"
    if not passphrase:
        secrets = "without passwords and keys (to include them, add --with-secrets)"
    return f"{count} {'file' if count == 1 else 'files'}, {secrets}."


def _add(archive: ArchiveWriter, name: str, content: bytes) -> None:
    archive.add(name, len(content), [content])


def _add_settings(archive: ArchiveWriter, found: HeldFile, context: Context) -> int:
    """Add a settings file without what may be a secret in it; one that can't be read may hold anything."""
    try:
        content, taken = without_secrets(content_of(Path(found.name), b"".join(found.chunks())))
    except UnreadableSettings:
        context.complain(
            f"Left out (can't be read and may contain secrets): {found.name}. Fix it, or use --with-secrets."
        )
        return 0
    if taken:
        context.complain(
            f"Left out of {found.name} (may be secret): {in_words(taken)}. Set them again after "
            "restoring, or use --with-secrets."
        )
        _add(archive, found.name, json.dumps(content, indent=2).encode() + b"\n")
    else:
        archive.add(found.name, found.size, found.chunks())
    return 1


def _if_there(root: Path, name: str) -> list[str]:
    return [name] if os.path.lexists(root / name) else []


def _add_torrents(archive: ArchiveWriter, root: Path, files: MovedFiles) -> int:
    """Add the torrents, one at a time: there may be thousands, and a client takes them when it likes."""
    count = 0
    for name in files.torrents():
        with held_at_once(root, partial(_if_there, root, name)) as held:
            found = held.get(name)
            if found and found.size <= (files.most_bytes_in_backup(name, has_secrets=True) or 0):
                archive.add(name, found.size, found.chunks())
                count += 1
    return count


@contextlib.contextmanager
def _stdout() -> Iterator[BinaryIO]:
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as file:
        yield file


@contextlib.contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """Write a file under another name first: it has its own only once it is whole, and replaces none."""
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}.part")
    with told_as(f"Couldn't write {path}"):
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _FILE_MODE)
        try:
            with os.fdopen(descriptor, "wb") as file:
                keep_private(descriptor, _FILE_MODE, path.parent)
                yield file
                file.flush()
                flush(descriptor, path.parent)
            _give_name(temporary, path)
            sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def _give_name(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise UserError(_is_there(path)) from None
    except OSError:  # a file system without hard links
        if os.path.lexists(path):
            raise UserError(_is_there(path)) from None
        temporary.rename(path)


def _is_there(path: object) -> str:
    return f"{path} already exists and won't be overwritten. Choose another name."
