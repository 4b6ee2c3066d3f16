"""How this program was started, so that the commands it shows are ones that work."""

import shlex
import shutil
import sys
from pathlib import Path

SCRIPT = "movie-sync"
_folder: list[str] = []
"""What names the data folder, where it is another one than a command without it would take."""


def name_folder(folder: Path | None) -> None:
    """Let commands that are shown name this data folder; None: theirs is the one without a name."""
    _folder[:] = ["--data-dir", str(folder)] if folder else []


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
    return shlex.join([*program, *_folder, *words])
