"""How this program was started, so that the commands it shows are ones that work."""

import shlex
import shutil
import sys
from pathlib import Path

SCRIPT = "movie-sync"


def command_line(*words: str) -> str:
    """Return a command of ours as the user can type it: the script, else the interpreter and path in use."""
    started = sys.argv[0] if sys.argv else ""
    name, interpreter = Path(started).name, next(iter(sys.orig_argv), "python")
    if name == SCRIPT:
        program = [SCRIPT if shutil.which(SCRIPT) else started]
    elif name == "__main__.py":
        program = [interpreter, "-m", "movie_sync"]
    else:
        program = [interpreter, started]
    return shlex.join([*program, *words])
