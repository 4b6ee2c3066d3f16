"""Tables for people: fitted to the terminal, one line a row elsewhere."""

import sys
from collections.abc import Sequence

from movie_sync.domain.plain_text import one_line

_PIPE_WIDTH = 10_000


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, plain: bool) -> None:
    """Print rows under headers on stdout. Texts from outside are made safe for a terminal."""
    from rich.console import Console  # noqa: PLC0415 - costs 40 ms and is for tables alone
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    is_terminal = sys.stdout.isatty()
    console = Console(no_color=plain, highlight=False, width=None if is_terminal else _PIPE_WIDTH)
    table = Table(box=None, pad_edge=False, header_style="" if plain else "bold")
    for header in headers:
        table.add_column(header, overflow="fold")
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    console.print(table)
