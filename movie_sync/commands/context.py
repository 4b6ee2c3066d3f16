"""What every command works with: the folder, the settings, the credentials, the options."""

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from movie_sync.clock import SystemClock
from movie_sync.credentials.addresses import Destinations, Servers
from movie_sync.credentials.manager import CredentialsManager
from movie_sync.domain.plain_text import safe_lines
from movie_sync.domain.redaction import Redactor
from movie_sync.outlet import readable
from movie_sync.ports import Clock
from movie_sync.queues.manager import QueueManager
from movie_sync.services import registry
from movie_sync.settings.changes import secret_servers
from movie_sync.settings.config import Config
from movie_sync.storage.locks import InstanceLock
from movie_sync.storage.paths import AppPaths, default_key_file


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the command line that are not settings.

    `umask` is the one that the user started the program with, for what is theirs and not ours.
    """

    log_level: str = "INFO"
    plain: bool = False
    once: bool = False
    dry_run: bool = False
    umask: int = 0o022

    @property
    def runs_once(self) -> bool:
        """Tell whether the workers end when there is nothing to do for now."""
        return self.once or self.dry_run


class Answer(Protocol):
    """Receives a command's output when it doesn't go to a terminal. Lines are safe, and without secrets."""

    def say(self, line: str) -> None:
        """Take a line of the answer."""

    def complain(self, line: str) -> None:
        """Take a line about what is wrong."""


@dataclass(frozen=True, slots=True)
class Context:
    """One command's surroundings. `complain` and `say` are its only ways to write for the user.

    They write to the terminal, or to `answer` if there is one.

    `secrets_at_start` is where secrets went before the settings were loaded anew, if they were.

    What of the user's cannot be used raises UserError; files that cannot be read now, StorageError.
    """

    paths: AppPaths
    config: Config
    options: Options
    overrides: Mapping[str, object]
    environ: Mapping[str, str]
    clock: Clock = field(default_factory=SystemClock)
    redactor: Redactor = field(default_factory=Redactor)
    answer: Answer | None = None
    secrets_at_start: Servers | None = None

    @classmethod
    def load(
        cls, data_dir: Path, options: Options, overrides: Mapping[str, object], redactor: Redactor
    ) -> "Context":
        """Read the settings of a data folder; `overrides` are those of the command line."""
        paths = AppPaths(data_dir)
        paths.check()
        if os.path.lexists(paths.restored):
            from movie_sync.storage.restoring import finish_restoring  # noqa: PLC0415 - after a crash alone

            finish_restoring(paths)
        config = Config.load(paths.config, environ=os.environ, overrides=overrides)
        return cls(paths, config, options, overrides, os.environ, redactor=redactor)

    def reloaded(self) -> "Context":
        """Return the context with the settings as the file has them now."""
        config = Config.load(self.paths.config, environ=self.environ, overrides=self.overrides)
        return replace(self, config=config, secrets_at_start=self.destinations().at_start)

    def started_with(self, config: Config) -> "Context":
        """Return the context that a start with these settings would have."""
        return replace(self, config=config, secrets_at_start=None)

    def destinations(self) -> Destinations:
        """Return where secrets go."""
        now = secret_servers(self.config)
        at_start = now if self.secrets_at_start is None else self.secrets_at_start
        return Destinations(now, at_start, is_written=not self.options.dry_run)

    def credentials_manager(self) -> CredentialsManager:
        """Return the manager of this folder's credentials."""
        key_file = default_key_file(self.environ, self.paths.root)
        return CredentialsManager(
            self.paths.credentials,
            key_file,
            self.environ,
            registry.credential_fields(),
            self.destinations(),
        )

    def has_daemon(self) -> bool:
        """Tell whether a daemon runs on this folder."""
        return InstanceLock(self.paths.daemon_lock).is_held_elsewhere()

    def say(self, line: str = "") -> None:
        """Write a line of the command's answer."""
        if self.answer:
            self.answer.say(self._clean(line))
        else:
            print(readable(self._clean(line), sys.stdout))

    def complain(self, line: str) -> None:
        """Write a line about what is wrong."""
        if self.answer:
            self.answer.complain(self._clean(line))
        else:
            print(readable(self._clean(line), sys.stderr), file=sys.stderr)

    def _clean(self, text: str) -> str:
        return self.redactor.clean(safe_lines(text))

    def queues_to_look_at(self) -> QueueManager:
        """Return the queues as they are, to be looked at beside a daemon or without one."""
        return QueueManager(self.paths.root, clock=self.clock, writable=False)

    def warn(self, lines: Iterable[str]) -> None:
        """Write what is damaged, or what could not be used."""
        for line in lines:
            self.complain(f"WARNING: {line}")
