"""compose.yaml and .env.example: what they set is known, what they name is there, and both agree."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from house.program import ROOT

from movie_sync.services import registry
from movie_sync.services.qbittorrent.service import QBittorrentSettings
from movie_sync.settings.config import Config, rules, variable_of

COMPOSE = ROOT / "compose.yaml"
OURS = ("movie-sync", "page", "prepare")
REFERENCE = re.compile(r"\$\{(\w+)(?::?([-?])([^}]*))?\}")


@pytest.fixture
def services() -> dict[str, dict[str, Any]]:
    """Return the services as the file has them."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
    return found


@pytest.fixture
def example() -> dict[str, str]:
    """Return what the example of the user's own file sets."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def filled(text: str, values: dict[str, str]) -> str:
    """Return a value with the user's own in it."""
    return REFERENCE.sub(lambda found: values.get(found[1]) or (found[3] if found[2] == "-" else ""), text)


def test_the_example_names_what_is_used(example: dict[str, str]) -> None:
    """Each variable of compose.yaml stands in it, and what has to be filled in is empty."""
    used = {found[1]: found for found in REFERENCE.finditer(COMPOSE.read_text())}
    assert used.keys() <= example.keys()
    needed = {name for name, found in used.items() if found[2] == "?"}
    assert {example[name] for name in needed} == {""}
    for name, found in used.items():
        if found[2] == "-":
            assert example[name] == found[3], name


@pytest.mark.parametrize("name", ["movie-sync", "page"])
def test_each_variable_is_known(
    services: dict[str, dict[str, Any]], example: dict[str, str], name: str, tmp_path: Path
) -> None:
    """The program takes all of them, without a warning."""
    own = {variable: value or "filled in" for variable, value in example.items()}
    environ = own | {key: filled(value, own) for key, value in services[name]["environment"].items()}
    environ["MOVIE_SYNC_USERNAME"] = "maria"
    config = Config.load(tmp_path / "config.json", environ=environ)
    assert config.warnings == []
    assert config["download_directory"] == config.section(QBittorrentSettings).save_path == "/data/torrents"


def test_ours_may_do_little(services: dict[str, dict[str, Any]]) -> None:
    """No privileges and nothing to write to but the volumes; root prepares them, and alone has a privilege."""
    for name in OURS:
        service = services[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["tmpfs"] == "/tmp"
        is_preparing = name == "prepare"
        assert service["user"] == ("0:0" if is_preparing else "${PUID:-1000}:${PGID:-1000}")
        assert ("cap_add" in service) == (service.get("network_mode") == "none") == is_preparing


def test_all_share_one_folder(services: dict[str, dict[str, Any]]) -> None:
    """Films are one mount, at the same place in each, so that paths agree and files can be hard-linked."""
    for service in services.values():
        (data,) = (each for each in service["volumes"] if isinstance(each, dict))
        assert (data["target"], data["bind"]) == ("/data", {"create_host_path": False})
        named = {each.partition(":")[0] for each in service["volumes"] if isinstance(each, str)}
        assert named <= yaml.safe_load(COMPOSE.read_text())["volumes"].keys()
    for name in ("movie-sync", "page"):
        assert {"config:/config", "key:/key"} <= {str(each) for each in services[name]["volumes"]}


def test_health_is_the_image_s(services: dict[str, dict[str, Any]]) -> None:
    """Builders that drop the image's check leave this one."""
    check = services["movie-sync"]["healthcheck"]
    (line,) = (
        each for each in (ROOT / "Containerfile").read_text().splitlines() if each.startswith("HEALTHCHECK")
    )
    options = dict(re.findall(r"--([\w-]+)=(\w+)", line))
    assert {key.replace("_", "-"): str(value) for key, value in check.items() if key != "test"} == options
    assert check["test"] == ["CMD", *re.findall(r'"([\w-]+)"', line)]


def test_nothing_but_the_ports_is_open(services: dict[str, dict[str, Any]], example: dict[str, str]) -> None:
    """The pages can be opened on this machine alone, unless the user says so."""
    pages = [*services["page"]["ports"], services["qbittorrent"]["ports"][0]]
    assert [filled(each, example).split(":")[0] for each in pages] == ["127.0.0.1", "127.0.0.1"]
    assert "ports" not in services["movie-sync"]


def test_every_setting_can_come_from_the_environment(tmp_path: Path) -> None:
    """Each value that a setting has is taken from its variable, without a warning."""
    path = tmp_path / "config.json"
    default = Config.load(path, environ={})
    for key in rules():
        value = default
        for part in key.split("."):
            value = value[part]
        if value not in (None, ""):
            text = value if isinstance(value, str) else json.dumps(value, default=dict)
            assert Config.load(path, environ={variable_of(key): text}).warnings == [], key
    for fields in registry.credential_fields().values():
        assert all(field.file_variable for field in fields if field.is_secret)
