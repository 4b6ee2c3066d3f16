"""What an attacker tries on the page: from another site, from the network, and from within a session."""

import asyncio
import signal
import socket
import subprocess
import threading
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
import uvicorn
from house import commands
from house import page as pages
from house.fakes import FakeClock
from house.page import ADDRESS, Page
from house.program import PROGRAM

from movie_sync.errors import StorageError
from movie_sync.services.apprise.service import Notices
from movie_sync.storage.local_socket import listening_at
from movie_sync.storage.paths import AppPaths
from movie_sync.web import server
from movie_sync.web.guard import Names
from movie_sync.web.logins import Logins, TooManyTriesError, change_token, invite

data = commands.data
page = pages.page


@pytest.mark.parametrize(
    "origin",
    ["http://[", "//127.0.0.1:8787", "ftp://127.0.0.1:8787", "http://localhost:8787", "http://127.0.0.1", ""]
    + [f"{ADDRESS}{more}" for more in ("/", "0", "\\@evil", ".evil.example")],
)
def test_an_origin_is_taken_to_the_letter(page: Page, origin: str) -> None:
    """An odd one is another site's."""
    answer = page.raw_post("/film/one/remove", {"token": page.token}, origin=origin)
    assert (answer.status, answer.headers["x-content-type-options"]) == (403, "nosniff")


@pytest.mark.parametrize(
    "to",
    ["//[", "/\\[", "//evil.example", "/\\evil.example", "/\t/evil.example", "https://evil.example", "x"],
)
def test_the_login_leads_nowhere_else(page: Page, to: str) -> None:
    """Who is in is sent on to a place on this page alone."""
    assert page.get(f"/login?to={to}").goes_to == "/"


def test_the_names_of_an_ipv6_page() -> None:
    """Its own address, as browsers write it, is one; every other is none."""
    names = Names.of("2001:DB8:0::5", ["films.example"])
    assert names.know("[2001:db8::5]:8787")
    assert names.know("films.example")
    assert not any(
        map(names.know, ["[2001:db8::6]", "192.0.2.1", "films.example.", "[::1", "a@localhost", ""])
    )


def test_nobody_is_kept_out_by_wrong_addresses(tmp_path: Path) -> None:
    """Any site can have a browser ask for them; and a password that can't be read counts as a try."""
    clock, passwords = FakeClock(), ["right", ""]

    def password() -> str:
        if not passwords:
            raise StorageError("secret.enc can't be read")
        return passwords.pop(0)

    logins = Logins(AppPaths(tmp_path), clock, password)
    for _ in range(5):
        assert not logins.by_token("wrong")
    with pytest.raises(TooManyTriesError):
        logins.by_token("wrong")
    assert logins.by_token(invite(AppPaths(tmp_path), clock))
    assert logins.by_password("right")
    assert not logins.by_password("")
    for _ in range(4):
        with pytest.raises(StorageError):
            logins.by_password("right")
    with pytest.raises(TooManyTriesError):
        logins.by_password("right")


def test_a_session_that_has_ended_does_not_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even if its end can't be written; and who logs in then is in."""
    paths, clock = AppPaths(tmp_path), FakeClock()
    first = Logins(paths, clock, lambda: "right")
    cookie = first.by_password("right")

    def fail(*_: object) -> None:
        raise StorageError("The disk is full.")

    monkeypatch.setattr("movie_sync.web.logins.write_note", fail)
    first.end(cookie)
    assert first.is_in(first.by_password("right"))
    assert not Logins(paths, clock, lambda: "right").is_in(cookie)


def test_a_stranger_learns_and_sends_little(page: Page, data: Path) -> None:
    """No path of the user's in an error, and no large body."""
    AppPaths(data).credentials.write_text("damaged")
    page.log_out()
    answer = page.raw_post("/login", {"password": "x"}, origin=ADDRESS)
    assert answer.status == 503
    assert str(data) not in answer.text
    assert page.raw_post("/login", {"password": "x" * 10_000}, origin=ADDRESS).status == 413


def test_one_look_answers_all_who_ask_meanwhile(page: Page, data: Path) -> None:
    """However many ask for `/healthz`, they take one thread."""
    asked: list[socket.socket] = []
    with listening_at(AppPaths(data).health, 100) as daemon:
        daemon.setblocking(True)

        def answer() -> None:
            asked.append(daemon.accept()[0])
            asked[0].sendall(b'{"pid": 1, "workers": {}}')
            asked[0].close()

        threading.Thread(target=answer, daemon=True).start()
        assert {each.status for each in page.get_at_once(60, "/healthz")} == {200}
    assert len(asked) == 1


@pytest.mark.parametrize(
    "address",
    ["http://evil.example", "http://localhost.evil.example", "http://a\\.localhost", "http://127.0.0.1@evil"],
)
def test_torrents_go_to_no_other_machine(page: Page, data: Path, address: str) -> None:
    """They contain the passkey: a session can't send them to a client of its own, whatever secret it types."""
    for name in ("qbittorrent", "transmission"):
        form = {"key": f"{name}.url", "value": address, "secret.password": "of my own"}
        page.post(f"/settings/{name}/set", **form)
        assert page.context.reloaded().config.values[name]["url"].startswith("http://localhost:")
    assert (
        page.post("/settings/qbittorrent/set", key="qbittorrent.url", value="http://127.0.0.1:81").status
        == 200
    )
    assert page.context.reloaded().config.values["qbittorrent"]["url"] == "http://127.0.0.1:81"


@pytest.mark.parametrize(
    ("address", "is_file"),
    [
        ("tgram://123:abc/5?template=/home/a/key", True),
        ("ntfy://films discord://1/a?%74emplate=x.json", True),
        ("fcm://project/?mode=oauth2&KeyFile=key.json", True),
        ("json://example?x=%252Fetc%252Fpasswd", True),
        ("ntfys://films?priority=high&click=https://example/a/b", False),
        ("mailto://anna:pass@example.org?name=Movie%20Sync", False),
    ],
)
def test_a_notice_carries_no_file_away(address: str, is_file: bool) -> None:
    """Apprise reads files that an address names, and sends what is in them."""
    assert Notices().names_files({"urls": address}) is is_file


def test_an_address_that_names_a_file_is_refused(page: Page) -> None:
    """On the page; a terminal takes it."""
    form = {"service": "notices", "secret.urls": "slack://a/b/c?template=/etc/passwd"}
    assert "in a terminal" in page.post("/settings/notices/secrets", **form).text
    assert not page.context.paths.credentials.exists()


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: loc"])
def test_who_sends_nothing_is_hung_up_on(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise idle connections would keep everybody out."""
    monkeypatch.setattr(server, "_PATIENCE_SECONDS", 0.02)

    async def wait() -> None:
        config = uvicorn.Config(_no_app, http=server._Connection, ws="none", lifespan="off", log_config=None)
        config.load()
        state = uvicorn.Server(config).server_state
        listening = await asyncio.get_running_loop().create_server(
            lambda: server._Connection(config, state, {}), "127.0.0.1", 0
        )
        async with listening:
            reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
            writer.write(sent)
            await asyncio.wait_for(reader.read(), 5)
            writer.close()

    asyncio.run(wait())


async def _no_app(_scope: object, _receive: object, _send: object) -> None:
    """Answer nothing: uvicorn does."""


def test_a_service_that_never_answers_keeps_no_page_open(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal ends the page at once, whatever its threads wait for."""
    monkeypatch.setenv("MOVIE_SYNC_FILELIST_USERNAME", "maria")
    monkeypatch.setenv("MOVIE_SYNC_FILELIST_PASSKEY", "0123456789abcdef" * 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(10)
        commands.write(
            data / "config.json", {"filelist": {"base_url": f"http://127.0.0.1:{silent.getsockname()[1]}"}}
        )
        line = [*PROGRAM, "--data-dir", str(data), "web", "--listen", "127.0.0.1:0"]
        with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            login = urlsplit([process.stdout.readline() for _ in range(3)][-1].strip())
            connection = HTTPConnection(login.netloc, timeout=10)
            connection.request("GET", login.path)
            answer = connection.getresponse()
            answer.read()
            cookie = answer.headers["set-cookie"].partition(";")[0]
            form = urlencode({"service": "filelist", "token": change_token(cookie.partition("=")[2])})
            headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", "/settings/filelist/test", form, headers)
            asked = silent.accept()[0]
            process.send_signal(signal.SIGTERM)
            assert process.wait(5) == 0
            asked.close()
            connection.close()
