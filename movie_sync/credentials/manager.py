"""Keeps the credentials of all services encrypted in one file, with the key elsewhere.

A file that cannot be decrypted is never overwritten: it may be all that is left of the user's
credentials, and the right key may come back. `cryptography` is imported only where it is used, and
the daemon decrypts in a child process, so that the library's memory is never the daemon's.
"""

import errno
import json
import os
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from movie_sync.domain.json_text import parse_json
from movie_sync.errors import CredentialsError, StorageError, UserError
from movie_sync.storage.atomic_file import make_folder, write_atomically
from movie_sync.storage.folder_lock import writing_into
from movie_sync.storage.paths import KEY_FILE_VARIABLE, check_key_is_outside
from movie_sync.storage.regular_file import NotAFileError, open_regular

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

SERVICES = ("filelist", "qbittorrent")  # what the daemon itself logs in to
# Environment variables by service and field; they win over the file.
VARIABLES: Mapping[str, Mapping[str, str]] = {
    "filelist": {
        "username": "MOVIE_SYNC_FILELIST_USERNAME",
        "passkey": "MOVIE_SYNC_FILELIST_PASSKEY",
    },
    "qbittorrent": {
        "username": "MOVIE_SYNC_QBITTORRENT_USERNAME",
        "password": "MOVIE_SYNC_QBITTORRENT_PASSWORD",
    },
    # Used by the process that tells the user what happened, and by nothing else.
    "notices": {"urls": "MOVIE_SYNC_NOTICES_URLS"},
    "jellyfin": {"token": "MOVIE_SYNC_JELLYFIN_TOKEN"},
    "plex": {"token": "MOVIE_SYNC_PLEX_TOKEN"},
}

CHILD_MODULE = "movie_sync.credentials.child"
CHILD_SAYS_WHY = 2  # the child's exit code when its output is a message
CHILD_SAYS_NOT_NOW = 3  # the same, of something that may pass by itself
# What the system says of a file that somebody has to mend; anything else may pass by itself.
_FOR_THE_USER = frozenset({errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
_VERSION = 1
_LARGEST_FILE_BYTES = 1_000_000
PACKAGE_PARENT = Path(__file__).resolve().parents[2]

Stored = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the daemon needs; an empty text means that there is none."""

    filelist_username: str = ""
    filelist_passkey: str = field(default="", repr=False)
    qbittorrent_username: str = ""
    qbittorrent_password: str = field(default="", repr=False)

    @property
    def has_filelist(self) -> bool:
        """Whether FileList can be asked."""
        return bool(self.filelist_username and self.filelist_passkey)


class CredentialsManager:
    """Reads and writes `path`, encrypted with the key in `key_file`.

    Every method raises UserError, with the way out, for a file or key that cannot be used and for a
    value with blanks or control characters where none may be, and CredentialsError for what cannot be
    read now and may be later; no message holds a secret. Thread-safe
    as far as it reads; one writer at a time.
    """

    def __init__(self, path: Path, key_file: Path, environ: Mapping[str, str] = os.environ) -> None:
        self._path = path.absolute()
        self._key_file = key_file.absolute()
        self._environ = environ
        check_key_is_outside(self._key_file, self._path.parent)

    def get(self, service: str) -> dict[str, str]:
        """Return a service's values, those of the environment first; empty if there are none."""
        return self._values([service], self._read)[service]

    def load(self, services: Collection[str] = SERVICES) -> Credentials:
        """Return the credentials of some services; costs the memory that decrypting needs."""
        return self._credentials(services, self._read)

    def load_in_child(
        self, services: Collection[str] = SERVICES, *, timeout_seconds: float = 30.0
    ) -> Credentials:
        """Return the same as `load`, decrypted in a short-lived child process."""
        return self._credentials(services, lambda: self._read_in_child(timeout_seconds))

    def save(self, service: str, values: Mapping[str, str]) -> None:
        """Keep some values of a service beside those it has; an empty one is forgotten.

        Raises:
            UserError: what is there cannot be decrypted, and is left as it is.
            StorageError: nothing could be written.
        """
        self.save_all({service: values})

    def save_all(self, changes: Mapping[str, Mapping[str, str]]) -> None:
        """Do what `save` does for several services, in one write."""
        stored = self._read()
        for service, values in changes.items():
            present = stored.setdefault(service, {})
            for name, value in values.items():
                present[name] = clean(value, f"The {name} for {service}")
            stored[service] = {name: value for name, value in present.items() if value}
        fernet = self._fernet_for_writing()
        with writing_into(self._path.parent):
            write_atomically(self._path, [fernet.encrypt(serialize(stored))])

    def signature(self) -> object:
        """Return a value that changes whenever the file or its key is written anew, or gets new modes."""
        return _stamp(self._path), _stamp(self._key_file)

    def stored(self) -> Stored:
        """Return what the file holds, by service, without what the environment says."""
        return self._read()

    def _credentials(self, services: Collection[str], read: Callable[[], Stored]) -> Credentials:
        values = self._values(services, read)
        filelist, qbittorrent = values.get("filelist", {}), values.get("qbittorrent", {})
        return Credentials(
            filelist_username=filelist.get("username", ""),
            filelist_passkey=filelist.get("passkey", ""),
            qbittorrent_username=qbittorrent.get("username", ""),
            qbittorrent_password=qbittorrent.get("password", ""),
        )

    def _values(self, services: Collection[str], read: Callable[[], Stored]) -> Stored:
        """Return the services' values; the file is not read if the environment has them all."""
        given = {service: self._given(service) for service in services}
        if all(values and values.keys() == VARIABLES[service].keys() for service, values in given.items()):
            return given
        stored = read()
        return {service: stored.get(service, {}) | values for service, values in given.items()}

    def _given(self, service: str) -> dict[str, str]:
        given = {}
        for name, variable in VARIABLES.get(service, {}).items():
            value = self._environ.get(variable, "")
            if name == "urls":  # addresses may stand one a line
                value = " ".join(value.split())
            given[name] = clean(value, f"The environment variable {variable}")
        return {name: value for name, value in given.items() if value}

    def _read(self) -> Stored:
        content = self._content_of(self._path)
        if content is None:
            return {}
        key = self._content_of(self._key_file)
        if key is None:
            raise self._unusable("its key is missing")
        fernet = _fernet(key)
        if fernet is None:
            raise self._unusable("what the key file holds is no key")
        from cryptography.fernet import InvalidToken  # noqa: PLC0415 - see the module's docstring

        try:
            document = fernet.decrypt(content)
        except InvalidToken:
            raise self._unusable("it is damaged, or this is not its key") from None
        stored = parse(document)
        if stored is None:
            raise self._unusable("what it holds is not in the form we know")
        return stored

    def _read_in_child(self, timeout_seconds: float) -> Stored:
        if not (os.path.lexists(self._path) and sys.executable):
            return self._read()
        try:
            child = subprocess.run(  # noqa: S603 - our own module, no shell
                [sys.executable, "-P", "-m", CHILD_MODULE, self._path, self._key_file],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout_seconds,
                check=False,
                cwd=PACKAGE_PARENT,
                env=child_environment(),
                start_new_session=True,  # Ctrl+C is the daemon's to answer
            )
        except subprocess.TimeoutExpired:
            raise CredentialsError(
                f"{self._path} was not decrypted in {timeout_seconds:g} seconds. Try again."
            ) from None
        except OSError as exc:
            raise CredentialsError(
                f"{sys.executable} could not be started to decrypt {self._path}: {exc.strerror}."
            ) from None
        if child.returncode in {CHILD_SAYS_WHY, CHILD_SAYS_NOT_NOW}:
            kind = UserError if child.returncode == CHILD_SAYS_WHY else CredentialsError
            raise kind(child.stdout.decode(errors="replace"))
        stored = parse(child.stdout) if child.returncode == 0 else None
        if stored is None:
            raise CredentialsError(
                f"{self._path} could not be decrypted: the process that does it ended with code "
                f"{child.returncode}. Run `check` to see more."
            )
        return stored

    def _fernet_for_writing(self) -> "Fernet":
        """Return the cipher; a key that is not there yet is made and safe on the disk."""
        key = self._content_of(self._key_file)
        if key is not None:
            fernet = _fernet(key)
            if fernet is None:
                raise UserError(
                    f"What {self._key_file} holds is no key. It is left as it is: move it away and try "
                    f"again, or name another key file with {KEY_FILE_VARIABLE}."
                )
            return fernet
        try:
            make_folder(self._key_file.parent)
        except OSError as exc:
            raise StorageError(
                f"The folder {self._key_file.parent} for the key could not be made: {exc.strerror}. "
                f"Mend that, or name another key file with {KEY_FILE_VARIABLE}."
            ) from None
        fernet_class = _fernet_class()
        key = fernet_class.generate_key()
        write_atomically(self._key_file, [key, b"\n"])
        return fernet_class(key)

    def _content_of(self, path: Path) -> bytes | None:
        try:
            with open_regular(path) as file:
                content = file.read(_LARGEST_FILE_BYTES + 1)
        except FileNotFoundError:
            return None
        except NotAFileError:
            raise self._unusable(f"{path} is not a file") from None
        except OSError as exc:
            if exc.errno not in _FOR_THE_USER:
                raise CredentialsError(f"{path} cannot be read now: {exc.strerror}.") from None
            raise self._unusable(f"{path} cannot be read ({exc.strerror})") from None
        if len(content) > _LARGEST_FILE_BYTES:
            raise self._unusable(f"{path} is far too large")
        return content.strip()

    def _unusable(self, reason: str) -> UserError:
        return UserError(
            f"The credentials in {self._path} cannot be read: {reason}. They are left as they are. "
            f"Put the right key back as {self._key_file}, or move {self._path.name} away and run setup again."
        )


def clean(value: str, what: str) -> str:
    """Return a credential without blanks around it.

    Raises:
        UserError: it holds control characters, or is a passkey with blanks; `what` is named, not the value.
    """
    text = value.strip()
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        raise UserError(f"{what} holds control characters. Copy it again.")
    if "passkey" in what.lower() and any(character.isspace() for character in text):
        raise UserError(f"{what} holds blanks. Copy it again.")
    return text


def serialize(stored: Stored) -> bytes:
    """Return credentials as the decrypted file holds them."""
    return json.dumps({"version": _VERSION, "services": stored}).encode()


def parse(document: bytes) -> Stored | None:
    """Return what `serialize` wrote, or None if it is something else."""
    try:
        content = parse_json(document)
    except ValueError:
        return None
    match content:
        case {"version": 1, "services": dict(services)} if all(map(_is_service, services.values())):
            return services
    return None


def _is_service(values: object) -> bool:
    return isinstance(values, dict) and all(isinstance(value, str) for value in values.values())


def _fernet_class() -> "type[Fernet]":
    try:
        from cryptography.fernet import Fernet  # noqa: PLC0415 - see the module's docstring
    except ImportError:
        raise UserError(
            "The package `cryptography` is missing, so no credentials can be read or kept. "
            "Install what Movie Sync needs again."
        ) from None
    return Fernet


def _fernet(key: bytes) -> "Fernet | None":
    try:
        return _fernet_class()(key)
    except ValueError:
        return None


def without_secrets(environ: Mapping[str, str], *, but: Collection[str] = ()) -> dict[str, str]:
    """Return an environment without our credentials, except those of the services named."""
    secrets = {
        variable for service, names in VARIABLES.items() if service not in but for variable in names.values()
    }
    return {name: value for name, value in environ.items() if name not in secrets}


def child_environment(
    environ: Mapping[str, str] = os.environ, *, but: Collection[str] = ()
) -> dict[str, str]:
    """Return the environment for a process of our own: it finds this package, and no other secret."""
    clean_environ = without_secrets(environ, but=but)
    places = [str(PACKAGE_PARENT), clean_environ.get("PYTHONPATH", "")]
    clean_environ["PYTHONPATH"] = os.pathsep.join(place for place in places if place)
    return clean_environ


def _stamp(path: Path) -> tuple[int, int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns  # it tells of new modes
