"""Questions on a terminal: asked again until the answer can be used."""

import getpass
import sys
from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(slots=True)
class Dialogue:
    """Asks and answers; what is typed is checked at once.

    Every question raises EOFError or KeyboardInterrupt if the user breaks off.
    """

    prompts: Prompts
    out: TextIO

    def ask(
        self,
        question: str,
        present: str,
        read: Callable[[str], str],
        wanted: str = "",
        *,
        is_needed: bool = True,
        is_secret: bool = False,
    ) -> str | None:
        """Return what was typed, usable, or None where Enter keeps what is there.

        A secret text is not shown, neither the present one nor the one that is typed.
        """
        hint = f" [{'keep the one there is' if is_secret else present}]" if present else ""
        line = f"{question}{' (is not shown)' if is_secret else ''}{hint}: "
        while True:
            text = (self.prompts.ask_secret if is_secret else self.prompts.ask)(line).strip()
            if not text and (present or not is_needed):
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
            answer = self.prompts.ask(f"{question} {choices} ").strip().lower()
            if answer in {"", "y", "yes", "n", "no"}:
                return answer.startswith("y") if answer else default
            self.say("  Write y or n.")

    def say(self, text: str) -> None:
        """Show a line."""
        print(text, file=self.out)
