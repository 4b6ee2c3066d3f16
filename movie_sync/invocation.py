"""How this program was started, so that the commands it shows are ones that work."""

import os
import shlex
import shutil
import sys
from pathlib import Path

SCRIPT = "movie-sync"
_folder: list[str] = []
"""What names the data folder, where it is another one than a command without it would take."""
_is_read_here: list[bool] = [True]
"""Whether what is shown is read in this folder: not what a daemon says."""


def name_folder(folder: Path | None, *, is_read_here: bool = True) -> None:
    """Let commands that are shown name this data folder; None: theirs is the one without a name."""
    _folder[:] = ["--data-dir", str(folder)] if folder else []
    _is_read_here[:] = [is_read_here]


def command_line(*words: str) -> str:
    """Return a command of ours as the user can type it: the script, else the interpreter and path in use."""
    started = sys.argv[0] if sys.argv else ""
    name, interpreter = Path(started).name, next(iter(sys.orig_argv), "python")
    if name == SCRIPT:
        program = [SCRIPT if shutil.which(SCRIPT) else _typed(started)]
    elif name == "__main__.py":
        program = [_typed(interpreter), "-m", "movie_sync"]
    else:
        program = [_typed(interpreter), _typed(started)]
    return " ".join([*program, *map(_typed, _folder), *map(shlex.quote, words)])


def _typed(path: str) -> str:
    """Return a path as short as it can be typed, quoted for a shell; anything else quoted alone."""
    if not Path(path).is_absolute():
        return shlex.quote(path)
    shorter = []
    try:
        here = os.path.relpath(path)
        if _is_read_here[0] and not here.startswith("..") and f"/{here}" != path:
            shorter.append(shlex.quote(here if "/" in here or here == "." else f"./{here}"))
    except (OSError, ValueError):  # the folder is gone, or on another drive
        pass
    home = os.environ.get("HOME", "")
    if Path(home).is_absolute() and Path(path).is_relative_to(home) and path != home:
        shorter.append(f"~/{shlex.quote(os.path.relpath(path, home))}")  # which the shell expands, unquoted
    return min([shlex.quote(path), *shorter], key=len)
