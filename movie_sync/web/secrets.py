"""Which secrets are set, and where each comes from: never what they are."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from movie_sync.commands.context import Context
from movie_sync.credentials.addresses import Held
from movie_sync.credentials.manager import CredentialField, CredentialsManager
from movie_sync.errors import MovieSyncError
from movie_sync.services import registry
from movie_sync.services.base import Service
from movie_sync.storage.paths import default_key_file
from movie_sync.web.desk import Desk


@dataclass(frozen=True, slots=True)
class Given:
    """A credential: `variable` is what the environment gives it by, if it does.

    It is not used where it was `entered_for` another server than the address in force names.
    """

    name: str
    title: str
    is_secret: bool
    is_set: bool
    variable: str = ""
    entered_for: str = ""

    @property
    def label(self) -> str:
        """What it is called at the beginning of a line."""
        return self.title[:1].upper() + self.title[1:]

    @property
    def words(self) -> str:
        """Whether it is set, and where."""
        if not self.is_set:
            return "not set"
        words = f"set by {self.variable}" if self.variable else "stored"
        return f"{words}, but not used: it was entered for {self.entered_for}" if self.entered_for else words


class Secrets:
    """Looks at the credentials. Safe to use from several threads.

    They are decrypted to be taken out of what the page shows; only the names of those that are set are kept.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = threading.Lock()
        self._signature: object = None
        self._names: Mapping[str, frozenset[str]] = {}
        self._held: Mapping[str, Mapping[str, Held]] = {}

    def learn(self) -> str:
        """Look at what has changed, and let the page show none of it; return why that failed, if so."""
        context = self._desk.context()
        with self._lock:
            try:
                self._look(context)
            except MovieSyncError as exc:
                self._signature, self._names = None, {}
                return context.redactor.clean(str(exc))
            return ""

    def of(self, service: Service) -> list[Given]:
        """Return what a service needs to log in, and whether it is set."""
        self.learn()
        context = self._desk.context()
        names, held = self._names.get(service.name, frozenset()), self._held.get(service.name, {})
        given = []
        for field in service.credentials:
            variable = _variable_of(field, context.environ)
            if field.is_named:
                entries = context.config.values[service.section_name or service.name]
                titles = {entry: f"{field.title} for {entry}" for entry in entries}
            else:
                titles = {field.name: field.title}
            given += [
                Given(
                    name,
                    title,
                    field.is_secret,
                    name in names,
                    variable,
                    held[name].entered_for if name in held else "",
                )
                for name, title in titles.items()
            ]
        return given

    def _look(self, context: Context) -> None:
        manager = context.credentials_manager()
        signature = manager.signature(), context.config.signature
        if signature == self._signature:
            return
        all_fields = registry.credential_fields()
        key_file = default_key_file(context.environ, context.paths.root)
        all_there = CredentialsManager(context.paths.credentials, key_file, context.environ, all_fields)
        found = all_there.load_in_child(list(all_fields))  # also what is held back
        self._held = manager.load_in_child(list(all_fields)).held
        for service, fields in all_fields.items():
            for each in fields:
                each.hide(found[service], context.redactor)
        self._names = {service: frozenset(filter(login.get, login)) for service, login in found.items()}
        self._signature = signature


def _variable_of(field: CredentialField, environ: Mapping[str, str]) -> str:
    """Return the environment variable that gives a credential, or nothing."""
    names = filter(None, (field.variable, field.file_variable))
    return next((name for name in names if environ.get(name, "").strip()), "")
