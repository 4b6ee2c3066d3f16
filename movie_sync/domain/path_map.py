"""Where a path of the torrent client is on this machine: a container or another machine has its own names."""

import re
from collections.abc import Sequence

_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
Pairs = Sequence[tuple[str, str]]
"""A folder as the client names it, and the same one as this machine names it."""


def on_this_machine(path: str, pairs: Pairs) -> str:
    """Return a path of the client as this machine names it; of several pairs that fit, the longest counts.

    Without one that fits it is the same. Upper and lower case count, but not on a client's Windows.
    """
    their_path = _pieces(path)
    best, rest = "", None
    for theirs, ours in pairs:
        start = _pieces(theirs)
        left = len(their_path) - len(start)
        if their_path[: len(start)] == start and (rest is None or left < len(rest)):
            best, rest = ours, _shown_pieces(path)[len(start) :]
    if rest is None:
        return path
    return "/".join([best.rstrip("/"), *rest]) or "/"


def fits(path: str, theirs: str) -> bool:
    """Tell whether a path of the client is this folder of the client, or in it."""
    start = _pieces(theirs)
    return _pieces(path)[: len(start)] == start


def _pieces(path: str) -> list[str]:
    pieces = _shown_pieces(path)
    return [piece.casefold() for piece in pieces] if _WINDOWS.match(path) else pieces


def _shown_pieces(path: str) -> list[str]:
    """Return the path's root and names; a slash too many, or one at its end, counts for nothing."""
    is_windows = _WINDOWS.match(path)
    root, *names = (path.replace("\\", "/") if is_windows else path).split("/")
    return [root, *filter(None, names)]
