"""A long JSON list of objects, read while it comes: one of them is in memory at a time."""

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from movie_sync.domain.json_text import is_nested_deeply, part_count

# The longest real ones, torrents with hundreds of trackers, have a fraction of that.
_MAX_OBJECT_CHARACTERS = 256_000
_MAX_OBJECT_PARTS = 20_000
_MAX_BLANK_PIECES = 100
_BLANKS = re.compile(r"[ \t\r\n]*")


def objects_in(pieces: Iterable[bytes], most: int) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSON list whose bytes come in pieces, at most so many.

    What was yielded before something turns out to be wrong is not to be relied on. Raises ValueError
    if it is no whole list, has more objects or one too long or too deep, TypeError for what is no object.
    """
    text = _Text(pieces)
    if text.mark() != "[":
        raise ValueError("not a list")
    separator = text.mark(behind=1)
    for _ in range(most):
        if separator == "]":
            break
        value = text.value()
        if not isinstance(value, dict):
            raise TypeError("not an object")
        yield value
        separator = text.mark()
        if separator == ",":
            text.mark(behind=1)
        elif separator != "]":
            raise ValueError("nothing between two objects")
    if separator != "]":
        raise ValueError("more objects than there may be")
    if text.mark(behind=1):
        raise ValueError("something behind the list")


class _Text:
    """What has come and was not read yet."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._decoder = json.JSONDecoder()
        self._text = ""
        self._at = 0

    def mark(self, *, behind: int = 0) -> str:
        """Return the next character that is no blank behind so many others, or nothing at the end."""
        self._at += behind
        for _ in range(_MAX_BLANK_PIECES):
            blanks = _BLANKS.match(self._text, self._at)
            self._at = blanks.end() if blanks else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._take_more():
                return ""
        raise ValueError("blanks without end")

    def value(self) -> Any:  # noqa: ANN401 - it may be anything
        """Return the value that begins here."""
        while True:
            try:
                value, self._at = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError:
                if len(self._text) - self._at > _MAX_OBJECT_CHARACTERS or not self._take_more():
                    raise
            else:
                return value

    def _take_more(self) -> bool:
        """Add the next piece to what is left; False if there is none."""
        piece = next(self._pieces, None)
        if piece is None:
            return False
        self._text = self._text[self._at :] + self._decode(piece)
        self._at = 0
        if is_nested_deeply(self._text) or part_count(self._text.encode()) > _MAX_OBJECT_PARTS:
            raise ValueError("too deep, or too many parts")
        return True
