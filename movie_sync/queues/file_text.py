"""Read the text of a queue file: quickly as we write it, patiently as people edit it or as it broke."""

import json
import re
from collections.abc import Callable, Iterable, Iterator

_BETWEEN = re.compile(r"[\s,]*")
_LINE_WITH_OBJECT = re.compile(r"\n[ \t]*(?=\{)")
_decode = json.JSONDecoder().raw_decode


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


def read_loosely(content: bytes, take: Callable[[object], None]) -> str | None:
    """Take the values of a JSON array, whatever its layout, and past what is broken in it.

    Commas may be missing or too many: that is how an edit by hand goes wrong, and nothing is lost
    by it. After something that is no JSON it goes on at the next line that begins an object.
    `take` raises ValueError for what is no film. Returns what is wrong with the text, if anything.
    """
    # Bytes that are no UTF-8 become characters that no text holds, so that they are found below.
    text = content.decode("utf-8-sig", errors="surrogateescape")
    place, complaint = _next(text, 0), None
    values = odd = 0
    if text.startswith("[", place):
        place = _next(text, place + 1)
    else:
        complaint = "it is not a JSON array of films" if place < len(text) else "it is empty"
    while place < len(text):
        if text[place] == "]" and _next(text, place + 1) == len(text):
            break
        try:
            value, end = _decode(text, place)
            text[place:end].encode()
        except (ValueError, RecursionError):
            complaint = complaint or "parts of it are no JSON"
            found = _LINE_WITH_OBJECT.search(text, place)
            end = found.end() if found else len(text)
        else:
            values += 1
            try:
                take(value)
            except ValueError:
                odd += 1
        place = _next(text, end)
    else:
        complaint = complaint or "its end is missing"
    return complaint or (f"{odd} of its {values} entries are no films" if odd else None)


def _next(text: str, place: int) -> int:
    found = _BETWEEN.match(text, place)
    return found.end() if found else place
