"""The lock files: whole, with hashes, for anybody's index, and what pyproject.toml allows."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
RUN, TEST = ROOT / "requirements.txt", ROOT / "requirements-test.txt"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
NAMES_A_HOST = re.compile(r"://|file:|index-url|find-links|trusted-host|\.(?:org|com|io|net)\b")


@dataclass(frozen=True)
class Locked:
    """A line of a lock file: the version where its marker holds, and how many files it may be."""

    requirement: Requirement
    hashes: int

    @property
    def version(self) -> Version:
        """The one version."""
        (specifier,) = self.requirement.specifier
        assert specifier.operator == "=="
        return Version(specifier.version)


def locked(path: Path) -> dict[str, list[Locked]]:
    """Return the lines of a lock file by name; a package may have several, each where its marker holds."""
    text = re.sub(r"^\s*#.*\n?", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found: dict[str, list[Locked]] = {}
    for line in text.replace("\\\n", " ").splitlines():
        requirement, *hashes = re.split(r"\s+--hash=", line.strip())
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes)
        each = Locked(Requirement(requirement), len(hashes))
        found.setdefault(canonicalize_name(each.requirement.name), []).append(each)
    return found


def asked(*extras: str) -> list[Requirement]:
    """Return what the project asks for, with some of its extras and what builds it."""
    project = PROJECT["project"]
    texts = [*project["dependencies"], *PROJECT["dependency-groups"]["build"]]
    for extra in extras:
        texts += project["optional-dependencies"][extra]
    return [each for each in map(Requirement, texts) if each.name != project["name"]]


@pytest.mark.parametrize("path", [RUN, TEST], ids=lambda path: path.name)
def test_a_lock_file_serves_everybody(path: Path) -> None:
    """Each package stands there with hashes and one version, and no address of a server or a folder."""
    comments = re.compile(r"^\s*#.*$", re.MULTILINE)
    assert not NAMES_A_HOST.search(comments.sub("", path.read_text(encoding="utf-8")))
    packages = locked(path)
    assert len(packages) > 20
    for lines in packages.values():
        for each in lines:
            assert each.hashes, each.requirement.name
            assert each.version
            assert each.requirement.url is None


@pytest.mark.parametrize(
    ("path", "extras"),
    [(RUN, ("web", "notices")), (TEST, ("web", "notices", "test", "browser"))],
    ids=["run", "test"],
)
def test_a_lock_file_has_what_the_project_asks_for(path: Path, extras: tuple[str, ...]) -> None:
    """In versions that it allows; after a change of pyproject.toml, `.ci/lock` writes them anew."""
    packages = locked(path)
    for wanted in asked(*extras):
        lines = packages.get(canonicalize_name(wanted.name))
        assert lines, f"{path.name} lacks {wanted.name}: run .ci/lock"
        for each in lines:
            assert wanted.specifier.contains(each.version), f"{path.name} has another {wanted}: run .ci/lock"


def test_what_builds_the_project_is_the_same_in_both_places() -> None:
    """The lock files take it from a group of its own: a lock file doesn't cover the build's requirements."""
    assert PROJECT["dependency-groups"]["build"] == PROJECT["build-system"]["requires"]


def test_what_runs_is_what_was_tested() -> None:
    """The tests' lock file has every line of the container's, word for word."""
    run, test = locked(RUN), locked(TEST)
    assert run.keys() < test.keys()
    for name, lines in run.items():
        assert [str(each.requirement) for each in lines] == [str(each.requirement) for each in test[name]]
