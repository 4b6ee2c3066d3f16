"""Settings: any file gives usable values, and every mistake in it is named."""

import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from movie_sync.domain.quality_rules import PRESETS as QUALITY_PRESETS
from movie_sync.errors import UserError
from movie_sync.services import registry
from movie_sync.services.base import TrackerService
from movie_sync.settings.config import Config
from movie_sync.settings.help import _texts, help_of
from movie_sync.settings.keys import QUALITIES, GeneralSettings, known
from movie_sync.settings.section import REQUIRED, NamedSections, Rule, Section, setting
from movie_sync.settings.values import MANY, is_on_this_machine, list_of, number, shown, web_address

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "configuration.md"
HOME = {"HOME": "/home/anna"}
SECRET = "0123456789abcdef0123456789abcdef"

# The contract's own defaults.
DEFAULTS = json.loads("""
{
  "username": "",
  "check_interval": 3600,
  "retry_interval": 3600,
  "max_retries": 5,
  "backoff_multiplier": 2.0,
  "first_run": "all",
  "stalled_after": 172800,
  "max_unfinished": 5,
  "min_free_space_gb": 10,
  "unlisted": "keep",
  "download_directory": "/home/anna/Downloads",
  "library_directories": [],
  "path_map": [],
  "shelf": {"folder": null, "how": "hardlink", "name": "{title} ({year}) [imdbid-{imdb_id}]", "extras": false},
  "client": "qbittorrent",
  "trackers": ["filelist"],
  "torrent_directory": null,
  "letterboxd": {"base_url": "https://letterboxd.com", "request_delay": 1.0, "timeout": 30,
                 "export_file": null, "posters": true},
  "filelist": {"base_url": "https://filelist.io", "calls_per_hour": 120, "timeout": 30},
  "qbittorrent": {"enabled": true, "url": "http://localhost:8080", "category": "Movies",
                  "tags": ["movie_sync"], "save_path": null, "verify_tls": true,
                  "remove_stalled": false, "timeout": 30},
  "transmission": {"url": "http://localhost:9091", "download_dir": null, "labels": ["movie_sync"],
                   "verify_tls": true, "remove_stalled": false, "timeout": 30},
  "quality": {"order": ["Bluray-1080p", "WEB-1080p", "HDTV-1080p", "Bluray-2160p", "WEB-2160p",
                        "Bluray-720p", "WEB-720p", "HDTV-720p"],
              "size_mb_per_minute": {"2160p": [25, 400], "1080p": [12.5, 250], "720p": [8, 120],
                                     "sd": [3, 60]},
              "preferred_mb_per_minute": null, "max_size_gb": null, "min_seeders": 1,
              "freeleech": "prefer", "prefer_internal": true, "words": {}, "reject_words": [],
              "preset": null, "wait_for_best_hours": 0, "languages": ["original"], "reject_dubbed": true,
              "rules": [], "upgrade": null},
  "tmdb": {"enabled": false, "country": null, "base_url": "https://api.themoviedb.org",
           "image_url": "https://image.tmdb.org"},
  "on_event": null,
  "notices": {"enabled": false, "gather_seconds": 60, "quiet_hours": null, "digest_at": null,
              "kinds": ["added", "downloaded", "waiting", "replaced", "upgraded", "failed", "unreadable", "refused",
                        "disk full", "not seeding"]},
  "jellyfin": {"url": null},
  "plex": {"url": null},
  "lists": [],
  "web": {"listen": "127.0.0.1:8787", "hosts": []},
  "torznab": {}
}
""")


def load(tmp_path: Path, content: object, environ: Mapping[str, str] = HOME) -> Config:
    """Write `content` as config.json and load it."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return Config.load(path, environ=environ)


def nested(key: str, value: object) -> dict[str, object]:
    """Return `{"a": {"b": value}}` for `a.b`."""
    first, _, rest = key.partition(".")
    return {first: nested(rest, value) if rest else value}


def each(key: str, *values: object) -> list[tuple[str, object]]:
    """Return the key with each of the values."""
    return [(key, value) for value in values]


def value_at(config: Any, key: str) -> object:
    """Return the value at a full key."""
    for name in key.split("."):
        config = config[name]
    return config


def rules(section: Section | None = None, prefix: str = "") -> dict[str, Rule | NamedSections]:
    """Return every rule by its full key."""
    found: dict[str, Rule | NamedSections] = {}
    for key, rule in (section or known().top).keys.items():
        found |= rules(rule, f"{prefix}{key}.") if isinstance(rule, Section) else {prefix + key: rule}
    return found


def test_defaults_are_the_documented_ones(tmp_path: Path) -> None:
    """Without a file the settings are the defaults, and nothing is said."""
    config = Config.load(tmp_path / "config.json", environ=HOME)

    assert config.values == DEFAULTS
    assert config.warnings == []
    assert not config.is_set("download_directory")


def test_defaults_obey_their_own_rules(tmp_path: Path) -> None:
    """Every default written into the file is taken without a warning."""
    config = load(tmp_path, DEFAULTS)

    assert config.warnings == []
    assert config.values == DEFAULTS


def test_file_in_the_data_folder_is_found(tmp_path: Path) -> None:
    """Without a path the file of the data folder in the environment is read."""
    (tmp_path / "config.json").write_text('\ufeff{"username": "anna"}', encoding="utf-8")

    assert Config.load(environ={"MOVIE_SYNC_HOME": str(tmp_path)})["username"] == "anna"


USABLE: list[tuple[str, object, object]] = [
    ("username", "  anna_2 ", "anna_2"),
    ("username", "https://letterboxd.com/anna/watchlist/", "anna"),
    ("username", "", ""),
    ("client", "WATCH_folder", "watch_folder"),
    ("trackers", ["filelist", "filelist"], ["filelist"]),
    ("check_interval", 60, 60),
    ("check_interval", 90.5, 90.5),
    ("retry_interval", 0.5, 0.5),
    ("max_retries", 0, 0),
    ("backoff_multiplier", 1, 1),
    (
        "path_map",
        [["/downloads/", "~/Films"], ["D:\\films", "/mnt/d"]],
        [("/downloads/", "/home/anna/Films"), ("D:\\films", "/mnt/d")],
    ),
    ("first_run", "NEW", "new"),
    ("first_run", 25, 25),
    ("download_directory", "~/Films", "/home/anna/Films"),
    ("download_directory", "~", "/home/anna"),
    ("library_directories", ["~/a", "/b", "/b"], ["/home/anna/a", "/b"]),
    ("torrent_directory", "/watch", "/watch"),
    ("letterboxd.base_url", "http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
    ("letterboxd.request_delay", 0, 0),
    ("letterboxd.export_file", "~/x.zip", "/home/anna/x.zip"),
    ("filelist.calls_per_hour", 150, 150),
    ("filelist.timeout", 0.2, 0.2),
    ("qbittorrent.enabled", False, False),
    ("qbittorrent.url", "https://[::1]:8080/qb/", "https://[::1]:8080/qb"),
    ("qbittorrent.category", "", ""),
    ("qbittorrent.category", "Films/New", "Films/New"),
    ("qbittorrent.tags", [], []),
    ("qbittorrent.save_path", r"D:\Films", r"D:\Films"),
    ("transmission.url", "https://nas.local/transmission/web/", "https://nas.local/transmission/web"),
    *(("transmission.download_dir", folder, folder) for folder in ("/films", r"D:\Films", None)),
    ("transmission.labels", ["a b "], ["a b"]),
    ("quality.preset", "4K", "4k"),
    ("quality.order", ["remux-1080P", "DVD", "dvd"], ["Remux-1080p", "DVD"]),
    ("quality.order", ["Disc-1080p", "3D-1080p"], ["Disc-1080p", "3D-1080p"]),
    ("quality.size_mb_per_minute.sd", [0, 5.5], [0, 5.5]),
    ("quality.preferred_mb_per_minute", 60, 60),
    ("quality.max_size_gb", 0.7, 0.7),
    ("quality.freeleech", "only", "only"),
    ("quality.words", {" x265 ": 10, "AV1": -2.5}, {"x265": 10, "AV1": -2.5}),
    ("quality.reject_words", ["HDCAM"], ["HDCAM"]),
    ("quality.wait_for_best_hours", 48, 48),
    (
        "quality.languages",
        ["RO", "Original", "french", "mandarin"],
        ["Romanian", "original", "French", "Chinese"],
    ),
    ("quality.languages", None, None),
    (
        "quality.rules",
        [{"when": {"hdr": ["dv"], "not": {"hdr": ["hdr10"], "languages": ["de"]}}, "reject": True}],
        [{"when": {"hdr": ["DV"], "not": {"hdr": ["HDR10"], "languages": ["German"]}}, "reject": True}],
    ),
    (
        "quality.rules",
        [{"when": {"freeleech": True, "word": ["proper"], "group": ["GRP"]}, "score": -2.5}],
        [{"when": {"freeleech": True, "word": ["proper"], "group": ["GRP"]}, "score": -2.5}],
    ),
    (
        "quality.rules",
        [{"when": {"not": {"audio": ["atmos"]}}, "score": 1}],
        [{"when": {"not": {"audio": ["Atmos"]}}, "score": 1}],
    ),
    ("on_event", ["~/bin/told", "", " a ", " a "], ["/home/anna/bin/told", "", " a ", " a "]),
    ("on_event", "told 'a b' --x", ["told", "a b", "--x"]),
    ("notices.gather_seconds", 0, 0),
    ("notices.quiet_hours", " 22:00-8:00", "22:00-8:00"),
    ("notices.digest_at", "08:00", "08:00"),
    ("notices.kinds", ["FAILED", "disk full"], ["failed", "disk full"]),
    ("notices.kinds", [], []),
    ("jellyfin.url", "http://nas:8096/jellyfin/", "http://nas:8096/jellyfin"),
]


@pytest.mark.parametrize(("key", "value", "expected"), USABLE)
def test_usable_values(tmp_path: Path, key: str, value: object, expected: object) -> None:
    """A usable value is taken, in the form that the program uses, and is the user's own."""
    config = load(tmp_path, nested(key, value))

    assert config.warnings == []
    assert value_at(config, key) == expected
    assert type(value_at(config, key)) is type(expected) or isinstance(expected, dict)
    assert config.is_set(key)


UNUSABLE: list[tuple[str, object]] = [
    *each("username", None, 5, "anna b", "../anna", "anna\n\u202e!", "boxd.it/abc"),
    ("username", "https://letterboxd.com/film/heat/"),
    *each("client", "deluge", None, "filelist", ["qbittorrent"]),
    *each("trackers", [], "filelist", ["qbittorrent"], ["filelist:x"], [1], None),
    *each("check_interval", "60", True, None, math.nan, math.inf, 10**400, [60]),
    *each("retry_interval", 0, -5, 604801, "1h", False),
    *each("max_retries", -1, 2.5, 5.0, 1001, "5", True),
    *each("backoff_multiplier", 0.5, -2, "2", math.inf, None),
    *each("path_map", "/a", [["/a"]], [["a", "/b"]], [["/a", "b"]], [["/a", "/b", "/c"]], [5], None, {}),
    *each("first_run", "some", -1, 2.5, True, None, []),
    *each("download_directory", "", "Films", "../x", None, 3, "/a\0b", "~nobody-at-all/x"),
    *each("library_directories", "/a", [""], [None], ["rel"], {"a": 1}),
    ("torrent_directory", "torrents"),
    *each("letterboxd.base_url", "letterboxd.com", "ftp://a.b", "https://", "", None, 1),
    *each("letterboxd.base_url", "http://a:99999", "http://[::1", "http://a b", "http://a\\b"),
    ("letterboxd.base_url", "https://a.org/?x=1"),
    *each("letterboxd.request_delay", -0.1, 61, "1"),
    *each("filelist.calls_per_hour", 0, 151, -3, 12.5, "120", True),
    *each("filelist.timeout", 0, -1, 601, None),
    *each("qbittorrent.enabled", 1, 0, "true", None),
    *each("qbittorrent.category", None, "/a", "a/", "a//b", "a\\b", "a\nb"),
    *each("qbittorrent.tags", "movie_sync", ["a,b"], [""], [1]),
    *each("qbittorrent.save_path", "", 1, []),
    *each("transmission.download_dir", "films", "~/films", "", 1),
    *each("transmission.labels", "movie_sync", ["a,b"], [" "], [1]),
    *each("quality.preset", "8k", 1, []),
    *each("quality.order", [], "DVD", ["Bluray"], ["WEB-1080p", None], {}),
    *each("quality.size_mb_per_minute.1080p", [5], [9, 5], [5, 5], [-1, 5], ["1", 5], 9, [0, math.nan]),
    *each("quality.max_size_gb", 0, -1, "20", True),
    *each("quality.min_seeders", -1, 1.5, None),
    *each("quality.freeleech", "yes", True, None),
    *each("quality.words", [], {"": 1}, {"a": "1"}, {"a": math.nan}, None),
    *each("quality.reject_words", "cam", [""], [1]),
    *each("quality.wait_for_best_hours", -1, "48", math.inf),
    *each("quality.languages", [], ["klingon"], "en", [1], {}),
    *each("quality.rules", {}, [1], [{}], [{"when": {}, "reject": True}], [{"when": {"hdr": ["DV"]}}], None),
    *each(
        "quality.rules",
        [{"when": {"hdr": ["DV"]}, "reject": True, "score": 1}],
        [{"when": {"hdr": []}, "score": 1}],
    ),
    *each(
        "quality.rules", [{"when": {"hdr": ["DV"]}, "reject": False}], [{"when": {"hdr": "DV"}, "score": 1}]
    ),
    *each(
        "quality.rules",
        [{"when": {"hdr": ["DV"]}, "score": True}],
        [{"when": {"free": True}, "reject": True}],
    ),
    *each(
        "quality.rules",
        [{"when": {"hdr": ["DV"]}, "score": 1, "then": 2}],
        [{"when": {"not": 1}, "score": 1}],
    ),
    *each(
        "quality.rules",
        [{"when": {"freeleech": "yes"}, "score": 1}],
        [{"when": {"codec": ["h263"]}, "score": 1}],
    ),
    *each("on_event", "", " ", [], [""], ["a", 1], ["a", "b\0"], ["a\ud800"], "a 'b", True, {}),
    *each("notices.quiet_hours", "22:00", "22-8", "08:00-08:00", "08:00-24:00", "", 8, True, ["22:00-08:00"]),
    *each("notices.digest_at", "8", "24:00", "", 8, "08:00-09:00"),
    *each("notices.kinds", "failed", ["nothing"], None),
    *each("notices.enabled", None, "yes"),
    *each("plex.url", "", "plex:32400", "http://a@b", "http://a/?X-Plex-Token=b", True),
]


@pytest.mark.parametrize(("key", "value"), UNUSABLE)
def test_unusable_values(tmp_path: Path, key: str, value: object) -> None:
    """An unusable value gives one warning with key, value and what is allowed, and the default."""
    config = load(tmp_path, nested(key, value))

    (warning,) = config.warnings
    assert f'"{key}" is {shown(value, is_private=rules()[key].is_private)}' in warning
    assert "must be " in warning
    assert "\n" not in warning
    assert value_at(config, key) == value_at(DEFAULTS, key)
    assert not config.is_set(key)


def test_one_mistake_spoils_one_key(tmp_path: Path) -> None:
    """What stands beside a mistake is used."""
    config = load(tmp_path, {"username": "anna", "quality": {"min_seeders": -1, "max_size_gb": 20}})

    assert len(config.warnings) == 1
    assert (config["username"], config["quality"]["max_size_gb"]) == ("anna", 20)


def test_section_is_set_by_one_of_its_keys(tmp_path: Path) -> None:
    """A section counts as the user's own if anything in it is."""
    config = load(tmp_path, {"quality": {"size_mb_per_minute": {"sd": [1, 2]}}})

    assert config.is_set("quality.size_mb_per_minute")
    assert config.is_set("quality")
    assert not config.is_set("quality.order")
    assert not config.is_set("qual")


@pytest.mark.parametrize("section", ["letterboxd", "filelist", "qbittorrent", "quality"])
@pytest.mark.parametrize("value", ["hd", None, 5, []])
def test_section_that_is_no_object(tmp_path: Path, section: str, value: object) -> None:
    """A section of another type is a warning, and the section's defaults."""
    config = load(tmp_path, {section: value})

    assert f'"{section}"' in config.warnings[0]
    assert config[section] == DEFAULTS[section]


@pytest.mark.parametrize(
    ("content", "unknown", "nearest"),
    [
        ({"chek_interval": 5}, "chek_interval", "check_interval"),
        ({"UserName": "anna"}, "UserName", "username"),
        ({"quality": {"min_seeds": 3}}, "quality.min_seeds", "quality.min_seeders"),
        ({"min_seeders": 3}, "min_seeders", "quality.min_seeders"),
        ({"qbitorrent": {}}, "qbitorrent", "qbittorrent"),
        ({"quality": {"size_mb_per_minute": {"1080": [1, 2]}}}, "1080", "quality.size_mb_per_minute.1080p"),
    ],
)
def test_unknown_key_names_the_nearest(tmp_path: Path, content: object, unknown: str, nearest: str) -> None:
    """A key that is not known is a warning with the known one that may be meant."""
    (warning,) = load(tmp_path, content).warnings

    assert unknown in warning
    assert f'"{nearest}"' in warning


def test_many_unknown_keys_are_summed_up(tmp_path: Path) -> None:
    """A file of something else gives a few warnings, not a thousand."""
    config = load(tmp_path, {f"key{number}": number for number in range(1000)})

    assert len(config.warnings) == 101
    assert "and 899 more" in config.warnings[-1]


BROKEN = {
    "cut": b'{"username": "an',
    "empty": b"",
    "rubbish": b"\xff\xfe\x00\x9b31m",
    "list": b'["username"]',
    "null": b"null",
    "number": b"5",
    "deep": b"[" * 200_000,
    "huge number": b'{"max_retries": ' + b"9" * 10_000 + b"}",
    "too large": b'{"username": "anna"}' + b" " * 1_000_001,
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_broken_file_gives_defaults_and_stays(tmp_path: Path, content: bytes) -> None:
    """A file that is no JSON object is one warning, defaults for all, and stays as it is."""
    path = tmp_path / "config.json"
    path.write_bytes(content)

    config = Config.load(path, environ=HOME)

    assert len(config.warnings) == 1
    assert str(path) in config.warnings[0]
    assert config.values == DEFAULTS
    assert path.read_bytes() == content


@pytest.mark.parametrize("kind", ["folder", "pipe", "dangling link", "unreadable"])
def test_what_is_no_readable_file(tmp_path: Path, kind: str) -> None:
    """Something else in the file's place is a warning; nothing waits for it or breaks."""
    path = tmp_path / "config.json"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "dangling link":
        path.symlink_to(tmp_path / "nowhere")
    elif os.geteuid() == 0:
        pytest.skip("file modes do not bind root")
    else:
        path.write_text("{}")
        path.chmod(0)

    config = Config.load(path, environ=HOME)

    assert len(config.warnings) == 1
    assert [fault.key for fault in config.faults] == [""]
    assert config.values == DEFAULTS


@pytest.mark.parametrize("interval", [59.9, 5, 0, -5])
def test_too_short_interval_in_the_file_becomes_the_shortest(tmp_path: Path, interval: float) -> None:
    """Letterboxd is not asked more than once a minute."""
    config = load(tmp_path, {"check_interval": interval})

    assert config["check_interval"] == 60
    assert "at least 60" in config.warnings[0]


@pytest.mark.parametrize("host", ["127.0.0.1:80", "127.9.9.9", "[::1]:8000", "localhost", "LOCALHOST:1"])
def test_limits_fall_for_stand_ins_on_this_machine(tmp_path: Path, host: str) -> None:
    """Short intervals and large budgets are for services on this machine."""
    config = load(
        tmp_path,
        {
            "check_interval": 0.5,
            "letterboxd": {"base_url": f"http://{host}"},
            "filelist": {"base_url": f"http://{host}", "calls_per_hour": 5000},
        },
    )

    assert config.warnings == []
    assert config["check_interval"] == 0.5
    assert config["filelist"]["calls_per_hour"] == 5000


@pytest.mark.parametrize("host", ["localhost.example.org", "127.0.0.1.example.org", "10.0.0.1", "128.0.0.1"])
def test_other_machines_are_not_this_one(host: str) -> None:
    """A name that only looks like this machine keeps the limits."""
    assert not is_on_this_machine(f"http://{host}")


def test_passkey_over_plain_http_is_warned_of(tmp_path: Path) -> None:
    """An address that sends the passkey unprotected is taken with a warning."""
    config = load(tmp_path, {"filelist": {"base_url": "http://filelist.example"}})

    assert "unencrypted" in config.warnings[0]
    assert config["filelist"]["base_url"] == "http://filelist.example"


def test_precedence(tmp_path: Path) -> None:
    """Command line, then environment, then file, then default; the file stays as it is."""
    path = tmp_path / "config.json"
    path.write_text('{"username": "file", "check_interval": 100}')
    environ = HOME | {"MOVIE_SYNC_USERNAME": " env ", "MOVIE_SYNC_CHECK_INTERVAL": "200"}

    assert Config.load(path, environ=HOME)["username"] == "file"
    from_environment = Config.load(path, environ=environ, overrides={"username": None})
    assert (from_environment["username"], from_environment["check_interval"]) == ("env", 200)
    from_command = Config.load(path, environ=environ, overrides={"username": "cli", "check_interval": 300})
    assert (from_command["username"], from_command["check_interval"]) == ("cli", 300)
    assert from_command.is_set("username")
    assert path.read_text() == '{"username": "file", "check_interval": 100}'


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MOVIE_SYNC_USERNAME", "anna b"),
        *(
            ("MOVIE_SYNC_CHECK_INTERVAL", value)
            for value in ("59", "soon", "-5", "nan", "1e3", "1_000", "٦٠")
        ),
    ],
)
def test_bad_environment_is_an_error(tmp_path: Path, name: str, value: str) -> None:
    """An environment variable that cannot be used ends the program and is named."""
    with pytest.raises(UserError, match=name):
        Config.load(tmp_path / "config.json", environ=HOME | {name: value})


def test_replacing_a_setting(tmp_path: Path) -> None:
    """A setting can be replaced as the architecture shows; an unusable one raises and changes nothing."""
    config = load(tmp_path, {"quality": {"min_seeders": 3}})

    config["username"] = "anna"
    config["quality"] = {"max_size_gb": 9}
    for key, value in {"username": "a b", "check_interval": 59, "quality": {"min_seeders": -1}}.items():
        with pytest.raises(UserError, match=key):
            config[key] = value
    with pytest.raises(KeyError):
        config["usrname"] = "anna"

    assert config["username"] == "anna"
    assert (config["quality"]["min_seeders"], config["quality"]["max_size_gb"]) == (3, 9)
    with pytest.raises(TypeError):
        config["quality"]["min_seeders"] = 5
    assert json.loads((tmp_path / "config.json").read_text()) == {"quality": {"min_seeders": 3}}


def test_loads_do_not_share_values(tmp_path: Path) -> None:
    """What one Config holds is no other one's."""
    Config.load(tmp_path / "none", environ=HOME)["library_directories"].append("/x")

    assert Config.load(tmp_path / "none", environ=HOME)["library_directories"] == []


@pytest.mark.parametrize(
    "content",
    [
        {"letterboxd": {"base_url": f"https://anna:{SECRET}@example.org"}},
        {"filelist": {"base_url": f"ftp://filelist.example/rss?passkey={SECRET}"}},
        {"filelist": {"base_url": f"http://bad host/{SECRET}/announce"}},
        {"filelist": {"passkey": SECRET}},
        {"passkey": SECRET, "qbittorrent": {"password": SECRET, "url": f"x://admin:{SECRET}@h"}},
        {"username": {"passkey": SECRET}, SECRET: 1, "quality": {"order": [SECRET]}},
        {"first_run": f"password: {SECRET}", "username": f"{SECRET}!"},
    ],
)
def test_no_secret_in_a_warning(tmp_path: Path, content: object) -> None:
    """A credential in the wrong place is not repeated in the warning."""
    config = load(tmp_path, content)

    assert config.warnings
    assert SECRET[:8] not in "".join(config.warnings)


@pytest.mark.parametrize(
    "key", ["passkey", "filelist.passkey", "qbittorrent.password", "filelist.api_key", "apikey"]
)
def test_credentials_in_the_file_are_pointed_out(tmp_path: Path, key: str) -> None:
    """A passkey in config.json is not used, and the warning says where it belongs."""
    (warning,) = load(tmp_path, nested(key, "abc")).warnings

    assert f'"{key}"' in warning
    assert "run setup" in warning


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["hd", "~/x", "/x", "~", "~x", "http://127.0.0.1", "https://a@b", *QUALITIES])
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def shaped_like(section: Section) -> st.SearchStrategy[object]:
    """Return objects with the section's keys and any values."""
    inner = {
        key: anything | shaped_like(rule) if isinstance(rule, Section) else anything
        for key, rule in section.keys.items()
    }
    return st.fixed_dictionaries({}, optional=inner)


@settings(
    max_examples=2 * settings().max_examples,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(content=anything | shaped_like(known().top))
def test_any_json_gives_usable_settings(tmp_path: Path, content: object) -> None:
    """Whatever the file says, loading succeeds, each value obeys its rule, and each warning is one line."""
    config = load(tmp_path, content)

    for key, rule in rules().items():
        if isinstance(rule, NamedSections):
            continue
        assert rule.read(value_at(config, key)) == value_at(config, key)
    assert config["check_interval"] >= 60 or is_on_this_machine(config["letterboxd"]["base_url"])
    assert all(warning.isprintable() for warning in config.warnings)
    assert all(Path(folder).is_absolute() for folder in config["library_directories"])


def test_an_unknown_quality(tmp_path: Path) -> None:
    """The warning names every quality there is, also those that no built-in order holds."""
    (warning,) = load(tmp_path, {"quality": {"order": ["BRRip-1080p"]}}).warnings

    assert all(quality in warning for quality in QUALITIES)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ('{\n  "username": "anna",\n  "library_directories": "oops"\n}', ("library_directories", 3, 3)),
        ('{"quality": {"order":\n[], "max_size_gb": "20"}}', ("quality.max_size_gb", 2, 5)),
        (
            '{"quality": {"size_mb_per_minute": {"1080p": [9, 1]}}}',
            ("quality.size_mb_per_minute.1080p", 1, 37),
        ),
        ('{"qbittorrent": false}', ("qbittorrent", 1, 2)),
        ('{"filelist": [], "max_unfinished": 5}', ("filelist", 1, 2)),
        ('{"filelist": {"calls_per_hour": 0}}', ("filelist.calls_per_hour", 1, 15)),
        ('\ufeff{"first_run": "some"}', ("first_run", 1, 2)),
        ('{"max_unfinished": 5, "max_unfinished": true}', ("max_unfinished", 1, 23)),
        ('{"\\u006din_free_space_gb": null}', ("min_free_space_gb", 1, 2)),
        ('{"username": "anna",\r\n "quality": {', ("", 2, 14)),
        ("[]", ("", None, None)),
        ("", ("", 1, 1)),
    ],
)
def test_a_setting_that_protects_is_named_with_its_place(
    tmp_path: Path, content: str, place: tuple[str, int | None, int | None]
) -> None:
    """What cannot be read and protects is a fault, with the key and where it stands or the file breaks."""
    (tmp_path / "config.json").write_text(content, encoding="utf-8", newline="")

    config = Config.load(tmp_path / "config.json", environ=HOME)

    assert place in [(fault.key, fault.line, fault.column) for fault in config.faults]
    assert all(any(fault.words in warning for warning in config.warnings) for fault in config.faults)


def test_a_file_that_is_not_in_utf_8_is_named_with_the_place(tmp_path: Path) -> None:
    """The first byte that is no text is where the file is to be mended."""
    (tmp_path / "config.json").write_bytes(b'{"download_directory":\n "/f\xe9lms"}')

    (fault,) = Config.load(tmp_path / "config.json", environ=HOME).faults

    assert (fault.key, fault.line, fault.column) == ("", 2, 5)


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("libary_directories", "library_directories"),
        ("libraryDirectories", "library_directories"),
        ("LIBRARY-DIRECTORIES", "library_directories"),
        ("library_dirs", "library_directories"),
        ("library", "library_directories"),
        ("download_dir", "download_directory"),
        ("min_free_space", "min_free_space_gb"),
        ("max_unfinshed", "max_unfinished"),
        ("qbitorrent", "qbittorrent"),
        ("qbittorrent.url", "qbittorrent"),
        ("qualty", "quality"),
        ("order", "quality.order"),
        ("quality.ordr", "quality.order"),
        ("quality.library_directories", "library_directories"),
        ("qbittorrent.save_pth", "qbittorrent.save_path"),
        ("qbittorrent.max_size_gb", "quality.max_size_gb"),
        ("filelist.call_per_hour", "filelist.calls_per_hour"),
    ],
)
def test_a_misspelt_key_that_protects_is_a_fault(tmp_path: Path, key: str, meant: str) -> None:
    """A key near one that protects, or of another section, may be meant for it."""
    content = {key: 5} if key == "qbittorrent.url" else nested(key, 5)

    (fault,) = load(tmp_path, content).faults

    assert (fault.key, fault.protecting) == (key, meant)
    assert fault.line == 1


@pytest.mark.parametrize(
    "content",
    [
        {"usernme": "anna"},
        {"comment": "for the living room"},
        {"note": 1, "$schema": "x", "": 2, "-": 3},
        {"notices": {"enbled": True}},
        {"plex": {"enabled": True}},
        {"jellyfin": {"url": "nonsense"}},
        {"letterboxd": {"timeout": "soon"}},
        {"retry_interval": "soon"},
        {"filelist": {"calls_per_hour": 500}},  # fewer are used
        {"qbittorrent_password": "x"},
    ],
)
def test_what_does_not_protect_is_no_fault(tmp_path: Path, content: dict[str, object]) -> None:
    """Other mistakes are warnings, and the default is used."""
    config = load(tmp_path, content)

    assert config.warnings
    assert config.faults == ()


def test_a_usable_override_takes_a_fault_away(tmp_path: Path) -> None:
    """Who gives a setting in another way has said what they want."""
    path = tmp_path / "config.json"
    path.write_text('{"max_unfinished": "few", "first_run": 1.5}')

    config = Config.load(path, environ=HOME, overrides={"max_unfinished": 3})

    assert [fault.key for fault in config.faults] == ["first_run"]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            {"when": {"hdr": ["HDR12"]}, "reject": True},
            'rule 1: hdr is ["HDR12"], but must be a list of SDR, HDR10',
        ),
        (
            {"when": {"hrd": ["DV"]}, "reject": True},
            'rule 1: "hrd" isn\'t a field; fields are resolution, source',
        ),
        ({"when": {"hdr": ["DV"]}, "rejects": True}, 'rule 1: "rejects" isn\'t part of a rule'),
        ({"when": {"hdr": ["DV"]}, "score": "5"}, "rule 1: its score must be a number from -1e+"),
        ({"when": {"hdr": ["DV"]}, "score": True}, "rule 1: its score must be a number"),
        ({"when": {"hdr": ["DV"]}, "reject": None, "score": 1}, "rule 1: a rule needs either"),
        ({"when": {"not": {"not": {"hdr": ["DV"]}}}, "score": 1}, 'rule 1: "not" isn\'t a field'),
        ({"when": {"hdr": ["DV"]}}, 'rule 1: a rule needs either "reject": true or a score'),
        ({"when": {"languages": ["xx"]}, "score": 1}, "English names or ISO 639-1 codes"),
    ],
)
def test_a_rule_that_cannot_be_used(tmp_path: Path, rule: object, said: str) -> None:
    """The warning names the rule, the key, the value and what is allowed, and no film is handed over."""
    config = load(tmp_path, {"quality": {"rules": [rule]}})

    assert said in config.warnings[0]
    assert [fault.key for fault in config.faults] == ["quality.rules"]


def test_a_films_own_preset_keeps_the_users_rules(tmp_path: Path) -> None:
    """It takes precedence over the general one; what the user rejects is wanted for no film."""
    rule = {"when": {"hdr": ["DV"]}, "reject": True}
    config = load(tmp_path, {"quality": {"preset": "4k", "rules": [rule], "words": {"x": 1}}})
    own = config.preset("small")
    assert own
    assert (own.order[0], own.max_size_gb, dict(own.words)) == ("Bluray-720p", 8, {"x": 1})
    assert [each.reject for each in own.rules] == [True]
    assert config.preset("other") is None


@pytest.mark.parametrize("key", rules())
def test_every_key_is_documented_with_its_default(key: str) -> None:
    """The page of settings has a row for each key, with the default."""
    rule = rules()[key]
    row = f"| `{key}` | `{json.dumps(rule.default if isinstance(rule, Rule) else {})}` |"

    assert row in DOCUMENT.read_text(encoding="utf-8")


def test_nothing_else_is_documented() -> None:
    """The page of settings has no row for a key that does not exist, and every quality is on it."""
    text = DOCUMENT.read_text(encoding="utf-8")

    documented = dict(re.findall(r"^\| `([a-z][\w.]*)` \| .+? \| (.+) \|$", text, re.MULTILINE))
    named = {
        f"{key}.NAME.{name}"
        for key, node in rules().items()
        if isinstance(node, NamedSections)
        for name in node.each.keys
    }
    assert set(documented) == set(rules()) | named
    for key, words in documented.items():  # `config` and the page say the same
        assert help_of(key) == re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", words), f"settings/help.txt: {key}"
    assert list(_texts()) == list(documented)
    assert all(f"`{quality}`" in text for quality in QUALITIES)
    assert all(f'`"{preset}"`' in text for preset in QUALITY_PRESETS)


ENVIRONMENT: list[tuple[str, str, str, object]] = [
    ("MOVIE_SYNC_QBITTORRENT__URL", "http://nas:80/", "qbittorrent.url", "http://nas:80"),
    ("MOVIE_SYNC_QBITTORRENT__VERIFY_TLS", "false", "qbittorrent.verify_tls", False),
    ("MOVIE_SYNC_QBITTORRENT__CATEGORY", "1984", "qbittorrent.category", "1984"),
    ("MOVIE_SYNC_QBITTORRENT__SAVE_PATH", "null", "qbittorrent.save_path", None),
    ("MOVIE_SYNC_QBITTORRENT__TAGS", '["a", "b"]', "qbittorrent.tags", ["a", "b"]),
    ("MOVIE_SYNC_QUALITY__WORDS", '{"x265": -2}', "quality.words", {"x265": -2}),
    (
        "MOVIE_SYNC_QUALITY__SIZE_MB_PER_MINUTE__1080P",
        "[1, 2.5]",
        "quality.size_mb_per_minute.1080p",
        [1, 2.5],
    ),
    ("MOVIE_SYNC_FIRST_RUN", "25", "first_run", 25),
    ("MOVIE_SYNC_USERNAME", "1984", "username", "1984"),
    ("MOVIE_SYNC_ON_EVENT", "~/told 'a b'", "on_event", ["/home/anna/told", "a b"]),
    ("MOVIE_SYNC_DOWNLOAD_DIRECTORY", "~/Films", "download_directory", "/home/anna/Films"),
]


@pytest.mark.parametrize(("variable", "text", "key", "expected"), ENVIRONMENT)
def test_every_setting_from_the_environment(
    tmp_path: Path, variable: str, text: str, key: str, expected: object
) -> None:
    """Each part of a key is divided by two underscores; what is JSON is read as such, all else as a text."""
    config = load(tmp_path, {"qbittorrent": {"save_path": "/x"}}, HOME | {variable: text})

    assert config.warnings == []
    assert value_at(config, key) == expected
    assert config.is_set(key)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("MOVIE_SYNC_QBITTORRENT__URL", "nas"),
        ("MOVIE_SYNC_QUALITY__ORDER", "DVD"),
        ("MOVIE_SYNC_QUALITY__ORDER", '["DVD"'),
        ("MOVIE_SYNC_MAX_UNFINISHED", "many"),
        ("MOVIE_SYNC_FILELIST__CALLS_PER_HOUR", "500"),
        ("MOVIE_SYNC_PLEX__URL", f"http://nas/?X-Plex-Token={SECRET}"),
    ],
)
def test_unusable_settings_in_the_environment(tmp_path: Path, variable: str, text: str) -> None:
    """They end the program, name the variable and show no secret."""
    with pytest.raises(UserError, match=f"{variable} can't be used") as caught:
        load(tmp_path, {}, HOME | {variable: text})

    assert SECRET not in str(caught.value)


def test_variables_are_taken_together(tmp_path: Path) -> None:
    """One may allow what another one asks for."""
    environ = HOME | {
        "MOVIE_SYNC_CHECK_INTERVAL": "1",
        "MOVIE_SYNC_LETTERBOXD__BASE_URL": "http://127.0.0.1:8000",
    }
    assert load(tmp_path, {}, environ)["check_interval"] == 1


def test_a_username_beside_lists(tmp_path: Path) -> None:
    """It is named as not used, unless it is another one's for this run."""
    path = tmp_path / "config.json"
    path.write_text('{"username": "anna", "lists": [{"watchlist": "ben"}]}')
    (words,) = Config.load(path, environ=HOME).warnings
    assert (
        words
        == f'{path}: "username" isn\'t used, because "lists" is set. Name that list there, or remove "username".'
    )
    assert not Config.load(path, environ=HOME | {"MOVIE_SYNC_USERNAME": "cora"}).warnings
    path.write_text('{"username": "anna", "lists": []}')
    assert not Config.load(path, environ=HOME).warnings


def test_an_unknown_variable_is_warned_of(tmp_path: Path) -> None:
    """Its name alone: what stands in it may be a secret. Those of credentials are known."""
    environ = HOME | {
        "MOVIE_SYNC_QBITORRENT__URL": SECRET,
        "MOVIE_SYNC_FILELIST_PASSKEY": SECRET,
        "MOVIE_SYNC_FILELIST_PASSKEY_FILE": "/x",
    }
    (warning,) = load(tmp_path, {}, environ).warnings

    assert "MOVIE_SYNC_QBITORRENT__URL" in warning
    assert SECRET not in warning


@dataclass(frozen=True, slots=True)
class Indexer:
    """A section under a name that the user gives."""

    url: str = setting(REQUIRED, "an address", web_address)
    calls_per_hour: int = setting(60, "a whole number above 0", number(1, MANY, whole=True), protects=True)
    categories: tuple[int, ...] = setting([2000], "a list of numbers", list_of(number(0, MANY, whole=True)))


class Indexers(TrackerService):
    """A tracker of which there may be several."""

    name = "indexers"
    title = "Indexer"
    section = Indexer
    is_named = True


@pytest.fixture
def _indexers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.SERVICES, "indexers", f"{__name__}:Indexers")


@pytest.mark.usefixtures("_indexers")
def test_sections_under_the_users_names(tmp_path: Path) -> None:
    """Each has its defaults; they are typed, and can be named among the trackers."""
    one, two = {"url": "http://one/api"}, {"url": "http://two", "calls_per_hour": 5, "categories": [1, 2]}
    content = {"indexers": {"one": one, "t-w_o": two}, "trackers": ["indexers:t-w_o", "filelist"]}

    config = load(tmp_path, content)

    assert config.warnings == []
    assert config.named(Indexer) == {
        "one": Indexer("http://one/api", 60, (2000,)),
        "t-w_o": Indexer("http://two", 5, (1, 2)),
    }
    assert config["indexers"]["one"]["calls_per_hour"] == 60
    assert config.section(GeneralSettings).trackers == ("indexers:t-w_o", "filelist")
    variable = HOME | {"MOVIE_SYNC_INDEXERS": json.dumps({"one": {"url": "http://new"}})}
    assert load(tmp_path, content, variable).named(Indexer)["one"].url == "http://new"


@pytest.mark.usefixtures("_indexers")
@pytest.mark.parametrize(
    ("content", "key", "protecting"),
    [
        ({"indexers": 5}, "indexers", "indexers"),
        ({"indexers": {"one": 5}}, "indexers.one", ""),
        ({"indexers": {"one": {}}}, "indexers.one", ""),
        ({"indexers": {"one": {"url": "nas"}}}, "indexers.one.url", ""),
        ({"indexers": {"a.b": {"url": "http://a"}}}, "indexers.a.b", ""),
        (
            {"indexers": {"a": {"url": "http://a", "calls_per_hour": 0}}},
            "indexers.a.calls_per_hour",
            "indexers.a.calls_per_hour",
        ),
        (
            {"indexers": {"a": {"url": "http://a", "call_per_hour": 5}}},
            "indexers.a.call_per_hour",
            "indexers.a.calls_per_hour",
        ),
    ],
)
def test_mistakes_in_sections_under_the_users_names(
    tmp_path: Path, content: dict[str, object], key: str, protecting: str
) -> None:
    """What cannot be used is named; an entry that lacks what has no default is left out."""
    config = load(tmp_path, content)

    assert any(f'"{key}"' in warning for warning in config.warnings)
    assert [fault.protecting for fault in config.faults] == ([protecting] if protecting else [])
    assert all(entry.url for entry in config.named(Indexer).values())
