"""Make docs/status.svg: the screen of `status --watch` in the middle of the demo, as a terminal shows it.

Needs the package `pyte` (part of the extra `dev`): python docs/picture.py
"""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pyte
from rich.color import ColorParseError
from rich.console import Console
from rich.segment import Segment, Segments
from rich.style import Style
from rich.terminal_theme import MONOKAI

ROOT = Path(__file__).resolve().parents[1]
COLUMNS, ROWS = 100, 26
PATIENCE_SECONDS = 20.0
# rich's own form, without the fonts that it would load from elsewhere.
SVG = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: arial, sans-serif; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g></g></svg>
"""


def style_of(cell: pyte.screens.Char) -> Style:
    """Return how a cell looks."""
    names = {"brown": "yellow", "default": None}
    try:
        color = names.get(cell.fg, cell.fg if not _is_hex(cell.fg) else f"#{cell.fg}")
        return Style(color=color, bold=cell.bold, reverse=cell.reverse)
    except ColorParseError:
        return Style(bold=cell.bold)


def _is_hex(text: str) -> bool:
    return len(text) == 6 and all(letter in "0123456789abcdef" for letter in text)  # noqa: PLR2004 - rrggbb


def rows_of(screen: pyte.Screen) -> Iterator[list[Segment]]:
    """Yield the lines of a screen, each as runs of one style."""
    for row in range(screen.lines):
        cells = [screen.buffer[row][column] for column in range(screen.columns)]
        yield [Segment("".join(cell.data for cell in run), style) for style, run in groupby(cells, style_of)]


def watch(data: Path) -> pyte.Screen:
    """Return the screen of `status --watch` once a film waits and others come."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm-256color"
        command = [sys.executable, str(ROOT / "main.py"), "status", "--watch", "--data-dir", str(data)]
        os.execv(sys.executable, command)  # noqa: S606 - our own program
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            stream.feed(os.read(terminal, 65_536))
        except OSError:
            break
        text = "\n".join(screen.display)
        if "Done this week" in text and "Downloading" in text:
            break
    os.kill(pid, signal.SIGINT)
    os.waitpid(pid, 0)
    return screen


def main() -> None:
    """Run the demo, look at its data folder, and write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "TMPDIR": folder}
        demo = subprocess.Popen(
            [sys.executable, str(ROOT / "main.py"), "demo"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + PATIENCE_SECONDS
        while not (found := list(Path(folder).glob("*/data/daemon.json"))) and time.monotonic() < end:
            time.sleep(0.05)
        screen = watch(found[0].parent)
        demo.wait()
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"), color_system="truecolor")  # noqa: SIM115, PTH123 - until the end
    for line in rows_of(screen):
        console.print(Segments([*line, Segment.line()]), end="")
    svg = console.export_svg(
        title="movie-sync status --watch", theme=MONOKAI, code_format=SVG, unique_id="status"
    )
    (ROOT / "docs" / "status.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
