"""Keeps the credentials of all services encrypted in one file, with the key elsewhere.

A file that cannot be decrypted is never overwritten: it may be all that is left of the user's
credentials, and the right key may come back. `cryptography` is imported only where it is used, and
the daemon decrypts in a child process, so that the library's memory is never the daemon's. That is this
module as a program, `python -m movie_sync.credentials.manager FILE KEY_FILE`: the secrets leave it by a
pipe, and are in no argument and no environment, where the user's other processes could read them.

The file remembers the server that each secret was entered for (`addresses.py`). What an earlier version wrote
lacks that: the first that decrypts it for use notes the server in force.
"""

import contextlib
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
from typing import TYPE_CHECKING

from movie_sync.child_process import CHILD_SAYS_WHY, PACKAGE_PARENT
from movie_sync.credentials.addresses import Destinations, Held, Servers, may_receive
from movie_sync.credentials.content import Content, is_texts, parsed, serialized
from movie_sync.credentials.environment import child_environment
from movie_sync.domain.json_text import parse_json
from movie_sync.domain.redaction import Redactor
from movie_sync.errors import CredentialsError, StorageError, UserError
from movie_sync.storage.atomic_file import make_folder, told_as, write_atomically
from movie_sync.storage.locks import alone_with, writing_into
from movie_sync.storage.paths import KEY_FILE_VARIABLE, check_key_is_outside
from movie_sync.storage.regular_file import NotAFileError, file_signature, open_regular

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

_MODULE = "movie_sync.credentials.manager"
_CHILD_SAYS_NOT_NOW = 3  # the same, of something that may pass by itself
# What the system says of a file that somebody has to mend; anything else may pass by itself.
_FOR_THE_USER = frozenset({errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
_LARGEST_FILE_BYTES = 1_000_000


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

    def hide(self, login: Mapping[str, str], redactor: Redactor) -> None:
        """Let a redactor know what of a login must not be shown."""
        if self.is_named:
            redactor.learn(login.values())
        elif self.is_list:
            redactor.learn(login.get(self.name, "").split())
        elif self.is_secret:
            redactor.learn_login(login.get("username", ""), login.get(self.name, ""))

    @property
    def file_variable(self) -> str:
        """The variable that names a file with it; empty if it may come from none."""
        return f"{self.variable}_FILE" if self.is_secret else ""


Fields = Mapping[str, Sequence[CredentialField]]
"""What each service declares; the file may hold more."""


_NOWHERE = Destinations({}, {})


class Credentials(dict[str, dict[str, str]]):
    """The credentials of some services, by field; a service that has none is there and empty.

    Those that are `held` back, by service and field, are not there.
    """

    def __init__(self, values: Mapping[str, dict[str, str]] = MappingProxyType({})) -> None:
        super().__init__(values)
        self.held: dict[str, dict[str, Held]] = {}

    def __repr__(self) -> str:
        return f"Credentials of {', '.join(self)}"  # the values are secret


class CredentialsManager:
    """Reads and writes `path`, encrypted with the key in `key_file`; `fields` is what services declare.

    Secrets that were entered for another server than the one of their `destinations` are held back.

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
        destinations: Destinations = _NOWHERE,
    ) -> None:
        self._path = path.absolute()
        self._key_file = key_file.absolute()
        self._environ = environ
        self._fields = fields
        self._destinations = destinations
        check_key_is_outside(self._key_file, self._path.parent)

    def get(self, service: str) -> dict[str, str]:
        """Return a service's values, those of the environment first; empty if there are none."""
        return self.load([service])[service]

    def load(self, services: Collection[str]) -> Credentials:
        """Return the values of some services, those of the environment first."""
        return self._values(services, self._content)

    def load_in_child(self, services: Collection[str], *, timeout_seconds: float = 30.0) -> Credentials:
        """Return the credentials of some services, decrypted in a short-lived child process."""
        return self._values(services, lambda: self._read_in_child(timeout_seconds))

    def save(self, changes: Mapping[str, Mapping[str, str]]) -> None:
        """Keep values beside those that services have, in one write; an empty one is forgotten.

        Secrets count as entered for their present destinations. What cannot be decrypted is left as it is.
        Raises StorageError if nothing could be written.
        """
        with alone_with(self._key_file):  # without a key there is nothing that others could change
            content = self._content()
            for service, values in changes.items():
                present = content.services.setdefault(service, {})
                for name, value in values.items():
                    present[name] = clean(value, self._field(service, name), f"The {name} for {service}")
                    content.entered_for.get(service, {}).pop(name, None)
                content.services[service] = {name: value for name, value in present.items() if value}
            content.note(self._destinations.now)
            self._write(content)

    def note_servers(self, servers: Servers) -> bytes:
        """Return the decrypted file; where it can be written, servers that are lacking are noted in it."""
        content = self._content()
        if content.note(servers):
            with contextlib.suppress(StorageError), alone_with(self._key_file):
                content = self._content()  # another may have written it meanwhile
                content.note(servers)
                self._write(content)
        return serialized(content)

    def encrypted(self, document: bytes) -> bytes:
        """Return what `note_servers` returned as this folder's key encrypts it; a missing key is made."""
        return self._fernet_for_writing().encrypt(document)

    def _write(self, content: Content) -> None:
        fernet = self._fernet_for_writing()
        with writing_into(self._path.parent):
            write_atomically(self._path, [fernet.encrypt(serialized(content))])

    def signature(self) -> object:
        """Return a value that changes whenever a file with credentials or the key is written anew."""
        fields = (field for fields in self._fields.values() for field in fields)
        named = (self._environ.get(field.file_variable, "") for field in fields)
        paths = (self._path, self._key_file, *map(Path, filter(None, named)))
        return tuple(file_signature(path) for path in paths)

    def _field(self, service: str, name: str) -> CredentialField | None:
        fields = self._fields.get(service, ())
        return next((field for field in fields if field.name == name or field.is_named), None)

    def _values(self, services: Collection[str], read: Callable[[], Content]) -> Credentials:
        """Return the services' values; the file is not read if the environment has what each needs."""
        given = {service: self._given(service) for service in services}
        is_enough = {service: self._is_enough(service, values) for service, values in given.items()}
        content = Content({}) if all(is_enough.values()) else read()
        found = Credentials()
        for service, values in given.items():
            stored = {} if is_enough[service] else content.services.get(service, {})
            found[service] = stored | values
            entered_for = content.entered_for.get(service, {})
            at_start = self._destinations.at_start.get(service, {})
            for name, server in self._destinations.now.get(service, {}).items():
                is_given = name in values
                then = at_start.get(name, "") if is_given else entered_for.get(name, server)
                if name in found[service] and not may_receive(server, then):
                    del found[service][name]
                    found.held.setdefault(service, {})[name] = Held(then, server, is_given)
        return found

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

    def _content(self) -> Content:
        """Return what the file holds, without what the environment says."""
        content = self._content_of(self._path)
        if content is None:
            return Content({})
        key = self._content_of(self._key_file)
        if key is None:
            raise self._unusable("its key is missing")
        fernet = _fernet_class()
        from cryptography.fernet import InvalidToken  # noqa: PLC0415 - see the module's docstring

        try:
            decrypted = parsed(fernet(key).decrypt(content))
        except ValueError:
            raise self._unusable("the key file doesn't contain a key") from None
        except InvalidToken:
            raise self._unusable("it's damaged, or this isn't its key") from None
        if decrypted is None:
            raise self._unusable("its content isn't in the expected form")
        return decrypted

    def _read_in_child(self, timeout_seconds: float) -> Content:
        if not (os.path.lexists(self._path) and sys.executable):
            return self._content()
        servers = self._destinations.now if self._destinations.is_written else {}
        try:
            child = subprocess.run(  # noqa: S603 - our own module, no shell
                [sys.executable, "-P", "-m", _MODULE, self._path, self._key_file],
                input=json.dumps(servers).encode(),
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
        content = parsed(child.stdout) if child.returncode == 0 else None
        if content is None:
            raise CredentialsError(
                f"Couldn't decrypt {self._path}: its process exited with code "
                f"{child.returncode}. Run `check` for details."
            )
        return content

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
    if not is_texts(content):
        raise UserError(f"{what} must be a JSON object with a value for each name.")
    return {name: clean(value, field, what) for name, value in content.items()}


def _fernet_class() -> "type[Fernet]":
    try:
        from cryptography.fernet import Fernet  # noqa: PLC0415 - see the module's docstring
    except ImportError as exc:  # also of a library that it needs
        raise UserError(
            f"The package `cryptography` can't be loaded ({exc}), so credentials can't be read or saved. "
            "Install it again where Movie Sync is installed: pip install cryptography"
        ) from None
    return Fernet


def _main(path: str, key_file: str) -> int:
    """Write the decrypted credentials to standard output, or why that is impossible; return the exit code."""
    try:
        manager = CredentialsManager(Path(path), Path(key_file), environ={})
        answer, code = manager.note_servers(json.load(sys.stdin)), 0
    except (UserError, CredentialsError) as exc:
        answer = str(exc).encode(errors="replace")
        code = CHILD_SAYS_WHY if isinstance(exc, UserError) else _CHILD_SAYS_NOT_NOW
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()
    return code


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
