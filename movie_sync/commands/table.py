"""Tables for people: fitted to the terminal; elsewhere one line a row, its columns parted by tabs."""

import sys
from collections.abc import Sequence

from movie_sync.domain.plain_text import one_line, width


def print_table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], *, plain: bool, to_copy: str = ""
) -> None:
    """Print rows under headers on stdout. Texts from outside are made safe for a terminal.

    The column with the header `to_copy` is not broken into lines, unless half the terminal is too narrow.
    """
    if not sys.stdout.isatty():
        for line in (headers, *rows):
            print("\t".join(map(one_line, line)))
        return
    from rich.console import Console  # noqa: PLC0415 - costs 40 ms and is for tables alone
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(no_color=plain, highlight=False)
    table = Table(box=None, pad_edge=False, header_style="" if plain else "bold")
    for number, header in enumerate(headers):
        longest = max((width(row[number]) for row in rows), default=0)
        is_whole = header == to_copy and longest <= console.width // 2
        table.add_column(header, overflow="fold", no_wrap=is_whole)
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    console.print(table)
