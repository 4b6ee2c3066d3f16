"""Sockets that stand for a file in a folder, also where its path is too long, or its file system has none."""

import contextlib
import os
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

HAS_NAMES = sys.platform.startswith("linux")
"""Whether the machine keeps names for sockets apart from files, which go with whoever holds them."""
_MOST_BYTES = 100  # 107 on Linux, 103 on macOS
_CREDENTIALS = struct.Struct("3i")


def listening_at(path: Path, most_waiting: int) -> socket.socket:
    """Make a socket that listens, in the place of what a killed process left; raises OSError.

    Where there can be none in the folder it has the name of that on the machine: see `is_own`.
    """
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    try:
        try:
            with _address(path) as address:
                listener.bind(address)
        except OSError:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)  # some leave a file that is no socket
            if not HAS_NAMES:
                raise
            listener.bind(name_of(path))
        listener.listen(most_waiting)
    except OSError:
        listener.close()
        raise
    return listener


def connect_to(path: Path, connection: socket.socket) -> None:
    """Connect to what listens there; raises OSError, of the folder if the machine has no such name."""
    try:
        with _address(path) as address:
            connection.connect(address)
    except (FileNotFoundError, ConnectionRefusedError):
        if not HAS_NAMES:
            raise
        with contextlib.suppress(ConnectionRefusedError):
            connection.connect(name_of(path))
            if is_own(connection):
                return
        raise


def is_own(connection: socket.socket) -> bool:
    """Tell whether the other end is this user's, or root's: a name is open to everybody, unlike a folder."""
    if not HAS_NAMES:
        return True
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(credentials)
    return user in {os.geteuid(), 0}


def name_of(path: Path) -> str:
    """Return the name that stands for a file on this machine, in whatever way its path is written."""
    import hashlib  # noqa: PLC0415 - few need it

    return f"\0movie_sync-{hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()}"


@contextlib.contextmanager
def _address(path: Path) -> Iterator[str]:
    if len(os.fsencode(path)) <= _MOST_BYTES or not HAS_NAMES:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
