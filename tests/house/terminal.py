"""Our end of a terminal, with what stands on it."""

import os
import re
import select
import time

from house.waiting import LONG_SECONDS

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_ERASE = "\x1b[K"


class Reader:
    """Reads what a program writes, and knows the rows as they are seen, without colours."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.raw = b""

    @property
    def rows(self) -> list[str]:
        """The rows: what was written over, or erased, is gone."""
        rows = []
        for line in self.raw.decode(errors="replace").split("\n"):
            last = re.split(rf"\r{re.escape(_ERASE)}", line)[-1]
            rows.append(_ESCAPES.sub("", last.rstrip("\r")))
        return rows

    def read_until(self, words: str) -> None:
        """Return once the words are there, in some row; fail if the end comes before."""
        ends_at = time.monotonic() + LONG_SECONDS
        while not any(words in row for row in self.rows):
            assert self._read(ends_at), self.raw

    def read_to_end(self) -> None:
        """Return once nobody writes there any more."""
        ends_at = time.monotonic() + LONG_SECONDS
        while self._read(ends_at):
            pass

    def _read(self, ends_at: float) -> bool:
        assert select.select([self._descriptor], [], [], max(ends_at - time.monotonic(), 0))[0], self.raw
        try:
            piece = os.read(self._descriptor, 65536)
        except OSError:  # the other end has gone
            return False
        self.raw += piece
        return bool(piece)
