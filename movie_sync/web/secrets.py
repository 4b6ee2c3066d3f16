"""Which secrets are set, and where each comes from: never what they are."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from movie_sync.commands.context import Context
from movie_sync.credentials.manager import CredentialField
from movie_sync.errors import MovieSyncError
from movie_sync.services import registry
from movie_sync.services.base import Service
from movie_sync.web.desk import Desk


@dataclass(frozen=True, slots=True)
class Given:
    """A credential: `variable` is what the environment gives it by, if it does."""

    name: str
    title: str
    is_secret: bool
    is_set: bool
    variable: str = ""

    @property
    def label(self) -> str:
        """What it is called at the beginning of a line."""
        return self.title[:1].upper() + self.title[1:]

    @property
    def words(self) -> str:
        """Whether it is set, and where."""
        if not self.is_set:
            return "not set"
        return f"set by {self.variable}" if self.variable else "stored"


class Secrets:
    """Looks at the credentials. Safe to use from several threads.

    They are decrypted to be taken out of what the page shows; only the names of those that are set are kept.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = threading.Lock()
        self._signature: object = None
        self._names: Mapping[str, frozenset[str]] = {}

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
        names = self._names.get(service.name, frozenset())
        given = []
        for field in service.credentials:
            variable = _variable_of(field, context.environ)
            if field.is_named:
                entries = context.config.values[service.section_name or service.name]
                titles = {entry: f"{field.title} for {entry}" for entry in entries}
            else:
                titles = {field.name: field.title}
            given += [
                Given(name, title, field.is_secret, name in names, variable) for name, title in titles.items()
            ]
        return given

    def _look(self, context: Context) -> None:
        manager = context.credentials_manager()
        signature = manager.signature(), context.config.signature
        if signature == self._signature:
            return
        found = manager.load_in_child(list(registry.credential_fields()))
        for service, fields in registry.credential_fields().items():
            _teach(context, fields, found[service])
        self._names = {service: frozenset(filter(login.get, login)) for service, login in found.items()}
        self._signature = signature


def _teach(context: Context, fields: Sequence[CredentialField], login: Mapping[str, str]) -> None:
    for field in fields:
        if field.is_named:
            context.redactor.learn(login.values())
        elif field.is_list:
            context.redactor.learn(login.get(field.name, "").split())
        elif field.is_secret:
            context.redactor.learn_login(login.get("username", ""), login.get(field.name, ""))


def _variable_of(field: CredentialField, environ: Mapping[str, str]) -> str:
    """Return the environment variable that gives a credential, or nothing."""
    names = filter(None, (field.variable, field.file_variable))
    return next((name for name in names if environ.get(name, "").strip()), "")
