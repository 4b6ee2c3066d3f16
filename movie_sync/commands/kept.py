"""Parts that outlive a change of settings."""

from collections.abc import Callable
from typing import Any, TypeVar

_Part = TypeVar("_Part")


class Kept:
    """Parts that outlive a change of settings: each is kept until the settings it was built from change."""

    def __init__(self) -> None:
        self._parts: dict[str, tuple[object, Any]] = {}

    def part(self, name: str, made_with: object, make: Callable[[_Part | None], _Part]) -> _Part:
        """Return a part, rebuilt if its settings changed; `make` gets the previous one, if any."""
        found = self._parts.get(name)
        if found is None or found[0] != made_with:
            found = self._parts[name] = made_with, make(found[1] if found else None)
        part: _Part = found[1]
        return part
