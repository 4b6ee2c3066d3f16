"""The last lines of the log, read from the end of the file alone."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from movie_sync.domain.plain_text import one_line
from movie_sync.storage.regular_file import NotAFileError, open_regular

_MOST_BYTES = 200_000
_LEVEL = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  (?:(DEBUG|WARNING|ERROR|CRITICAL): )?", re.ASCII)


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line, safe to show, and the level of the message that it belongs to."""

    text: str
    level: str


def read_log_tail(path: Path, clean: Callable[[str], str], *, most_lines: int = 200) -> list[LogLine]:
    """Return the last lines, without what `clean` takes out; none without a log.

    A log that cannot be read raises OSError.
    """
    try:
        with open_regular(path) as file:
            size = file.seek(0, io.SEEK_END)
            file.seek(max(0, size - _MOST_BYTES))
            content = file.read(_MOST_BYTES)
    except FileNotFoundError:
        return []
    except NotAFileError:
        raise OSError(0, "it isn't a file") from None
    rows = content.decode(errors="replace").split("\n")
    if size > _MOST_BYTES:
        del rows[0]  # its beginning is not there
    lines, level = [], "info"
    for row in rows:
        if begun := _LEVEL.match(row):
            level = (begun[1] or "info").lower()
        if row.strip():
            lines.append(LogLine(clean(one_line(row)), level))
    return lines[-most_lines:]
