"""The container: built on a base made here, run as the documents say, and seen from outside."""

import json
import os
import re
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from house.containers import Image, PodmanImage, Workshop, in_namespaces, require_containers
from house.films import stand_in_film, stand_in_release
from house.program import PASSKEY, ROOT, TRACKER_USER
from house.real_program import free_port
from house.real_qbittorrent import require_qbittorrent
from house.town import seedable
from house.waiting import wait_until
from stand_ins.seeder import Seeder
from stand_ins.tracker import Tracker

from movie_sync.demo.filelist_server import FileListStandIn
from movie_sync.demo.letterboxd_server import LetterboxdStandIn

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.waits,
    pytest.mark.filterwarnings("default::house.containers.NoContainers"),
]
PLANTED = "d0n0tsh1pth1ssecret"


@pytest.fixture(scope="module")
def workshop() -> Iterator[Workshop]:
    """Build the image once, from a checkout with secrets lying about in it."""
    require_containers()
    with Workshop() as workshop:
        workshop.build(
            *(
                f"{name}={PLANTED}"
                for name in (".env", "config/credentials.enc", "movie_sync/../key/credentials.key")
            )
        )
        yield workshop


@pytest.fixture(scope="module")
def image(workshop: Workshop) -> Image:
    """Return it, ready to run."""
    return workshop.image()


class Home:
    """A user's folders, the sites that the container speaks to, and the environment that says so."""

    def __init__(
        self, folder: Path, letterboxd: LetterboxdStandIn, tracker: FileListStandIn, user: str = "1000:1000"
    ) -> None:
        self.user = user
        self.config, self.key, self.data = folder / "config", folder / "key", folder / "data"
        self.torrents = self.data / "torrents"
        passkey = folder / "passkey"
        passkey.write_text(f"{PASSKEY}\n")
        passkey.chmod(0o400)
        folders = (self.config, self.key, self.data, self.torrents)
        for path in folders:
            path.mkdir()
        for path in (*folders, passkey):
            os.chown(path, *map(int, user.split(":")))
        self.volumes = {"/config": self.config, "/key": self.key, "/data": self.data}
        self.volumes["/run/secrets/passkey"] = passkey
        self.environ = {
            "TZ": "Asia/Tokyo",
            "MOVIE_SYNC_USERNAME": letterboxd.username,
            "MOVIE_SYNC_LETTERBOXD__BASE_URL": letterboxd.url,
            "MOVIE_SYNC_LETTERBOXD__REQUEST_DELAY": "0",
            "MOVIE_SYNC_FILELIST__BASE_URL": tracker.url,
            "MOVIE_SYNC_FILELIST_USERNAME": TRACKER_USER,
            "MOVIE_SYNC_FILELIST_PASSKEY_FILE": "/run/secrets/passkey",
            "MOVIE_SYNC_CLIENT": "watch_folder",
            "MOVIE_SYNC_TORRENT_DIRECTORY": "/data/watch",
            "MOVIE_SYNC_DOWNLOAD_DIRECTORY": "/data/torrents",
            "MOVIE_SYNC_MIN_FREE_SPACE_GB": "0",
        }

    def in_queue(self, name: str) -> list[dict[str, Any]]:
        """Return the films of a queue."""
        path = self.config / f"queue_{name}.json"
        films: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
        return films


@pytest.fixture
def sites() -> Iterator[tuple[LetterboxdStandIn, FileListStandIn]]:
    """Let the stand-ins run, with one film."""
    film = stand_in_film(0)
    with (
        LetterboxdStandIn([film], username="maria") as letterboxd,
        FileListStandIn([stand_in_release(film, 10)], users={TRACKER_USER: PASSKEY}) as tracker,
    ):
        yield letterboxd, tracker


@pytest.fixture
def home(tmp_path: Path, sites: tuple[LetterboxdStandIn, FileListStandIn]) -> Home:
    """Return a home of the image's own user."""
    return Home(tmp_path, *sites)


def status_of(process: int) -> dict[str, str]:
    """Return what the system says of a process."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_what_the_image_says_of_itself(image: Image) -> None:
    """Nobody's privileges, an init before the program, its folders, and how it tells its health."""
    settings = image.settings
    assert settings["User"] == "1000:1000"
    assert settings["Entrypoint"] == ["tini", "--", "movie-sync"]
    assert settings["Volumes"].keys() == {"/config", "/key"}
    assert settings["Healthcheck"]["Test"] == ["CMD", "movie-sync", "health"]
    environ = dict(each.split("=", 1) for each in settings["Env"])
    assert {name for name in environ if name.startswith("MOVIE_SYNC")} == {
        "MOVIE_SYNC_HOME",
        "MOVIE_SYNC_KEY_FILE",
    }


def test_no_secret_is_in_the_image(workshop: Workshop) -> None:
    """In no layer, nor in what is noted of how it was built."""
    saved = workshop.saved()
    found = subprocess.run(
        ["grep", "-c", "-a", PLANTED, str(saved)], capture_output=True, text=True, check=False
    )
    assert found.stdout.strip() == "0"
    saved.unlink()


def test_the_demo(image: Image) -> None:
    """It runs without a network, a disk to write to, or a folder of the user's."""
    answer = image.run("demo")
    assert answer.returncode == 0, answer.stderr
    assert "On the shelf" in answer.stdout


def test_without_settings(image: Image) -> None:
    """It says what is missing, and ends with the code for that."""
    answer = image.run()
    assert answer.returncode == 2
    assert "MOVIE_SYNC_FILELIST_PASSKEY" in answer.stderr


def test_a_life(image: Image, home: Home) -> None:
    """A film is handed over; health turns red when the daemon hangs, and green again; then it stops at once."""
    with image.start(user=home.user, volumes=home.volumes, environ=home.environ) as container:
        wait_until(lambda: len(home.in_queue("completed")) == 1)
        assert [path.suffix for path in (home.data / "watch").iterdir()] == [".torrent"]
        status = status_of(container.program)
        assert status["Uid"].split() == ["1000"] * 4
        assert (status["Threads"], int(status["CapEff"], 16)) == ("3", 0)
        assert status["NoNewPrivs"] == "1" or not isinstance(image, PodmanImage)
        assert int(status["VmHWM"].split()[0]) < 50 * 1000
        assert "tini" in Path(f"/proc/{container.first}/cmdline").read_text()
        assert {path.stat().st_uid for path in home.config.iterdir()} == {1000}
        assert container.execute("touch", "/opt/x").returncode != 0
        began = datetime.strptime(container.output()[:19], "%Y-%m-%d %H:%M:%S").replace(
            tzinfo=timezone(timedelta(hours=9))
        )
        assert abs(datetime.now(UTC) - began) < timedelta(minutes=5)

        assert container.health() == 0
        container.signal(signal.SIGSTOP)
        assert container.health() == 1
        container.signal(signal.SIGCONT)
        assert container.health() == 0
        answer = container.execute("movie-sync", "status", "--json")
        assert json.loads(answer.stdout)["statistics"]["completed"] == 1

        seconds, code = container.stop()
        assert (code, seconds < 5) == (0, True), container.output()
        print(f"\nthe container stops within {seconds:.2f} s; {status['VmHWM']} at most")
    assert PASSKEY not in "".join(path.read_text() for path in home.config.glob("*.*") if path.is_file())


def test_your_own_user(
    image: Image, sites: tuple[LetterboxdStandIn, FileListStandIn], tmp_path: Path
) -> None:
    """The container runs as whoever owns the folders, whether or not the image knows of them."""
    home = Home(tmp_path, *sites, user="4242:4343")
    with image.start(user=home.user, volumes=home.volumes, environ=home.environ) as container:
        wait_until(lambda: len(home.in_queue("completed")) == 1)
        made = next((home.data / "watch").iterdir()).stat()
        assert (made.st_uid, made.st_gid) == (4242, 4343)
        assert container.stop()[1] == 0


def test_what_commands_leave_behind(image: Image, home: Home) -> None:
    """A process that an `on_event` command left behind is no zombie once it ends."""
    leaves = "(sleep 0.2; echo over > /data/over) & exit 0"
    home.environ["MOVIE_SYNC_ON_EVENT"] = json.dumps(["sh", "-c", leaves])
    with image.start(user=home.user, volumes=home.volumes, environ=home.environ) as container:
        wait_until((home.data / "over").exists)

        def is_clean() -> bool:
            found = container.execute("sh", "-c", "cat /proc/[0-9]*/stat").stdout
            return not re.search(r"\) Z ", found)

        wait_until(is_clean)


def test_a_key_that_cannot_be_written(image: Image, home: Home) -> None:
    """The key may be a secret of the engine's, and the credentials are then kept with it."""
    secret = home.key / "secret"
    secret.write_text("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n")
    secret.chmod(0o444)
    del home.volumes["/key"]
    volumes = {**home.volumes, "/run/secrets/key": secret}
    script = (
        "from pathlib import Path; from movie_sync.credentials.manager import CredentialsManager as M;"
        "from movie_sync.services import registry as r;"
        "m = M(Path('/config/credentials.enc'), Path('/run/secrets/key'), {}, r.credential_fields());"
        "m.save({'web': {'password': 'kept'}}); print(m.get('web')['password'])"
    )
    answer = image.run("-c", script, entry="/opt/movie-sync/bin/python3", user=home.user, volumes=volumes)
    assert answer.stdout == "kept\n", answer.stderr


def test_a_fresh_volume(image: Image, workshop: Workshop) -> None:
    """One that the engine makes belongs to the image's user."""
    if not isinstance(image, PodmanImage):
        pytest.skip("without an engine there are no volumes")
    words = ["config", "check_interval", "7200"]
    for _ in range(2):
        answer = image.run(*words, volumes={"/config": Path("fresh-config"), "/key": Path("fresh-key")})
        assert answer.returncode == 0, answer.stderr
        words = words[:2]
    assert "7200" in answer.stdout


def test_the_page(image: Image, home: Home) -> None:
    """It is served beside the daemon, from the same folders."""
    environ = {
        **home.environ,
        "MOVIE_SYNC_WEB_PASSWORD": "open sesame",
        "MOVIE_SYNC_WEB__LISTEN": "127.0.0.1:0",
    }
    with (
        image.start(user=home.user, volumes=home.volumes, environ=home.environ),
        image.start("web", user=home.user, volumes=home.volumes, environ=environ) as page,
    ):
        page.wait_for("/login/")
        found = re.search(r"The page is at (http://\S+)/ ", page.output())
        assert found
        with urllib.request.urlopen(f"{found[1]}/healthz", timeout=20) as answer:
            assert answer.status == 200
        with urllib.request.urlopen(f"{found[1]}/login", timeout=20) as answer:
            assert b"password" in answer.read()
        seconds, _ = page.stop()
        assert seconds < 5


def test_volumes_are_prepared(image: Image, tmp_path: Path) -> None:
    """What compose.yaml runs first gives them to the user, and qBittorrent its login, once."""
    volumes = {f"/{name}": tmp_path / name for name in ("config", "key", "data", "qbittorrent")}
    for path in volumes.values():
        path.mkdir(mode=0o755)
    (volumes["/config"] / "old.json").write_text("{}")
    environ = {"PUID": "4242", "PGID": "4343", "MOVIE_SYNC_QBITTORRENT_PASSWORD": "open sesame"}
    settings = volumes["/qbittorrent"] / "qBittorrent" / "qBittorrent.conf"
    texts = []
    for _ in range(2):
        answer = prepared(image, volumes, environ)
        assert answer.returncode == 0, answer.stderr
        texts.append(settings.read_text())
    assert texts[0] == texts[1]
    assert "open sesame" not in texts[0]
    made = [
        volumes["/config"],
        volumes["/config"] / "old.json",
        volumes["/key"],
        volumes["/data"] / "torrents",
    ]
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(4242, 4343)}
    assert (volumes["/data"].stat().st_uid, settings.stat().st_mode & 0o777) == (0, 0o600)


_ONLY_HERE = (
    *("Interface=lo", "InterfaceName=lo", "InterfaceAddress=127.0.0.1", "SSRFMitigation=false"),
    *("DHTEnabled=false", "LSDEnabled=false", "PeXEnabled=false", "MultiConnectionsPerIp=true"),
)


@contextmanager
def real_qbittorrent(volumes: dict[str, Path], user: str, port: int) -> Iterator[None]:
    """Run it as its own container would: the same folder of films, its settings, and nothing else of ours.

    What it needs of this machine lies below, and what it changes there is forgotten.
    """
    settings = volumes["/qbittorrent"] / "qBittorrent" / "qBittorrent.conf"
    only_here = "".join(f"Session\\{each}\n" for each in (*_ONLY_HERE, f"Port={free_port()}"))
    settings.write_text(settings.read_text().replace("[BitTorrent]\n", f"[BitTorrent]\n{only_here}"))
    for path in volumes["/qbittorrent"].rglob("*"):
        os.chown(path, *map(int, user.split(":")))
    os.chown(volumes["/qbittorrent"], *map(int, user.split(":")))
    script = """set -e
mount --make-rprivate / && mount -t tmpfs tmpfs /mnt && cd /mnt && mkdir upper work root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work root
mkdir -p root/data root/config && mount --bind "$1" root/data && mount --bind "$2" root/config
mount -t proc proc root/proc && mount --rbind /dev root/dev
exec chroot --userspec="$3" root env -i HOME=/config XDG_CONFIG_HOME=/config PATH="$PATH" "$4" --webui-port="$5"
"""
    folders = volumes["/data"], volumes["/qbittorrent"]
    with in_namespaces(script, "qbittorrent", *folders, user, *require_qbittorrent(), str(port)):
        yield


def test_beside_qbittorrent(
    image: Image, sites: tuple[LetterboxdStandIn, FileListStandIn], tmp_path: Path
) -> None:
    """As compose.yaml has it: qBittorrent takes the login that was chosen, and the film is on the shelf at last.

    Both see the same folder, so that it is a hard link.
    """
    home = Home(tmp_path, *sites)
    volumes = {
        "/config": home.config,
        "/key": home.key,
        "/data": home.data,
        "/qbittorrent": tmp_path / "qbittorrent",
    }
    volumes["/qbittorrent"].mkdir()
    answer = prepared(image, volumes, {"MOVIE_SYNC_QBITTORRENT_PASSWORD": "open sesame"})
    assert answer.returncode == 0, answer.stderr
    ours = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["movie-sync"]["environment"]
    port, release, tracker = free_port(), seedable(0), sites[1]
    environ = {
        **home.environ,
        **ours,
        "MOVIE_SYNC_QUALITY__SIZE_MB_PER_MINUTE__1080P": "[0, 400]",
        "MOVIE_SYNC_QBITTORRENT__URL": f"http://127.0.0.1:{port}",
        "MOVIE_SYNC_QBITTORRENT_USERNAME": "admin",
        "MOVIE_SYNC_QBITTORRENT_PASSWORD": "open sesame",
    }
    with (
        Seeder() as seeder,
        Tracker(passkey=PASSKEY, seeder=seeder) as swarm,
        real_qbittorrent(volumes, home.user, port),
    ):
        tracker.announce = swarm.announce_url.replace(PASSKEY, "{passkey}")
        tracker.releases[:] = [release]
        seeder.offer(tracker.torrent_for(release, PASSKEY), release.content or b"")
        with image.start(user=home.user, volumes=home.volumes, environ=environ) as container:
            wait_until(
                lambda: any("path" in film.get("shelf", {}) for film in home.in_queue("completed")), 120
            )
            (film,) = home.in_queue("completed")
            name = f"{film['title']} ({film['year']}) [imdbid-{film['imdb_id']}]"
            assert film["path"].startswith("/data/torrents/")
            shelved = home.data / "films" / name / f"{name}.mkv"
            wait_until(shelved.exists)
            assert shelved.samefile(home.data / film["path"].removeprefix("/data/"))
            checked = container.execute("movie-sync", "check")
            assert checked.returncode == 0, checked.stdout


def prepared(
    image: Image, volumes: dict[str, Path], environ: dict[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Run what prepares volumes."""
    return image.run(
        "/opt/movie-sync/prepare.py",
        entry="/opt/movie-sync/bin/python3",
        user="0:0",
        volumes=volumes,
        environ=environ,
        capabilities=["CHOWN", "DAC_OVERRIDE"],
    )
