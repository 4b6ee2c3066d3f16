"""Has Jellyfin or Plex look for new films.

The requests are those of Jellyfin's `POST /Library/Refresh` and of Plex's `GET
/library/sections/all/refresh`; neither waits for the look to end.
"""

import requests

from movie_sync.errors import AuthError, NetworkError, UnavailableError
from movie_sync.net.http import SharedTls, WatchedAdapter, no_auth

_TIMEOUT_SECONDS = 15.0
_REQUESTS = {
    "jellyfin": ("POST", "/Library/Refresh", "Authorization", 'MediaBrowser Token="{}"'),
    "plex": ("GET", "/library/sections/all/refresh", "X-Plex-Token", "{}"),
}
_REFUSED = {401, 403}
_GOOD = range(200, 300)


def refresh(service: str, address: str, token: str) -> None:
    """Ask `jellyfin` or `plex` at an address. A redirect is not followed: the token stays here.

    Raises:
        AuthError: the token is refused, or holds what no token can.
        NetworkError, UnavailableError: it cannot be reached, or does not do it.
    """
    method, path, header, form = _REQUESTS[service]
    name = service.capitalize()
    if not (token.isascii() and token.isprintable()) or '"' in token:
        raise AuthError(f"{name}'s token holds what no token can. Run setup to write it again.", service=name)
    with requests.Session() as session:
        session.mount("https://", WatchedAdapter(SharedTls()))
        try:
            with session.request(
                method,
                address + path,
                headers={header: form.format(token)},
                auth=no_auth,
                timeout=_TIMEOUT_SECONDS,
                allow_redirects=False,
                stream=True,  # whatever it answers, only the status is read
            ) as answer:
                status = answer.status_code
        except (requests.RequestException, OSError, ValueError) as exc:
            raise NetworkError(
                f"{name} at {address} cannot be reached ({type(exc).__name__}). See whether it runs."
            ) from None
    if status in _REFUSED:
        raise AuthError(f"{name} refuses the token. Run setup to write a new one.", service=name)
    if status not in _GOOD:
        raise UnavailableError(
            f"{name} at {address} answered with code {status}. See whether it is its address."
        )
