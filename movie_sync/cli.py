"""The command line: its options and commands, and the exit code of each outcome.

Heavy rooms are imported by the command that needs them, so that `--help` answers at once.
"""

import argparse
import errno
import importlib
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from movie_sync import __version__, invocation
from movie_sync.arguments import Parser, film_year, imdb_id, seconds
from movie_sync.errors import AuthError, MovieSyncError, Stopped, UserError
from movie_sync.invocation import command_line
from movie_sync.outlet import hurry, outlet_of, readable, take_over_streams

if TYPE_CHECKING:
    from movie_sync.commands.context import Context
    from movie_sync.domain.redaction import Redactor

_QUEUES = ("pending", "failed", "completed", "removed")
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_SETUP_SECTIONS = ("letterboxd", "filelist", "client", "folders", "quality", "notices")
_ANSWER_IS_NO, _UNUSABLE, _INTERRUPTED = 1, 2, 130
_LAST_SECONDS = 1.0
_OUTPUT_FAULTS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF}
_FILM = "a film's title, slug (heat-1995), id, IMDb id or Letterboxd address"
_EPILOG = """exit codes:
  0    done, or stopped on request
  1    the answer is no: a check or a film failed
  2    wrong usage, settings or credentials
  3    already running on this data folder
  130, 143  interrupted

FILM is a film's title ("Heat (1995)"), slug (heat-1995), id, IMDb id or Letterboxd address."""


_EXAMPLES: dict[str, tuple[tuple[str, ...], ...]] = {
    "setup": ((), ("client",)),
    "config": (("quality",), ("quality.preset", "hd"), ("--unset", "quality.preset")),
    "status": ((), ("--watch",)),
    "queue": ((), ("failed",)),
    "history": ((), ("Heat",)),
    "retry": (("Heat (1995)",), ("--all",)),
    "remove": (("Heat (1995)",),),
    "add": (("Heat (1995)",), ("https://letterboxd.com/film/heat-1995/",), ("tt0113277",)),
    "grab": (("Heat", "2"), ("heat-1995", "filelist:12345")),
    "reject": (("Heat", "2"), ("heat-1995", "filelist:12345")),
    "search": (("Heat", "--year", "1995"), ("heat-1995",)),
    "import": (("letterboxd-export.zip",),),
    "backup": (("movie-sync.tar.gz",), ("movie-sync.backup", "--with-secrets")),
    "restore": (("movie-sync.backup",),),
}
_COMPLETION = """to load it whenever the shell starts:
  bash, in ~/.bashrc:                   eval "$(movie-sync completion bash)"
  zsh, in ~/.zshrc, after compinit:     eval "$(movie-sync completion zsh)"
  fish, in ~/.config/fish/config.fish:  movie-sync completion fish | source"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code; prints help and every error itself."""
    if argv is None:
        _have_names_in_utf8()
    _open_what_is_closed()
    take_over_streams()
    invocation.name_folder(None)
    try:
        code = _answer(argv)
    except KeyboardInterrupt:  # while an error was told
        code = _INTERRUPTED
        hurry(_LAST_SECONDS)
    _end_output()
    return code


def _have_names_in_utf8() -> None:
    """Start again with names of files in UTF-8 where the locale has another encoding for them.

    Else a name that it cannot spell could be neither written nor found, nor be understood on the
    command line. What is shown keeps the locale's encoding.
    """
    if sys.getfilesystemencoding() != "utf-8" and sys.executable:
        if sys.stdout is not None:
            os.environ.setdefault("PYTHONIOENCODING", f"{sys.stdout.encoding}:replace")
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606 - ourselves


def _end_output() -> None:
    """Flush the output, so that the interpreter neither hangs nor fails at its exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, KeyboardInterrupt):
            _let_go(stream)


def _open_what_is_closed() -> None:
    """Open /dev/null for streams that the caller closed, so that our files don't get their descriptors."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)  # for the whole run
            setattr(sys, name, os.fdopen(nowhere, mode, encoding="utf-8", closefd=False))


def _answer(argv: Sequence[str] | None) -> int:
    from movie_sync.domain.redaction import Redactor  # noqa: PLC0415 - not for --help

    redactor = Redactor()
    args = argparse.Namespace(command="", log_level="INFO")
    try:
        try:
            args = _parser().parse_args(argv)
        except SystemExit as exc:  # how argparse ends after help and after wrong usage
            code = _UNUSABLE if exc.code else 0
        else:
            code = _run(args, redactor)
        sys.stdout.flush()
    except MovieSyncError as exc:
        code = _UNUSABLE if isinstance(exc, UserError | AuthError) else _ANSWER_IS_NO
        advice = (
            f"\nTo enter credentials again: `{command_line('setup')}`" if isinstance(exc, AuthError) else ""
        )
        return _complain(f"{exc}{advice}", code, redactor)
    except (KeyboardInterrupt, Stopped):
        hurry(_LAST_SECONDS)
        return 0 if args.command is None else _INTERRUPTED  # the daemon was stopped on request
    except ModuleNotFoundError as exc:
        text = (
            f"The package {exc.name} isn't installed for {sys.executable}. Run Movie Sync with the Python "
            "it was installed with (.venv/bin/python main.py), or install it in its folder: "
            "pip install ."
        )
        return _complain(text, _UNUSABLE, redactor)
    except BrokenPipeError:  # the reader of our output has gone; nothing is left to say
        _let_go(sys.stdout)
        return _ANSWER_IS_NO
    except Exception as exc:  # noqa: BLE001 - said in words; with --log-level DEBUG also where
        lost = _lost_output(exc)
        if lost is not None:
            text = f"Couldn't write the output: {lost}."
        elif args.log_level == "DEBUG":
            text = traceback.format_exc()
        else:
            text = (
                f"Unexpected error ({type(exc).__name__}). Run the same command with --log-level DEBUG "
                "for details, and please report it."
            )
        return _complain(text, _ANSWER_IS_NO, redactor)
    return code


def _lost_output(exc: Exception) -> str | None:
    """Return why stdout takes nothing (a full disk, say), if that is what went wrong.

    Errors of our own files name a file, or are StorageErrors.
    """
    if not isinstance(exc, OSError) or exc.filename is not None or exc.errno not in _OUTPUT_FAULTS:
        return None
    _let_go(sys.stdout)
    return exc.strerror


def _let_go(stream: TextIO) -> None:
    """Discard unwritten output: Python would fail to write it again at exit."""
    outlet = outlet_of(stream)
    if outlet is not None:
        outlet.hurry(0)
    else:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _complain(message: str, code: int, redactor: "Redactor") -> int:
    from movie_sync.domain.plain_text import safe_lines  # noqa: PLC0415 - only an error needs it

    text = redactor.clean(safe_lines(f"movie-sync: {message}"))
    print(readable(text, sys.stderr), file=sys.stderr)  # noqa: T201 - errors go to stderr
    return code


def _run(args: argparse.Namespace, redactor: "Redactor") -> int:
    umask = os.umask(0o077)
    if args.command is None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # until the app takes both signals over
    elif args.once or args.dry_run:
        raise UserError("--once and --dry-run only work without a command.")
    context = _context(args, redactor, umask) if args.needs_folder else None
    module, _, function = str(args.run).partition(":")
    code: int = getattr(importlib.import_module(f"movie_sync.{module}"), function)(args, context)
    return code


def _context(args: argparse.Namespace, redactor: "Redactor", umask: int) -> "Context":
    from movie_sync.commands.context import Context, Options  # noqa: PLC0415 - not for --help
    from movie_sync.storage.paths import default_root, expand_home  # noqa: PLC0415

    if args.data_dir is not None and not args.data_dir.strip():
        raise UserError("--data-dir is empty. Give a folder, or omit the option to use ~/.movie_sync.")
    root = (expand_home(args.data_dir, os.environ) if args.data_dir else default_root(os.environ)).absolute()
    is_other = args.data_dir and root != default_root(os.environ).absolute()
    invocation.name_folder(root if is_other else None, is_read_here=args.command not in {None, "web"})
    options = Options(
        log_level=args.log_level, plain=args.plain, once=args.once, dry_run=args.dry_run, umask=umask
    )
    overrides = {"username": args.username, "check_interval": args.interval}
    return Context.load(root, options, overrides, redactor)


def _parser() -> Parser:
    parser = Parser(
        prog="movie-sync",
        description="Download the films on your Letterboxd watchlist. Without a command, run the daemon.",
        epilog=_EPILOG,
    )
    _add_global_options(parser, is_top=True)
    daemon = parser.add_argument_group("daemon options")
    daemon.add_argument(
        "--username", metavar="NAME", help="use this user's watchlist instead of the configured one"
    )
    daemon.add_argument(
        "--interval", metavar="SECONDS", type=seconds, help="seconds between checks, at least 60"
    )
    daemon.add_argument("--once", action="store_true", help="check once, do what can be done now, then exit")
    daemon.add_argument(
        "--dry-run", action="store_true", help="only print what would be done; write no files"
    )
    parser.set_defaults(run="commands.daemon:run_daemon", needs_folder=True)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", prog=parser.prog)
    options = Parser(add_help=False)
    _add_global_options(options, is_top=False)
    _add_commands(commands, parser.commands, options)
    return parser


def _add_commands(
    commands: "argparse._SubParsersAction[Parser]", by_name: dict[str, Parser], options: Parser
) -> None:
    def add(name: str, run: str, text: str) -> Parser:
        """Add a command; `run` names the function in `commands/` that is called, and loaded only then."""
        parser = by_name[name] = commands.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            parents=[options],
            epilog=_examples(name),
        )
        parser.set_defaults(run=f"commands.{run}")
        return parser

    setup = add("setup", "setup:run", "ask for the settings, test them and save them")
    setup.add_argument(
        "section",
        nargs="?",
        metavar="SECTION",
        choices=_SETUP_SECTIONS,
        help=f"only this part: {', '.join(_SETUP_SECTIONS)}",
    )
    add("check", "check:run_check", "test every part and say how to fix what's wrong")
    config = add("config", "config:run_config", "show the settings in force, or change one")
    config.add_argument(
        "key", nargs="?", metavar="KEY", help="a setting, such as check_interval or quality.preset"
    )
    config.add_argument("value", nargs="?", metavar="VALUE", help="its new value (JSON, or a plain string)")
    config.add_argument("--unset", action="store_true", help="remove it from config.json")
    add("sync", "sync:run_sync", "check your lists now and do what's due")
    _add_json(add("health", "health:run_health", "tell whether a daemon is running and healthy"))
    status = add("status", "show:run_status", "show downloads, queues and what needs you")
    status.add_argument("--watch", action="store_true", help="keep updating the screen until Ctrl+C")
    _add_json(status)
    queue = add("queue", "show:run_queue", "list the films in the queues")
    queue.add_argument("queue", nargs="?", choices=_QUEUES, help="only this queue")
    _add_json(queue)
    history = add(
        "history",
        "history:run_history",
        "show a film's history, or the latest events of all films",
    )
    history.add_argument("film", nargs="?", metavar="FILM", help=_FILM)
    _add_json(history)
    for name, run, text, of_all in (
        ("retry", "edit:run_retry", "put failed films back into the queue", "retry all failed films"),
        ("shelf", "shelf:run_shelf", "put finished films on the shelf", "all that aren't there yet"),
    ):
        some = add(name, run, text)
        some.add_argument("film", nargs="*", metavar="FILM", help=_FILM)
        some.add_argument("--all", action="store_true", help=of_all)
    remove = add("remove", "edit:run_remove", "remove films and keep them out until you add them again")
    remove.add_argument("film", nargs="+", metavar="FILM", help=_FILM)
    queued = add(
        "add", "edit:run_add", "queue films by title (if on your lists), Letterboxd address or IMDb id"
    )
    queued.add_argument("film", nargs="+", metavar="FILM", help=_FILM)
    queued.add_argument("--quality", metavar="PRESET", help="the quality preset for these films")
    for name, text in (
        ("grab", "take a release for a film, whatever your rules say"),
        ("reject", "never take a release for a film"),
    ):
        word = add(name, f"choose:run_{name}", text)
        word.add_argument("film", metavar="FILM", help=_FILM)
        word.add_argument(
            "release", metavar="RELEASE", help="the release's id, or its number in the last search"
        )
    search = add("search", "search:run_search", "show a film's releases, and which one would be taken")
    search.add_argument("title", metavar="TITLE", help=_FILM)
    search.add_argument("--year", type=film_year, help="the film's year")
    search.add_argument("--imdb", type=imdb_id, metavar="ttN", help="the film's IMDb id")
    _add_json(search)
    add("import", "edit:run_import", "queue the films in a file from Letterboxd or IMDb").add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="watchlist.csv, the ZIP of your whole account, or a list's CSV from Letterboxd or IMDb",
    )
    _add_moving(add)
    page = add("web", "", "serve the web page, with all films and their posters")
    page.add_argument("--listen", metavar="HOST:PORT", help="where to listen, instead of 127.0.0.1:8787")
    page.add_argument("--login", action="store_true", help="print a new login address for the running page")
    page.set_defaults(run="web.command:run_web")
    completion = add("completion", "completion:run_completion", "print the completion script for a shell")
    completion.add_argument("shell", choices=("bash", "zsh", "fish"), help="your shell")
    completion.epilog = _COMPLETION
    completion.set_defaults(needs_folder=False, parser_of_all=_parser)
    demo = add("demo", "demo:run_demo", "run the whole pipeline against local stand-ins")
    demo.set_defaults(needs_folder=False)


def _add_moving(add: Callable[[str, str, str], Parser]) -> None:
    backup = add(
        "backup", "backup:run_backup", "save your settings and all films in one file, to move or to keep"
    )
    backup.add_argument(
        "file", metavar="FILE", help="the file to create, or - for stdout; never overwrites one"
    )
    backup.add_argument(
        "--with-secrets",
        action="store_true",
        help="include passwords, keys and torrents, and encrypt everything",
    )
    restore = add("restore", "restore:run_restore", "put a backup's files into the data folder")
    restore.add_argument("file", type=Path, metavar="FILE", help="a file that `backup` wrote")
    restore.add_argument(
        "--replace", action="store_true", help="move present data aside first; nothing is deleted"
    )
    restore.add_argument(
        "--trust", action="store_true", help="don't ask about the commands and servers in its settings"
    )


def _examples(name: str) -> str | None:
    lines = [f"  {command_line(name, *words)}" for words in _EXAMPLES.get(name, ())]
    return "\n".join(["examples:" if lines[1:] else "example:", *lines]) if lines else None


def _add_global_options(parser: argparse.ArgumentParser, *, is_top: bool) -> None:
    """Add the options allowed before or after a command; after it they override those before it."""

    def default(value: object) -> object:
        return value if is_top else argparse.SUPPRESS

    parser.add_argument("--version", action="version", version=f"movie-sync {__version__}")
    parser.add_argument(
        "--data-dir", metavar="DIR", default=default(None), help="the data folder, instead of ~/.movie_sync"
    )
    parser.add_argument(
        "--log-level",
        choices=_LOG_LEVELS,
        type=str.upper,
        default=default("INFO"),
        help="lowest level to log to stderr (default: INFO)",
    )
    parser.add_argument(
        "--plain",
        action="store_true",
        default=default(value=False),
        help="no colours, no live screen, ASCII progress bars",
    )


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document")
