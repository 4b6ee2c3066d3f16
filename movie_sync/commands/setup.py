"""The first-run setup: asks for what Movie Sync cannot know, and writes it all at the end.

Enter keeps what is there. Ctrl+C or the end of input at any question changes nothing.
"""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from movie_sync.commands.notices_setup import MEDIA_SERVERS
from movie_sync.commands.prompts import Dialogue, Prompts
from movie_sync.credentials.manager import SERVICES, VARIABLES, CredentialsManager, clean
from movie_sync.errors import UserError
from movie_sync.settings.config import USERNAME_VARIABLE, Config, read_file_to_change, save_changes
from movie_sync.settings.values import UnusableValue, letterboxd_name, path_here, web_address
from movie_sync.storage.instance_lock import InstanceLock
from movie_sync.storage.paths import AppPaths, expand_home

_WELCOME = """\
Movie Sync takes the films on your Letterboxd watchlist from FileList to your torrent client.
It uses your own accounts. Keeping to their terms of service, and to copyright where you live,
is up to you.
Enter keeps what is shown in [brackets]. Ctrl+C stops and changes nothing.
"""
_NONE = "-"
_BUILT_IN = "default"
PRESETS = {
    _BUILT_IN: "1080p first, then 2160p, then 720p",
    "hd": "1080p, else 720p",
    "4k": "2160p, else 1080p",
    "small": "720p, else 1080p or DVD quality; small files, at most 8 GB",
}


@dataclass(slots=True)
class _Answers:
    """What was typed; only that is written."""

    settings: dict[str, object] = field(default_factory=dict)
    credentials: dict[str, dict[str, str]] = field(default_factory=dict)
    folder_to_make: Path | None = None

    def set_credential(self, service: str, name: str, value: str) -> None:
        self.credentials.setdefault(service, {})[name] = value

    def set_in_section(self, section: str, key: str, value: object) -> None:
        content = self.settings.setdefault(section, {})
        if isinstance(content, dict):
            content[key] = value


def run_setup(
    paths: AppPaths,
    manager: CredentialsManager,
    config: Config,
    *,
    umask: int,
    is_start: bool = False,
    prompts: Prompts | None = None,
    out: TextIO | None = None,
) -> bool:
    """Ask, then write credentials and `config.json`; return False if the user broke it off.

    `umask` is for the folder of films, which others than this program are to use. `is_start` tells
    that the daemon asks, and starts after it.

    Raises:
        UserError: there is no terminal, or a file is damaged and would be lost.
        StorageError: a file could not be written.
    """
    prompts, out = prompts or Prompts(), out or sys.stdout
    if not prompts.is_terminal():
        raise UserError(_without_terminal())
    paths.prepare()
    read_file_to_change(paths.config)
    questions = _Questions(paths, manager, config, Dialogue(prompts, out))
    try:
        answers = questions.ask_all()
    except (KeyboardInterrupt, EOFError):
        print("\nStopped. Nothing was changed.", file=out)
        return False
    _write(paths, manager, answers, umask)
    print(f"\nSaved in {paths.root}.", file=out)
    if not is_start:
        print(_what_is_next(paths, answers), file=out)
    return True


def _what_is_next(paths: AppPaths, answers: _Answers) -> str:
    if not InstanceLock(paths.daemon_lock).is_held_elsewhere():
        return "Next: `check` tries every part; without a command Movie Sync starts."
    if answers.settings:
        return "A Movie Sync is running. It takes new settings up when you stop and start it."
    return "The running Movie Sync takes this up by itself."


def _without_terminal() -> str:
    variables = [USERNAME_VARIABLE, *(name for service in SERVICES for name in VARIABLES[service].values())]
    return (
        "Setup asks questions, and there is no terminal to ask them on. Run `setup` on one, or set "
        f"the environment variables {', '.join(variables)} and write the rest into config.json."
    )


def _write(paths: AppPaths, manager: CredentialsManager, answers: _Answers, umask: int) -> None:
    """Write the credentials first: a config.json that names a user makes Movie Sync start."""
    if answers.folder_to_make is not None:
        ours = os.umask(umask)
        try:
            answers.folder_to_make.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise UserError(
                f"{answers.folder_to_make} could not be made: {exc.strerror}. Nothing was changed."
            ) from None
        finally:
            os.umask(ours)
    if answers.credentials:
        manager.save_all(answers.credentials)
    if answers.settings:
        save_changes(paths.config, answers.settings)


class _Questions:
    """The questions, in order."""

    def __init__(
        self, paths: AppPaths, manager: CredentialsManager, config: Config, dialogue: Dialogue
    ) -> None:
        self._paths = paths
        self._config = config
        self._dialogue = dialogue
        self._present = {service: manager.get(service) for service in VARIABLES}
        self._answers = _Answers()

    def ask_all(self) -> _Answers:
        """Ask everything and return what was typed."""
        self._dialogue.say(_WELCOME)
        self._ask_letterboxd()
        self._ask_filelist()
        self._ask_qbittorrent()
        self._ask_download_folder()
        self._ask_quality()
        self._ask_about_telling()
        return self._answers

    def _ask_letterboxd(self) -> None:
        wanted = "A Letterboxd user name has letters, digits and _ only."
        # With an export as the source no user name is needed.
        is_needed = self._config["letterboxd"]["export_file"] is None
        name = self._dialogue.ask(
            "Letterboxd user name, or the address of your profile",
            self._config["username"],
            letterboxd_name,
            wanted,
            is_needed=is_needed,
        )
        if name is not None:
            self._answers.settings["username"] = name

    def _ask_filelist(self) -> None:
        self._dialogue.say("\nFileList: your user name there (not the e-mail address), and your passkey.")
        self._dialogue.say('The passkey stands on https://filelist.io/my.php beside "Reset passkey".')
        present = self._present["filelist"]
        name = self._dialogue.ask(
            "FileList user name", present.get("username", ""), lambda text: clean(text, "The user name")
        )
        if name is not None:
            self._answers.set_credential("filelist", "username", name)
        passkey = self._dialogue.ask_secret(
            "FileList passkey", "The passkey", has_present="passkey" in present
        )
        if passkey:
            self._answers.set_credential("filelist", "passkey", passkey)

    def _ask_qbittorrent(self) -> None:
        section = self._config["qbittorrent"]
        self._dialogue.say("")
        is_used = self._dialogue.confirm(
            "Do you use qBittorrent, with its web interface on?", default=section["enabled"]
        )
        if is_used != section["enabled"]:
            self._answers.set_in_section("qbittorrent", "enabled", is_used)
        if not is_used:
            folder = self._config["torrent_directory"] or self._paths.torrents
            self._dialogue.say(f"Torrents will be put into {folder}. Let your client watch that folder.")
            return
        address = self._dialogue.ask(
            "Its address",
            section["url"],
            _address_here,
            "Write it like http://localhost:8080, without user name and password.",
        )
        if address is not None:
            self._answers.set_in_section("qbittorrent", "url", address)
        self._ask_qbittorrent_login()

    def _ask_qbittorrent_login(self) -> None:
        present = self._present["qbittorrent"]
        has_login = bool(present.get("username"))
        name = self._dialogue.ask(
            f"Its user name ({_NONE} for none)" if has_login else "Its user name (Enter if it asks for none)",
            present.get("username", ""),
            lambda text: clean(text, "The user name"),
            is_needed=False,
        )
        if name == _NONE:
            self._answers.credentials["qbittorrent"] = {"username": "", "password": ""}
        elif name is not None or has_login:
            if name is not None:
                self._answers.set_credential("qbittorrent", "username", name)
            has_password = "password" in present
            password = self._dialogue.ask_secret(
                "Its password", "The password", has_present=has_password, is_needed=False
            )
            if password:
                self._answers.set_credential("qbittorrent", "password", password)

    def _ask_download_folder(self) -> None:
        self._dialogue.say(
            "\nThe folder your films are downloaded to. Films that are in it are not fetched again."
        )
        while True:
            text = self._dialogue.ask(
                "Download folder", self._config["download_directory"], _folder, "Write its whole path."
            )
            folder = text or self._config["download_directory"]
            if Path(folder).is_dir() or self._may_be_made(Path(folder), is_new=text is not None):
                break
        if text is not None:
            self._answers.settings["download_directory"] = text

    def _may_be_made(self, folder: Path, *, is_new: bool) -> bool:
        """Return whether to go on with a folder that is not there, and note it if it is to be made."""
        above = folder
        while not os.path.lexists(above) and above != above.parent:
            above = above.parent
        if not (above.is_dir() and os.access(above, os.W_OK | os.X_OK)):
            self._dialogue.say(f"  {folder} is no folder and cannot be made, because of {above}.")
            return not is_new and self._dialogue.confirm("  Keep it nevertheless?", default=False)
        if self._dialogue.confirm(f"  {folder} is not there. Make it?", default=True):
            self._answers.folder_to_make = folder
            return True
        return not is_new  # a disk that is not mounted now

    def _ask_quality(self) -> None:
        if self._config.is_set("quality.order"):
            self._dialogue.say('\nQuality: your own "quality.order" in config.json stays.')
            return
        self._dialogue.say("\nQuality:")
        for name, meaning in PRESETS.items():
            self._dialogue.say(f"  {name:8} {meaning}")
        present = self._config["quality"]["preset"] or _BUILT_IN
        preset = self._dialogue.ask("Which one", present, _preset, f"Write one of {', '.join(PRESETS)}.")
        if preset is not None:
            self._answers.set_in_section("quality", "preset", None if preset == _BUILT_IN else preset)

    def _ask_about_telling(self) -> None:
        self._dialogue.say("")
        if not self._dialogue.confirm("Set up notices, Jellyfin or Plex?", default=False):
            return
        self._dialogue.say(
            "Notices go to Apprise addresses (such as ntfy://my-topic), several with blanks between."
        )
        addresses = self._ask_optional_secret("notices", "urls", "The addresses")
        if addresses:
            self._answers.set_in_section("notices", "enabled", True)
        for service in MEDIA_SERVERS:
            self._ask_media_server(service)

    def _ask_media_server(self, service: str) -> None:
        name = service.capitalize()
        present = self._config[service]["url"] or ""
        address = self._dialogue.ask(
            f"The address of {name} ({_NONE} for none)"
            if present
            else f"The address of {name} (Enter for none)",
            present,
            _address_or_none,
            "Write it like http://localhost:8096, without anything behind it.",
            is_needed=False,
        )
        if address is not None:
            self._answers.set_in_section(service, "url", None if address == _NONE else address)
        if (address or present or _NONE) != _NONE:
            self._ask_optional_secret(service, "token", f"The token of {name}")

    def _ask_optional_secret(self, service: str, name: str, what: str) -> str | None:
        secret = self._dialogue.ask_secret(
            what, what, has_present=name in self._present[service], is_needed=False
        )
        if secret:
            self._answers.set_credential(service, name, secret)
        return secret


def _address_or_none(text: str) -> str:
    return text if text == _NONE else _address_here(text)


def _address_here(text: str) -> str:
    return web_address(text if "://" in text else f"http://{text}")


def _folder(text: str) -> str:
    return str(expand_home(path_here(text), os.environ))


def _preset(text: str) -> str:
    if text.lower() not in PRESETS:
        raise UnusableValue
    return text.lower()
