"""Decides what a changed `config.json` means for a running daemon: nothing, a hold, or new settings."""

import logging
import threading

from movie_sync.commands.context import Context
from movie_sync.errors import MovieSyncError
from movie_sync.services.wish_lists import chosen_lists
from movie_sync.settings.changes import changed_keys, within
from movie_sync.settings.config import Config
from movie_sync.settings.faults import NOTHING_HANDED_OVER, hold_words, sentence
from movie_sync.storage.regular_file import file_signature

_log = logging.getLogger(__name__)

_MOST_NAMED = 5
_NOT_APPLIED = "config.json has changed, but the current settings stay in force"


class SettingsGate:
    """Looks at the settings file whenever it has changed, before each film and once a second. Thread-safe.

    A changed file is taken up whole or not at all: then `next` is the context with its settings, and no film
    passes until the workers have ended, by `stop`, and `take_up` begins anew with it. While a setting that
    protects cannot be read no film may pass. What is unusable otherwise is said once, and the settings in
    force stay.
    A single run (`once`) keeps the settings that it began with.
    """

    def __init__(self, context: Context, *, once: bool = False) -> None:
        self.stop = threading.Event()
        self.context = context
        self.next: Context | None = None
        self.why = hold_words(context.config.faults)
        """Why nothing is handed over; nothing if films may pass."""
        self.trouble = ""
        """Why the file is not used as it is, though films may pass; nothing if it is."""
        self._once = once
        self._lock = threading.Lock()
        self._signature = context.config.signature

    @property
    def client_is_known(self) -> bool:
        """Whether the client in force is the one that the user means."""
        config = self.context.config
        return not any(map(config.may_be_meant, ("client", config.client().name)))

    def held_back(self) -> str:
        """Return why no film may be worked on now, if so."""
        self.look()
        return self.why

    def look(self) -> None:
        """Look whether the file has changed."""
        with self._lock:
            if self.next is not None:
                return
            signature = file_signature(self.context.paths.config)
            if signature != self._signature:
                self._signature = signature
                self._look_again()

    def take_up(self) -> Context:
        """Return the settings that are to be used from now on. For the main thread, when all is at rest."""
        with self._lock:
            before = set(self.context.config.warnings)
            self.context = self.next or self.context
            self.next, self.why = None, hold_words(self.context.config.faults)
            self.stop.clear()
        for warning in self.context.config.warnings:
            if warning not in before:
                _log.warning("%s", warning)
        return self.context

    def give_up(self, before: Context, why: str) -> None:
        """Go back to the previous settings, because nothing can be built from the new ones."""
        with self._lock:
            self.context = before
            self._say(f"{_NOT_APPLIED}: {why.removesuffix('.')}")

    def _look_again(self) -> None:
        try:
            context = self.context.reloaded()
            why = self._why_held(context)
        except MovieSyncError as exc:  # an override that goes with no such settings
            context, why = self.context, f"{NOTHING_HANDED_OVER}: {str(exc).removesuffix('.')}"
        if why:
            if why != self.why:
                _log.warning("%s", sentence(why))
            self.why = why
        elif context.config.signature is not None:  # a file that is gone says nothing
            self._take(context)

    def _why_held(self, context: Context) -> str:
        config = context.config
        if self.why and config.signature is None:  # a file that is being replaced is gone for a moment
            return f"downloads are paused until config.json is back: {context.paths.config} is gone"
        if self.why and not (chosen_lists(config) or config.may_be_meant("lists")):
            return f"{NOTHING_HANDED_OVER}: it doesn't name a list"
        return hold_words(config.faults)

    def _take(self, context: Context) -> None:
        """Apply new settings, if all of them are usable."""
        config, in_force = context.config, self.context.config
        if not in_force.faults and (unusable := _unusable(config)):
            self.why = ""
            self._say(f"{_NOT_APPLIED}: {unusable}")
            return
        changed = list(changed_keys(in_force.content, config.content))
        if self._once and changed:
            return
        is_new = in_force.faults or (config.values, config.own) != (in_force.values, in_force.own)
        had_trouble = self.why or self.trouble
        self.trouble = ""
        for key, what in config.overridden.items():
            if within(key, changed):
                _log.warning("%s in config.json has no effect: %s overrides it.", key, what)
        if not is_new:
            if had_trouble:
                _log.info("config.json is back to what it was.")
            self.why = ""
            return
        named = ", ".join(changed[:_MOST_NAMED]) or "it"
        named += f" and {len(changed) - _MOST_NAMED} more" if len(changed) > _MOST_NAMED else ""
        _log.info("config.json %s; applying %s.", "has been fixed" if self.why else "has changed", named)
        self.why = "applying the changed config.json"
        self.next = context

    def _say(self, trouble: str) -> None:
        if trouble != self.trouble:
            _log.warning("%s", sentence(trouble))
        self.trouble = trouble


def _unusable(config: Config) -> str:
    """Return what in the file can't be used, in words; unknown keys don't count."""
    if not (chosen_lists(config) or config.may_be_meant("lists")):
        return "it doesn't name a list"
    unusable = [problem for problem in config.problems if not problem.is_unknown]
    more = f" (and {len(unusable) - 1} more)" if len(unusable) > 1 else ""
    return f"{unusable[0].words}{more}" if unusable else ""
