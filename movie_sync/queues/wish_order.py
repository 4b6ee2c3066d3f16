"""The order in which films are worked on: the newest wish first, and what was wished together as listed.

Films of one reading of the watchlist have one time, and stand newest first already. Four bytes a
film and a dictionary of times are kept.
"""

from array import array
from collections.abc import Callable, Collection
from datetime import datetime


class WishOrder:
    """Rows by the time of their wish. Not thread-safe. Rows that are gone are forgotten on the way."""

    def __init__(self) -> None:
        self._rows: dict[datetime, array[int]] = {}
        self._begins: dict[datetime, int] = {}

    def add(self, wished_at: datetime, row: int) -> None:
        """Note a film; a later row of the same time comes after the earlier ones."""
        rows = self._rows.get(wished_at)
        if rows is None:
            rows = self._rows[wished_at] = array("I")
        rows.append(row)

    def newest(self, is_there: Callable[[int], bool], but_for: Collection[int] = ()) -> int | None:
        """Return the first row of the latest time that has one, or None; those of `but_for` do not count."""
        for latest in sorted(self._rows, reverse=True):
            rows = self._rows[latest]
            are_all_gone = True
            for place in range(self._begins.get(latest, 0), len(rows)):
                if not is_there(rows[place]):
                    continue
                if are_all_gone:
                    self._begins[latest] = place
                if rows[place] not in but_for:
                    return rows[place]
                are_all_gone = False
            if are_all_gone:
                del self._rows[latest]
                self._begins.pop(latest, None)
        return None
