"""Parses command lines; answers a typo with the nearest command or option, in one line."""

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from movie_sync.domain.plain_text import folded, folded_as_is, one_line
from movie_sync.invocation import command_line
from movie_sync.outlet import readable

_EVERYWHERE = {"help", "version", "data_dir", "log_level", "plain"}
_NEAR_ENOUGH = 0.6
_WRONG_USAGE = 2
_IMDB_ID = re.compile(r"tt\d{5,10}")
_FIRST_FILM_YEAR, _LAST_FILM_YEAR = 1870, 2100


class Help(argparse.RawDescriptionHelpFormatter):
    """Help that shows commands as they can be typed, and never wraps within a word.

    The usage line leaves the options out that every command has; they are last in the list below it.
    """

    def __init__(self, prog: str, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as argparse has them
        super().__init__(command_line(*prog.split()[1:]), *args, **kwargs)

    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[Any],
        prefix: str | None = None,
    ) -> None:
        """Add the line of usage."""
        super().add_usage(usage, [each for each in actions if each.dest not in _EVERYWHERE], groups, prefix)

    def add_arguments(self, actions: Iterable[argparse.Action]) -> None:
        """Add the list of a group of arguments."""
        super().add_arguments(sorted(actions, key=lambda each: each.dest in _EVERYWHERE))

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(folded_as_is(f"{indent}{line}", width) for line in text.split("\n"))

    def _split_lines(self, text: str, width: int) -> list[str]:
        return folded(" ".join(text.split()), width)


class Parser(argparse.ArgumentParser):
    """Ends with exit code 2 and a line on stderr for what cannot be understood.

    `commands` are the parsers of the commands, by name; each is a parser like this.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as argparse has them
        super().__init__(*args, **{"formatter_class": Help} | kwargs)
        self.commands: dict[str, Parser] = {}
        self._given: list[str] = []

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """Parse a whole command line."""
        self._given = list(sys.argv[1:] if args is None else args)
        parsed, extras = self.parse_known_args(args, namespace)
        if extras:
            parser = self.commands.get(getattr(parsed, "command", None) or "", self)
            parser.error(parser._not_understood(extras[0], self))  # noqa: SLF001 - its own class
        return parsed

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in a line, and end."""
        words = one_line(f"{message[:1].upper()}{message[1:]}").rstrip(".")
        end = "" if words.endswith("?") else "."
        usage = command_line(*self.prog.split()[1:], "--help")
        said = readable(f"movie-sync: {words}{end} See `{usage}`.", sys.stderr)
        self.exit(_WRONG_USAGE, f"{said}\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:  # noqa: ANN401 - as argparse has it
        choices = [str(choice) for choice in action.choices or ()]
        if not choices or str(value) in choices:
            return
        either = did_you_mean(str(value), choices)
        if action.dest == "command":  # what stands behind a misspelt option is taken for one
            before = self._given[: self._given.index(value)] if value in self._given else []
            options = [each for each in before if each.startswith("-") and not self._is_option(each)]
            said = (
                self._not_understood(options[0], self) if options else f'unknown command "{value}".{either}'
            )
            raise argparse.ArgumentError(None, said)
        of_option = f"value of {' or '.join(action.option_strings)}" if action.option_strings else ""
        what = of_option or str(action.metavar or action.dest).lower()
        either = either or f" It can be {', '.join(choices)}."
        raise argparse.ArgumentError(None, f'"{value}" isn\'t a {what}.{either}')

    def _is_option(self, text: str) -> bool:
        name = text.partition("=")[0]
        return any(known.startswith(name) for known in self._option_string_actions)

    def _not_understood(self, extra: str, top: "Parser") -> str:
        option = extra.partition("=")[0]
        if not option.startswith("-"):
            return f'unexpected argument "{extra}"'
        if option in top._option_string_actions:  # noqa: SLF001 - its own class
            return f"{option} has to come before the command"
        return f"unknown option {option}.{did_you_mean(option, self._option_string_actions)}"


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """Return " Did you mean ...?" for the nearest known words, or "" if none is near."""
    import difflib  # noqa: PLC0415 - not for --help

    near = difflib.get_close_matches(text.casefold(), list(known), n=2, cutoff=_NEAR_ENOUGH)
    return f" Did you mean {' or '.join(near)}?" if near else ""


def seconds(text: str) -> float:
    """Read a number of seconds."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} isn't a number of seconds") from None
    return int(value) if value.is_integer() else value


def film_year(text: str) -> int:
    """Read the year of a film."""
    if not (text.isascii() and text.isdigit()) or not _FIRST_FILM_YEAR <= int(text) <= _LAST_FILM_YEAR:
        raise argparse.ArgumentTypeError(f"{text!r} isn't a film's year")
    return int(text)


def imdb_id(text: str) -> str:
    """Read the id of a film at IMDb."""
    if not _IMDB_ID.fullmatch(text.strip().lower()):
        raise argparse.ArgumentTypeError(f"{text!r} isn't an IMDb id such as tt0113277")
    return text.strip().lower()
