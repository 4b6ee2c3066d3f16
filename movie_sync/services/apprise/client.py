"""Sends a notice through Apprise, which knows more than a hundred services."""

import re
from collections.abc import Sequence

from movie_sync.errors import UnavailableError, UserError

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{1,15})://", re.IGNORECASE)


def send_notice(addresses: Sequence[str], title: str, text: str) -> str:
    """Send to every address; return what is to be said of those that did not take it, or nothing.

    Addresses hold secrets: a message names one by its number and, where it is understood, its kind.
    Raises UserError without Apprise, or if it understands no address, UnavailableError if nobody took it.
    """
    try:
        import apprise  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise UserError(
            "the package `apprise` is missing. Install it where Movie Sync is installed: "
            "pip install 'apprise>=1.9'"
        ) from None
    asset = apprise.AppriseAsset(app_id="Movie Sync", app_desc="Movie Sync")
    unknown, failed = [], []
    for number, address in enumerate(addresses, 1):
        service = apprise.Apprise(asset=asset)
        if not service.add(address):
            unknown.append(f"address {number}")  # what stands first in it may be anything
        elif not service.notify(title=title, body=text):
            scheme = _SCHEME.match(address)
            failed.append(f"address {number} ({scheme[1]})" if scheme else f"address {number}")
    words = []
    if unknown:
        words.append(f"Apprise does not understand {', '.join(unknown)}; run setup to write it again")
    if failed:
        words.append(f"{', '.join(failed)} did not take it")
    if len(unknown) == len(addresses):
        raise UserError(words[0])
    if len(unknown) + len(failed) == len(addresses):
        raise UnavailableError("; ".join(words))
    return "; ".join(words)
