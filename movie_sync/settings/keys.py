"""Every key of `config.json`: its default, what is allowed in words, and the reader of its values.

`config.py` walks this table. Two limits depend on other keys and are applied there: those of
`check_interval` and `filelist.calls_per_hour` fall where the service is a stand-in on this machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from movie_sync.domain.events import EventKind
from movie_sync.domain.quality_rules import PRESETS
from movie_sync.domain.release_quality import ON_REQUEST_WORDS, ORDER_WORDS
from movie_sync.settings.values import (
    MANY,
    Reader,
    category,
    command_line,
    either,
    filled_text,
    flag,
    list_of,
    number,
    one_of,
    or_null,
    path_here,
    size_range,
    tag,
    time_of_day,
    time_span,
    user_name,
    web_address,
    word_values,
)

SHORTEST_CHECK_INTERVAL = 60
MOST_CALLS_PER_HOUR = 150
QUALITY_PRESETS = tuple(PRESETS)
# Raw discs and 3D are taken only where the order names them.
QUALITIES = (*ORDER_WORDS, *ON_REQUEST_WORDS)

_LONGEST_INTERVAL = 30 * 24 * 3600  # far below what a wait can take on any system (49 days)
_LONGEST_RETRY_INTERVAL = 7 * 24 * 3600
_LONGEST_TIMEOUT = 600


@dataclass(frozen=True, slots=True)
class Rule:
    """One key: its default, what is allowed in words, its reader, and whether it names a place on disk.

    One that `protects` keeps the wrong films, or too many, from being fetched: its default is no
    substitute for what the user wrote.
    """

    default: object
    allowed: str
    read: Reader
    is_path: bool = False
    protects: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """An object of keys; if it `protects`, each of them does."""

    keys: Mapping[str, "Rule | Section"]
    protects: bool = False


def _folder(default: object, *, nothing: str = "", protects: bool = True) -> Rule:
    """Rule for a place on this machine; `nothing` says what null means, if null is allowed."""
    allowed = f"a whole path, ~/..., or null for {nothing}" if nothing else "a whole path or ~/..."
    read = or_null(path_here) if nothing else path_here
    return Rule(default, allowed, read, is_path=True, protects=protects)


def _timeout() -> Rule:
    return Rule(
        30, f"a number of seconds above 0, to {_LONGEST_TIMEOUT}", number(0, _LONGEST_TIMEOUT, above_low=True)
    )


def _address(default: str) -> Rule:
    return Rule(default, "an http or https address with a host, without credentials and query", web_address)


def _sizes(low: float, high: float) -> Rule:
    return Rule([low, high], "two numbers, [least, most] MB a minute", size_range)


_YES_OR_NO = "true or false"
_LIMIT = number(0, MANY, above_low=True)

_LETTERBOXD = Section(
    {
        "base_url": _address("https://letterboxd.com"),
        "request_delay": Rule(1.0, "a number of seconds from 0 to 60", number(0, 60)),
        "timeout": _timeout(),
        "export_file": _folder(None, nothing="none", protects=False),
    }
)
_FILELIST = Section(
    {
        "base_url": _address("https://filelist.io"),
        "calls_per_hour": Rule(
            120,
            f"a whole number from 1 to {MOST_CALLS_PER_HOUR}",
            number(1, MANY, whole=True),
            protects=True,
        ),
        "timeout": _timeout(),
    }
)
_QBITTORRENT = Section(
    {
        "enabled": Rule(default=True, allowed=_YES_OR_NO, read=flag),
        "url": _address("http://localhost:8080"),
        "category": Rule("Movies", "a qBittorrent category, or an empty text for none", category),
        "tags": Rule(["movie_sync"], "a list of texts without commas", list_of(tag)),
        "save_path": Rule(
            None,
            "a path as qBittorrent sees it, or null for its own choice",
            or_null(filled_text),
            is_path=True,
        ),
        "verify_tls": Rule(default=True, allowed=_YES_OR_NO, read=flag),
        "remove_stalled": Rule(default=False, allowed=_YES_OR_NO, read=flag),
        "timeout": _timeout(),
    },
    protects=True,
)
_QUALITY = Section(
    {
        "preset": Rule(
            None,
            f"one of {', '.join(QUALITY_PRESETS)}, or null for the built-in choice",
            or_null(one_of(*QUALITY_PRESETS)),
        ),
        "order": Rule(
            [
                *("Bluray-1080p", "WEB-1080p", "HDTV-1080p", "Bluray-2160p", "WEB-2160p"),
                *("Bluray-720p", "WEB-720p", "HDTV-720p"),
            ],
            f"a list of at least one of {', '.join(QUALITIES)}",
            list_of(one_of(*QUALITIES), may_be_empty=False),
        ),
        "size_mb_per_minute": Section(
            {
                "2160p": _sizes(25, 400),
                "1080p": _sizes(12.5, 250),
                "720p": _sizes(8, 120),
                "sd": _sizes(3, 60),
            }
        ),
        "preferred_mb_per_minute": Rule(None, "a number above 0, or null for the largest", or_null(_LIMIT)),
        "max_size_gb": Rule(None, "a number above 0, or null for no limit", or_null(_LIMIT)),
        "min_seeders": Rule(1, "a whole number, 0 or more", number(0, MANY, whole=True)),
        "freeleech": Rule("prefer", "ignore, prefer or only", one_of("ignore", "prefer", "only")),
        "prefer_internal": Rule(default=True, allowed=_YES_OR_NO, read=flag),
        "words": Rule({}, "an object of words and the number each is worth", word_values),
        "reject_words": Rule([], "a list of words", list_of(filled_text)),
        "wait_for_best_hours": Rule(0, "a number of hours from 0 to 8760", number(0, 8760)),
    },
    protects=True,
)

_NOTICES = Section(
    {
        "enabled": Rule(default=False, allowed=_YES_OR_NO, read=flag),
        "gather_seconds": Rule(60, "a number of seconds from 0 to 3600", number(0, 3600)),
        "quiet_hours": Rule(None, 'two times such as "22:00-08:00", or null for none', or_null(time_span)),
        "digest_at": Rule(None, 'a time such as "08:00", or null for none', or_null(time_of_day)),
        "kinds": Rule(
            [str(kind) for kind in EventKind],
            f"a list of {', '.join(EventKind)}",
            list_of(one_of(*EventKind)),
        ),
    }
)


def _media_server() -> Section:
    return Section(
        {
            "url": Rule(
                None,
                "an http or https address with a host, without credentials and query, or null for none",
                or_null(web_address),
            )
        }
    )


KEYS = Section(
    {
        "username": Rule("", "a Letterboxd user name: letters, digits and _", user_name),
        "check_interval": Rule(
            3600,
            f"a number of seconds from {SHORTEST_CHECK_INTERVAL} to {_LONGEST_INTERVAL}",
            number(-MANY, _LONGEST_INTERVAL),  # what is too short is lengthened, not replaced by the default
        ),
        "retry_interval": Rule(
            3600,
            f"a number of seconds above 0, to {_LONGEST_RETRY_INTERVAL}",
            number(0, _LONGEST_RETRY_INTERVAL, above_low=True),
        ),
        "max_retries": Rule(5, "a whole number from 0 to 1000", number(0, 1000, whole=True)),
        "backoff_multiplier": Rule(2.0, "a number from 1 to 100", number(1, 100)),
        "first_run": Rule(
            "all",
            'one of "all", "new" or a whole number of films',
            either(one_of("all", "new"), number(0, MANY, whole=True)),
            protects=True,
        ),
        "stalled_after": Rule(
            172_800,
            f"a number of seconds above 0, to {_LONGEST_INTERVAL}",
            number(0, _LONGEST_INTERVAL, above_low=True),
        ),
        "max_unfinished": Rule(
            5, "a whole number, 0 for no limit", number(0, MANY, whole=True), protects=True
        ),
        "min_free_space_gb": Rule(10, "a number of GB, 0 for no limit", number(0, MANY), protects=True),
        "unlisted": Rule("keep", "keep or tag", one_of("keep", "tag")),
        "download_directory": _folder("~/Downloads"),
        "library_directories": Rule(
            [], "a list of whole paths or ~/...", list_of(path_here), is_path=True, protects=True
        ),
        "torrent_directory": _folder(None, nothing="torrents/ in the data folder"),
        "letterboxd": _LETTERBOXD,
        "filelist": _FILELIST,
        "qbittorrent": _QBITTORRENT,
        "quality": _QUALITY,
        "on_event": Rule(
            None,
            "a program and its arguments, as a list of texts or as one text, or null for none",
            or_null(command_line),
            is_path=True,
        ),
        "notices": _NOTICES,
        "jellyfin": _media_server(),
        "plex": _media_server(),
    }
)
