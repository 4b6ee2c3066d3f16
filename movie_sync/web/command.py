"""`web`: serves the page until it is stopped, or prints a new login address for the one that runs."""

import ipaddress
import os
import socket
import sys
from argparse import Namespace
from dataclasses import dataclass

from movie_sync.commands.context import Context
from movie_sync.errors import UserError
from movie_sync.invocation import command_line
from movie_sync.logs import set_up_logging
from movie_sync.services.web.service import WebSettings, listen_address
from movie_sync.settings.values import UnusableValue
from movie_sync.storage.document import read_note, write_note
from movie_sync.storage.locks import FileLock
from movie_sync.web.logins import invite

_WAITING = 64


@dataclass(frozen=True, slots=True)
class Place:
    """Where the page listens; `host` without brackets."""

    host: str
    port: int

    @classmethod
    def of(cls, listen: str) -> "Place":
        """Return the place that a setting or option names. Raises UserError: it names none."""
        try:
            host, _, port = listen_address(listen).rpartition(":")
        except UnusableValue:
            raise UserError(
                f"{listen!r} isn't an address to listen on. Give one like 127.0.0.1:8787."
            ) from None
        return cls(host.strip("[]"), int(port))

    @property
    def is_private(self) -> bool:
        """Whether only this machine reaches it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"

    def address(self, port: int) -> str:
        """Return the address that a browser on this machine, or in its network, opens."""
        host = self.host
        if host in {"0.0.0.0", "::"}:  # noqa: S104 - only compared
            host = socket.gethostname()
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def run_web(args: Namespace, context: Context) -> int:
    """Serve the page, or print a login address; returns the exit code."""
    context.paths.prepare()
    lock = FileLock(context.paths.page_lock)
    if args.login:
        return _print_login(context, lock)
    try:
        from movie_sync.web.server import serve  # noqa: PLC0415 - the extra may not be installed
    except ModuleNotFoundError as exc:
        raise UserError(
            f"The page needs the package {exc.name}. Install what it needs: "
            f"{sys.executable} -m pip install starlette uvicorn jinja2"
        ) from None
    place = Place.of(args.listen or context.config.section(WebSettings).listen)
    set_up_logging(context.options.log_level, context.redactor, plain=context.options.plain)
    context.warn(context.config.warnings)
    if not place.is_private and not password_of(context):
        raise UserError(
            f"On {place.host}, others on your network could open the page, so it needs a password first. Set "
            "MOVIE_SYNC_WEB_PASSWORD, or start the page on 127.0.0.1 and enter one under Settings."
        )
    if not lock.acquire():
        address = read_note(context.paths.page).get("address", "an unknown address")
        raise UserError(
            f"The page is already running at {address}. "
            f"`{command_line('web', '--login')}` prints a new login address for it."
        )
    try:
        with _listening(place) as listener:
            port = listener.getsockname()[1]
            address = place.address(port)
            write_note(context.paths.page, {"address": address, "pid": os.getpid()}, context.clock)
            context.say(f"The page is at {address}/ (Ctrl+C stops it).")
            if not place.is_private:
                context.complain(
                    "WARNING: The connection isn't encrypted. Anyone who can reach this machine can try "
                    "passwords, and others on the network can read what is sent. See docs/security.md."
                )
            _say_login(context, address)
            serve(context, place.host, port, listener)
    finally:
        lock.release()
    return 0


def password_of(context: Context) -> str:
    """Return the page's password, or "" if none is set. Raises UserError: it cannot be decrypted."""
    return context.credentials_manager().load_in_child(["web"])["web"].get("password", "")


def _print_login(context: Context, lock: FileLock) -> int:
    address = read_note(context.paths.page).get("address")
    if lock.acquire() or not isinstance(address, str):
        lock.release()
        raise UserError(f"The page isn't running. Start it: {command_line('web')}")
    _say_login(context, address)
    return 0


def _say_login(context: Context, address: str) -> None:
    context.say("To log in, open this address within ten minutes. It works once:")
    # Not through the redactor, which would blot the token out: it is meant for whoever reads this.
    print(f"{address}/login/{invite(context.paths, context.clock)}", flush=True)  # noqa: T201


def _listening(place: Place) -> socket.socket:
    try:
        kind, *_, where = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(kind, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen(_WAITING)
    except OSError as exc:
        raise UserError(
            f"The page can't listen on {place.host}:{place.port}: {exc.strerror or exc}. "
            "Choose another address with --listen, such as 127.0.0.1:8788."
        ) from None
    return listener
