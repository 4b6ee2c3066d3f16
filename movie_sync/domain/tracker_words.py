"""What a tracker says of a torrent: what it is about, and made fit to be shown, as a passkey may be in it."""

import re
from urllib.parse import unquote, urlsplit

from movie_sync.domain.plain_text import printable

_MAX_CHARACTERS = 200
_HIDDEN = "[...]"
# What may be a passkey; shorter pieces of an address are words like `announce`.
_SHORTEST_SECRET = 8
_NO_SECRETS = frozenset({"announce", "announce.php"})
_ADDRESS = re.compile(r"\b(?:[a-z][a-z0-9+.-]{0,20}://|www\.)\S+", re.IGNORECASE)
_BETWEEN_PIECES = re.compile("[/?&=;]")
_DIGITS = re.compile(r"[0-9a-f]{32,}", re.IGNORECASE)
# From what trackers are known to answer: each of these would be said of any torrent.
_ACCOUNT = re.compile(
    r"pass ?key|\bclient\b|account|\buser\b|banned|disabled|blacklist|whitelist|not allowed|"
    r"\bratio\b|\bslots?\b|too many|\bip\b|rate limit|try again|maintenance|overload",
    re.IGNORECASE,
)


def without_secrets(words: str, address: str) -> str:
    """Return a tracker's words, cut short, without its address and what in it may be a passkey."""
    text = printable(words)
    for secret in _secrets(address):
        text = re.sub(re.escape(secret), _HIDDEN, text, flags=re.IGNORECASE)
    text = _DIGITS.sub(_HIDDEN, _ADDRESS.sub(_HIDDEN, text))
    return text[:_MAX_CHARACTERS].strip()


def _secrets(address: str) -> list[str]:
    """Return what of a tracker's address must not be shown, longest first: its host and each long piece."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return [address]
    pieces = [*_BETWEEN_PIECES.split(f"{parts.path}?{parts.query}"), parts.netloc, host]
    known = {piece for raw in pieces for piece in (raw, unquote(raw))}
    secrets = {address, *(piece for piece in known if len(piece) >= _SHORTEST_SECRET)} - _NO_SECRETS - {""}
    return sorted(secrets, key=len, reverse=True)


def concerns_account(refusal: str) -> bool:
    """Tell whether a tracker's words are about the user, his client or his address, not about a torrent.

    Then every torrent would be refused, and another release would not help.
    """
    return bool(_ACCOUNT.search(refusal))
