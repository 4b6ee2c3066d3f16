"""Decrypts the credentials for the daemon and ends: `python -m movie_sync.credentials.child FILE KEY_FILE`.

The secrets leave on standard output, which is a pipe to the daemon; they are in no argument and in no
environment, where other processes of the user could read them.
"""

import sys
from pathlib import Path

from movie_sync.credentials.manager import CHILD_SAYS_NOT_NOW, CHILD_SAYS_WHY, CredentialsManager, serialize
from movie_sync.errors import CredentialsError, UserError


def main(arguments: list[str]) -> int:
    """Write the decrypted credentials to standard output, or why that is impossible; return the exit code."""
    path, key_file = map(Path, arguments)
    try:
        answer, code = serialize(CredentialsManager(path, key_file, environ={}).stored()), 0
    except (UserError, CredentialsError) as exc:
        answer = str(exc).encode(errors="replace")
        code = CHILD_SAYS_WHY if isinstance(exc, UserError) else CHILD_SAYS_NOT_NOW
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
