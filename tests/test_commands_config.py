"""`config`: what is in force and where it comes from, and a change of one setting."""

import json
from pathlib import Path

import pytest
from house import commands
from house.commands import run, write

from movie_sync.storage.locks import InstanceLock
from movie_sync.storage.paths import AppPaths

data, process_as_before = commands.data, commands.process_as_before


def told(data: Path, capsys: pytest.CaptureFixture[str], *key: str) -> dict[str, tuple[str, str]]:
    """Return what `config` shows, by key."""
    assert run(data, "config", *key) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()[1:]]
    return {key: (value, source) for key, value, source in lines}


def settings(data: Path) -> object:
    """Return what the file holds."""
    return json.loads((data / "config.json").read_text())


def test_where_settings_come_from(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Default, file, preset, environment, command line; whole, a section, one."""
    write(
        data / "config.json",
        {
            "username": "maria",
            "quality": {"preset": "small", "max_size_gb": 3},
            "torznab": {"b": {"url": "http://b"}},
        },
    )
    monkeypatch.setenv("MOVIE_SYNC_QBITTORRENT__CATEGORY", "Films")
    shown = told(data, capsys)
    assert shown["username"] == ('"maria"', "config.json")
    assert shown["retry_interval"] == ("3600", "default")
    assert shown["quality.max_size_gb"] == ("3", "config.json")
    assert shown["quality.preferred_mb_per_minute"] == ("20.0", "preset small")
    assert json.loads(shown["quality.rules"][0]) == [{"when": {"codec": ["x265", "AV1"]}, "score": 5}]
    assert shown["qbittorrent.category"] == ('"Films"', "MOVIE_SYNC_QBITTORRENT__CATEGORY")
    assert shown["torznab.b.url"] == ('"http://b"', "config.json")
    assert set(told(data, capsys, "transmission")) == {
        key for key in shown if key.startswith("transmission.")
    }
    assert run(data, "--interval", "90", "config", "check_interval") == 0
    assert capsys.readouterr().out.splitlines()[1] == "check_interval\t90\tcommand line"


def test_what_a_setting_does(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Said below the one that is asked for, on a terminal; scripts read the table alone."""
    write(data / "config.json", {"torznab": {"b": {"url": "http://b"}}})
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert run(data, "config", "torznab.b.timeout") == 0
    out = capsys.readouterr().out
    assert "Seconds until a request times out" in out
    assert "Allowed: a number of seconds above 0, to 600." in out
    assert run(data, "config", "torznab") == 0
    assert "Allowed" not in capsys.readouterr().out


def test_secrets_are_not_shown(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither what is private, nor what looks like a secret, nor what stands there by mistake."""
    key = "deadbeef" * 4
    write(
        data / "config.json",
        {
            "on_event": ["notify", "--token", key],
            "filelist": {"passkey": key},
            "jellyfin": {"url": f"http://h/{key}"},
        },
    )
    assert run(data, "config") == 0
    out, err = capsys.readouterr()
    assert key not in out + err
    assert "on_event\t(hidden)\tconfig.json" in out


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("check_interval", "7200", {"check_interval": 7200}),
        ("username", "1984", {"username": "1984"}),
        ("qbittorrent.save_path", "null", {"qbittorrent": {"enabled": False, "save_path": None}}),
        ("qbittorrent.tags", '["a", "b"]', {"qbittorrent": {"enabled": False, "tags": ["a", "b"]}}),
        ("qbittorrent", '{"category": "x"}', {"qbittorrent": {"enabled": False, "category": "x"}}),
        ("torznab.a.url", "http://a/api", {"torznab": {"a": {"url": "http://a/api"}}}),
        ("quality.size_mb_per_minute.sd", "[1, 9]", {"quality": {"size_mb_per_minute": {"sd": [1, 9]}}}),
    ],
)
def test_a_setting_is_set(
    data: Path, key: str, value: str, expected: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    """It stands in the file, all else as before; `--unset` takes it out again."""
    before = {"username": "maria", "qbittorrent": {"enabled": False}, "unknown": 7}
    write(data / "config.json", before)
    assert run(data, "config", key, value) == 0
    assert settings(data) == before | expected
    assert f"{key} is now " in capsys.readouterr().out
    if key not in before:
        assert run(data, "config", "--unset", key) == 0
        assert settings(data) == before
        assert run(data, "config", key, "--unset") == 0
        assert "isn't set" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("check_interval", "soon"), "but must be a number of seconds"),
        (("check_interval", "59"), "60"),
        (("trackers", '["torznab:none"]'), "torznab"),
        (("torznab.a.timeout", "5"), '"torznab.a" is missing'),
        (("chek_interval", "90"), "Did you mean check_interval"),
        (("base_url",), "letterboxd.base_url"),
        (("filelist.passkey", "x"), "`setup` asks for them"),
        (("zzz.yyy",), "`config` lists them all"),
        (("--unset",), "the key of one setting"),
        (("--unset", "username", "x"), "no value"),
    ],
)
def test_what_cannot_be_used(
    data: Path, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, a line that says why, and the file is as before."""
    write(data / "config.json", {"username": "maria"})
    assert run(data, "config", *words) == 2
    assert said in capsys.readouterr().err
    assert settings(data) == {"username": "maria"}


def test_what_others_need_stays(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The url of a tracker that is used; a file that cannot be read."""
    content = {"torznab": {"a": {"url": "http://a/api", "timeout": 5}}, "trackers": ["torznab:a"]}
    write(data / "config.json", content)
    assert run(data, "config", "--unset", "torznab.a.url") == 2
    assert run(data, "config", "--unset", "torznab.a") == 2
    assert settings(data) == content
    (data / "config.json").write_text("{")
    assert run(data, "config", "username", "maria") == 2
    assert (data / "config.json").read_text() == "{"
    capsys.readouterr()


def test_a_variable_in_force_is_said(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It still wins."""
    monkeypatch.setenv("MOVIE_SYNC_CHECK_INTERVAL", "300")
    assert run(data, "config", "check_interval", "7200") == 0
    out = capsys.readouterr().out
    assert "check_interval is now 300 (MOVIE_SYNC_CHECK_INTERVAL)." in out
    assert "overrides config.json" in out


def test_what_a_running_daemon_makes_of_it(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It applies a change by itself; the page doesn't, and a secret doesn't follow an address."""
    lock = InstanceLock(AppPaths(data).daemon_lock)
    assert lock.acquire()
    try:
        assert run(data, "config", "check_interval", "900") == 0
        assert "running and applies this by itself" in capsys.readouterr().out
        assert run(data, "config", "web.listen", "127.0.0.1:9000") == 0
        assert "restart it" in capsys.readouterr().out
    finally:
        lock.release()
    assert run(data, "config", "check_interval", "600") == 0
    assert "running" not in capsys.readouterr().out
    assert run(data, "config", "qbittorrent.url", "http://localhost:8080/qb") == 0
    assert "secrets" not in capsys.readouterr().out
    assert run(data, "config", "qbittorrent.url", "http://nas:8080") == 0
    assert "setup client" in capsys.readouterr().out


def test_a_shared_list_is_shown_without_its_token(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever has it can read the private list; the rest of the setting is shown."""
    write(
        data / "config.json", {"lists": [{"list": "ben/list/mine/share/AbC-dE_f12"}, {"watchlist": "anna"}]}
    )
    assert run(data, "config", "lists") == 0
    assert "anna" in (said := "".join(capsys.readouterr()))
    assert "dE_f12" not in said
    write(data / "config.json", {"lists": [{"list": "ben/share/AbC-dE_f12"}]})
    assert run(data, "config", "lists") == 0
    assert "dE_f12" not in "".join(capsys.readouterr())
