"""Read the text of a queue file: quickly as we write it, patiently as people edit it or as it broke."""

import json
import re
from collections.abc import Iterable, Iterator

from movie_sync.domain.json_text import is_nested_deeply

_BETWEEN = re.compile(r"[\s,]*")
_LINE_WITH_OBJECT = re.compile(r"\n[ \t]*(?=\{)")


def own_lines(file: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the films' lines of a file that is laid out exactly as we write it.

    Raises:
        ValueError: it is laid out otherwise; lines that came before count for nothing.
    """
    lines = iter(file)
    if next(lines, b"") != b"[\n":
        raise ValueError("another beginning")
    is_film_due, is_end_due = True, True
    for line in lines:
        if line == b"]\n" and is_end_due and next(lines, None) is None:
            return
        if not is_film_due:
            raise ValueError("a comma is missing")
        is_film_due = line.endswith(b",\n")
        is_end_due = not is_film_due
        yield line.removesuffix(b"\n").removesuffix(b",")
    raise ValueError("another end")


class LooseArray:
    """Goes through the values of a JSON array, whatever its layout, and past what is broken in it.

    Commas may be missing or too many: that is how an edit by hand goes wrong, and nothing is lost
    by it. After something that is no JSON it goes on at the next line that begins an object.
    `complaint` says, once all values were taken, what is wrong with the text as a whole, if anything.
    """

    def __init__(self, content: bytes) -> None:
        # Bytes that are no UTF-8 become characters that no text holds, so that they are found below.
        self._text = content.decode("utf-8-sig", errors="surrogateescape")
        self.complaint: str | None = None
        self._decoder = json.JSONDecoder()

    def __iter__(self) -> Iterator[object]:
        value_at = self._line_value if is_nested_deeply(self._text) else self._value
        place = self._beginning()
        while (place := self._skip(place)) < len(self._text):
            if self._text[place] == "]":
                if self._skip(place + 1) == len(self._text):
                    return
                place = self._resume(place)
                continue
            try:
                value, end = value_at(place)
                self._text[place:end].encode()
            except (ValueError, RecursionError):  # the latter where a quote too many hides the depth
                place = self._resume(place)
                continue
            place = end
            yield value
        self.complaint = self.complaint or "its end is missing"

    def _value(self, place: int) -> tuple[object, int]:
        return self._decoder.raw_decode(self._text, place)

    def _line_value(self, place: int) -> tuple[object, int]:
        """Beside what nests too deeply for the parser only films that stand on a line of their own count."""
        end = self._text.find("\n", place)
        line = self._text[place : end if end >= 0 else len(self._text)]
        if is_nested_deeply(line):
            raise ValueError("nested too deeply")
        value, length = self._decoder.raw_decode(line)
        return value, place + length

    def _beginning(self) -> int:
        place = self._skip(0)
        if self._text[place : place + 1] == "[":
            return place + 1
        self.complaint = "it is not a JSON array of films" if place < len(self._text) else "it is empty"
        return place

    def _skip(self, place: int) -> int:
        match = _BETWEEN.match(self._text, place)
        return match.end() if match else place

    def _resume(self, place: int) -> int:
        self.complaint = self.complaint or "parts of it are no JSON"
        match = _LINE_WITH_OBJECT.search(self._text, place)
        return match.end() if match else len(self._text)
