"""The page's settings and health: what is shown, what can be changed there, and what cannot."""

import json
import re
from html import unescape
from pathlib import Path

import pytest
from house import commands, page
from house.commands import write
from house.page import Page

from movie_sync.commands.check import Outcome
from movie_sync.commands.config import in_force
from movie_sync.credentials.manager import CredentialsManager
from movie_sync.errors import StorageError
from movie_sync.reports.log_tail import read_log_tail
from movie_sync.settings.help import help_of
from movie_sync.settings.keys import rules
from movie_sync.settings.section import NamedSections, Rule
from movie_sync.web import settings
from movie_sync.web.desk import Desk
from movie_sync.web.health import CheckUp
from movie_sync.web.setting_rows import section_of, sections

data, process_as_before, opened = commands.data, commands.process_as_before, page.page
PASSKEY = "0123456789abcdef0123456789abcdef"
NEVER_HERE = {
    "on_event", "download_directory", "library_directories", "torrent_directory", "path_map", "lists", "letterboxd.export_file",
    "qbittorrent.save_path", "qbittorrent.verify_tls", "transmission.download_dir", "transmission.verify_tls",
    "web.listen", "web.hosts",
    "shelf.folder", "shelf.how", "shelf.name", "shelf.extras",
}  # fmt: skip
ADDRESSES = {
    "filelist.base_url",
    "qbittorrent.url",
    "transmission.url",
    "jellyfin.url",
    "plex.url",
    "tmdb.base_url",
}


def content(data: Path) -> dict[str, object]:
    """Return what the settings file holds."""
    return json.loads((data / "config.json").read_text())


def stored(opened: Page, service: str) -> dict[str, str]:
    """Return a service's credentials."""
    manager: CredentialsManager = opened.context.reloaded().credentials_manager()
    return manager.get(service)


def change(opened: Page, key: str, value: str, **more: str) -> str:
    """Change a key on the page; return the page after it."""
    return unescape(opened.post(f"/settings/{section_of(key)}/set", key=key, value=value, **more).text)


def save(opened: Page, **secrets: dict[str, str]) -> None:
    """Store credentials, as setup does."""
    opened.context.credentials_manager().save(secrets)


def test_every_setting_is_shown_with_its_words(opened: Page) -> None:
    """Each key is on the page of its section, with what it does, what is allowed, and where it comes from."""
    for section in sections(in_force(opened.context)):
        text = unescape(opened.get(f"/settings/{section}").text)
        for each in in_force(opened.context):
            if section_of(each.key) == section:
                assert f'id="set-{each.key}' in text, each.key
                words = help_of(each.key).partition("`")[0]
                assert words in text
                assert each.rule.is_only_shown or each.rule.allowed.partition("`")[0] in text
    assert opened.get("/settings/nonsense").status == 404


def test_a_change_is_that_of_config(opened: Page, data: Path) -> None:
    """Checked by the same function, with the same words, and nothing else in the file is lost."""
    write(data / "config.json", {"mine": 1, "quality": {"preset": "hd"}})
    assert "check_interval is now 7200 (config.json)." in change(opened, "check_interval", "7200")
    write(data / "config.json", {**content(data), "max_retries": 3})  # by hand, meanwhile
    change(opened, "quality.order", '["WEB-1080p"]')
    change(opened, "notices.enabled", "true")
    change(opened, "first_run", "12")
    assert content(data) == {
        "mine": 1,
        "quality": {"preset": "hd", "order": ["WEB-1080p"]},
        "check_interval": 7200,
        "max_retries": 3,
        "notices": {"enabled": True},
        "first_run": 12,
    }
    change(opened, "notices.enabled", "", do="unset")
    assert "check_interval is now 3600 (default)." in change(opened, "check_interval", "", do="unset")
    assert set(content(data)) == {"mine", "quality", "max_retries", "first_run"}


def test_what_cannot_be_used_stays_in_its_field(opened: Page, data: Path) -> None:
    """It is refused in the words of `config`, and can be corrected."""
    before = content(data)
    text = change(opened, "quality.order", '["WEB-1080p", "VHS"]')
    assert '"quality.order" is ["WEB-1080p", "VHS"] (one entry is "VHS"), but must be' in text
    assert '<textarea id="set-quality.order"' in text
    assert '["WEB-1080p", "VHS"]</textarea>' in text
    assert 'value="<5>"' in change(opened, "check_interval", "<5>")
    assert "&lt;5&gt;" in opened.post("/settings/general/set", key="check_interval", value="<5>").text
    assert content(data) == before


def test_a_checkbox_that_is_not_sent_is_off(opened: Page, data: Path) -> None:
    """As browsers do it."""
    opened.post("/settings/quality/set", key="quality.prefer_internal")
    assert content(data)["quality"] == {"prefer_internal": False}


def test_what_a_page_must_not_change() -> None:
    """Whatever names a place, runs a program, opens the page or weakens a connection is only shown."""
    all_rules = {key: rule for key, rule in rules().items() if isinstance(rule, Rule)}
    for key, node in rules().items():
        if isinstance(node, NamedSections):
            all_rules |= {f"{key}.NAME.{name}": rule for name, rule in node.each.keys.items()}  # type: ignore[misc]
    assert {key for key, rule in all_rules.items() if rule.is_only_shown} == NEVER_HERE
    telling = re.compile(r"dir|path|folder|file\b|_file|program|command|event|tls|listen|host|shelf|lists")
    assert {key for key in all_rules if telling.search(key)} <= NEVER_HERE


def test_it_is_not_changed_by_a_made_up_form_either(opened: Page, data: Path) -> None:
    """The server refuses each, as a value and to unset, with the command that can do it."""
    before = content(data)
    for key in sorted(NEVER_HERE):
        for form in ({"value": "/etc"}, {"value": "false"}, {"do": "unset"}):
            text = unescape(opened.post(f"/settings/{section_of(key)}/set", key=key, **form).text)
            assert f"config {key} VALUE" in text
    for key in (
        "web",
        "qbittorrent",
        " web.listen",
        "web.listen ",
        "WEB.LISTEN",
    ):  # a section, nearly the key
        assert "No such setting." in change(opened, key, '{"listen": "0.0.0.0:80"}')
    assert content(data) == before


def test_what_overrides_the_file_is_said(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is not changed here, where it would do nothing."""
    monkeypatch.setenv("MOVIE_SYNC_QUALITY__PRESET", "hd")
    opened = Page(data, check_interval=90)
    try:
        before = content(data)
        assert "Set by MOVIE_SYNC_QUALITY__PRESET" in change(opened, "quality.preset", "small")
        assert "Set on the command line that started the page" in change(opened, "check_interval", "70")
        assert content(data) == before
    finally:
        opened.close()


def test_the_addresses_of_secrets() -> None:
    """Each service with secrets and an address guards it."""
    keys = {key for key in rules() if settings.receiver_of(key)}
    assert keys == ADDRESSES
    assert settings.receiver_of("torznab.films.url")
    assert not settings.receiver_of("letterboxd.base_url")


def test_an_address_is_changed_with_its_secret_alone(opened: Page, data: Path) -> None:
    """Both are saved, or neither; what is not typed is forgotten, so that it goes to no other place."""
    save(opened, qbittorrent={"username": "anna", "password": "old secret", "api_key": "old-key"})
    before = content(data)
    text = change(opened, "qbittorrent.url", "http://localhost:81")
    assert "Enter the password or API key again with the address" in text
    assert 'value="http://localhost:81"' in text
    assert "Enter the" in change(opened, "qbittorrent.url", "", do="unset")
    refused = change(opened, "qbittorrent.url", "gopher://localhost", **{"secret.password": "new secret"})
    assert "but must be an http or https address" in refused
    assert content(data) == before
    assert stored(opened, "qbittorrent")["password"] == "old secret"
    done = change(opened, "qbittorrent.url", "http://localhost:81", **{"secret.password": "new secret"})
    assert 'qbittorrent.url is now "http://localhost:81" (config.json).' in done
    assert stored(opened, "qbittorrent") == {"username": "anna", "password": "new secret"}
    assert "new secret" not in done


def test_neither_is_saved_if_one_cannot_be(opened: Page, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was stored is there again if the file cannot be written."""
    save(opened, jellyfin={"token": "old-token"})
    write(data / "config.json", {"jellyfin": {"url": "http://a"}})

    def fail(*_: object) -> None:
        raise StorageError("The disk is full.")

    monkeypatch.setattr(settings, "save_changes", fail)
    assert "The disk is full." in change(opened, "jellyfin.url", "http://b", **{"secret.token": "new-token"})
    assert stored(opened, "jellyfin") == {"token": "old-token"}


def test_an_address_whose_secret_comes_from_the_environment(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not changed on the page: the secret cannot be typed there."""
    monkeypatch.setenv("MOVIE_SYNC_PLEX_TOKEN", "plex-token-1")
    opened = Page(data)
    try:
        text = change(opened, "plex.url", "http://evil.example", **{"secret.token": "x" * 9})
        assert "MOVIE_SYNC_PLEX_TOKEN sets the credentials for this address" in text
        assert "plex" not in content(data)
    finally:
        opened.close()


def test_a_secret_that_is_held_back(opened: Page, data: Path) -> None:
    """It was entered for another server than a hand edit names, which is said, and guarded no less."""
    save(opened, filelist={"username": "anna", "passkey": PASSKEY})
    write(data / "config.json", {"filelist": {"base_url": "https://evil.example"}})
    text = opened.get("/settings/filelist").text
    assert "stored, but not used: it was entered for https://filelist.io" in text
    assert "Enter the passkey again" in change(opened, "filelist.base_url", "https://worse.example")


def test_nothing_is_sent_elsewhere_while_secrets_cannot_be_read(opened: Page, data: Path) -> None:
    """Whether there is one is not known then."""
    (data / "credentials.enc").write_text("damaged")
    assert "Can't read the credentials" in change(opened, "filelist.base_url", "http://evil.example")
    assert "filelist" not in content(data)


def test_secrets_are_replaced_and_never_shown(opened: Page, data: Path) -> None:
    """No page has one, neither the old nor the new; only whether it is set, and from where."""
    save(opened, filelist={"username": "anna", "passkey": PASSKEY})
    (data / "movie_sync.log").write_text(f"2026-01-02 03:04:05  WARNING: odd {PASSKEY}\n")
    answer = opened.post(
        "/settings/filelist/secrets", service="filelist", **{"secret.passkey": PASSKEY[::-1]}
    )
    assert "Saved: passkey." in answer.text
    assert stored(opened, "filelist") == {"username": "anna", "passkey": PASSKEY[::-1]}
    save(opened, filelist={"passkey": PASSKEY})
    pages = ["/", "/health", *(f"/settings/{each}" for each in sections(in_force(opened.context)))]
    for path in pages:
        body = opened.get(path).text
        assert PASSKEY not in body, path
        assert PASSKEY[::-1] not in body, path
    assert "<dt>Passkey</dt><dd>stored</dd>" in opened.get("/settings/filelist").text
    assert "<dt>Password</dt><dd>not set</dd>" in opened.get("/settings/transmission").text
    assert "No such service" in opened.post("/settings/plex/secrets", service="filelist").text


def test_a_new_password_ends_the_other_sessions(opened: Page) -> None:
    """But for the one that changed it."""
    own = opened.cookie
    opened.log_in()
    opened.cookie, other = own, opened.cookie
    answer = opened.post("/settings/web/secrets", service="web", **{"secret.password": "correct horse"})
    assert "All other sessions have ended." in answer.text
    assert stored(opened, "web") == {"password": "correct horse"}
    opened.cookie = other
    assert opened.get("/settings").goes_to.startswith("/login")


def test_a_tracker_is_added_with_its_key(opened: Page, data: Path) -> None:
    """It is asked from then on; one of that name is not replaced, and what cannot be used leaves no trace."""
    form = {"service": "torznab", "name": "films", "url": "http://nas:9696/1/api", "key": "abcdef12"}
    assert "name" in opened.post("/settings/torznab/add", **{**form, "name": "a b"}).text
    assert stored(opened, "torznab") == {}
    assert "Added the tracker torznab:films." in opened.post("/settings/torznab/add", **form).text
    assert content(data)["trackers"] == ["filelist", "torznab:films"]
    assert stored(opened, "torznab") == {"films": "abcdef12"}
    assert "already" in opened.post("/settings/torznab/add", **{**form, "url": "http://evil.example"}).text
    text = change(opened, "torznab.films.url", "http://evil.example")
    assert "Enter the API key for films again" in text
    assert content(data)["torznab"] == {"films": {"url": "http://nas:9696/1/api"}}


def test_a_service_is_tried(opened: Page, data: Path) -> None:
    """With what is stored, and what is wrong is said."""
    write(data / "config.json", {"qbittorrent": {"url": "http://127.0.0.1:9", "timeout": 2}})
    text = opened.post("/settings/qbittorrent/test", service="qbittorrent").text
    assert "qBittorrent: " in text
    assert 'class="note bad"' in text
    assert "No Torznab tracker" in opened.post("/settings/torznab/test", service="torznab", entry="x").text
    assert "Turn on" in opened.post("/settings/plex/test", service="plex").text


def test_health_shows_what_is_known(opened: Page, data: Path) -> None:
    """How the daemon is, the version, the folder, the budget, and the end of the log without control marks."""
    lines = [f"2026-01-02 03:04:05  line {number}" for number in range(300)]
    lines.append("2026-01-02 03:04:05  ERROR: <b>\x1b[31m passkey=abcdefgh")
    (data / "movie_sync.log").write_text("\n".join(lines) + "\n")
    text = opened.get("/health").text
    assert "No daemon is running" in text
    assert "120 of 120 calls left" in text
    assert "line 101<" in text
    assert "line 100<" not in text
    assert (
        '<span class="error">2026-01-02 03:04:05  ERROR: &lt;b&gt;\ufffd[31m passkey=(hidden)</span>' in text
    )


def test_the_log_is_read_from_its_end(tmp_path: Path) -> None:
    """A line that is cut off is left out; one that continues another has its level."""
    log = tmp_path / "log"
    log.write_text("2026-01-02 03:04:05  x\n" * 20_000 + "2026-01-02 03:04:05  WARNING: a\n    b\n")
    lines = read_log_tail(log, str, most_lines=10_000)
    assert {len(line.text) for line in lines} == {22, 31, 5}
    assert [line.level for line in lines[-3:]] == ["info", "warning", "warning"]
    assert read_log_tail(tmp_path / "none", str) == []


def test_one_check_at_a_time(opened: Page, data: Path) -> None:
    """Its result is kept, with how each part is."""
    write(data / "config.json", {"qbittorrent": {"url": "http://127.0.0.1:9", "timeout": 2}})
    check_up = CheckUp(Desk(opened.context), lambda: None)
    assert check_up.start()
    check_up.wait(30)
    result = check_up.result
    assert not result.is_running
    assert not result.why
    outcomes = {each.name: each.outcome for each in result.found}
    assert outcomes["Settings"] is Outcome.OK
    assert outcomes["qBittorrent"] is Outcome.FAIL
    assert "checks failed" in result.summary
