"""The image built as anybody builds it, on a base made here, and containers of it.

Needs root, and what `TOOLS` names. Images lie in a store of their own, of which nothing is left. Where the
machine can't run containers, a chroot in namespaces stands in: the image's files and its settings, without
an engine.
"""

import abc
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

import pytest

from house.program import ROOT
from house.waiting import wait_until

SWITCH = "MOVIE_SYNC_TEST_CONTAINER"
CHROOT = "chroot"
"""What the switch says where the stand-in is asked for."""
TOOLS = ("buildah", "podman", "runc", "mmdebstrap")
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"  # of a network that puts its own in between
_MINBASE = (
    *("--variant=minbase", "--include=python3,python3-venv,ca-certificates"),
    *(f"--dpkgopt=path-exclude=/usr/share/{each}/*" for each in ("man", "doc", "locale")),
)
_IMAGE, _BASE = "localhost/movie-sync", "localhost/base"


class NoContainers(UserWarning):
    """Says in the summary of the tests that a stand-in was tested."""


def run(*words: str | Path, seconds: float = 300, **more: Any) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    return subprocess.run(
        list(map(str, words)), capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL,
        check=False, **more,
    )  # fmt: skip


def must(*words: str | Path, seconds: float = 300) -> str:
    """Run a command that has to succeed; return what it prints."""
    for is_last in (False, True):  # mirrors of packages change
        answer = run(*words, seconds=seconds)
        if answer.returncode == 0:
            return answer.stdout
        assert not is_last, f"{words}: {answer.stdout[-2000:]}{answer.stderr[-4000:]}"
    raise AssertionError


def first_child(process: int) -> int | None:
    """Return the process that another one started first, if it runs."""
    with contextlib.suppress(FileNotFoundError):
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        return int(children[0]) if children else None
    return None


@contextlib.contextmanager
def in_namespaces(
    script: str, *arguments: str | Path, log: IO[str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a script of bash's with mounts and processes of its own, which all end with the context."""
    process = subprocess.Popen(
        ["unshare", "--mount", "--pid", "--fork", "bash", "-c", script, *map(str, arguments)],
        stdin=subprocess.DEVNULL, stdout=log or subprocess.DEVNULL, stderr=log or subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            wait_until(lambda: first_child(process.pid) is not None or process.poll() is not None)
            if (child := first_child(process.pid)) is not None:
                os.kill(child, signal.SIGKILL)  # the first of its namespace: all the others go with it
        process.wait()


class Container(abc.ABC):
    """One that runs the daemon, or another command that lasts."""

    @property
    @abc.abstractmethod
    def first(self) -> int:
        """The process of the image's entry, as this machine numbers it."""

    @abc.abstractmethod
    def execute(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command beside it, in it."""

    @abc.abstractmethod
    def health(self) -> int:
        """Do what the image says that tells how it is; return the exit code."""

    @abc.abstractmethod
    def output(self) -> str:
        """Return what was written so far."""

    @abc.abstractmethod
    def stop(self) -> tuple[float, int]:
        """Stop it as an engine does; return the seconds that it took, and the exit code."""

    @property
    def program(self) -> int:
        """The process of the program itself: what the entry started."""
        found = first_child(self.first)
        assert found is not None
        return found

    def signal(self, number: int) -> None:
        """Send the program a signal."""
        os.kill(self.program, number)

    def wait_for(self, words: str) -> None:
        """Return once it has written these words."""
        wait_until(lambda: words in self.output())


class Image(abc.ABC):
    """What was built, ready to run; each start with a root that can't be written and without privileges."""

    settings: Mapping[str, Any]
    """As the image has them: User, Env, Entrypoint, Healthcheck, Volumes."""

    @abc.abstractmethod
    def run(
        self, *words: str, user: str = "", volumes: Mapping[str, Path] = {}, environ: Mapping[str, str] = {},
        entry: str = "", capabilities: Sequence[str] = (),
    ) -> "subprocess.CompletedProcess[str]":  # fmt: skip
        """Run a command to its end; `entry` in place of the image's."""

    @abc.abstractmethod
    def start(
        self, *words: str, user: str = "", volumes: Mapping[str, Path] = {}, environ: Mapping[str, str] = {}
    ) -> contextlib.AbstractContextManager[Container]:
        """Start what lasts; it is ended with the context."""


class Workshop:
    """Builds the image, in a folder and a store of its own. Use it as a context manager."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="movie-sync-image-", dir="/var/tmp"))
        self._store = ["--root", str(self.folder / "store"), "--runroot", str(self.folder / "run")]
        self._store += ["--storage-driver", "overlay"]

    def buildah(self, *words: str | Path) -> str:
        """Run buildah; return what it prints."""
        return must("buildah", *self._store, *words)

    @property
    def podman(self) -> list[str]:
        """How podman is started."""
        return ["podman", *self._store, "--cgroup-manager", "cgroupfs", "--runtime", "runc"]

    def build(self, *planted: str) -> None:
        """Build it from a copy of the checkout, in which files with a secret lie about."""
        base = self.folder / "base"
        base.mkdir()
        must("mmdebstrap", "-q", *_MINBASE, "trixie", base / "base.tar")
        (base / "Containerfile").write_text("FROM scratch\nADD base.tar /\n")
        self.buildah("bud", "--isolation", "chroot", "-t", _BASE, base)
        (base / "base.tar").unlink()
        context = self.folder / "context"
        shutil.copytree(ROOT, context, ignore=shutil.ignore_patterns(".?*", "tests"), symlinks=True)
        shutil.copy(ROOT / ".containerignore", context)
        for name, text in (each.split("=", 1) for each in planted):
            (context / name).parent.mkdir(parents=True, exist_ok=True)
            (context / name).write_text(text)
        certificates = ["--volume", f"{_CERTIFICATES}:{_CERTIFICATES}:ro"]
        self.buildah(
            *("bud", "--isolation", "chroot", "--network", "host", "--format", "docker"),
            *(certificates if Path(_CERTIFICATES).exists() else []),
            *("--build-arg", f"BASE={_BASE}", "-t", _IMAGE, "-f", context / "Containerfile", context),
        )

    def image(self) -> Image:
        """Return what runs it here."""
        settings = json.loads(self.buildah("inspect", "--type", "image", _IMAGE))["Docker"]["config"]
        podman = PodmanImage(self.podman, settings)
        is_possible = os.environ.get(SWITCH) != CHROOT and podman.run("--version").returncode == 0
        if is_possible:
            return podman
        warnings.warn(
            "Containers don't run here: a chroot in namespaces stands in.", NoContainers, stacklevel=1
        )
        container = self.buildah("from", _IMAGE).strip()
        return ChrootImage(Path(self.buildah("mount", container).strip()), settings)

    def saved(self) -> Path:
        """Write the image with all its layers into a file."""
        path = self.folder / "image.tar"
        self.buildah("push", _IMAGE, f"docker-archive:{path}")
        return path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        run(*self.podman, "rm", "-af", "-t", "0")
        run("buildah", *self._store, "rm", "-a")
        run(*self.podman, "volume", "rm", "-af")
        run("umount", "-l", self.folder / "store" / "overlay")
        shutil.rmtree(self.folder, ignore_errors=True)


class PodmanImage(Image):
    """Run by podman."""

    # runc, since hybrid control groups are not for crun; the limits, since it may not raise its own.
    _OPTIONS = (
        *("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096", "--network", "host"),
        *("--read-only", "--tmpfs", "/tmp", "--cap-drop", "all", "--security-opt", "no-new-privileges"),
    )

    def __init__(self, podman: Sequence[str], settings: Mapping[str, Any]) -> None:
        self._podman = podman
        self.settings = settings

    def _words(self, user: str, volumes: Mapping[str, Path], environ: Mapping[str, str]) -> list[str]:
        words = [*self._podman, "run", *self._OPTIONS, *(["--user", user] if user else [])]
        for place, path in volumes.items():
            words += ["--volume", f"{path}:{place}"]
        for name, value in environ.items():
            words += ["--env", f"{name}={value}"]
        return words

    def run(
        self, *words: str, user: str = "", volumes: Mapping[str, Path] = {}, environ: Mapping[str, str] = {},
        entry: str = "", capabilities: Sequence[str] = (),
    ) -> "subprocess.CompletedProcess[str]":  # fmt: skip
        """See the base."""
        options = ["--rm", *(["--entrypoint", entry] if entry else [])]
        options += [f"--cap-add={each}" for each in capabilities]
        return run(*self._words(user, volumes, environ), *options, _IMAGE, *words)

    @contextlib.contextmanager
    def start(
        self, *words: str, user: str = "", volumes: Mapping[str, Path] = {}, environ: Mapping[str, str] = {}
    ) -> Iterator[Container]:
        """See the base."""
        command = [*self._words(user, volumes, environ), "--detach", _IMAGE, *words]
        name = must(*command).strip()
        try:
            yield PodmanContainer(self._podman, name)
        finally:
            run(*self._podman, "rm", "-f", "-t", "0", name)


class PodmanContainer(Container):
    """One that podman started."""

    def __init__(self, podman: Sequence[str], name: str) -> None:
        self._podman = podman
        self._name = name

    def _state(self, key: str) -> str:
        return run(*self._podman, "inspect", "--format", f"{{{{.State.{key}}}}}", self._name).stdout.strip()

    @property
    def first(self) -> int:
        """See the base."""
        return int(self._state("Pid"))

    def execute(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """See the base."""
        return run(*self._podman, "exec", self._name, *words)

    def health(self) -> int:
        """See the base."""
        return run(*self._podman, "healthcheck", "run", self._name).returncode

    def output(self) -> str:
        """See the base."""
        answer = run(*self._podman, "logs", self._name)
        return answer.stdout + answer.stderr

    def stop(self) -> tuple[float, int]:
        """See the base."""
        began = time.monotonic()
        must(*self._podman, "stop", "-t", "20", self._name)
        return time.monotonic() - began, int(self._state("ExitCode"))


class ChrootImage(Image):
    """The image's files as a root in namespaces of their own, where no engine runs."""

    _SCRIPT = """set -e
mount --make-rprivate / && mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"
mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && mount -t tmpfs tmpfs "$0/tmp"
while [ "$1" != -- ]; do mount --bind "$2" "$0/$1"; shift 2; done
shift
exec chroot --userspec="$1" "$0" env -i "${@:2}"
"""

    def __init__(self, root: Path, settings: Mapping[str, Any]) -> None:
        self._root = root
        self.settings = settings

    def _arguments(
        self, words: Sequence[str], user: str, volumes: Mapping[str, Path], environ: Mapping[str, str]
    ) -> list[str]:
        places = {name: self._root.parent / name.strip("/") for name in self.settings["Volumes"]}
        for path in set(places.values()) - set(volumes.values()):
            path.mkdir(exist_ok=True)
            os.chown(path, *map(int, self.settings["User"].split(":")))
        for name, path in volumes.items():
            place = self._root / name.strip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.exists():
                place.touch() if path.is_file() else place.mkdir()
        mounts = [str(each) for name, path in {**places, **volumes}.items() for each in (name, path)]
        variables = [*self.settings["Env"], *(f"{name}={value}" for name, value in environ.items())]
        return [str(self._root), *mounts, "--", user or self.settings["User"], *variables, *words]

    def run(
        self, *words: str, user: str = "", volumes: Mapping[str, Path] = {}, environ: Mapping[str, str] = {},
        entry: str = "", capabilities: Sequence[str] = (),
    ) -> "subprocess.CompletedProcess[str]":  # fmt: skip
        """See the base; root keeps all its capabilities here."""
        program = [entry] if entry else self.settings["Entrypoint"]
        arguments = self._arguments([*program, *words], user, volumes, environ)
        return run("unshare", "--mount", "--pid", "--fork", "bash", "-c", self._SCRIPT, *arguments)

    @contextlib.contextmanager
    def start(
        self, *words: str, user: str = "", volumes: Mapping[str, Path] = {}, environ: Mapping[str, str] = {}
    ) -> Iterator[Container]:
        """See the base."""
        arguments = self._arguments([*self.settings["Entrypoint"], *words], user, volumes, environ)
        with (
            tempfile.NamedTemporaryFile("w") as log,
            in_namespaces(self._SCRIPT, *arguments, log=log.file) as process,
        ):
            yield ChrootContainer(
                process, Path(log.name), self.settings, user or self.settings["User"], environ
            )


class ChrootContainer(Container):
    """One in a chroot."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", log: Path, settings: Mapping[str, Any], user: str,
        environ: Mapping[str, str],
    ) -> None:  # fmt: skip
        self._variables = [*settings["Env"], *(f"{name}={value}" for name, value in environ.items())]
        self._process = process
        self._log = log
        self._settings = settings
        self._user, _, self._group = user.partition(":")

    @property
    def first(self) -> int:
        """See the base."""
        wait_until(lambda: first_child(self._process.pid) is not None)
        found = first_child(self._process.pid)
        assert found is not None
        return found

    def execute(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """See the base."""
        place = ["nsenter", "-t", str(self.first), "--mount", "--pid", "--root", "--wd=/"]
        person = ["setpriv", f"--reuid={self._user}", f"--regid={self._group}", "--clear-groups"]
        return run(*place, *person, "env", "-i", "-C", "/", *self._variables, *words)

    def health(self) -> int:
        """See the base."""
        return self.execute(*self._settings["Healthcheck"]["Test"][1:]).returncode

    def output(self) -> str:
        """See the base."""
        return self._log.read_text()

    def stop(self) -> tuple[float, int]:
        """See the base."""
        began = time.monotonic()
        os.kill(self.first, signal.SIGTERM)
        code = self._process.wait(20)
        return time.monotonic() - began, code


def require_containers() -> None:
    """Skip the test where containers are not asked for; where they are, fail without the tools for them."""
    if not os.environ.get(SWITCH):
        pytest.skip(f"containers take a minute and root: set {SWITCH}=1, with {', '.join(TOOLS)} installed")
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    assert not missing, f"install {', '.join(missing)}"
    assert os.geteuid() == 0, "containers are built and run here as root"
