"""What the lists of the settings mean: the files that remember them, and what each film is judged by."""

from pathlib import Path

from movie_sync.domain.film_rules import FilmRules
from movie_sync.services.wish_lists import ListSettings, are_all_named, chosen_lists, is_replaced
from movie_sync.settings.config import Config
from movie_sync.wishes.first_lists import FirstLists
from movie_sync.wishes.memories import Memories


def memories_of(config: Config, watchlist: Path) -> Memories:
    """Return the files in which the lists of the settings are remembered."""
    wishes = [chosen.wish for chosen in chosen_lists(config)]
    # Lists that cannot be read are lists: nothing may be concluded of their films.
    has_entries = bool(config.section(ListSettings).lists) or config.may_be_meant("lists")
    return Memories(
        watchlist,
        wishes,
        is_older=not has_entries,
        is_for_a_run=has_entries and is_replaced(config),
        are_all_named=are_all_named(config),
    )


def film_rules(config: Config, watchlist: Path, first_lists: FirstLists | None = None) -> FilmRules:
    """Return what each film is judged by, by the settings and the lists as they were last read."""
    first_lists = first_lists or first_lists_of(config, watchlist)
    return FilmRules(config.quality(), config.preset, first_lists.of)


def first_lists_of(config: Config, watchlist: Path) -> FirstLists:
    """Return what knows which list's keys hold for a film."""
    memories = memories_of(config, watchlist)
    wishes = (chosen.wish for chosen in chosen_lists(config))
    return FirstLists((wish, memories.path_of(wish)) for wish in wishes)
