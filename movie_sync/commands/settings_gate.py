"""Lets no film through while `config.json` cannot be relied on, and notices when it is corrected."""

import logging
import threading

from movie_sync.commands.context import Context
from movie_sync.daemon.download import HeldBack
from movie_sync.errors import UserError
from movie_sync.services import registry
from movie_sync.settings.faults import NOTHING_HANDED_OVER, hold_words, sentence
from movie_sync.storage.regular_file import file_signature

_log = logging.getLogger(__name__)


class SettingsGate:
    """Looks at the settings file whenever it has changed. For one thread, that of the download worker.

    Once the file is corrected, `corrected` is the context with its settings and `stop` is set: all that was
    built with the settings in force is to be built again. A change from sound settings to sound ones
    waits for the next start.
    """

    def __init__(self, context: Context) -> None:
        self.stop = threading.Event()
        self.corrected: Context | None = None
        self.why = hold_words(context.config.faults)
        """Why nothing is handed over; nothing if films may pass."""
        self._context = context
        self._signature = context.config.signature
        config = context.config
        self._client_is_known = not any(map(config.may_be_meant, ("client", config.client().name)))

    def held_back(self) -> HeldBack | None:
        """Return why no film may be worked on now, if so."""
        signature = file_signature(self._context.paths.config)
        if signature != self._signature and self.corrected is None:
            self._signature = signature
            self._look_again()
        return HeldBack(self.why, self._client_is_known) if self.why else None

    def _look_again(self) -> None:
        context = None
        try:
            context = self._context.reloaded()
            why = self._why_not(context)
        except UserError as exc:  # an override that goes with no such settings
            why = f"{NOTHING_HANDED_OVER}: {str(exc).removesuffix('.')}"
        if why:
            if why != self.why:
                _log.warning("%s", sentence(why))
            self.why = why
        elif self.why:
            _log.info("config.json is corrected; continuing with its settings.")
            self.why = "the settings are taken up anew"
            self.corrected = context
            self.stop.set()

    def _why_not(self, context: Context) -> str:
        config = context.config
        if self.why and config.signature is None:  # a file that is being replaced is gone for a moment
            return f"nothing is handed over until config.json is back: {context.paths.config} is gone"
        if self.why and not registry.chosen_list(config).is_configured(config):
            return f"{NOTHING_HANDED_OVER}: it names no watchlist"
        return hold_words(config.faults)
