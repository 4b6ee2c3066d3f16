"""What must not leave: secrets, files that others can read, bytes outside the data folder, escapes to a terminal."""

import json
import re
import ssl
import sys
import threading
import unicodedata
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from house.films import stand_in_film, stand_in_release
from house.leaks import assert_no_secret
from house.program import PASSKEY, PROGRAM, TRACKER_USER, Household
from house.real_qbittorrent import RealQBittorrent, require_qbittorrent
from house.real_transmission import RealTransmission, require_transmission
from house.waiting import wait_until
from stand_ins.qbittorrent import LOGIN, Answer, QBittorrentStandIn
from test_services_qbittorrent import _self_signed

from movie_sync.credentials.manager import CredentialsManager
from movie_sync.demo import filelist_faults
from movie_sync.demo.filelist_server import API, DOWNLOAD, FileListStandIn
from movie_sync.demo.letterboxd_server import LetterboxdStandIn
from movie_sync.demo.torrent_maker import make_info, make_torrent
from movie_sync.services import registry

pytestmark = pytest.mark.waits

PASSWORD = "p\u00e4ss w/rd&1+SID"
ANNOUNCE = "http://127.0.0.1:9/secret-announce-address/{passkey}"
_STORED = [field.variable for fields in registry.credential_fields().values() for field in fields]
_LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  \S|    \S")


@pytest.fixture
def letterboxd() -> Iterator[LetterboxdStandIn]:
    """A watchlist of three films."""
    with LetterboxdStandIn([stand_in_film(number) for number in range(3)], username="maria") as stand_in:
        yield stand_in


@pytest.fixture
def tracker() -> Iterator[FileListStandIn]:
    """A tracker that has them, with a telling announce address."""
    releases = [stand_in_release(number) for number in range(3)]
    with FileListStandIn(releases, users={TRACKER_USER: PASSKEY}, calls_per_hour=100_000) as stand_in:
        stand_in.announce = ANNOUNCE
        yield stand_in


@pytest.fixture
def home(tmp_path: Path, letterboxd: LetterboxdStandIn, tracker: FileListStandIn) -> Iterator[Household]:
    """A household with its credentials in credentials.enc, as `setup` stores them."""
    with Household(tmp_path, letterboxd, tracker) as household:
        store_credentials(household)
        yield household


def store_credentials(home: Household, passkey: str = PASSKEY, password: str = PASSWORD) -> None:
    """Write credentials as `setup` does."""
    key = Path(home.environment["MOVIE_SYNC_KEY_FILE"])
    CredentialsManager(home.data / "credentials.enc", key, {}).save(
        {
            "filelist": {"username": TRACKER_USER, "passkey": passkey},
            "qbittorrent": {"username": RealQBittorrent.username, "password": password},
        }
    )


def run(home: Household, *arguments: str, **more: object) -> str:
    """Run a command on the stored credentials; return all that it wrote."""
    answer = home.run(*arguments, without=_STORED, **more)  # type: ignore[arg-type]
    return f"{answer.returncode}\n{answer.stdout}\n{answer.stderr}"


def kept(home: Household) -> dict[str, str]:
    """Return every name and text below the data folder where no secret may stand."""
    return {
        str(path): path.read_text(errors="replace") if path.is_file() else ""
        for path in home.data.rglob("*")
        if path.name != "credentials.enc" and path.suffix != ".torrent"
    }


def assert_none(outputs: list[str], home: Household, *more: str) -> None:
    """Look for the secrets in what was said, and in what is kept."""
    texts = outputs + [text for pair in kept(home).items() for text in pair]
    assert_no_secret(texts, [PASSKEY, PASSWORD, "secret-announce-address", *more], TRACKER_USER)


def test_no_secret_is_left_by_good_and_bad_days(home: Household, tracker: FileListStandIn) -> None:
    """A normal run, refused credentials, pages for torrents, a redirect elsewhere, damage, and every command."""
    debug = ("--log-level", "DEBUG")
    outputs = [run(home, "check"), run(home, "search", "Made Up Alpha", "--year", "1950", *debug)]
    with FileListStandIn() as elsewhere:
        faults = [
            (DOWNLOAD, filelist_faults.LOGIN_PAGE, "answered with a web page"),
            (API, filelist_faults.redirect(f"{elsewhere.url}/api.php"), "redirects to another address"),
            (
                DOWNLOAD,
                filelist_faults.redirect(f"{elsewhere.url}/download.php"),
                "redirects to another address",
            ),
            (API, filelist_faults.error(403, f"Invalid passkey {PASSKEY} of {TRACKER_USER}!"), "rejected"),
            (
                API,
                filelist_faults.error(500, f"no /announce/{PASSKEY} and passkey={PASSKEY}&x"),
                "reported an error",
            ),
        ]
        for page, fault, words in faults:
            tracker.always(fault, page)
            outputs.append(run(home, "--once", *debug))
            assert words in outputs[-1]
            if fault.status == 500:
                outputs.append(run(home, "search", "Made Up Alpha", *debug))
            tracker.always(None, page)
            (home.data / "queue_failed.json").unlink(missing_ok=True)  # what failed comes back from the list
        assert not elsewhere.requests
    outputs += [run(home, "--once", *debug), run(home, "status"), run(home, "queue", "--json")]
    assert len(home.queue("completed")) == 3
    (home.data / "queue_completed.json").write_text(f'[{{"passkey": "{PASSKEY}"'[:12])
    outputs.append(run(home, "--once", *debug))
    stored = home.data / "credentials.enc"
    stored.write_bytes(stored.read_bytes()[:-20])
    outputs += [run(home, *command, *debug) for command in (["--once"], ["search", "x"])]
    assert_none(outputs, home)
    assert "Traceback" not in "".join(outputs)


_CRASH = """
import runpy, sys
from movie_sync.services.filelist.client import FileListClient
def fail(self, *_):
    secrets = self._passkey, f"http://tracker/announce/{self._passkey}", f"?passkey={self._passkey}&id=1"
    raise RuntimeError(*secrets) from KeyError("SID=0123456789abcdef; path=/")
FileListClient.search_imdb = FileListClient.search_name = FileListClient.latest = fail
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_no_secret_is_left_by_a_crash(home: Household) -> None:
    """A fault of our own, with the passkey in the error's words: the traceback that DEBUG shows has it hidden."""
    program = (sys.executable, "-c", _CRASH, PROGRAM[1])
    outputs = [
        run(home, "--once", "--log-level", "DEBUG", program=program, PYTHONPATH=str(Path(PROGRAM[1]).parent)),
        run(
            home,
            "search",
            "x",
            "--log-level",
            "DEBUG",
            program=program,
            PYTHONPATH=str(Path(PROGRAM[1]).parent),
        ),
    ]
    assert all("RuntimeError" in output and "Traceback" in output for output in outputs)
    assert_none(outputs, home, "0123456789abcdef")


def test_no_secret_is_left_by_qbittorrent(tmp_path: Path, home: Household) -> None:
    """A login, a lost session, a refused login and a redirect: no password and no session id anywhere."""
    with QBittorrentStandIn() as client, QBittorrentStandIn() as elsewhere:
        home.write_settings(qbittorrent={"url": client.url})
        client.keeps_torrents = True
        outputs = [run(home, "--once", "--log-level", "DEBUG")]
        assert len(home.queue("completed")) == 3
        assert PASSWORD in [form.get("password") for form in client.forms]  # readable on the way: plain http
        client.lose_sessions()
        outputs.append(run(home, "status"))
        sessions = list(client._sessions)
        client.always[LOGIN] = Answer(307, b"", {"Location": f"{elsewhere.url}/api/v2/auth/login"})
        outputs.append(run(home, "check"))
        client.always[LOGIN] = Answer(200, b"Fails.", {"Set-Cookie": "SID=00fa11ed00fa11ed; path=/"})
        outputs += [run(home, "status"), run(home, "add", "made-up-kilo")]
        outputs.append(run(home, "--once", "--log-level", "DEBUG"))
        assert outputs[-1].startswith("2\n")
        assert elsewhere.seen == []
        assert_none(outputs, home, "00fa11ed00fa11ed", *sessions)


def test_no_secret_is_left_in_the_log_of_a_real_qbittorrent(
    tmp_path: Path, letterboxd: LetterboxdStandIn, tracker: FileListStandIn
) -> None:
    """What it logs of a refused login and of torrents that are handed over holds neither password nor passkey."""
    command = require_qbittorrent()
    with (
        RealQBittorrent(tmp_path / "client", command) as client,
        Household(tmp_path, letterboxd, tracker, client=client) as home,
    ):
        store_credentials(home, password=PASSWORD)
        outputs = [run(home, "check"), run(home, "--once", "--log-level", "DEBUG")]
        assert "rejected the username or password" in outputs[0]
        store_credentials(home, password=client.password)
        outputs.append(run(home, "--once", "--log-level", "DEBUG"))
        assert len(home.queue("completed")) == 3
        assert "made" in client.log.lower()
        assert_none([*outputs, client.log], home, client.password)


def test_no_secret_is_left_by_transmission(
    tmp_path: Path, letterboxd: LetterboxdStandIn, tracker: FileListStandIn
) -> None:
    """A refused login and torrents that are handed over: no password and no session id in any line, its own included."""
    command = require_transmission()
    with (
        RealTransmission(tmp_path / "client", command) as client,
        Household(tmp_path, letterboxd, tracker, client=client) as home,
    ):
        manager = CredentialsManager(
            home.data / "credentials.enc",
            Path(home.environment["MOVIE_SYNC_KEY_FILE"]),
            {},
            registry.credential_fields(),
        )
        login = {"username": client.username, "password": PASSWORD}
        manager.save({"filelist": {"username": TRACKER_USER, "passkey": PASSKEY}, "transmission": login})
        outputs = [run(home, "check"), run(home, "--once", "--log-level", "DEBUG")]
        assert "rejected the username or password" in outputs[0]
        manager.save({"transmission": {"password": client.password}})
        outputs += [run(home, *words, "--log-level", "DEBUG") for words in (["--once"], ["status"])]
        assert len(home.queue("completed")) == 3
        client.hashes()
        assert_none([*outputs, client.log], home, client.password, client._session)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_no_secret_is_seen_in_the_process_list(home: Household) -> None:
    """Neither arguments nor environment of the daemon and of the processes it starts hold a secret."""
    seen: set[bytes] = set()
    daemon = home.start("--log-level", "DEBUG", fresh=True, without=_STORED)

    def has_worked() -> bool:
        seen.update(processes_of(daemon.process.pid))
        return len(home.queue("completed")) == 3

    wait_until(has_worked)
    assert daemon.stop() == 0
    assert any(b"movie_sync.credentials.manager" in text for text in seen), "the child was never seen"
    assert not [text for text in seen if PASSKEY.encode() in text or PASSWORD.encode() in text]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_where_the_passkey_stands_readable(home: Household) -> None:
    """As docs/security.md says: in the daemon's environment if it came from there, and in the torrent files."""
    daemon = home.start(fresh=True)
    wait_until(lambda: len(home.queue("completed")) == 3)
    seen = list(processes_of(daemon.process.pid))
    assert daemon.stop() == 0
    assert len([text for text in seen if PASSKEY.encode() in text]) == 1
    torrents = list((home.data / "torrents").iterdir())
    assert len(torrents) == 3
    assert all(PASSKEY.encode() in path.read_bytes() for path in torrents)


def processes_of(pid: int) -> Iterator[bytes]:
    """Yield arguments and environment of a process and of those it has started, as they are now."""
    for folder in Path("/proc").iterdir():
        try:
            if folder.name == str(pid) or f"\nPPid:\t{pid}\n" in (folder / "status").read_text():
                yield (folder / "cmdline").read_bytes()
                yield (folder / "environ").read_bytes()
        except (OSError, ValueError):
            continue


def test_certificates_are_verified(home: Household, tmp_path: Path) -> None:
    """A machine between here and Letterboxd or FileList, with a certificate of its own, is not talked to."""
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*_self_signed(tmp_path))
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # the refused greeting
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        address = f"https://127.0.0.1:{server.server_port}"
        home.write_settings(letterboxd={"base_url": address}, filelist={"base_url": address})
        output = run(home, "check")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert output.count("has a TLS certificate that can't be verified") == 2
    assert requests == []


_SPY = """
import os, runpy, sys
record = open(os.environ["SPY_RECORD"], "a", buffering=1)
folder = sys.argv[sys.argv.index("--data-dir") + 1]
real_open, real_mkdir = os.open, os.mkdir
by_os_open = set()
def spy_open(path, flags, mode=0o777, *, dir_fd=None):
    is_new = flags & os.O_CREAT and not os.path.lexists(path)
    by_os_open.add(os.path.abspath(path))
    descriptor = real_open(path, flags, mode, dir_fd=dir_fd)
    if is_new and os.path.abspath(path).startswith(folder):
        record.write(f"{os.fstat(descriptor).st_mode & 0o777:o} {path}\\n")
    return descriptor
def spy_mkdir(path, mode=0o777, *, dir_fd=None):
    real_mkdir(path, mode, dir_fd=dir_fd)
    if os.path.abspath(path).startswith(folder):
        record.write(f"{os.stat(path).st_mode & 0o777:o} {path}/\\n")
def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], str) and arguments[2] & os.O_CREAT:
        path = os.path.abspath(arguments[0])
        if path.startswith(folder) and path not in by_os_open and not path.endswith(".log"):
            record.write(f"unseen {path}\\n")
sys.addaudithook(hook)
os.open, os.mkdir = spy_open, spy_mkdir
os.umask(int(os.environ["SPY_UMASK"], 8))
os.umask = lambda mask: 0
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize("umask", ["000", pytest.param("777", marks=pytest.mark.long)])
def test_files_are_private_from_the_moment_they_exist(home: Household, tmp_path: Path, umask: str) -> None:
    """Whatever the umask: no file or folder is ever made with more than its owner's rights, and all have them."""
    record = tmp_path / "record"
    program = (sys.executable, "-c", _SPY, PROGRAM[1])
    spy = {"SPY_RECORD": str(record), "SPY_UMASK": umask}
    for command in (
        ["add", "made-up-alpha"],
        ["--once", "--log-level", "DEBUG"],
        ["remove", "made-up-bravo"],
    ):
        for path in home.data.glob("*.*"):  # as an editor or a restored backup may leave them
            path.chmod(0o644)
        assert run(home, *command, program=program, **spy).startswith("0\n")
    made = [line.split(" ", 1) for line in record.read_text().splitlines()]
    assert len(made) > 20
    assert {mode for mode, _ in made} <= {"600", "700", "0", "400"}, made
    assert {Path(name).name for mode, name in made if name.endswith("/")} == {"inbox", "torrents"}
    for path in [home.data, *home.data.rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def names_written(home: Household) -> list[str]:
    """Return the name of every file that lies in the data folder at one time or another."""
    lasting = {path.name for path in home.data.iterdir() if path.is_file() and path.suffix != ".lock"}
    assert {"watchlist.json", "queue_completed.json", "budget.json", "movie_sync.log"} <= lasting
    lasting |= {"queue_failed.json", "queue_removed.json", "daemon.json", "movie_sync.log.1"}
    written = {f"{name}{ending}" for name in lasting for ending in (".tmp", ".previous")}
    return sorted((lasting | written) - {"config.json", "credentials.enc"})


@pytest.mark.parametrize("target", ["a file", "nothing"])
def test_planted_links_are_not_followed(home: Household, tmp_path: Path, target: str) -> None:
    """Under every name that is written lies a link to a place outside: what is there stays, and the work is done."""
    run(home, "--once")
    names = names_written(home)
    outside = tmp_path / "outside"
    outside.mkdir()
    for name in names:
        place = home.data / name
        place.unlink(missing_ok=True)
        place.symlink_to(outside / name)
        if target == "a file":
            (outside / name).write_text("[precious]")
            (outside / name).chmod(0o644)
    (outside / "inbox").mkdir()
    (outside / "inbox" / "precious.json").write_text("[precious]")
    (home.data / "inbox").symlink_to(outside / "inbox")
    before = {path: (path.stat().st_mode, path.is_file() and path.read_text()) for path in outside.rglob("*")}

    output = run(home, "--once", "--log-level", "DEBUG")

    assert output.startswith("0\n"), output
    assert "Traceback" not in output
    after = {path: (path.stat().st_mode, path.is_file() and path.read_text()) for path in outside.rglob("*")}
    assert after == before
    for name in ("queue_completed.json", "watchlist.json", "movie_sync.log"):
        assert (home.data / name).is_file()
        assert not (home.data / name).is_symlink()
    assert len(home.queue("completed")) == 3


@pytest.mark.parametrize("name", ["daemon.lock", "budget.json.lock"])
def test_a_planted_lock_is_refused(home: Household, tmp_path: Path, name: str) -> None:
    """A lock through a link would be another lock: the message says to delete it."""
    outside = tmp_path / "precious"
    outside.write_text("precious")
    (home.data / name).symlink_to(outside)
    output = run(home, "--once")
    assert output.startswith("1\n")
    assert f"{name} is a symbolic link" in output
    assert outside.read_text() == "precious"


HOSTILE = {
    "escapes": "\x1b]0;owned\x07\x1b[2J\x9b31m",
    "a forged line": "\r\n2026-01-01 00:00:00  ERROR: forged line\n\u2028forged too",
    "a path": "/../../../outside/\\..\\evil\x00",
    "directions": "\u202egro.live\u202c\u2066\u200f",
    "long": "L" * 300,
}


def test_hostile_titles_and_names(
    home: Household, letterboxd: LetterboxdStandIn, tracker: FileListStandIn, tmp_path: Path
) -> None:
    """No escape reaches output or log, no line is forged, no file lies elsewhere; the films are worked on all the same."""
    texts = list(HOSTILE.values())
    letterboxd.films = [
        stand_in_film(number, title=f"{stand_in_film(number).title}{text}")
        for number, text in enumerate(texts)
    ]
    letterboxd.films += [stand_in_film(number) for number in range(5, 10)] + [
        stand_in_film(10, title="aux"),
        stand_in_film(11, title=".."),
    ]
    tracker.releases = [
        stand_in_release(number, group=f"GRP{text}") for number, text in enumerate([*texts, *texts])
    ]
    tracker.releases += [stand_in_release(number) for number in range(5, 10)]
    for text, listed in zip(texts, tracker.releases[-5:], strict=True):
        info = make_info(f"{text}.mkv", size_bytes=listed.size_bytes)
        listed.torrent = make_torrent(info, announce="http://127.0.0.1:9/", comment=text)
    before = {path for path in tmp_path.rglob("*") if not path.is_relative_to(home.data)}
    everything = "".join(texts).replace("\0", "")
    outputs = [
        run(home, "--once", "--log-level", "DEBUG"),
        run(home, "status"),
        run(home, "queue"),
        run(home, "queue", "--json"),
        run(home, "search", everything, "--year", "1950"),
        run(home, "search", "Made Up Alpha", "--imdb", "tt9000000"),
        run(home, "search", "Made Up Alpha", "--imdb", "tt9000000", "--json"),
        run(home, "remove", everything),
        run(home, "add", everything),
        run(home, "import", everything.replace("/", "")[:200]),
    ]
    log = (home.data / "movie_sync.log").read_text()
    for text in [*outputs, log]:
        bad = {mark for mark in text if unicodedata.category(mark) in {"Cc", "Cf", "Zl", "Zp"}} - {
            "\n",
            "\t",
        }  # a tab parts the columns of what is piped
        assert not bad, text
        assert not [line for line in text.splitlines() if line.startswith(("2026-01-01", "forged", "ERROR"))]
    assert not [line for line in log.splitlines() if not _LOG_LINE.match(line)]
    assert len(home.queue("completed")) >= 4  # the torrent whose name is a path is refused as broken
    for queue in ("pending", "failed", "completed"):
        assert len((home.data / f"queue_{queue}.json").read_text().splitlines()) == len(home.queue(queue)) + 2
    torrents = list((home.data / "torrents").iterdir())
    assert len(torrents) == len(
        [entry for entry in home.queue("completed") if entry["reason"] == "downloaded"]
    )
    assert all(len(path.name.encode()) <= 143 for path in torrents)
    assert {path for path in tmp_path.rglob("*") if not path.is_relative_to(home.data)} == before


_MEASURED = """
import resource, runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    try:
        peak = open("/proc/self/status").read().split("VmHWM:")[1].split()[0]
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024  # in bytes where there is no /proc
    print("peak", peak, file=sys.stderr)
"""
_HEADER = "Date,Name,Year,Letterboxd URI\n"


def _zip_bomb(archive: zipfile.ZipFile) -> None:
    with archive.open("watchlist.csv", "w") as member:
        for _ in range(200):
            member.write(b"0" * 1_000_000)


def _huge_csv(archive: zipfile.ZipFile) -> None:
    with archive.open("watchlist.csv", "w") as member:
        member.write(_HEADER.encode())
        for number in range(150_000):
            member.write(b"2026-01-01,A Film With Some Title %d,1999,https://boxd.it/%x\n" % (number, number))


@pytest.mark.parametrize("kind", ["bomb", "huge list", "climbing names"])
def test_a_hostile_export(home: Household, tmp_path: Path, kind: str) -> None:
    """A bomb and a list beyond any real one are refused with exit code 2; names that climb write nothing."""
    export = tmp_path / "export.zip"
    with zipfile.ZipFile(export, "w", zipfile.ZIP_DEFLATED) as archive:
        if kind == "climbing names":
            archive.writestr("../../../outside.txt", "evil")
            archive.writestr("/tmp/outside.txt", "evil")
            title = '"A \x1b[31mFilm\r\n2026-01-01 00:00:00  forged"'
            archive.writestr("watchlist.csv", f"{_HEADER}2026-01-01,{title},1999,https://boxd.it/abc\n")
        else:
            {"bomb": _zip_bomb, "huge list": _huge_csv}[kind](archive)
    before = {path for path in tmp_path.rglob("*") if not path.is_relative_to(home.data)}
    program = (sys.executable, "-c", _MEASURED, PROGRAM[1])
    output = run(home, "import", str(export), program=program)
    peak = int(output.split("peak ")[1])
    assert peak < 100_000, "KB"
    assert "Traceback" not in output
    assert {path for path in tmp_path.rglob("*") if not path.is_relative_to(home.data)} == before
    if kind == "climbing names":
        assert output.startswith("0\n")
        assert "\x1b" not in (home.data / "queue_pending.json").read_text()
        assert len(json.loads(run(home, "queue", "--json").partition("\n")[2])) == 1
    else:
        assert output.startswith("2\n"), output
        assert not (home.data / "queue_pending.json").exists()
