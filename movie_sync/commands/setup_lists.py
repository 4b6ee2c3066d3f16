"""The part of setup about lists: the one list that most people have, or those of the setting `lists`."""

import contextlib
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from movie_sync.errors import BlockedError, MovieSyncError, PrivateListError, UserError
from movie_sync.services import registry
from movie_sync.services.base import ListService
from movie_sync.services.form import Answers
from movie_sync.services.wish_lists import (
    ChosenList,
    ListSettings,
    chosen_by,
    chosen_lists,
    entries_for,
    entry_of,
    is_replaced,
    required_lists,
)
from movie_sync.settings.config import Config
from movie_sync.settings.values import UnusableValue

if TYPE_CHECKING:
    from movie_sync.commands.setup_blocks import Blocks

_ONE = "Letterboxd username, list address, or path of an export"
_ANOTHER = "Username, list address, or path of an export or an IMDb CSV"
_WANTED = "Enter a Letterboxd username, a list's address, or the path of a file."
_FILES = (".csv", ".zip")
_Entry = Mapping[str, object]
_Settings = dict[str, object]


def ask_lists(blocks: "Blocks") -> None:
    """Ask for the list, or try those there are; more are asked for in this part alone."""
    config = blocks.config
    blocks.say()
    if config.may_be_meant("lists"):
        blocks.say('"lists" in config.json can\'t be used. Run `check` to see why, then fix the file.')
        blocks.kept.append("the lists")
        return
    if config.section(ListSettings).lists and not is_replaced(config):
        _try_lists(blocks)
    else:
        _ask_one(blocks)
    if blocks.is_alone and not config.is_overridden("lists") and not is_replaced(config):
        while blocks.confirm("Add another list?", default=False):
            _add_list(blocks)


def _try_lists(blocks: "Blocks") -> None:
    """Say which lists are read, and how each is; they stay as they are."""
    blocks.say('Your lists (change or remove them under "lists" in config.json):')
    works = False
    for chosen in chosen_lists(blocks.config):
        try:
            blocks.say(f"  OK: {_words(blocks, chosen, blocks.config)}")
            works = True
        except (MovieSyncError, OSError) as exc:
            blocks.say(f"  FAILED: {chosen.wish.label}: {exc}")
    if not works:
        blocks.kept.append("the lists")


def _words(blocks: "Blocks", chosen: ChosenList, config: Config) -> str:
    count = chosen.look(config, blocks.around).count
    return f"{chosen.wish.label} has {count:,} film{'' if count == 1 else 's'}."


def _ask_one(blocks: "Blocks") -> None:
    sources = registry.of_kind(ListService).values()
    meant: list[_Entry] = []

    def ask(answers: Answers) -> None:
        chosen = chosen_lists(blocks.config.changed(answers.settings))
        service = chosen[0].service if chosen else None
        for source in sources:
            is_needed = source is service if service else source.is_fallback
            if source.is_fallback:
                _ask_which(blocks, source, meant, answers, is_needed=is_needed)
            elif "lists" not in answers.settings:
                source.ask(blocks.form(source, answers, is_needed=is_needed and not source.question))

    def attempt(config: Config, answers: Answers) -> str:
        if "lists" in answers.settings:
            return _try_each(blocks, meant, partial(_in_lists, blocks.config), answers)
        return _words(blocks, required_lists(config)[0], config)

    blocks.until_it_works("the list", ask, attempt, correct=partial(_stand_in, blocks))


def _stand_in(blocks: "Blocks", exc: MovieSyncError | OSError, answers: Answers) -> bool:
    """Offer what can be read in place of a list that may not be; True if that was chosen."""
    if isinstance(exc, BlockedError | PrivateListError):
        for source in registry.of_kind(ListService).values():
            if source.question and blocks.confirm(f"  {source.question}", default=False):
                answers.settings.pop("lists", None)
                source.ask(blocks.form(source, answers))
                return True
    return False


def _ask_which(
    blocks: "Blocks", source: ListService, meant: list[_Entry], answers: Answers, *, is_needed: bool
) -> None:
    """Ask for the only list there is to be, and note it; `meant` is what was typed before."""
    config = blocks.config.changed(answers.settings)
    own = source.own_list(config)
    present = str(next(iter(meant[0].values()))) if meant else own.place if own else ""
    if blocks.ask(_ONE, present, partial(_read, meant), _WANTED, is_needed=is_needed) is None:
        return
    answers.settings.pop("lists", None)
    name = meant[0].get(source.entry_key)
    answers.settings |= {"username": name} if name else _in_lists(config, meant[0])


def _add_list(blocks: "Blocks") -> None:
    meant: list[_Entry] = []

    def ask(answers: Answers) -> None:
        blocks.ask(_ANOTHER, "", partial(_read, meant), _WANTED)
        answers.settings = _with_list(blocks.config, meant[0])

    def attempt(_config: Config, answers: Answers) -> str:
        return _try_each(blocks, meant, partial(_with_list, blocks.config), answers)

    blocks.until_it_works("the list", ask, attempt)


def _read(meant: list[_Entry], text: str) -> str:
    """Note what was typed may mean; a path may be quoted as for a shell, and begin in this folder."""
    if not os.path.lexists(text):
        with contextlib.suppress(ValueError):
            text = " ".join(shlex.split(text))
    try:
        meant[:] = entries_for(text)
    except UnusableValue:
        if not (text.lower().endswith(_FILES) or Path(text).exists()):
            raise
        text = str(Path(text).absolute())
        meant[:] = entries_for(text)
    return text


def _try_each(
    blocks: "Blocks", meant: Sequence[_Entry], settings: Callable[[_Entry], _Settings], answers: Answers
) -> str:
    """Read the first of what was typed may mean that can be read, and note it; return how it is."""
    refused: list[UserError] = []
    for entry in meant:
        changes = settings(entry)
        try:
            words = _words(blocks, chosen_by(entry), blocks.config.changed(changes))
        except UserError as exc:  # a path may be one of several kinds of files
            refused.append(exc)
        else:
            answers.settings = changes
            return words
    raise refused[0]


def _with_list(config: Config, entry: _Entry) -> _Settings:
    """Return the settings that add a list; one that older keys name becomes the first of them."""
    if config.section(ListSettings).lists:
        present = config.content["lists"]
        return {"lists": [*present, entry]} if isinstance(present, list) else {"lists": [entry]}
    return _in_lists(config, *map(entry_of, chosen_lists(config)), entry)


def _in_lists(config: Config, *entries: _Entry) -> _Settings:
    """Return the settings that name these lists, and none in older keys."""
    settings: _Settings = {"lists": list(entries)}
    if config.is_set("username"):
        settings["username"] = ""
    if config.is_set("letterboxd.export_file"):
        settings["letterboxd"] = {"export_file": None}
    return settings
