"""The passphrase of a backup: from the environment, from a file, or typed without being shown."""

import getpass
import os
import warnings
from pathlib import Path

from movie_sync.commands.context import Context
from movie_sync.errors import UserError
from movie_sync.services.form import Prompts
from movie_sync.storage.paths import PASSPHRASE_VARIABLE
from movie_sync.storage.regular_file import open_regular

_FILE_VARIABLE = f"{PASSPHRASE_VARIABLE}_FILE"
_SHORTEST = 8
_MOST_BYTES = 10_000


def given_passphrase(context: Context) -> str:
    """Return the passphrase that the environment gives, or "". Raises UserError: its file can't be read."""
    text = context.environ.get(PASSPHRASE_VARIABLE, "")
    if not text and (name := context.environ.get(_FILE_VARIABLE, "").strip()):
        try:
            with open_regular(Path(name)) as file:
                text = os.fsdecode(file.read(_MOST_BYTES)).rstrip("\r\n")
        except OSError as exc:
            reason = exc.strerror or "it isn't a regular file"
            raise UserError(f"Can't read {name}, set by {_FILE_VARIABLE}: {reason}.") from None
    context.redactor.learn(filter(None, [text]))
    return text


def typed_passphrase(context: Context, prompts: Prompts, question: str) -> str:
    """Return what is typed. Raises UserError: there is no terminal, or it would show what is typed."""
    if not prompts.is_terminal():
        raise UserError(
            f"Passphrase required. Set {PASSPHRASE_VARIABLE} or {_FILE_VARIABLE}, or run this in a terminal."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            text = prompts.ask_secret(question)
        except getpass.GetPassWarning:
            raise UserError(
                f"This terminal would show the passphrase. Put it in a file and set {_FILE_VARIABLE}."
            ) from None
        except EOFError:
            raise UserError("No passphrase was entered.") from None
    context.redactor.learn(filter(None, [text]))
    return text


def new_passphrase(context: Context, prompts: Prompts) -> str:
    """Return a passphrase for a new backup, typed twice. Raises UserError."""
    text = given_passphrase(context)
    if not text:
        text = typed_passphrase(context, prompts, "Passphrase for the backup (hidden): ")
        if typed_passphrase(context, prompts, "Again: ") != text:
            raise UserError("The passphrases don't match. Nothing was written.")
    if len(text) < _SHORTEST:
        raise UserError(f"The passphrase must have at least {_SHORTEST} characters.")
    return text
