"""Tables for people: as wide as the terminal, no word broken; in a pipe a line a record, parted by tabs."""

import shutil
import sys
from collections.abc import Sequence
from itertools import zip_longest

from movie_sync.domain.plain_text import folded, one_line, width

_GAP = "  "
_NARROWEST = 8


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, to_copy: str = "") -> None:
    """Print rows under headers on stdout. Texts from outside are made safe for a terminal.

    The column with the header `to_copy` keeps its cells whole, unless half the terminal is too narrow.
    """
    lines = [[one_line(cell) for cell in line] for line in (headers, *rows)]
    if not sys.stdout.isatty():
        for line in lines:
            print("\t".join(line))
        return
    columns = shutil.get_terminal_size().columns
    widths = _widths(lines, columns - len(_GAP) * (len(headers) - 1) - 1, fixed=to_copy)
    for line in lines:
        cells = [folded(cell, room) for cell, room in zip(line, widths, strict=True)]
        for parts in zip_longest(*cells, fillvalue=""):
            filled = (part + " " * (room - width(part)) for part, room in zip(parts, widths, strict=True))
            print(_GAP.join(filled).rstrip())


def _widths(lines: Sequence[Sequence[str]], room: int, *, fixed: str) -> list[int]:
    """Return the width of each column: as wide as its longest cell, and less of the widest where need be."""
    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
    kept = [
        wide if header == fixed and wide <= room // 2 else min(wide, _NARROWEST)
        for header, wide in zip(lines[0], widths, strict=True)
    ]
    while sum(widths) > room and widths != kept:
        widest = max(
            (number for number in range(len(widths)) if widths[number] > kept[number]), key=widths.__getitem__
        )
        widths[widest] -= 1
    return widths
