"""The part of setup about lists: the one list that most people have, or those of the setting `lists`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from movie_sync.errors import BlockedError, MovieSyncError, PrivateListError, UserError
from movie_sync.services import registry
from movie_sync.services.base import ListService
from movie_sync.services.form import Answers
from movie_sync.services.wish_lists import (
    ChosenList,
    ListSettings,
    chosen_lists,
    entries_for,
    entry_of,
    is_replaced,
    required_lists,
)
from movie_sync.settings.config import Config

if TYPE_CHECKING:
    from movie_sync.commands.setup_blocks import Blocks

_WANTED = "Enter a Letterboxd username, a list's address, or the full path of a file."


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

    def ask(answers: Answers) -> None:
        chosen = chosen_lists(blocks.config.changed(answers.settings))
        service = chosen[0].service if chosen else None
        for source in sources:
            is_needed = source is service if service else source.is_fallback
            source.ask(blocks.form(source, answers, is_needed=is_needed and not source.question))

    def attempt(config: Config, _answers: Answers) -> str:
        return _words(blocks, required_lists(config)[0], config)

    def stand_in(exc: MovieSyncError | OSError, answers: Answers) -> bool:
        if isinstance(exc, BlockedError | PrivateListError):
            for source in sources:
                if source.question and blocks.confirm(f"  {source.question}", default=False):
                    source.ask(blocks.form(source, answers))
                    return True
        return False

    blocks.until_it_works("the list", ask, attempt, correct=stand_in)


def _add_list(blocks: "Blocks") -> None:
    meant: list[Mapping[str, object]] = []

    def ask(answers: Answers) -> None:
        def read(text: str) -> str:
            meant[:] = entries_for(text)
            return text

        blocks.ask("Username, list address, or path of an export or an IMDb CSV", "", read, _WANTED)
        answers.settings = _with_list(blocks.config, meant[0])

    def attempt(_config: Config, answers: Answers) -> str:
        refused: list[UserError] = []
        for entry in meant:
            settings = _with_list(blocks.config, entry)
            config = blocks.config.changed(settings)
            try:
                words = _words(blocks, chosen_lists(config)[-1], config)
            except UserError as exc:  # a path may be one of several kinds of files
                refused.append(exc)
            else:
                answers.settings = settings
                return words
        raise refused[0]

    blocks.until_it_works("the list", ask, attempt)


def _with_list(config: Config, entry: Mapping[str, object]) -> dict[str, object]:
    """Return the settings that add a list; one that older keys name becomes the first of them."""
    if config.section(ListSettings).lists:
        present = config.content["lists"]
        return {"lists": [*present, entry]} if isinstance(present, list) else {"lists": [entry]}
    settings: dict[str, object] = {"lists": [*map(entry_of, chosen_lists(config)), entry]}
    if config.is_set("username"):
        settings["username"] = ""
    if config.is_set("letterboxd.export_file"):
        settings["letterboxd"] = {"export_file": None}
    return settings
