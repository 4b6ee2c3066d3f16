"""Text from outside, made safe: to show on one line of a terminal or a log, to keep, to compare."""

import re
import unicodedata

# Control characters and terminal escapes, line and paragraph separators, and marks that turn the
# reading direction: each could forge a line or hide what a name is.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_LONGEST_TITLE = 500
# Where a word that is too long for a line may end, as a release's name or a path.
_JOINTS = re.compile(r"(?<=[./\\_-])(?=[^./\\_-])")
_COMMAND = re.compile(r"(?<!\S)(\(?`[^`]+`\S*)")


def printable(text: str) -> str:
    """Return the text without control, direction and line-break characters, and trimmed."""
    return "".join(mark for mark in text if mark.isprintable() or unicodedata.category(mark) == "Zs").strip()


def clean_text(text: str) -> str:
    """Return a title of one line: printable characters, single spaces, of bounded length."""
    kept = "".join(mark for mark in text[: _LONGEST_TITLE * 4] if mark.isprintable() or mark.isspace())
    return " ".join(kept.split())[:_LONGEST_TITLE]


def searchable(text: str) -> str:
    """Return the text as it is searched: in small letters, without accents."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text)
    return "".join(mark for mark in plain if not unicodedata.category(mark).startswith("M")).casefold()


def one_line(text: str) -> str:
    """Return the text with everything unsafe replaced by a visible mark."""
    return _UNSAFE.sub("\ufffd", text)


def safe_lines(text: str) -> str:
    """Return our own text of several lines with everything else unsafe replaced."""
    return "\n".join(map(one_line, text.split("\n")))


def width(text: str) -> int:
    """Return how many columns of a terminal the text takes."""
    return sum(
        0 if unicodedata.combining(mark) else 2 if unicodedata.east_asian_width(mark) in "WF" else 1
        for mark in text
    )


def shorten(text: str, columns: int) -> str:
    """Return the text cut to a number of columns, with an ellipsis where something is missing."""
    if width(text) <= columns:
        return text
    kept = ""
    for mark in text:
        if width(kept + mark) > columns - 1:
            break
        kept += mark
    return kept + "\u2026"


def folded(text: str, columns: int) -> list[str]:
    """Return the text in lines of at most so many columns, parted at blanks.

    A command in backticks stays on one line, so that it can be copied, unless it is too long for any. A word
    longer than a line, as a release's name is, is parted after its dots and dashes; one without any is cut.
    """
    lines = [""]
    for word in _words(text.strip(), columns):
        pieces = [word] if width(word) <= columns else _JOINTS.split(word)
        for number, piece in enumerate(pieces):
            blank = " " if lines[-1] and not number else ""
            if width(lines[-1] + blank + piece) <= columns:
                lines[-1] += blank + piece
            else:
                lines.append(shorten(piece, columns))
    kept = [line.rstrip() for line in lines]
    return kept[1:] if len(kept) > 1 and not kept[0] else kept


def _words(text: str, columns: int) -> list[str]:
    if "`" not in text:
        return text.split(" ")
    words: list[str] = []
    for piece in map(str.strip, _COMMAND.split(text)):
        is_whole = not piece or (_COMMAND.fullmatch(piece) and width(piece) <= columns)
        words += filter(None, [piece]) if is_whole else piece.split(" ")
    return words


def folded_as_is(line: str, columns: int, indent: str = "") -> str:
    """Return a line as it is if it fits, else parted at blanks; further ones begin with its own indent."""
    if width(line) <= columns:
        return line
    begun = line[: len(line) - len(line.lstrip())]
    first, *more = folded(line.strip(), max(columns - len(begun) - len(indent), 1))
    return "\n".join([f"{begun}{first}", *(f"{begun}{indent}{each}" for each in more)])


def cut(text: str, columns: int) -> str:
    """Return a line cut to a number of columns after a word, with an ellipsis; or in a word if it is long."""
    if width(text) <= columns:
        return text
    kept = shorten(text, columns)[:-1]
    if not text[len(kept)].isspace():
        begun = kept.rfind(" ") + 1
        joint = max((kept.rfind(mark) + 1 for mark in "./\\_-"), default=0)
        is_long = len(text[begun:].split(maxsplit=1)[0]) > columns // 2
        kept = kept[: joint if is_long and joint > begun else begun] or kept
    return f"{kept.rstrip(' ,:;(')}\u2026"
