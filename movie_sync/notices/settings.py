"""The user's own command, which is run with each event."""

from dataclasses import dataclass

from movie_sync.settings.section import setting
from movie_sync.settings.values import command_line, or_null


@dataclass(frozen=True, slots=True)
class CommandSettings:
    """The program and its arguments."""

    on_event: tuple[str, ...] | None = setting(
        None,
        "a program and its arguments, as a list of texts or as one text, or null for none",
        or_null(command_line),
        is_path=True,
        is_private=True,
    )
