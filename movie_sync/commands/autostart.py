"""Starting Movie Sync: now in this terminal, or at each login as a systemd user service."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from movie_sync.child_process import PACKAGE_PARENT
from movie_sync.commands.context import Context
from movie_sync.services.form import Dialogue
from movie_sync.storage.paths import (
    HOME_VARIABLE,
    KEY_FILE_VARIABLE,
    PREFIX,
    default_key_file,
    expand_home,
)
from movie_sync.storage.regular_file import open_regular

_UNIT = "movie-sync.service"
_SECONDS = 100  # systemd itself waits for 90 until a service says that it runs
_TEXT = """\
[Unit]
Description=Movie Sync, from the Letterboxd watchlist to the torrent client
Wants=network-online.target
After=network-online.target

[Service]
Type=notify
ExecStart={command}
{more}Restart=on-failure
RestartSec=30
RestartPreventExitStatus=2 3
TimeoutStopSec=15
WatchdogSec=180
WatchdogSignal=SIGTERM
LimitCORE=0
NoNewPrivileges=yes
ProtectSystem=full
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictRealtime=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=default.target
"""


def own_command() -> list[str]:
    """Return how this program was started, without its arguments: the interpreter and what it runs."""
    script = Path(sys.argv[0])
    if script.name == "__main__.py" or not script.is_file():
        return [sys.executable, "-m", "movie_sync"]
    return [sys.executable, str(script.absolute())]


def become_daemon(context: Context) -> None:
    """Replace this process by the daemon, so that nothing setup loaded stays in its memory."""
    sys.stdout.flush()
    options = ["--data-dir", str(context.paths.root), "--log-level", context.options.log_level]
    command = [*own_command(), *options, *(["--plain"] if context.options.plain else [])]
    os.execv(command[0], command)  # noqa: S606 - ourselves


def start_again() -> None:
    """Replace this process by one that is started as it was."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - ourselves


def is_offered(environ: Mapping[str, str]) -> bool:
    """Tell whether systemd runs this user's services."""
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    return bool(runtime and shutil.which("systemctl", path=environ.get("PATH"))) and (
        Path(runtime, "systemd").is_dir()
    )


def start_at_login(context: Context, dialogue: Dialogue, *, now: bool) -> bool:
    """Write the unit and enable it; return whether it was also started, if that is wanted `now`."""
    path, text = _unit_file(context.environ), _unit_text(context)
    try:
        is_other = path.exists() and _content(path) != text
        if is_other and not dialogue.confirm(f"  {path} exists and differs. Replace it?", default=False):
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as exc:
        dialogue.say(f"  {path} can't be written: {exc.strerror}.")
        return False
    enable = ["enable", *(["--now"] if now else []), _UNIT]
    for arguments in (["daemon-reload"], enable):
        if failure := _systemctl(context.environ, arguments):
            dialogue.say(f"  `systemctl --user {' '.join(arguments)}` failed: {failure}")
            return False
    started = "Started. It also" if now else "It"
    dialogue.say(
        f"  {started} starts when you log in ({path}). `systemctl --user stop movie-sync` stops it, "
        "`journalctl --user -u movie-sync` shows its log, and `loginctl enable-linger` keeps it running "
        "while you're logged out."
    )
    lost = sorted(name for name in context.environ if _is_lost(name))
    if lost:
        dialogue.say(f"  It doesn't get {', '.join(lost)} from your environment.")
    return now


def _is_lost(name: str) -> bool:
    return name.startswith(PREFIX) and name not in {HOME_VARIABLE, KEY_FILE_VARIABLE}


def _systemctl(environ: Mapping[str, str], arguments: Sequence[str]) -> str:
    """Return why it did not do it, or nothing."""
    program = shutil.which("systemctl", path=environ.get("PATH")) or "systemctl"
    try:
        answer = subprocess.run(  # noqa: S603 - no shell, and words of ours
            [program, "--user", *arguments],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        return str(exc)
    return (answer.stderr.strip() or f"exit code {answer.returncode}") if answer.returncode else ""


def _unit_file(environ: Mapping[str, str]) -> Path:
    settings = Path(environ.get("XDG_CONFIG_HOME", "").strip())
    base = settings if settings.is_absolute() else expand_home("~/.config", environ)
    return base / "systemd" / "user" / _UNIT


def _unit_text(context: Context) -> str:
    """Return the unit; the data folder and the key file are those of this setup."""
    environ, command = context.environ, own_command()
    words = [*command, "--plain", "--data-dir", str(context.paths.root.absolute())]
    more = ""
    if "-m" in command:
        more += f"WorkingDirectory={_escaped(str(PACKAGE_PARENT))}\n"
    if environ.get(KEY_FILE_VARIABLE, "").strip() or environ.get("XDG_CONFIG_HOME", "").strip():
        key_file = default_key_file(environ, context.paths.root).absolute()
        more += f'Environment="{KEY_FILE_VARIABLE}={_escaped(str(key_file))}"\n'
    return _TEXT.format(command=" ".join(f'"{_escaped(word, "$")}"' for word in words), more=more)


def _escaped(text: str, doubled: str = "") -> str:
    """Return a text as systemd reads it back: it expands % everywhere, and $ in commands."""
    for mark in "%" + doubled:
        text = text.replace(mark, mark * 2)
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _content(path: Path) -> str:
    with open_regular(path) as file:
        return file.read().decode("utf-8", errors="replace")
