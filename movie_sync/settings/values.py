"""How a value of `config.json` is read, and how it may be shown.

A reader takes a value as JSON gave it and returns it in the form that the program uses, or raises
`UnusableValue`. Types are strict: `true` is no number, and neither are NaN and the infinities that
Python's JSON reader lets through.
"""

import contextlib
import ipaddress
import json
import re
import shlex
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import urlsplit

from movie_sync.domain.notice_schedule import read_span, read_time

Reader = Callable[[object], object]

_LONGEST_TEXT = 4096
_LONGEST_SHOWN = 60
_HUGE = 10**18
MANY = 1_000_000  # the bound of numbers that need none of their own
_LINE_BREAKERS = {"Cc", "Cs", "Zl", "Zp"}
_NOT_IN_ADDRESSES = re.compile(r"""[\s"<>\\^`{|}]""")
# A query, an address that is none of the web, a shared list, or a run of characters as a passkey is one.
_MAY_BE_SECRET = re.compile(
    r"(?<!http)(?<!https)://|[?&][\w-]{0,40}=|pass\w{0,20}\W{1,5}\w|/share/\w|[0-9a-f]{16}|[0-9a-z]{24}",
    re.IGNORECASE,
)
_SHARE = re.compile(r"(/share/)[\w-]+")


class UnusableValue(ValueError):
    """A value that its key does not allow; the text, which may be empty, is safe to show."""


def shown(value: object, *, is_private: bool = False) -> str:
    """Return a value as it may stand in a message: short, in one line, without what may be a secret.

    Of a private one no text is shown at all.
    """
    if isinstance(value, Mapping | list):
        kind = "an object" if isinstance(value, Mapping) else "a list"
        text = json.dumps(value, ensure_ascii=False)
        is_hidden = (is_private and value) or may_be_secret(text) or len(text) > _LONGEST_SHOWN
        return kind if is_hidden else _printable(text)
    if isinstance(value, str):
        if (is_private and value.strip()) or may_be_secret(value):
            return "a hidden value"
        short = value if len(value) <= _LONGEST_SHOWN else value[:_LONGEST_SHOWN] + "..."
        return json.dumps(_printable(short), ensure_ascii=False)
    if isinstance(value, int) and abs(value) > _HUGE:
        return "a huge number"
    return {"NaN": "not a number", "Infinity": "infinite", "-Infinity": "infinite"}.get(
        text := json.dumps(value), text
    )


def may_be_secret(text: str) -> bool:
    """Tell whether a text looks as if a password, a token or a passkey were in it."""
    return {":", "@"} <= set(text) or _MAY_BE_SECRET.search(text) is not None


def without_share_token(text: str) -> str:
    """Return the address of a list without what lets its reader into a private one."""
    return _SHARE.sub("\\1...", text)


def _printable(text: str) -> str:
    """Let no terminal escape pass, and no mark that turns the line round."""
    return "".join(c if c.isprintable() else "?" for c in text)


def web_address(value: object) -> str:
    """Read an http or https address, without credentials and query; the slash at its end is left out."""
    text = text_in(value)
    if _NOT_IN_ADDRESSES.search(text):
        raise UnusableValue
    try:
        parts = urlsplit(text)
        is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # its text holds the address
        raise UnusableValue from None
    if "@" in parts.netloc:
        raise UnusableValue("credentials don't belong in an address")
    if not is_usable or parts.query or parts.fragment:
        raise UnusableValue
    return text.rstrip("/")


def is_on_this_machine(address: str) -> bool:
    """Return whether a web address names this machine: 127.0.0.0/8, ::1, localhost or a name below it."""
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def text_in(value: object) -> str:
    """Read a text in one line, without the blanks around it."""
    if not isinstance(value, str):
        raise UnusableValue
    text = value.strip()
    if len(text) > _LONGEST_TEXT or any(unicodedata.category(letter) in _LINE_BREAKERS for letter in text):
        raise UnusableValue
    return text


def text_that(holds: Callable[[str], object]) -> Callable[[object], str]:
    """Read a text that is not empty and for which `holds` returns something true; it may raise ValueError."""

    def read(value: object) -> str:
        text = text_in(value)
        with contextlib.suppress(ValueError):
            if text and holds(text):
                return text
        raise UnusableValue

    return read


filled_text = text_that(bool)
text_without_commas = text_that(lambda text: "," not in text)  # it can stand in a list that commas separate
path_here = text_that(lambda text: text.startswith("~") or Path(text).is_absolute())
"""Reads a whole path, or one from a home folder, which is expanded later."""
whole_path_anywhere = text_that(
    lambda text: PurePosixPath(text).is_absolute() or PureWindowsPath(text).is_absolute()
)
"""Reads a whole path on some machine, perhaps another one with another system."""
client_folder = text_that(
    lambda text: (
        text.startswith("~") or PurePosixPath(text).is_absolute() or PureWindowsPath(text).is_absolute()
    )
)
"""Reads a whole path as a torrent client sees it, or one from a home folder of this machine."""
client_category = text_that(
    lambda text: not ("\\" in text or "//" in text or text.startswith("/") or text.endswith("/"))
)
"""Reads a category by qBittorrent's own rule for their names."""
time_of_day = text_that(read_time)
"""Reads a time such as `08:00`."""
time_span = text_that(read_span)
"""Reads two times such as `22:00-08:00`."""


def flag(value: object) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise UnusableValue
    return value


def number(
    low: float, high: float, *, above_low: bool = False, whole: bool = False
) -> Callable[[object], float]:
    """Read a number from `low` to `high`, or above `low`; whole ones stay `int`."""

    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            raise UnusableValue
        # Neither NaN nor an infinity lies between two numbers.
        if not low <= value <= high or (above_low and value == low):
            raise UnusableValue
        return value

    return read


@dataclass(frozen=True, slots=True)
class OneOf:
    """Reads one of some words, in the case given here."""

    words: Callable[[], Iterable[str]]

    def __call__(self, value: object) -> str:
        """Return the word that a value is; raises UnusableValue."""
        text = text_in(value).casefold()
        for word in self.words():
            if word.casefold() == text:
                return word
        raise UnusableValue


@dataclass(frozen=True, slots=True)
class OrNull:
    """Reads null as it is, and all else as another reader does."""

    reader: Reader

    def __call__(self, value: object) -> object:
        """Return what a value is read as; raises UnusableValue."""
        return None if value is None else self.reader(value)


def one_of(*words: str) -> OneOf:
    """Read one of some words, in the case given here."""
    return OneOf(lambda: words)


def first_run(value: object) -> object:
    """Read how much of a list is wanted when it is first read."""
    return (one_of("all", "new") if isinstance(value, str) else number(0, MANY, whole=True))(value)


def or_null(reader: Reader) -> OrNull:
    """Read null as it is."""
    return OrNull(reader)


def choices_of(reader: Reader) -> list[str]:
    """Return the values, as JSON or text, if there are few that a reader takes; else none."""
    if isinstance(reader, OrNull) and (choices := choices_of(reader.reader)):
        return ["null", *choices]
    return list(reader.words()) if isinstance(reader, OneOf) else []


def list_of(reader: Reader, *, may_be_empty: bool = True) -> Reader:
    """Read a list without its repetitions; one entry that cannot be read refuses the list."""

    def read(value: object) -> list[object]:
        if not isinstance(value, list) or not (value or may_be_empty):
            raise UnusableValue
        found: dict[object, None] = {}
        for item in value:
            try:
                found[reader(item)] = None
            except UnusableValue:
                raise UnusableValue(f"one entry is {shown(item)}") from None
        return list(found)

    return read


def command_line(value: object) -> list[str]:
    """Read a program and its arguments: a list of texts, or a text as it is typed in a shell."""
    words = value
    if isinstance(value, str):
        try:
            words = shlex.split(value)
        except ValueError:
            raise UnusableValue("a quotation mark is missing") from None
    if not isinstance(words, list) or not words or not all(map(_is_word, words)) or not words[0].strip():
        raise UnusableValue
    return words


def _is_word(value: object) -> bool:
    """Return whether the system can take a value as an argument."""
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        return False
    return all(unicodedata.category(letter) != "Cs" and letter != "\0" for letter in value)
