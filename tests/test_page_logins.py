"""Who is let in to the page, for how long, and what every answer carries. The clock is turned by hand."""

from datetime import timedelta
from pathlib import Path

import pytest
from house import commands
from house import page as pages
from house.fakes import FakeClock
from house.page import ADDRESS, Page
from house.program import PASSKEY

from movie_sync.storage.paths import AppPaths
from movie_sync.web.logins import Logins, invite

data = commands.data
page = pages.page
HEADERS = {
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


def test_a_login_address_works_once(page: Page) -> None:
    """Not by HEAD, not twice, and not once a newer one has been made."""
    page.log_out()
    old, new = (f"/login/{invite(page.context.paths, page.context.clock)}" for _ in range(2))
    assert page.get(old).status == 403
    assert "set-cookie" not in page.send("HEAD", new, b"", {}).headers
    answer = page.get(new)
    assert (answer.status, answer.goes_to) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert all(word in cookie for word in ("httponly", "samesite=strict", "max-age=604800"))
    assert page.get(new).status == 403


def test_how_long_it_lasts(tmp_path: Path) -> None:
    """A login address lasts ten minutes, a session a week, also over a restart of the page."""
    clock, paths = FakeClock(), AppPaths(tmp_path)

    def logins() -> Logins:
        return Logins(paths, clock, lambda: "")

    late = invite(paths, clock)
    clock.advance(timedelta(minutes=10, seconds=1).total_seconds())
    assert not logins().by_token(late)
    early = invite(paths, clock)
    clock.advance(timedelta(minutes=9, seconds=59).total_seconds())
    cookie = logins().by_token(early)
    clock.advance(timedelta(days=6, hours=23).total_seconds())
    assert logins().is_in(cookie)
    clock.advance(timedelta(hours=2).total_seconds())
    assert not logins().is_in(cookie)


def test_logging_out_ends_the_session(page: Page) -> None:
    """Whoever kept the cookie has nothing of it, and changes nothing with it."""
    token = page.token
    assert page.post("/logout", follow=False).goes_to == "/login"
    assert page.get("/").goes_to == "/login"
    assert page.raw_post("/film/one/remove", {"token": token}, origin=ADDRESS).status == 401


def test_five_wrong_passwords_in_a_minute(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sixth isn't looked at, even if it is right."""
    monkeypatch.setenv("MOVIE_SYNC_WEB_PASSWORD", "right password")
    page.log_out()
    tries = [page.raw_post("/login", {"password": "wrong"}, origin=ADDRESS).status for _ in range(5)]
    assert tries == [403] * 5
    answer = page.raw_post("/login", {"password": "right password"}, origin=ADDRESS)
    assert (answer.status, answer.headers.get("set-cookie")) == (429, None)


def test_what_every_answer_carries(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """Strict headers on each, whoever asks; and the passkey in none."""
    monkeypatch.setenv("MOVIE_SYNC_FILELIST_USERNAME", "maria")
    monkeypatch.setenv("MOVIE_SYNC_FILELIST_PASSKEY", PASSKEY)
    paths = ["/", "/film/one", "/add", "/settings", "/settings/filelist", "/take", "/take/session", "/login"]
    paths += ["/health", "/film/missing", "/nowhere", "/login/wrong"]
    for host in ({}, {"host": "evil.example"}):
        for path in paths:
            answer = page.get(path, **host)
            assert answer.headers["content-security-policy"].startswith(
                "default-src 'none'; script-src 'self'"
            )
            assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
            assert PASSKEY not in answer.text
            assert not host or (answer.status, "One" in answer.text) == (403, False)
