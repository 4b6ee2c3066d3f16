"""Questions on a terminal: asked again until the answer can be used."""

import getpass
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TextIO

from movie_sync.errors import UserError
from movie_sync.settings.values import UnusableValue


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


@dataclass(frozen=True, slots=True)
class Prompts:
    """How the user is asked; a test puts its own answers in."""

    ask: Callable[[str], str] = input
    ask_secret: Callable[[str], str] = getpass.getpass
    is_terminal: Callable[[], bool] = _is_terminal


class Dialogue:
    """Asks and answers; what is typed is checked at once.

    Every question raises EOFError or KeyboardInterrupt if the user breaks off.
    """

    def __init__(self, prompts: Prompts, out: TextIO) -> None:
        self._prompts = prompts
        self._out = out

    def ask(
        self,
        question: str,
        present: str,
        read: Callable[[str], str],
        wanted: str = "",
        *,
        is_needed: bool = True,
    ) -> str | None:
        """Return what was typed, usable, or None where Enter keeps what is there."""
        hint = f" [{present}]" if present else ""
        ask = partial(self._prompts.ask, f"{question}{hint}: ")
        return self._read(ask, read, wanted, may_be_empty=bool(present) or not is_needed)

    def ask_secret(
        self, question: str, read: Callable[[str], str], *, has_present: bool, is_needed: bool = True
    ) -> str | None:
        """Do the same for a text that is not shown, not even in a message."""
        hint = " [keep the one there is]" if has_present else ""
        ask = partial(self._prompts.ask_secret, f"{question} (is not shown){hint}: ")
        return self._read(ask, read, may_be_empty=has_present or not is_needed)

    def _read(
        self, ask: Callable[[], str], read: Callable[[str], str], wanted: str = "", *, may_be_empty: bool
    ) -> str | None:
        while True:
            text = ask().strip()
            if not text and may_be_empty:
                return None
            try:
                if text:
                    return read(text)
                self.say("  This is needed.")
            except (UnusableValue, UserError) as exc:
                self.say(f"  {wanted or exc}")

    def confirm(self, question: str, *, default: bool) -> bool:
        """Return the answer to a question of yes or no."""
        choices = "[Y/n]" if default else "[y/N]"
        while True:
            answer = self._prompts.ask(f"{question} {choices} ").strip().lower()
            if answer in {"", "y", "yes", "n", "no"}:
                return answer.startswith("y") if answer else default
            self.say("  Write y or n.")

    def say(self, text: str) -> None:
        """Show a line."""
        print(text, file=self._out)
