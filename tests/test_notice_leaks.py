"""Whatever goes wrong while the user is told, no secret gets into a log, a file or an answer."""

import http.server
import itertools
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from house.leaks import assert_no_secret
from house.program import PASSKEY, TRACKER_USER, Household
from house.real_program import free_port
from stand_ins.receiver import Receiver
from test_notices import NoticeHome, event, got, notices_to, run_once, writing

from movie_sync.credentials.manager import CredentialsManager
from movie_sync.demo import filelist_faults
from movie_sync.demo.filelist_server import API, FileListStandIn
from movie_sync.demo.letterboxd_server import LetterboxdStandIn, StandInFilm
from movie_sync.domain.events import EventKind
from movie_sync.services import registry
from movie_sync.settings.config import Config

# One of each place where an address holds secrets: login, path, query, fragment.
USER, LOGIN, TOPIC, KEY = "anna-of-mail", "p\u00e4ss w/rd&1", "my-t0pic-8f3k", "Sh0rt-k3y"
TOKEN = "t0ken+of/the=media-server"
SECRETS = (LOGIN, TOPIC, KEY, TOKEN)


def assert_none(texts: list[str], *secrets: str) -> None:
    """Look for what a user's notices have of secrets."""
    assert_no_secret(texts, secrets or SECRETS, USER)


def kept(folder: Path, *but: str) -> list[str]:
    """Return every name and text below a folder, but for the files where the secrets belong."""
    paths = [path for path in folder.rglob("*") if path.name not in {"credentials.enc", *but}]
    return [str(path) + (path.read_text(errors="replace") if path.is_file() else "") for path in paths]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[NoticeHome]:
    """A user's folders; no process is left behind."""
    home = NoticeHome(tmp_path)
    yield home
    home.close()


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with all that it was sent, in the status line, the headers and the body."""

    status = 500

    def _echo(self) -> None:
        sent = f"{self.path} {self.headers.get('Authorization')} {self.headers.get('X-Plex-Token')}"
        line = sent.encode("ascii", "replace").decode()
        self.send_response(self.status, line)
        self.send_header("Location", f"http://{line.replace(' ', '')}/")
        self.send_header("X-Echo", line)
        self.end_headers()
        self.wfile.write(sent.encode())

    do_GET = do_POST = do_PUT = _echo  # noqa: N815 - the names are the library's

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


class Rubbish(socketserver.StreamRequestHandler):
    """Repeats what it was sent, which is no HTTP."""

    def handle(self) -> None:
        """Repeat it."""
        self.wfile.write(self.request.recv(65_536))


@contextmanager
def served(handler: type[socketserver.BaseRequestHandler]) -> Iterator[int]:
    """Serve on loopback; gives the port."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@contextmanager
def closed() -> Iterator[int]:
    """Give a port where nobody listens."""
    yield free_port()


def with_status(status: int) -> type[Echo]:
    """Return an echo with another status."""
    return type("Status", (Echo,), {"status": status})


FAULTS: dict[str, Callable[[], Any]] = {
    "closed": closed,
    "echo of a fault": lambda: served(Echo),
    "echo of a refusal": lambda: served(with_status(401)),
    "echo of a redirect": lambda: served(with_status(302)),
    "echo of success": lambda: served(with_status(200)),
    "no HTTP": lambda: served(Rubbish),
}


def addresses(port: int) -> list[str]:
    """Return addresses for notices with secrets in every part, some of which nobody understands."""
    login, host = f"{USER}:{quote(LOGIN, safe='')}", f"127.0.0.1:{port}"
    return [
        f"json://{login}@{host}/{TOPIC}?+X-Key={KEY}",
        f"jsons://{login}@{host}/{TOPIC}#{KEY}",
        f"ntfy://{login}@{host}/{TOPIC}",
        f"gotify://{host}/{KEY}",
        f"xml://{host}/{TOPIC}?-key={KEY}",
        f"form://{host}/{TOPIC}?:key={KEY}",
        f"mailto://{USER}:{quote(LOGIN, safe='')}@127.0.0.1:{port}?smtp=127.0.0.1&to=x@example.org",
        f"{KEY.lower()}://{TOPIC}",
        f"{TOPIC}://",
        f"json://{USER}:{LOGIN}@{host}:{KEY}/",
        KEY,
    ]


@pytest.mark.parametrize("fault", FAULTS)
def test_addresses_of_notices(home: NoticeHome, caplog: pytest.LogCaptureFixture, fault: str) -> None:
    """However a service fails, and whatever it repeats of what it was sent: nothing of an address is said."""
    caplog.set_level("DEBUG")
    with FAULTS[fault]() as port:
        notices_to(home, *addresses(port))
        announcer = home.announcer(notices={"enabled": True, "gather_seconds": 0})
        announcer.tell(event(1))
        run_once(announcer)
    assert "address" in caplog.text
    assert_none([caplog.text, *kept(home.folder)])


def _tokens() -> list[Any]:
    """Return every token with every fault; in the short form every second pair meets one of the two services."""
    tokens = [TOKEN, 'sh0rt"k3y', "sh0rt\u00e4k3y", "sh0rt k3y\nX: y"]
    cases = enumerate(itertools.product(tokens, FAULTS, ["jellyfin", "plex"]))
    return [pytest.param(*case, marks=() if at % 8 in {0, 3} else pytest.mark.long) for at, case in cases]


@pytest.mark.parametrize(("token", "fault", "service"), _tokens())
def test_tokens_of_media_servers(
    home: NoticeHome, caplog: pytest.LogCaptureFixture, service: str, fault: str, token: str
) -> None:
    """Also one that no header can hold, and one that the server repeats in its status line."""
    caplog.set_level("DEBUG")
    if "\n" in token:  # is never stored, but may stand in the environment
        home.environ[f"MOVIE_SYNC_{service.upper()}_TOKEN"] = token
    else:
        home.store(service, token=token)
    with FAULTS[fault]() as port:
        announcer = home.announcer(**{service: {"url": f"http://127.0.0.1:{port}"}})
        announcer.tell(event(1, EventKind.DOWNLOADED))
        home.clock.advance(60)
        run_once(announcer)
    assert (service.capitalize() in caplog.text) == (fault != "echo of success" or token != TOKEN)
    assert_none([caplog.text, *kept(home.folder)], token)


CRASHES = {
    "an error": "raise RuntimeError(url)",
    "an error with a cause": "raise ValueError(url) from KeyError(url)",
    "its end": "sys.exit(url)",
    "much on both outputs": "print(url, flush=True); print(url, file=sys.stderr, flush=True); raise OSError(url)",
    "an error of ours": "from movie_sync.errors import UserError; raise UserError('no ' + url)",
    "a hard end": "os.write(1, url.encode()); os.write(2, url.encode()); os._exit(70)",
    "a signal": "os.kill(os.getpid(), 11)",
    "an interrupt": "raise KeyboardInterrupt(url)",
    "a text as its result": "return url",
}


@pytest.mark.parametrize("crash", CRASHES)
def test_a_crash_of_the_process_that_sends(
    home: NoticeHome, caplog: pytest.LogCaptureFixture, crash: str
) -> None:
    """Whatever it writes while it goes down, with the address in its words, is read by nobody."""
    caplog.set_level("DEBUG")
    (home.folder / "modules").mkdir()
    (home.folder / "modules" / "apprise.py").write_text(
        "import os, sys\n"
        "class AppriseAsset:\n    def __init__(self, **_): pass\n"
        "class Apprise:\n    def __init__(self, **_): pass\n"
        "    def add(self, url):\n        self.url = url\n        return True\n"
        f"    def notify(self, **_):\n        url = self.url\n        {CRASHES[crash]}\n"
    )
    home.environ["PYTHONPATH"] = str(home.folder / "modules")
    notices_to(home, f"json://{USER}:{quote(LOGIN, safe='')}@host/{TOPIC}?key={KEY}")
    announcer = home.announcer(notices={"enabled": True, "gather_seconds": 0})
    announcer.tell(event(1))
    run_once(announcer)
    assert ("A notice failed" in caplog.text) == (crash != "a text as its result")
    assert_none([caplog.text, *kept(home.folder)])


COMMANDS: dict[str, Any] = {
    "an address instead of a program": f"https://hooks.example.org/services/T0/{KEY}",
    "a setting of the environment first": f"TOKEN={KEY} curl -fsS http://localhost/",
    "a program in a folder of that name": [f"/nowhere/{KEY}/told.sh", KEY],
    "a folder": ["/", KEY],
    "no program": ["/etc/passwd", KEY],
    "an end with a code": ["/bin/sh", "-c", f"echo {KEY} >&2; exit 3", TOKEN],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_what_stands_in_the_command(home: NoticeHome, caplog: pytest.LogCaptureFixture, name: str) -> None:
    """Of a command that fails nothing but a program's name is said, also where no program stands first."""
    caplog.set_level("DEBUG")
    announcer = home.announcer(on_event=COMMANDS[name])
    announcer.tell(event(1))
    run_once(announcer)
    assert "The on_event command" in caplog.text
    assert_none([caplog.text, *kept(home.folder, "config.json")])


UNUSABLE: dict[str, Any] = {
    "a quotation mark is missing": {"on_event": f"curl -H 'Authorization: Bearer {KEY} http://x"},
    "a number among the words": {"on_event": ["curl", "-H", f"X-Token: {KEY}", 5]},
    "an object": {"on_event": {"run": "curl", "token": KEY}},
    "no word": {"on_event": ["", KEY]},
    "an address for notices": {"notices": f"ntfy://{TOPIC}"},
    "addresses in the section": {"notices": {"enabled": True, "urls": [f"tgram://1:{KEY}/2"]}},
    "an address among the kinds": {"notices": {"kinds": [f"ntfy://{TOPIC}"]}},
    "an address as the switch": {"notices": {"enabled": f"ntfy://{TOPIC}"}},
    "a token with the address": {"jellyfin": {"url": f"http://localhost:8096?api_key={KEY}"}},
    "a login in the address": {"plex": {"url": f"http://{USER}:{KEY}@localhost:99999"}},
    "a token instead of the address": {"plex": {"url": f"token {KEY}"}},
    "an address instead of the section": {"plex": f"http://localhost/?X-Plex-Token={KEY}"},
    "a token beside it": {"plex": {"url": "http://localhost:32400", "token": KEY}},
}


def test_words_of_an_event_are_cleaned_once_more(home: NoticeHome) -> None:
    """A known secret, or what looks like one, goes into no event; what scripts rely on stays as it is."""
    home.environ["MOVIE_SYNC_PLEX_TOKEN"] = TOKEN
    announcer = home.announcer(on_event=writing(home.folder), plex={"url": "http://127.0.0.1:9"})
    words = f"refused: {TOKEN} at http://anna:{KEY}@host/?passkey={KEY}"
    told = event(1, EventKind.WAITING, why=words)
    announcer.tell(told)
    home.until_told(announcer, "command")
    [heard] = got(home.folder)
    cleaned = "refused: (hidden) at http://(hidden)@host/?passkey=(hidden)"
    assert (heard["text"], heard["why"]) == (f"Waiting for a release of Film 1 (1995): {cleaned}", cleaned)
    assert heard["id"] == told.id


@pytest.mark.parametrize("name", UNUSABLE)
def test_settings_of_it_that_cannot_be_used(home: NoticeHome, name: str) -> None:
    """The complaint names the key and what is allowed, never what may be a secret in its value."""
    home.paths.config.write_text(json.dumps(UNUSABLE[name]))
    warnings = Config.load(home.paths.config, environ=home.environ).warnings
    assert warnings
    assert_none(warnings)


def test_the_whole_program_on_a_bad_day(tmp_path: Path) -> None:
    """Every way of telling fails, every error repeats what it can, at DEBUG: nowhere a secret, in no event."""
    films = [
        StandInFilm(f"K{n}", f"made-up-{n}", f"Made Up {'AB'[n]}", 1950 + n, f"tt900000{n}") for n in (0, 1)
    ]
    stored = [field.variable for fields in registry.credential_fields().values() for field in fields]
    with (
        LetterboxdStandIn(films, username="maria") as letterboxd,
        FileListStandIn(users={TRACKER_USER: PASSKEY}) as tracker,
        served(Echo) as port,
        Receiver(status=200) as receiver,
        Household(
            tmp_path,
            letterboxd,
            tracker,
            on_event=writing(tmp_path),
            notices={"enabled": True},
            jellyfin={"url": f"http://127.0.0.1:{port}"},
            plex={"url": f"http://127.0.0.1:{port}"},
        ) as house,
    ):
        manager = CredentialsManager(
            house.data / "credentials.enc", Path(house.environment["MOVIE_SYNC_KEY_FILE"]), {}
        )
        urls = " ".join([*addresses(port), f"json://127.0.0.1:{receiver.port}/"])
        manager.save(
            {
                "filelist": {"username": TRACKER_USER, "passkey": PASSKEY},
                "notices": {"urls": urls},
                "jellyfin": {"token": TOKEN},
                "plex": {"token": TOKEN},
            }
        )
        answers = []
        for status in (403, 500, 200):
            words = f"Invalid passkey {PASSKEY} of {TRACKER_USER}, see ?passkey={PASSKEY}&x and /announce/{PASSKEY}"
            tracker.always(filelist_faults.error(status, words) if status != 200 else None, API)
            answers.append(house.run("--once", "--log-level", "DEBUG", without=stored))
        answers += [
            house.run(*command, "--log-level", "DEBUG", without=stored)
            for command in (["check"], ["status", "--json"], ["queue"])
        ]
        told = (tmp_path / "got").read_text()
        assert {json.loads(line)["kind"] for line in told.splitlines()} >= {"refused", "waiting"}
        assert receiver.received
        texts = [told, *(answer.stdout + answer.stderr for answer in answers)]
        texts += [str(each.body) + str(each.headers) for each in receiver.received]
        texts += kept(tmp_path, "credentials.key")
    assert_none(texts, *SECRETS, PASSKEY)
    assert "Traceback" not in "".join(texts)
