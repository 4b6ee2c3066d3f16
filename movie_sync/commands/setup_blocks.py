"""The parts of setup: each asks, tries what was typed, lets it be corrected, and saves it at once."""

import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TextIO

from movie_sync.commands.check import check_telling
from movie_sync.commands.context import Context
from movie_sync.commands.landing import Landing
from movie_sync.commands.setup_lists import ask_lists
from movie_sync.credentials.manager import CredentialsManager
from movie_sync.errors import MovieSyncError, TransientError
from movie_sync.services import registry
from movie_sync.services.base import (
    ClientService,
    FilmDatabaseService,
    Service,
    Surroundings,
    ToldService,
    TrackerService,
)
from movie_sync.services.form import Answers, Dialogue, Form, Prompts
from movie_sync.settings.config import Config, save_changes
from movie_sync.settings.keys import USER_NAME, GeneralSettings, QualityPreset
from movie_sync.settings.values import one_of, path_here, text_that
from movie_sync.storage.paths import expand_home

_BUILT_IN = "default"
_ENTRY = text_that(USER_NAME.fullmatch)
_ENTRY_RULE = "Use letters, digits, - and _, at most 40."
PRESETS = {
    _BUILT_IN: "1080p first, then 2160p, then 720p",
    "hd": "1080p, otherwise 720p",
    "4k": "2160p, otherwise 1080p",
    "small": "720p, otherwise 1080p or DVD quality; small files, at most 8 GB",
}


class Blocks(Dialogue):
    """The parts, by the name that the command line knows each by.

    All may raise EOFError and KeyboardInterrupt where the user breaks off: what was saved before stays.
    They raise UserError for files that cannot be changed, StorageError for what could not be written.
    """

    def __init__(self, context: Context, prompts: Prompts, out: TextIO) -> None:
        super().__init__(prompts, out, context.redactor)
        self.context = context
        self.is_alone = False
        """Whether one part alone is asked."""
        self.has_saved = False
        self.kept: list[str] = []
        """Kept although the test failed; not tested again, as services may ban after many failures."""
        self.around = Surroundings(threading.Event(), context.clock, context.paths, is_real=True)
        self.by_name: dict[str, Callable[[], None]] = {
            "letterboxd": partial(ask_lists, self),
            "filelist": self._ask_trackers,
            "client": self._ask_client,
            "folders": self._ask_folders,
            "quality": self._ask_quality,
            "notices": self._ask_notices,
        }
        for service in registry.everything():  # a damaged file is said before anything is typed
            self._login(service)

    @property
    def config(self) -> Config:
        """The settings as they are saved."""
        return self.context.config

    # --- asking, trying, saving -----------------------------------------------------------

    def _manager(self, answers: Answers) -> CredentialsManager:
        """Return the manager that knows the addresses that were typed."""
        return self.context.started_with(self.config.changed(answers.settings)).credentials_manager()

    def _login(self, service: Service, answers: Answers | None = None) -> dict[str, str]:
        """Return a service's credentials with what was typed; what is secret is not shown from now on.

        Stored ones that were entered for another server are to be forgotten.
        """
        answers = answers or Answers()
        credentials = self._manager(answers).load([service.name])
        typed = answers.credentials.get(service.name, {})
        login = {name: text for name, text in (credentials[service.name] | typed).items() if text}
        for name in credentials.held.get(service.name, {}):
            answers.credentials.setdefault(service.name, {}).setdefault(name, "")
        for each in service.credentials:
            each.hide(login, self.redactor)
        return login

    def form(
        self,
        service: Service,
        answers: Answers,
        *,
        entry: str = "",
        is_needed: bool = True,
        address: str = "",
    ) -> Form:
        """Return a service's page; what was typed before is what is there now."""
        return Form(
            self.prompts,
            self.out,
            self.redactor,
            service,
            self._login(service, answers),
            self.config.changed(answers.settings),
            self.context.paths,
            answers,
            entry,
            is_needed,
            address,
        )

    def until_it_works(
        self,
        what: str,
        ask: Callable[[Answers], None],
        attempt: Callable[[Config, Answers], str],
        *,
        correct: Callable[[MovieSyncError | OSError, Answers], bool] = lambda _exc, _answers: False,
    ) -> None:
        """Ask, test and save; ask again after a failure, unless the user keeps the answer.

        `correct` may put something right itself, which is then tried without another question.
        """
        answers, is_asked = Answers(), False
        while True:
            if not is_asked:
                ask(answers)
            self.say("  Testing...")
            try:
                self.say(f"  OK: {attempt(self.config.changed(answers.settings), answers)}")
                break
            except (MovieSyncError, OSError) as exc:
                self.say(f"  FAILED: {exc}")
                is_asked = correct(exc, answers)
                again = "Try again" if isinstance(exc, TransientError) else "Correct it"  # it may be right
                if not is_asked and not self.confirm(f"  {again}? (n keeps your answer)", default=True):
                    self.kept.append(what)
                    break
        self._save(answers)

    def _save(self, answers: Answers) -> None:
        """Write the credentials first: a config.json that names a user lets Movie Sync start."""
        self.has_saved |= bool(answers.credentials or answers.settings)
        if answers.credentials:
            self._manager(answers).save(answers.credentials)
        if answers.settings:
            save_changes(self.context.paths.config, answers.settings)
            self.context = self.context.started_with(self.context.reloaded().config)

    # --- the parts ------------------------------------------------------------------------

    def _ask_trackers(self) -> None:
        """Ask which trackers are used, if there is more than one kind; new ones are asked last."""
        present = self.config.section(GeneralSettings).trackers
        trackers = registry.of_kind(TrackerService).values()
        chosen: list[str] = []
        while not chosen:
            for tracker in trackers:
                mine = [key for key in present if key.partition(":")[0] == tracker.name]
                if len(trackers) == 1 or self.confirm(f"\n{tracker.question}", default=bool(mine)):
                    chosen += self._ask_tracker(tracker, mine)
            if not chosen:
                self.say("  Movie Sync can't find films without a tracker.")
        in_order = [key for key in present if key in chosen]
        in_order += [key for key in chosen if key not in present]
        if in_order != list(present):
            self._save(Answers({"trackers": in_order}))

    def _ask_tracker(self, tracker: TrackerService, present: Sequence[str]) -> list[str]:
        """Ask about a tracker, or each one of several; return their keys."""
        if not tracker.is_named:
            self._ask_entry(tracker, "")
            return [tracker.name]
        keys = list(present)
        for key in keys:
            self.say(f"\n{key}:")
            self._ask_entry(tracker, key.partition(":")[2])
        while not keys or self.confirm("Add another one?", default=False):
            entry = self.ask("Name for the tracker", "", _ENTRY, _ENTRY_RULE)
            if entry and f"{tracker.name}:{entry}" not in keys:
                keys.append(f"{tracker.name}:{entry}")
                self._ask_entry(tracker, entry)
        return keys

    def _ask_entry(self, tracker: TrackerService, entry: str) -> None:
        def attempt(config: Config, answers: Answers) -> str:
            login = self._login(tracker, answers)
            tracker.check_login(login)
            return f"{tracker.title} {tracker.check(entry, config, login, self.around)}."

        self.until_it_works(
            f"{tracker.title} {entry}".rstrip(),
            lambda answers: tracker.ask(self.form(tracker, answers, entry=entry)),
            attempt,
        )

    def _ask_client(self) -> None:
        """Ask which client is used: one that runs here, else one after the other, else a folder."""
        present = self.config.client()
        clients = [client for client in registry.of_kind(ClientService).values() if client.question]
        self.say("\nLooking for a torrent client on this machine...")
        chosen, address = registry.fallback_client(), ""
        is_own = self.config.is_set("client") or self.config.is_set(present.name)
        found = {each.name: url for each in clients if (url := each.find_here(self.config, self.around))}
        if not found:
            self.say("  None found.")
        for client in sorted(clients, key=lambda each: (each.name not in found, each is not present)):
            url = found.get(client.name, "")
            question = f"{client.title} is running at {url}. Use it?" if url else client.question
            is_usual = client is present or (bool(url) and not is_own)
            if self.confirm(question, default=is_usual):
                chosen, address = client, url
                break
        settings: dict[str, object] = {} if chosen is present else {"client": chosen.name}

        def attempt(config: Config, answers: Answers) -> str:
            login = self._login(chosen, answers)
            chosen.check_login(login)
            return f"{chosen.title} {chosen.check(config, login, self.around)}."

        if address and not self._login(chosen):
            try:
                self.say(f"  OK: {attempt(self.config, Answers())} It needs no login from this machine.")
            except MovieSyncError:  # it does, which is asked for now
                pass
            else:
                self._save(Answers(settings))
                return

        def ask(answers: Answers) -> None:
            answers.settings |= settings
            chosen.ask(self.form(chosen, answers, address=address))

        self.until_it_works(chosen.title, ask, attempt)

    def _ask_folders(self) -> None:
        self.say("\nThe folder your films are downloaded to. Films in it aren't downloaded again.")
        general, landing = self.config.section(GeneralSettings), self._landing()
        offered = general.download_directory
        if landing:
            self.say(f"{landing.client.title} saves to {landing.theirs}.")
            if landing.exists_here and not self.config.is_set("download_directory"):
                offered = landing.here
        while True:
            wanted = "Enter the full path, e.g. /srv/films."
            folder = self.ask("Download folder", offered, self._read_folder, wanted) or offered
            if Path(folder).is_dir() or self._is_to_be(
                Path(folder), is_new=folder != general.download_directory
            ):
                break
        answers = Answers()
        if folder != general.download_directory:
            answers.settings["download_directory"] = folder
        if landing:
            folders = (folder, *general.library_directories)
            answers.settings |= self._bring_together(replace(landing, folders=folders), general.path_map)
        self._save(answers)

    def _landing(self) -> Landing | None:
        client = self.config.client()
        if client.title not in self.kept:
            with contextlib.suppress(MovieSyncError):
                return Landing.of(self.config, self._login(client), self.around)
        self.say(f"{client.title} can't say now where it saves; `check` will ask again.")
        return None

    def _bring_together(self, landing: Landing, path_map: Sequence[tuple[str, str]]) -> dict[str, object]:
        """Return the settings with which the client's folder and this machine's are one place."""
        if landing.is_looked_in:
            return {}
        name, theirs, folder = landing.client.title, landing.theirs, landing.folders[0]
        what = (
            "which is a different folder" if landing.exists_here else "which isn't a folder on this machine"
        )
        self.say(f"  {name} saves to {theirs}, {what}.")
        # What is a folder here too is another one, unless the client sees another file system.
        if not landing.exists_here and self.confirm(
            f"  Is {theirs} in {name} the same folder as {folder} here?", default=True
        ):
            pairs = [list(pair) for pair in path_map if pair[0] != theirs]
            return {"path_map": [*pairs, [theirs, folder]]}
        if self.confirm(f"  Have {name} save Movie Sync's films to {folder}?", default=landing.exists_here):
            section, _, key = landing.client.folder_key.partition(".")
            return {section: {key: folder}}
        self.say(f"  Left as it is. Movie Sync finds films in {theirs} only while they're in {name}.")
        return {}

    def _is_to_be(self, folder: Path, *, is_new: bool) -> bool:
        """Create a folder that is not there, if that is wanted; return whether to continue with it."""
        if os.path.lexists(folder):
            self.say(f"  {folder} isn't a folder.")
        elif not self.confirm(
            f"  {folder} doesn't exist. Create it?",
            default=is_new or not self.config.is_set("download_directory"),
        ):
            return not is_new  # a disk that is not mounted now
        else:
            ours = os.umask(self.context.options.umask)  # others than this program are to use it
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as exc:
                self.say(f"  {folder} can't be created: {exc.strerror}.")
            else:
                return True
            finally:
                os.umask(ours)
        return not is_new and self.confirm("  Keep it anyway?", default=False)

    def _ask_quality(self) -> None:
        if self.config.is_set("quality.order"):
            self.say('\nQuality: keeping your own "quality.order" in config.json.')
            return
        self.say("\nQuality:")
        for name, meaning in PRESETS.items():
            self.say(f"  {name:8} {meaning}")
        present = self.config.section(QualityPreset).preset or _BUILT_IN
        preset = self.ask("Quality preset", present, one_of(*PRESETS), f"Enter one of {', '.join(PRESETS)}.")
        if preset is not None:
            self._save(Answers({"quality": {"preset": None if preset == _BUILT_IN else preset}}))

    def _ask_notices(self) -> None:
        services = registry.of_kind(ToldService).values()
        databases = registry.of_kind(FilmDatabaseService).values()
        *first, last = (service.title for service in (*services, *databases))
        self.say()
        if self.confirm(f"Set up {', '.join(first)} or {last}?", default=False):
            for service in services:
                self._ask_told(service)
            for database in databases:
                self._ask_database(database)

    def _ask_database(self, database: FilmDatabaseService) -> None:
        def attempt(config: Config, answers: Answers) -> str:
            is_used, login = database.is_used(config), self._login(database, answers)
            how = database.check(config, login, self.around) if is_used else "isn't used"
            return f"{database.title} {how}."

        self.until_it_works(database.title, lambda all_: database.ask(self.form(database, all_)), attempt)

    def _ask_told(self, service: ToldService) -> None:
        """Ask, save, and try what was typed: only the process that tells it has the secrets."""
        is_again = False
        while True:
            answers = Answers()
            service.ask(self.form(service, answers))
            self._save(answers)
            told = service.subscription(self.config)
            if told is None or not (is_again or answers.settings or answers.credentials):
                return
            self.say("  Testing...")
            try:
                service.check_login(self._login(service))
                self.say(f"  OK: {check_telling(self.context, service, told.order)}.")
            except (MovieSyncError, OSError) as exc:
                self.say(f"  FAILED: {exc}")
                is_again = self.confirm("  Correct it? (n keeps your answer)", default=True)
                if is_again:
                    continue
            return

    def _read_folder(self, text: str) -> str:
        return str(expand_home(path_here(text), self.context.environ))
