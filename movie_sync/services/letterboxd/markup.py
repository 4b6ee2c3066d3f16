"""Letterboxd's markup: the wanted parts of a page become a tree, and what is asked of its elements.

Only what is needed becomes a tree, so that a page costs little memory, and no page can cost much time.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from movie_sync.domain.json_text import parse_json
from movie_sync.domain.letterboxd_text import is_lid
from movie_sync.domain.plain_text import clean_text
from movie_sync.errors import PageChangedError
from movie_sync.services.letterboxd.soup import BeautifulSoup, SoupStrainer, Tag

# Far above any real page. html.parser's time grows with the square of what is left open.
_MAX_TAGS = 40_000
_MAX_COMMENTS = 1_000
_MAX_OPEN_TAGS = 300
_MAX_TAG_CHARS = 60_000

_OPEN_TAG = re.compile(r"<[^<>]*(?=<|\Z)")
# A tag that long, or text after one. Scripts are, so they are let pass if they begin as they should.
_LONG_TAG = re.compile(
    rf"""<(?!(?:script|style)\b(?:[^<>"']|"[^"<>]{{0,300}}"|'[^'<>]{{0,300}}'){{0,100}}>)[^<]{{{_MAX_TAG_CHARS}}}""",
    re.IGNORECASE,
)


class _Parts(SoupStrainer):
    """Keeps the elements that `wanted` accepts, whole, and the attributes of `body`.

    A plain strainer could give the attributes of `body` only together with all that is in it.
    """

    def __init__(self, wanted: Callable[[str, Mapping[str, str]], bool]) -> None:
        super().__init__()
        self._wanted = wanted
        self.body: dict[str, str] = {}

    def allow_tag_creation(self, nsprefix: str | None, name: str, attrs: Any) -> bool:  # noqa: ANN401, ARG002 - bs4's signature
        if name == "body":
            self.body = {key: str(value) for key, value in (attrs or {}).items()}
            return False
        return self._wanted(name, attrs or {})

    def allow_string_creation(self, string: str) -> bool:  # noqa: ARG002 - bs4's signature
        return False


@contextmanager
def parts_of(
    page: str, wanted: Callable[[str, Mapping[str, str]], bool]
) -> Iterator[tuple[BeautifulSoup, dict[str, str]]]:
    """Parse the wanted parts of a page, and free them at the end: the tree is full of circles."""
    is_flood = page.count("<") > _MAX_TAGS or page.count("<!") > _MAX_COMMENTS
    if is_flood or sum(1 for _ in _OPEN_TAG.finditer(page)) > _MAX_OPEN_TAGS or _LONG_TAG.search(page):
        raise PageChangedError("Letterboxd answered with a page that no browser could display.")
    parts = _Parts(wanted)
    soup = BeautifulSoup(page[: page.rfind(">") + 1], "html.parser", parse_only=parts)
    try:
        yield soup, parts.body
    finally:
        soup.clear(decompose=True)


def inside(root: Tag, outer: str | Sequence[str], **inner: Any) -> Iterator[Tag]:  # noqa: ANN401 - as `find_all` takes it
    """Yield what there is inside elements of a class; without CSS selectors, whose library takes 1.3 MB."""
    for element in root.find_all(class_=outer):
        yield from element.find_all(**inner)


def attribute_of(tag: Tag | None, name: str) -> str:
    """Return an attribute, or an empty text."""
    value = tag.get(name) if tag is not None else None
    return value if isinstance(value, str) else ""


def text_of(tag: Tag | None) -> str:
    """Return what is written in an element, or an empty text."""
    return clean_text(tag.get_text()) if tag is not None else ""


def json_object(text: str) -> dict[str, object] | None:
    """Return the object that a text is as JSON, if it is one."""
    try:
        value = parse_json(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def lid_of(identifier: object) -> str:
    """Return the key in what names a film, or an empty text."""
    lid = identifier.get("lid") if isinstance(identifier, dict) else None
    return lid if isinstance(lid, str) and is_lid(lid) else ""
