"""Takes secrets out of text that is shown, written or passed on.

Our own words hold none. What a service says may: some repeat what they were sent, in other letters or
packed for a header. It is cleaned where it becomes part of an error or a value, and once more where
lines are shown or logged.
"""

import base64
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

_BLOT = "(hidden)"
_SHORTEST_SECRET = 4
_SECRET_FORMS = (
    # as addresses hold them: ours, and those that trackers and their proxies write into links
    *(
        re.compile(rf"(?<={name}=)[^&\s\"']+", re.IGNORECASE)
        for name in ("passkey", "password", "apikey", "api_key", "authkey", "torrent_pass")
    ),
    # as a dictionary or a JSON object shows them
    re.compile(r"""(?<=passkey['"]: ['"])[^'"]+|(?<=password['"]: ['"])[^'"]+""", re.IGNORECASE),
    re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),
    re.compile(r"(?<=/)[0-9a-f]{32}(?=/announce)|(?<=/announce/)[0-9a-f]{32}", re.IGNORECASE),
    re.compile(r"(?<=Basic )[A-Za-z0-9+/=]{8,}|(?<=Bearer )\S+"),
    re.compile(r"(?<=Token=\")[^\"]+|(?<=X-Plex-Token[=:])\s*[^\s&]+", re.IGNORECASE),
    re.compile(r"\bqbt_\w{20,}"),  # an API key of qBittorrent
    re.compile(r"(?<=SID=)[^;\s]+|(?<=QBT_SID_)\S+"),
)


class Redactor:
    """Blots secrets out of text: those it was told, and what has the form of one.

    Thread-safe as far as one thread at a time teaches it.
    """

    def __init__(self) -> None:
        self._secrets: frozenset[str] = frozenset()
        self._known: re.Pattern[str] | None = None

    def learn(self, secrets: Iterable[str]) -> None:
        """Remember secrets; very short ones would blot out ordinary words and are left to their form."""
        forms = {form for secret in secrets for form in (secret, quote(secret, safe=""), quote_plus(secret))}
        self._secrets |= {form for form in forms if len(form) >= _SHORTEST_SECRET}
        longest_first = sorted(self._secrets, key=len, reverse=True)
        # Hex is often repeated in capitals, and a host name in small letters.
        if longest_first:
            self._known = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE)

    def learn_login(self, username: str, secret: str) -> None:
        """Remember a secret also as it stands, with the username, in a header of Basic authentication."""
        if secret:
            packed = base64.b64encode(f"{username}:{secret}".encode("utf-8", "replace")).decode()
            self.learn([secret, packed])

    def clean(self, text: str) -> str:
        """Return the text without secrets, known ones and what looks like one."""
        text = self.without_known(text)
        for form in _SECRET_FORMS:
            text = form.sub(_BLOT, text)
        return text

    def without_known(self, text: str) -> str:
        """Return the text without the secrets that were learnt."""
        return self._known.sub(_BLOT, text) if self._known else text
