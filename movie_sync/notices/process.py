"""What tells the user's services: as a program, `python -m movie_sync.notices.process FILE KEY_FILE`.

What to do comes on standard input; the secrets are read there, from the encrypted file or from the
environment, and die with it. Standard output holds nothing, or one line for the log.
"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from movie_sync.child_process import CHILD_SAYS_WHY, Process
from movie_sync.credentials.addresses import Destinations
from movie_sync.credentials.environment import child_environment
from movie_sync.credentials.manager import CredentialsManager
from movie_sync.domain.plain_text import one_line
from movie_sync.domain.redaction import Redactor
from movie_sync.errors import MovieSyncError
from movie_sync.ports import Clock
from movie_sync.services import registry
from movie_sync.services.base import ToldService

_MODULE = "movie_sync.notices.process"
_LONGEST_ANSWER = 4000  # no more than what a pipe holds, whoever reads it


@dataclass(frozen=True, slots=True)
class Sender:
    """Starts the process that reads the secrets and speaks to services, outside the daemon's memory."""

    credentials: Path
    key_file: Path
    clock: Clock
    environ: Mapping[str, str]
    destinations: Destinations
    setup: str
    """How the user starts the part of setup that asks for these secrets."""

    def start(self, service: ToldService, order: Mapping[str, str], title: str, text: str) -> Process:
        """Start it with the order to tell a service; raises OSError."""
        return Process(
            [sys.executable, "-P", "-m", _MODULE, str(self.credentials), str(self.key_file)],
            json.dumps(
                {
                    "order": {**order, "service": service.name, "title": title, "text": text},
                    "destinations": asdict(self.destinations),
                    "setup": self.setup,
                }
            ).encode(),
            environ=child_environment(self.environ, but=service.credentials),
            clock=self.clock,
            is_ours=True,
        )


def _main(path: str, key_file: str) -> int:
    """Carry out the order on standard input; return the exit code."""
    # Nothing that a library prints may get among the answer.
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", errors="replace")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    _go_straight_to_this_machine()
    redactor, code = Redactor(), 0
    try:
        given = json.load(sys.stdin)
        manager = CredentialsManager(
            Path(path),
            Path(key_file),
            fields=registry.credential_fields(),
            destinations=Destinations(**given["destinations"]),
        )
        words = _carry_out(given["order"], manager, redactor, given["setup"])
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


def _carry_out(order: Mapping[str, str], manager: CredentialsManager, redactor: Redactor, setup: str) -> str:
    service = registry.of_kind(ToldService)[order["service"]]
    credentials = manager.load([service.name])
    if held := service.held_back(credentials, setup=setup):
        raise held
    login = credentials[service.name]
    for field in service.credentials:
        value = login.get(field.name, "")
        redactor.learn([value, *value.split()] if value else [])
    service.check_login(login)
    return service.tell(order, login)


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
