"""How setup asks: a dialogue on the terminal, and the page of each service in it."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

from movie_sync.credentials.addresses import may_receive, server_of
from movie_sync.credentials.manager import clean
from movie_sync.domain.plain_text import folded, safe_lines
from movie_sync.domain.redaction import Redactor
from movie_sync.errors import UserError
from movie_sync.settings.section import Sections
from movie_sync.settings.values import UnusableValue, web_address
from movie_sync.storage.paths import AppPaths

if TYPE_CHECKING:
    from movie_sync.services.base import Service

NONE = "-"
"""What is typed in setup to take away what is there."""


def _ask_secret(question: str) -> str:
    import getpass  # noqa: PLC0415 - for setup alone, and every command loads this module

    return getpass.getpass(question)


@dataclass(frozen=True, slots=True)
class Prompts:
    """How the user is asked; a test puts its own answers in."""

    ask: Callable[[str], str] = input
    ask_secret: Callable[[str], str] = _ask_secret
    is_terminal: Callable[[], bool] = lambda: sys.stdin is not None and sys.stdin.isatty()


@dataclass(slots=True)
class Dialogue:
    """Asks and answers; what is typed is checked at once.

    Every question raises EOFError or KeyboardInterrupt if the user breaks off. On a terminal lines are
    parted at blanks to its width.
    """

    prompts: Prompts
    out: TextIO
    redactor: Redactor

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
        hint = f" [{'keep current' if is_secret else present}]" if present else ""
        line = f"{question}{' (hidden)' if is_secret else ''}{hint}: "
        while True:
            text = self._answer(line, self.prompts.ask_secret if is_secret else self.prompts.ask)
            if not text and (present or not is_needed):
                return None
            try:
                if text:
                    return read(text)
                self.say("  Required.")
            except (UnusableValue, UserError) as exc:
                self.say(f"  {wanted or exc}")

    def confirm(self, question: str, *, default: bool) -> bool:
        """Return the answer to a question of yes or no."""
        choices = "[Y/n]" if default else "[y/N]"
        while True:
            answer = self._answer(f"{question} {choices} ", self.prompts.ask).lower()
            if answer in {"", "y", "yes", "n", "no"}:
                return answer.startswith("y") if answer else default
            self.say("  Please answer y or n.")

    def say(self, text: str = "") -> None:
        """Show lines, without what must not be shown."""
        for line in self._lines(text):
            print(line, file=self.out)

    def show_command(self, command: str) -> None:
        """Show a command to copy, on a line of its own however long it is."""
        print(f"  {self.redactor.clean(safe_lines(command))}", file=self.out)

    def _answer(self, question: str, ask: Callable[[str], str]) -> str:
        *before, last = self._lines(question.rstrip(" "))
        for line in before:
            print(line, file=self.out)
        self.out.flush()
        return ask(f"{last} ").strip()

    def _lines(self, text: str) -> list[str]:
        lines = self.redactor.clean(safe_lines(text)).split("\n")
        if not self.out.isatty():
            return lines
        columns = shutil.get_terminal_size().columns - 1
        parted: list[str] = []
        for line in lines:
            indent = line[: len(line) - len(line.lstrip(" "))]
            is_short = len(line) <= columns  # and its columns of text stay as they are
            if is_short:
                parted.append(line)
                continue
            first, *more = folded(line, max(20, columns - 2 * len(indent)))
            parted += [
                indent + first,
                *(2 * indent + piece for piece in more),
            ]  # where it goes on can be seen
        return parted


@dataclass(slots=True)
class Answers:
    """What was typed in a part of setup; only that is written."""

    settings: dict[str, Any] = field(default_factory=dict)
    credentials: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(slots=True)
class Form(Dialogue):
    """The setup's page for one service, which notes what is typed.

    `entry` is the user's name for it where it is a named one: settings and credentials are noted under it.
    `is_needed` tells that nothing else does its work; `address` is where it was found on this machine.
    """

    service: "Service"
    login: dict[str, str]
    config: Sections
    paths: AppPaths
    answers: Answers
    entry: str = ""
    is_needed: bool = True
    address: str = ""

    def ask_credential(self, name: str, question: str, *, is_needed: bool = True) -> str | None:
        """Ask for one of the service's credentials and note it; returns as `ask`."""
        declared = next(each for each in self.service.credentials if each.name == name)
        name = self.entry if declared.is_named else name
        present, what = self.login.get(name, ""), f"The {declared.title}"

        def read(text: str) -> str:
            return text if text == NONE and not is_needed else clean(text, declared, what)

        typed = self.ask(question, present, read, is_needed=is_needed, is_secret=declared.is_secret)
        if typed and (is_needed or typed != NONE):
            self.set_credential(name, typed)
        return typed

    def ask_address(self, question: str, present: str, read: Callable[[str], str], example: str) -> None:
        """Ask for the service's address and note it, unless it was found."""
        url: str | None = self.address
        if not url:
            url = self.ask(question, present, read, f"Enter an address such as {example}.")
        if url is not None and url != present:
            self.set_address(url, present)

    def set_address(self, url: str | None, present: str) -> None:
        """Note the service's address; secrets that were entered for another server are forgotten."""
        self.set("url", url)
        if url and present and may_receive(server_of(url), server_of(present)):
            return
        secrets = [each.name for each in self.service.credentials if each.is_secret and not each.is_named]
        for name in [self.entry] if self.service.is_named else secrets:
            if self.login.pop(name, ""):
                self.set_credential(name, "")

    def set(self, key: str, value: object) -> None:
        """Note a setting of the service's section."""
        content = self.answers.settings
        for section in filter(None, (self.service.section_name or self.service.name, self.entry)):
            content = content.setdefault(section, {})
        content[key] = value

    def set_credential(self, name: str, value: str) -> None:
        """Note a credential; an empty one is forgotten."""
        self.answers.credentials.setdefault(self.service.name, {})[name] = value


def address_here(text: str) -> str:
    """Return a typed address, which may lack its `http://`; raises UnusableValue."""
    return web_address(text if "://" in text else f"http://{text}")
