"""What processes that we start get of our environment."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from movie_sync.child_process import PACKAGE_PARENT
from movie_sync.storage.paths import HOME_VARIABLE, KEY_FILE_VARIABLE, PREFIX

if TYPE_CHECKING:
    from movie_sync.credentials.manager import CredentialField

_KEPT = (HOME_VARIABLE, KEY_FILE_VARIABLE)
NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"
"""How a service manager is told how the daemon is, which is the daemon's alone to tell."""


def without_secrets(environ: Mapping[str, str], *, but: Sequence["CredentialField"] = ()) -> dict[str, str]:
    """Return an environment without anything that is the daemon's own.

    Of our variables it has the places of files, and the credentials that are named.
    """
    kept = {*_KEPT, *(name for field in but for name in (field.variable, field.file_variable))}
    lost = {NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID}
    return {
        name: value
        for name, value in environ.items()
        if name in kept or not (name in lost or name.startswith(PREFIX))
    }


def child_environment(
    environ: Mapping[str, str] = os.environ, *, but: Sequence["CredentialField"] = ()
) -> dict[str, str]:
    """Return the environment for a process of our own: it finds this package, and no other secret."""
    clean_environ = without_secrets(environ, but=but)
    places = [str(PACKAGE_PARENT), clean_environ.get("PYTHONPATH", "")]
    clean_environ["PYTHONPATH"] = os.pathsep.join(place for place in places if place)
    return clean_environ
