"""The first-run setup: asks for what Movie Sync cannot know, and writes it all at the end.

Enter keeps what is there. Ctrl+C or the end of input at any question changes nothing.
"""

import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from movie_sync.commands.context import Context
from movie_sync.errors import UserError
from movie_sync.services import registry
from movie_sync.services.base import (
    Answers,
    ClientService,
    Dialogue,
    Form,
    ListService,
    Prompts,
    Service,
    ToldService,
    TrackerService,
)
from movie_sync.settings.config import read_file_to_change, save_changes, variable_of
from movie_sync.settings.keys import USER_NAME, GeneralSettings, QualityPreset
from movie_sync.settings.values import one_of, path_here, text_that
from movie_sync.storage.locks import InstanceLock
from movie_sync.storage.paths import AppPaths, expand_home

_WELCOME = """\
Movie Sync takes the films on your Letterboxd watchlist from your tracker to your torrent client.
It uses your own accounts. Keeping to their terms of service, and to copyright where you live,
is up to you.
Enter keeps what is shown in [brackets]. Ctrl+C stops and changes nothing.
"""
_BUILT_IN = "default"
_STOPPED = 130
_ENTRY = text_that(USER_NAME.fullmatch)
_ENTRY_RULE = "Letters, digits, - and _ make a name, at most 40 of them."
PRESETS = {
    _BUILT_IN: "1080p first, then 2160p, then 720p",
    "hd": "1080p, else 720p",
    "4k": "2160p, else 1080p",
    "small": "720p, else 1080p or DVD quality; small files, at most 8 GB",
}


def run(_args: Namespace, context: Context) -> int:
    """Carry the setup through; returns the exit code."""
    return 0 if run_setup(context) else _STOPPED


def run_setup(
    context: Context,
    *,
    is_start: bool = False,
    prompts: Prompts | None = None,
    out: TextIO | None = None,
) -> bool:
    """Ask, then write credentials and `config.json`; return False if the user broke it off.

    `is_start` tells that the daemon asks, and starts after it. Without a terminal, or where a damaged
    file would be lost, it raises UserError.
    """
    prompts, out = prompts or Prompts(), out or sys.stdout
    if not prompts.is_terminal():
        raise UserError(_without_terminal())
    context.paths.prepare()
    read_file_to_change(context.paths.config)
    try:
        answers = _Questions(context, prompts, out).ask_all()
    except (KeyboardInterrupt, EOFError):
        print("\nStopped. Nothing was changed.", file=out)
        return False
    _write(context, answers)
    print(f"\nSaved in {context.paths.root}.", file=out)
    if not is_start:
        print(_what_is_next(context.paths, answers), file=out)
    return True


def _what_is_next(paths: AppPaths, answers: Answers) -> str:
    if not InstanceLock(paths.daemon_lock).is_held_elsewhere():
        return "Next: `check` tries every part; without a command Movie Sync starts."
    if answers.settings:
        return "A Movie Sync is running. It takes new settings up when you stop and start it."
    return "The running Movie Sync takes this up by itself."


def _without_terminal() -> str:
    variables = [variable_of("username")]
    services = {**registry.of_kind(TrackerService), **registry.of_kind(ClientService)}
    variables += [field.variable for service in services.values() for field in service.credentials]
    return (
        "Setup asks questions, and there is no terminal to ask them on. Run `setup` on one, or set "
        f"the environment variables {', '.join(variables)} and write the rest into config.json."
    )


def _write(context: Context, answers: Answers) -> None:
    """Write the credentials first: a config.json that names a user makes Movie Sync start."""
    if answers.folder_to_make is not None:
        ours = os.umask(context.options.umask)  # others than this program are to use the folder of films
        try:
            answers.folder_to_make.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise UserError(
                f"{answers.folder_to_make} could not be made: {exc.strerror}. Nothing was changed."
            ) from None
        finally:
            os.umask(ours)
    if answers.credentials:
        context.credentials_manager().save(answers.credentials)
    if answers.settings:
        save_changes(context.paths.config, answers.settings)


class _Questions(Dialogue):
    """The questions, in order."""

    def __init__(self, context: Context, prompts: Prompts, out: TextIO) -> None:
        super().__init__(prompts, out)
        self.paths, self.config = context.paths, context.config
        manager = context.credentials_manager()
        self.present = {service: manager.get(service) for service in registry.SERVICES}
        self.answers = Answers()

    def _form(self, service: Service, entry: str = "", *, is_needed: bool = True) -> Form:
        login, config, answers = self.present[service.name], self.config, self.answers
        return Form(self.prompts, self.out, service, login, config, self.paths, answers, entry, is_needed)

    def ask_all(self) -> Answers:
        """Ask everything and return what was typed."""
        self.say(_WELCOME)
        chosen = registry.chosen_list(self.config)
        for source in registry.of_kind(ListService).values():
            source.ask(self._form(source, is_needed=source is chosen))
        self._ask_trackers()
        self._ask_client()
        self._ask_download_folder()
        self._ask_quality()
        self._ask_about_telling()
        return self.answers

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
                self.say("  Without a tracker no film can be found.")
        in_order = [key for key in present if key in chosen]
        in_order += [key for key in chosen if key not in present]
        if in_order != list(present):
            self.answers.settings["trackers"] = in_order

    def _ask_tracker(self, tracker: TrackerService, present: Sequence[str]) -> list[str]:
        """Ask about a tracker, or each one of several; return their keys."""
        if not tracker.is_named:
            tracker.ask(self._form(tracker))
            return [tracker.name]
        keys = list(present)
        for key in keys:
            self.say(f"\n{key}:")
            tracker.ask(self._form(tracker, entry=key.partition(":")[2]))
        while not keys or self.confirm("Another one?", default=False):
            entry = self.ask("A name of your own for it", "", _ENTRY, _ENTRY_RULE)
            if entry and f"{tracker.name}:{entry}" not in keys:
                keys.append(f"{tracker.name}:{entry}")
                tracker.ask(self._form(tracker, entry=entry))
        return keys

    def _ask_client(self) -> None:
        """Ask which client is used: one after the other, and a folder if it is none of them."""
        present = self.config.client()
        chosen = registry.fallback_client()
        self.say("")
        for client in registry.of_kind(ClientService).values():
            if client.question and self.confirm(client.question, default=client is present):
                chosen = client
                break
        if chosen is not present:
            self.answers.settings["client"] = chosen.name
        chosen.ask(self._form(chosen))

    def _ask_download_folder(self) -> None:
        self.say("\nThe folder your films are downloaded to. Films that are in it are not fetched again.")
        present = self.config.section(GeneralSettings).download_directory
        while True:
            text = self.ask("Download folder", present, _folder, "Write its whole path.")
            folder = text or present
            if Path(folder).is_dir() or self._may_be_made(Path(folder), is_new=text is not None):
                break
        if text is not None:
            self.answers.settings["download_directory"] = text

    def _may_be_made(self, folder: Path, *, is_new: bool) -> bool:
        """Return whether to go on with a folder that is not there, and note it if it is to be made."""
        above = folder
        while not os.path.lexists(above) and above != above.parent:
            above = above.parent
        if not (above.is_dir() and os.access(above, os.W_OK | os.X_OK)):
            self.say(f"  {folder} is no folder and cannot be made, because of {above}.")
            return not is_new and self.confirm("  Keep it nevertheless?", default=False)
        if self.confirm(f"  {folder} is not there. Make it?", default=True):
            self.answers.folder_to_make = folder
            return True
        return not is_new  # a disk that is not mounted now

    def _ask_quality(self) -> None:
        if self.config.is_set("quality.order"):
            self.say('\nQuality: your own "quality.order" in config.json stays.')
            return
        self.say("\nQuality:")
        for name, meaning in PRESETS.items():
            self.say(f"  {name:8} {meaning}")
        present = self.config.section(QualityPreset).preset or _BUILT_IN
        preset = self.ask("Which one", present, one_of(*PRESETS), f"Write one of {', '.join(PRESETS)}.")
        if preset is not None:
            self.answers.settings["quality"] = {"preset": None if preset == _BUILT_IN else preset}

    def _ask_about_telling(self) -> None:
        services = registry.of_kind(ToldService).values()
        *first, last = (service.title for service in services)
        self.say("")
        if self.confirm(f"Set up {', '.join(first)} or {last}?", default=False):
            for service in services:
                service.ask(self._form(service))


def _folder(text: str) -> str:
    return str(expand_home(path_here(text), os.environ))
