"""Keeps the credentials of all services encrypted in one file, with the key elsewhere.

A file that cannot be decrypted is never overwritten: it may be all that is left of the user's
credentials, and the right key may come back. `cryptography` is imported only where it is used, and
the daemon decrypts in a child process, so that the library's memory is never the daemon's. That is this
module as a program, `python -m movie_sync.credentials.manager FILE KEY_FILE`: the secrets leave it by a
pipe, and are in no argument and no environment, where the user's other processes could read them.
"""

import errno
import json
import os
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeGuard

from movie_sync.domain.json_text import parse_json
from movie_sync.errors import CredentialsError, UserError
from movie_sync.storage.atomic_file import make_folder, told_as, write_atomically
from movie_sync.storage.locks import writing_into
from movie_sync.storage.paths import HOME_VARIABLE, KEY_FILE_VARIABLE, PREFIX, check_key_is_outside
from movie_sync.storage.regular_file import NotAFileError, file_signature, open_regular

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

_MODULE = "movie_sync.credentials.manager"
CHILD_SAYS_WHY = 2  # the child's exit code when its output is a message
_CHILD_SAYS_NOT_NOW = 3  # the same, of something that may pass by itself
# What the system says of a file that somebody has to mend; anything else may pass by itself.
_FOR_THE_USER = frozenset({errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
_VERSION = 1
_LARGEST_FILE_BYTES = 1_000_000
PACKAGE_PARENT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class CredentialField:
    """One credential: its name in the file, its environment variable, and how people call it.

    The fields of one `group` are of use together only: who gives one group whole in the environment
    needs nothing stored. A secret one may also come from the file that `VARIABLE_FILE` names. One that
    `is_list` may take several lines; one that `is_named` is a JSON object in the environment, and its
    values are kept in the file under the user's own names.
    """

    name: str
    variable: str
    title: str
    is_secret: bool = True
    may_hold_blanks: bool = True
    is_list: bool = False
    is_named: bool = False
    group: str = ""

    @property
    def file_variable(self) -> str:
        """The variable that names a file with it; empty if it may come from none."""
        return f"{self.variable}_FILE" if self.is_secret else ""


Stored = dict[str, dict[str, str]]
Fields = Mapping[str, Sequence[CredentialField]]
"""What each service declares; the file may hold more."""


class Credentials(dict[str, dict[str, str]]):
    """The credentials of some services, by field; a service that has none is there and empty."""

    def __repr__(self) -> str:
        return f"Credentials of {', '.join(self)}"  # the values are secret


class CredentialsManager:
    """Reads and writes `path`, encrypted with the key in `key_file`; `fields` is what services declare.

    Every method raises UserError, with the way out, for a file or key that cannot be used and for a
    value with blanks or control characters where none may be, and CredentialsError for what cannot be
    read now and may be later; no message holds a secret. Thread-safe as it reads; one writer at a time.
    """

    def __init__(
        self,
        path: Path,
        key_file: Path,
        environ: Mapping[str, str] = os.environ,
        fields: Fields = MappingProxyType({}),
    ) -> None:
        self._path = path.absolute()
        self._key_file = key_file.absolute()
        self._environ = environ
        self._fields = fields
        check_key_is_outside(self._key_file, self._path.parent)

    def get(self, service: str) -> dict[str, str]:
        """Return a service's values, those of the environment first; empty if there are none."""
        return self._values([service], self.stored)[service]

    def load_in_child(self, services: Collection[str], *, timeout_seconds: float = 30.0) -> Credentials:
        """Return the credentials of some services, decrypted in a short-lived child process."""
        return Credentials(self._values(services, lambda: self._read_in_child(timeout_seconds)))

    def save(self, changes: Mapping[str, Mapping[str, str]]) -> None:
        """Keep values beside those that services have, in one write; an empty one is forgotten.

        What cannot be decrypted is left as it is. Raises StorageError if nothing could be written.
        """
        stored = self.stored()
        for service, values in changes.items():
            present = stored.setdefault(service, {})
            for name, value in values.items():
                present[name] = clean(value, self._field(service, name), f"The {name} for {service}")
            stored[service] = {name: value for name, value in present.items() if value}
        fernet = self._fernet_for_writing()
        with writing_into(self._path.parent):
            write_atomically(self._path, [fernet.encrypt(_serialize(stored))])

    def signature(self) -> object:
        """Return a value that changes whenever a file with credentials or the key is written anew."""
        fields = (field for fields in self._fields.values() for field in fields)
        named = (self._environ.get(field.file_variable, "") for field in fields)
        paths = (self._path, self._key_file, *map(Path, filter(None, named)))
        return tuple(file_signature(path) for path in paths)

    def _field(self, service: str, name: str) -> CredentialField | None:
        fields = self._fields.get(service, ())
        return next((field for field in fields if field.name == name or field.is_named), None)

    def _values(self, services: Collection[str], read: Callable[[], Stored]) -> Stored:
        """Return the services' values; the file is not read if the environment has what each needs."""
        given = {service: self._given(service) for service in services}
        if all(self._is_enough(service, values) for service, values in given.items()):
            return given
        stored = read()
        return {
            service: values if self._is_enough(service, values) else stored.get(service, {}) | values
            for service, values in given.items()
        }

    def _is_enough(self, service: str, values: Mapping[str, str]) -> bool:
        fields = self._fields.get(service, ())
        lacking = {field.group for field in fields if field.name not in values}
        return any(field.group not in lacking for field in fields)

    def _given(self, service: str) -> dict[str, str]:
        given: dict[str, str] = {}
        for field in self._fields.get(service, ()):
            variable, value = self._text_of(field)
            if field.is_named and value:
                given |= _named_values(value, field, variable)
            else:
                given[field.name] = clean(value, field, f"The environment variable {variable}")
        return {name: value for name, value in given.items() if value}

    def _text_of(self, field: CredentialField) -> tuple[str, str]:
        """Return the variable that sets a field, and what it says; the file that it names is read."""
        value = self._environ.get(field.variable, "")
        named = self._environ.get(field.file_variable, "").strip()
        if value.strip() or not named:
            return field.variable, value
        try:
            with open_regular(Path(named)) as file:
                return field.file_variable, file.read(_LARGEST_FILE_BYTES).decode().rstrip("\r\n")
        except (OSError, NotAFileError, UnicodeDecodeError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) else "it isn't a text file"
            raise UserError(f"Can't read the file {named}, set by {field.file_variable}: {reason}.") from None

    def stored(self) -> Stored:
        """Return what the file holds, by service, without what the environment says."""
        content = self._content_of(self._path)
        if content is None:
            return {}
        key = self._content_of(self._key_file)
        if key is None:
            raise self._unusable("its key is missing")
        fernet = _fernet_class()
        from cryptography.fernet import InvalidToken  # noqa: PLC0415 - see the module's docstring

        try:
            stored = _parse(fernet(key).decrypt(content))
        except ValueError:
            raise self._unusable("the key file doesn't contain a key") from None
        except InvalidToken:
            raise self._unusable("it's damaged, or this isn't its key") from None
        if stored is None:
            raise self._unusable("its content isn't in the expected form")
        return stored

    def _read_in_child(self, timeout_seconds: float) -> Stored:
        if not (os.path.lexists(self._path) and sys.executable):
            return self.stored()
        try:
            child = subprocess.run(  # noqa: S603 - our own module, no shell
                [sys.executable, "-P", "-m", _MODULE, self._path, self._key_file],
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
                f"Decrypting {self._path} took longer than {timeout_seconds:g} seconds. Try again."
            ) from None
        except OSError as exc:
            raise CredentialsError(
                f"Couldn't start {sys.executable} to decrypt {self._path}: {exc.strerror}."
            ) from None
        if child.returncode in {CHILD_SAYS_WHY, _CHILD_SAYS_NOT_NOW}:
            kind = UserError if child.returncode == CHILD_SAYS_WHY else CredentialsError
            raise kind(child.stdout.decode(errors="replace"))
        stored = _parse(child.stdout) if child.returncode == 0 else None
        if stored is None:
            raise CredentialsError(
                f"Couldn't decrypt {self._path}: its process exited with code "
                f"{child.returncode}. Run `check` for details."
            )
        return stored

    def _fernet_for_writing(self) -> "Fernet":
        """Return the cipher; a key that is not there yet is made and safe on the disk."""
        fernet = _fernet_class()
        key = self._content_of(self._key_file)
        if key is None:
            with told_as(
                f"Couldn't create the folder {self._key_file.parent} for the key",
                f" Fix that, or choose another key file with {KEY_FILE_VARIABLE}.",
            ):
                make_folder(self._key_file.parent)
            key = fernet.generate_key()
            write_atomically(self._key_file, [key, b"\n"])
        try:
            return fernet(key)
        except ValueError:
            raise UserError(
                f"{self._key_file} doesn't contain a key. It was left as it is: move it away and try "
                f"again, or choose another key file with {KEY_FILE_VARIABLE}."
            ) from None

    def _content_of(self, path: Path) -> bytes | None:
        try:
            with open_regular(path) as file:
                content = file.read(_LARGEST_FILE_BYTES + 1)
        except FileNotFoundError:
            return None
        except NotAFileError:
            raise self._unusable(f"{path} isn't a file") from None
        except OSError as exc:
            if exc.errno not in _FOR_THE_USER:
                raise CredentialsError(f"Can't read {path} right now: {exc.strerror}.") from None
            raise self._unusable(f"{path} can't be read ({exc.strerror})") from None
        if len(content) > _LARGEST_FILE_BYTES:
            raise self._unusable(f"{path} is far too large")
        return content.strip()

    def _unusable(self, reason: str) -> UserError:
        return UserError(
            f"Can't read the credentials in {self._path}: {reason}. They're left as they are. "
            f"Put the right key back as {self._key_file}, or move {self._path.name} away and run setup again."
        )


def clean(value: str, field: CredentialField | None, what: str) -> str:
    """Return a credential without blanks around it; `what` names one that cannot be used, not its value."""
    text = " ".join(value.split()) if field and field.is_list else value.strip()
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        raise UserError(f"{what} contains control characters. Copy it again.")
    if field and not field.may_hold_blanks and any(character.isspace() for character in text):
        raise UserError(f"{what} contains spaces. Copy it again.")
    return text


def _named_values(text: str, field: CredentialField, variable: str) -> dict[str, str]:
    what = f"The environment variable {variable}"
    try:
        content = parse_json(text.encode())
    except ValueError:
        content = None
    if not _is_service(content):
        raise UserError(f"{what} must be a JSON object with a value for each name.")
    return {name: clean(value, field, what) for name, value in content.items()}


def _serialize(stored: Stored) -> bytes:
    return json.dumps({"version": _VERSION, "services": stored}).encode()


def _parse(document: bytes) -> Stored | None:
    try:
        content = parse_json(document)
    except ValueError:
        return None
    match content:
        case {"version": 1, "services": dict(services)} if all(map(_is_service, services.values())):
            return services
    return None


def _is_service(values: object) -> TypeGuard[dict[str, str]]:
    return isinstance(values, dict) and all(isinstance(value, str) for value in values.values())


def _fernet_class() -> "type[Fernet]":
    try:
        from cryptography.fernet import Fernet  # noqa: PLC0415 - see the module's docstring
    except ImportError as exc:  # also of a library that it needs
        raise UserError(
            f"The package `cryptography` can't be loaded ({exc}), so credentials can't be read or saved. "
            "Install it again where Movie Sync is installed: pip install cryptography"
        ) from None
    return Fernet


def without_secrets(environ: Mapping[str, str], *, but: Sequence[CredentialField] = ()) -> dict[str, str]:
    """Return an environment without anything of ours but the places of files, and the credentials named."""
    kept = {HOME_VARIABLE, KEY_FILE_VARIABLE}
    kept |= {name for field in but for name in (field.variable, field.file_variable)}
    return {name: value for name, value in environ.items() if name in kept or not name.startswith(PREFIX)}


def child_environment(
    environ: Mapping[str, str] = os.environ, *, but: Sequence[CredentialField] = ()
) -> dict[str, str]:
    """Return the environment for a process of our own: it finds this package, and no other secret."""
    clean_environ = without_secrets(environ, but=but)
    places = [str(PACKAGE_PARENT), clean_environ.get("PYTHONPATH", "")]
    clean_environ["PYTHONPATH"] = os.pathsep.join(place for place in places if place)
    return clean_environ


def _main(path: str, key_file: str) -> int:
    """Write the decrypted credentials to standard output, or why that is impossible; return the exit code."""
    try:
        answer, code = _serialize(CredentialsManager(Path(path), Path(key_file), environ={}).stored()), 0
    except (UserError, CredentialsError) as exc:
        answer = str(exc).encode(errors="replace")
        code = CHILD_SAYS_WHY if isinstance(exc, UserError) else _CHILD_SAYS_NOT_NOW
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()
    return code


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
