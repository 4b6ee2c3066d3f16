"""Tells the user's services for the daemon and ends: `python -m movie_sync.notices.child FILE KEY_FILE`.

What to do comes on standard input; the secrets are read here, from the encrypted file or from the
environment, and die with this process. Standard output holds nothing, or one line for the log.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from movie_sync.credentials.manager import CHILD_SAYS_WHY, CredentialsManager
from movie_sync.domain.plain_text import one_line
from movie_sync.domain.redaction import Redactor
from movie_sync.errors import MovieSyncError
from movie_sync.services import registry
from movie_sync.services.base import ToldService

_LONGEST_ANSWER = 4000  # no more than what a pipe holds, whoever reads it


def main(arguments: list[str]) -> int:
    """Carry out the order on standard input; return the exit code."""
    # Nothing that a library prints may get among the answer.
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", errors="replace")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    _go_straight_to_this_machine()
    path, key_file = map(Path, arguments)
    redactor = Redactor()
    try:
        words = _carry_out(
            json.load(sys.stdin),
            CredentialsManager(path, key_file, fields=registry.credential_fields()),
            redactor,
        )
        code = 0
    except MovieSyncError as exc:
        words, code = str(exc), CHILD_SAYS_WHY
    with answer:
        answer.write(redactor.clean(one_line(words))[:_LONGEST_ANSWER])
    return code


def _go_straight_to_this_machine() -> None:
    """Let no proxy stand before this machine itself, as in the daemon: it would look for it elsewhere."""
    exempt = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    if exempt != "*":
        os.environ["no_proxy"] = ",".join([*filter(None, [exempt]), "localhost", "127.0.0.0/8", "::1"])


def _carry_out(order: Mapping[str, str], manager: CredentialsManager, redactor: Redactor) -> str:
    service = registry.of_kind(ToldService)[order["service"]]
    login = manager.get(service.name)
    for field in service.credentials:
        value = login.get(field.name, "")
        redactor.learn([value, *value.split()] if value else [])
    service.check_login(login)
    return service.tell(order, login)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
