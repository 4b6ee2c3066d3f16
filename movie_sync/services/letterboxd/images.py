"""Which addresses of pictures are taken from a page, and asked for: those on the site's own image host."""

from urllib.parse import urlsplit

from movie_sync.domain.letterboxd_text import is_image_address
from movie_sync.settings.values import is_on_this_machine

_HOST = "https://a.ltrbxd.com/"


def image_on(base_url: str, address: str) -> str:
    """Return the address if it is on that host, or on a stand-in's at `base_url` on this machine; else ""."""
    hosts = [_HOST]
    if is_on_this_machine(base_url):
        parts = urlsplit(base_url)
        hosts.append(f"{parts.scheme}://{parts.netloc}/")
    return address if address.startswith(tuple(hosts)) and is_image_address(address) else ""
