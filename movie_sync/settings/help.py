"""What each setting does, in the words of `help.txt` and of the documentation."""

from functools import cache
from pathlib import Path

from movie_sync.settings.keys import known
from movie_sync.settings.section import NamedSections

_ANY = "NAME"
"""Stands in the file for a name of the user's own."""


def help_of(key: str) -> str:
    """Return what a setting does, with words of the program between backticks; nothing for a section."""
    section, *rest = key.split(".")
    if rest and isinstance(known().top.keys.get(section), NamedSections):
        key = ".".join((section, _ANY, *rest[1:]))
    return _texts().get(key, "")


def documented() -> list[str]:
    """Return all keys in the order of the documentation, `NAME` for names of the user's own."""
    return list(_texts())


@cache
def _texts() -> dict[str, str]:
    """Return all texts by key. They are read when one is asked for: the daemon never does."""
    lines = Path(__file__).with_suffix(".txt").read_text("utf-8").splitlines()
    return dict(line.split("\t", 1) for line in lines)
