"""Letterboxd's words: titles with years, slugs, keys and film addresses, checked and cleaned."""

import re
from urllib.parse import quote

from movie_sync.domain.titles import title_key

_SLUG = re.compile(r"[^ /\\?#%]{1,255}")
_LID = re.compile(r"[A-Za-z0-9]{1,24}")
_YEAR_BEHIND = re.compile(r"\((\d{4})\)\Z", re.ASCII)
_IMAGE = re.compile(r"""https?://[!-.0-~]{1,255}/[!-~]{1,480}""")
_NOT_IN_IMAGES = re.compile(r"""["'<>\\^`{|}#]""")
_TITLE_ID = "title:"
_FILM_PATH = re.compile(r"(?:^|/)film/([^/]+)/?$")


def film_url(base_url: str, slug: str) -> str:
    """Return the address of a film's page; with its last slash, or Letterboxd redirects."""
    return f"{base_url.rstrip('/')}/film/{quote(slug, safe=':')}/"


def slug_in(address: str) -> str:
    """Return the slug of a film's address or path, or an empty text."""
    found = _FILM_PATH.search(address.strip())
    return found.group(1) if found and is_slug(found.group(1)) else ""


def is_slug(text: str) -> bool:
    """Tell whether a text can stand as one piece of an address and of a file's line."""
    return _SLUG.fullmatch(text) is not None and text.isprintable() and text.strip(".") != ""


def is_lid(text: str) -> bool:
    """Tell whether a text has the form of Letterboxd's own key for a film."""
    return _LID.fullmatch(text) is not None


def title_id(title: str, year: int | None) -> str:
    """Return the id of a film that is named by its title and year alone; no key or slug has this form."""
    key = title_key(title)
    words = f"{key.article}{key.squashed}" if key.squashed else "".join(title.casefold().split())
    return f"{_TITLE_ID}{words}-{year}"


def is_title_id(text: str) -> bool:
    """Tell whether an id stands for a title and a year alone."""
    return text.startswith(_TITLE_ID)


def list_parts(path: str) -> tuple[str, str, str]:
    """Split `USER/list/NAME` and what may follow, `/share/TOKEN`, into user, name and token."""
    user, _, name, *share = path.split("/")
    return user, name, share[1] if share else ""


def is_image_address(text: str) -> bool:
    """Tell whether a text can be the address of an image; on whichever host."""
    return _IMAGE.fullmatch(text) is not None and _NOT_IN_IMAGES.search(text) is None


def split_name(name: str) -> tuple[str, int | None]:
    """Split `Title (YYYY)`; an undated film has no year there."""
    found = _YEAR_BEHIND.search(name)
    title = name[: found.start()].rstrip() if found else ""
    return (title, int(found.group(1))) if found and title else (name, None)
