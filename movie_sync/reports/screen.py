"""The live screen: as much of the status as fits into a terminal, of each group of films the first ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from movie_sync.domain.plain_text import cut, folded, one_line
from movie_sync.reports.lines import (
    LineStyle,
    Look,
    Section,
    counts_line,
    daemon_lines,
    sections,
    trouble_lines,
)
from movie_sync.reports.status import Status

_INDENT = "  "
_SHARE_OF_TOP = 3  # at most a third of the screen is for what concerns all films


class ScreenLine(NamedTuple):
    """A line that fits, and what its colour says; titles stand out."""

    text: str
    look: Look = Look.PLAIN
    is_title: bool = False


@dataclass(slots=True)
class _Group:
    section: Section
    shown: int = 0

    @property
    def next_rows(self) -> int:
        """How many rows its next item takes, with the title if it is the first; 0 if there is none."""
        items = self.section.items
        if self.shown == len(items):
            return 0
        return len(items[self.shown]) + (not self.shown)

    def lines(self, columns: int) -> list[ScreenLine]:
        """Return the title, with how many films there are, and the items that are shown."""
        section = self.section
        number = f"{self.shown} of {section.count}" if self.shown < section.count else f"{section.count}"
        note = f": {section.note}" if section.note else ""
        rows = [line for item in section.items[: self.shown] for line in item]
        look = Look.DIM if section.look is Look.DIM else Look.PLAIN
        return [
            ScreenLine(cut(f"{section.title} ({number}){note}", columns), section.look, is_title=True),
            *(ScreenLine(f"{_INDENT}{row}", look) for row in rows),
        ]


def screen_lines(status: Status, style: LineStyle, columns: int, rows: int) -> list[ScreenLine]:
    """Return at most so many lines, none wider than the columns and none parted within a word."""
    style = replace(style, width=columns)
    top = _top(status, columns, max(rows // _SHARE_OF_TOP, 2))
    groups = [_Group(section) for section in sections(status, style) if section.items]
    left = _fill(groups, rows - len(top))
    lines = top
    for group in (group for group in groups if group.shown):
        if left:
            lines.append(ScreenLine(""))
            left -= 1
        lines += group.lines(columns)
    return lines[:rows]


def _top(status: Status, columns: int, rows: int) -> list[ScreenLine]:
    """Return what is down, what the daemon is at, and the counts; of all too long the beginning."""
    counts = ScreenLine(cut(counts_line(status), columns))
    down = [row for line in trouble_lines(status) for row in folded(one_line(line), columns)]
    if len(down) > rows - 1:
        down = [cut(one_line(line), columns) for line in trouble_lines(status)]
    daemon = [cut(one_line(line), columns) for line in daemon_lines(status)]
    dim = Look.DIM if status.daemon else Look.WAITING
    above = [ScreenLine(line, Look.NEEDS) for line in down] + [ScreenLine(line, dim) for line in daemon]
    return [*above[: rows - 1], counts]


def _fill(groups: Sequence[_Group], rows: int) -> int:
    """Show of each group in turn one item more, as long as there is room; return how many rows are left."""
    is_full = False
    while not is_full:
        is_full = True
        for group in groups:
            if 0 < group.next_rows <= rows:
                rows -= group.next_rows
                group.shown += 1
                is_full = False
    return rows
