"""The lists in `word_lists.txt`: what the words of film names mean, apart from the rules that weigh them."""

from collections.abc import Iterator
from pathlib import Path


def _read() -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in Path(__file__).with_suffix(".txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            lines = lists[line[1:-1]] = []
        elif line and not line.startswith("#"):
            lines.append(line)
    return lists


_LISTS = _read()


def listed(name: str) -> frozenset[str]:
    """Return the words of a list."""
    return frozenset(" ".join(_LISTS[name]).split())


def paired(name: str) -> dict[str, str]:
    """Return the pairs of a list, written `left=right`."""
    return {
        left: right for left, _, right in (pair.partition("=") for pair in " ".join(_LISTS[name]).split())
    }


def meanings(name: str) -> Iterator[tuple[str, str]]:
    """Yield the lines of a list: a meaning, and what stands behind it."""
    for line in _LISTS[name]:
        meaning, _, text = line.partition(": ")
        yield meaning, text
