"""Carries commands out for the page and returns what they say: the page has no rules of its own."""

import threading
from argparse import Namespace
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from movie_sync.commands.context import Context
from movie_sync.commands.list_terms import film_rules
from movie_sync.domain.film_rules import FilmRules
from movie_sync.domain.plain_text import safe_lines
from movie_sync.errors import MovieSyncError
from movie_sync.logs import set_up_logging
from movie_sync.settings.config import Config
from movie_sync.storage.regular_file import file_signature

_FAILED = 1


@dataclass(slots=True)
class Said:
    """What a command said, in its order, and its exit code."""

    code: int = 0
    lines: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def say(self, line: str) -> None:
        """Take a line of the answer."""
        self.lines.append(line)

    def complain(self, line: str) -> None:
        """Take a line about what is wrong."""
        self.complaints.append(line)

    @property
    def is_good(self) -> bool:
        """Whether it did what was asked."""
        return self.code == 0


class Desk:
    """Safe to use from several threads; one command at a time is carried out."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._config_lock = threading.Lock()
        self._rules: tuple[Config, FilmRules] | None = None

    def context(self) -> Context:
        """Return the surroundings, with the settings as the file has them now where it can be read."""
        with self._config_lock:
            context = self._context
            if file_signature(context.paths.config) != context.config.signature:
                with suppress(MovieSyncError):
                    self._context = context.reloaded()
            return self._context

    def rules(self) -> FilmRules:
        """Return what films are judged by, as the settings and the lists are now."""
        context, known = self.context(), self._rules
        if known is None or known[0] is not context.config:
            known = self._rules = context.config, film_rules(context.config, context.paths.watchlist)
        return known[1]

    def run(self, command: Callable[[Namespace, Context], int], **arguments: object) -> Said:
        """Carry out a command with these arguments, and return what it said."""
        return self.do(lambda context: command(Namespace(**arguments), context))

    def do(self, work: Callable[[Context], int]) -> Said:
        """Carry out what is done with a context, and return what it said; an error is among that."""
        with self._lock:
            try:
                return self.ask(work)
            finally:
                self.keep_log(self._context)

    def ask(self, work: Callable[[Context], int]) -> Said:
        """Carry out what changes nothing here, as `do`, but beside whatever else is carried out."""
        said = Said()
        context = replace(self.context(), answer=said)
        try:
            said.code = work(context)
        except MovieSyncError as exc:
            said.code = _FAILED
            said.complain(context.redactor.clean(safe_lines(str(exc))))
        return said

    @staticmethod
    def keep_log(context: Context) -> None:
        """Log on the terminal alone: a command that found no daemon has written to the log's file."""
        set_up_logging(context.options.log_level, context.redactor, plain=context.options.plain)
