"""What stays as it is while settings change in a run."""

from collections.abc import Callable
from typing import Any, TypeVar

_Part = TypeVar("_Part")


class Kept:
    """What goes on when settings change in a run: each part until what it was made with is different."""

    def __init__(self) -> None:
        self._parts: dict[str, tuple[object, Any]] = {}

    def part(self, name: str, made_with: object, make: Callable[[_Part | None], _Part]) -> _Part:
        """Return a part as it is, or made anew; `make` is given the one before, if there is one."""
        found = self._parts.get(name)
        if found is None or found[0] != made_with:
            found = self._parts[name] = made_with, make(found[1] if found else None)
        part: _Part = found[1]
        return part
