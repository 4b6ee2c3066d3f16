"""The items of a feed as releases: each read on its own, a bad one is left out.

Servers differ in where they put things. The size may stand in three places, of which one is often the
`.torrent`'s own; the link may lead to a page; the id is an address with a passkey for some. So each is
looked for where it is most likely right, and an id is a digest, which tells nobody anything.
"""

import email.utils
import hashlib
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from movie_sync.domain.models import Release, ReleaseId
from movie_sync.domain.plain_text import printable
from movie_sync.errors import PageChangedError
from movie_sync.ports import Clock
from movie_sync.services.torznab.answer_xml import Element, read_elements

_log = logging.getLogger(__name__)

_ITEM = ("rss", "channel", "item")
_FIELDS = frozenset({"title", "guid", "link", "comments", "pubdate", "size"})
_PROXIED = frozenset({"prowlarrindexer", "jackettindexer"})  # which of several trackers it comes from
_LISTS = frozenset({"category", "tag"})
_TORRENT_TYPE, _NZB_TYPE = "application/x-bittorrent", "application/x-nzb"
_MAX_NAME_CHARS = 400
_MAX_LINK_CHARS = 8_000
_MAX_ITEMS = 1_000
_LEAST_SIZE_BYTES = 30_000_000  # an enclosure's length below it is the `.torrent`'s
_MAX_SIZE_BYTES = 2**50
_MAX_SEEDERS = 10_000_000
_ID_DIGITS = 15
_FILMS = range(2_000, 3_000)
_OWN_CATEGORIES_FROM = 100_000
_WHOLE = re.compile(r"[0-9]{1,18}")
_IMDB_ID = re.compile(r"(?:tt)?0*([1-9][0-9]{0,9})", re.IGNORECASE)
_INFO_HASH = re.compile(r"(?!0+$)[0-9a-f]{40}")
_FACTOR = re.compile(r"0+(?:\.0*)?|\.0+")


@dataclass(frozen=True, slots=True)
class FeedRelease(Release):
    """A release with where its torrent is had: an address, which may hold secrets, or a magnet link."""

    link: str = field(default="", repr=False, kw_only=True)


def is_magnet(link: str) -> bool:
    """Tell whether a link is a magnet link."""
    return link[:7].lower() == "magnet:"


class NotFeedError(ValueError):
    """XML that is no feed."""


class _BadItemError(ValueError):
    """An item without what a release must have."""


@dataclass(slots=True)
class _Item:
    """What is gathered of an item; of what stands there twice the first counts, but for lists."""

    fields: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in _LISTS})
    enclosures: list[Mapping[str, str]] = field(default_factory=list)
    source: str = ""

    def take(self, element: Element) -> None:
        """Note one element of the item."""
        name = element.path[-1]
        if name in _FIELDS:
            self.fields.setdefault(name, element.text)
        elif name == "category":
            self.lists[name].append(element.text)
        elif name == "enclosure":
            self.enclosures.append(element.attributes)
        elif name in _PROXIED:
            self.source = element.attributes.get("id", "")
        elif name == "attr":
            name = element.attributes.get("name", "").strip().lower()
            value = element.attributes.get("value", "").strip()
            if name in _LISTS:
                self.lists[name].append(value)
            else:
                self.attributes.setdefault(name, value)


class FeedReader:
    """Turns the feeds of one server into releases.

    `tracker` is the server's key in the settings, `title` its name for people.
    """

    def __init__(self, tracker: str, title: str, categories: tuple[int, ...], clock: Clock) -> None:
        self._tracker = tracker
        self._title = title
        self._categories = frozenset(categories)
        self._clock = clock

    def read(self, body: bytes) -> list[FeedRelease]:
        """Return the releases of a feed, each once, but for what is known to be no film.

        Raises:
            UnreadableError, NotFeedError: it is none that can be read.
            PageChangedError: it has items, and none of them can be read.
        """
        releases: dict[ReleaseId, FeedRelease] = {}
        items = bad = 0
        item = _Item()
        root: tuple[str, ...] = ()
        for element in read_elements(body):
            root = element.path[:1]
            if element.path == _ITEM and items < _MAX_ITEMS:
                items += 1
                try:
                    release = self._release(item)
                    if self._may_be_film(item):
                        releases.setdefault(release.id, release)
                except _BadItemError as exc:
                    bad += 1
                    _log.debug("Skipped an item from %s: %s", self._title, exc)
                item = _Item()
            elif element.path[:-1] == _ITEM:
                item.take(element)
        if root != ("rss",):
            raise NotFeedError
        self._tell(items, bad)
        return list(releases.values())

    def _tell(self, items: int, bad: int) -> None:
        if items and bad == items:
            raise PageChangedError(
                f"None of the {items} items that {self._title} sent could be read, so they were ignored."
            )
        if bad:
            _log.warning("Skipped %d of %d items that %s sent: malformed.", bad, items, self._title)

    def _release(self, item: _Item) -> FeedRelease:
        name = printable(item.fields.get("title", ""))
        if not name or len(name) > _MAX_NAME_CHARS:
            raise _BadItemError("its title is missing or too long")
        link = _link(item)
        tags = {tag.casefold() for tag in item.lists["tag"]}
        factor = item.attributes.get("downloadvolumefactor")
        return FeedRelease(
            id=ReleaseId(self._tracker, _id(item, name)),
            name=name,
            size_bytes=_size(item),
            seeders=_seeders(item.attributes),
            imdb_id=_imdb_id(item.attributes),
            freeleech=bool(_FACTOR.fullmatch(factor)) if factor else "freeleech" in tags,
            internal="internal" in tags,
            uploaded_at=self._time(item.fields.get("pubdate", "")),
            has_torrent=not is_magnet(link),
            link=link,
        )

    def _may_be_film(self, item: _Item) -> bool:
        """Leave out what is filed under nothing but other categories of the specification.

        Servers file films in odd places, and names of their own say nothing here: the title decides those.
        """
        numbers = {number for text in item.lists["category"] if (number := _whole(text)) is not None}
        return not numbers or any(
            number in _FILMS or number >= _OWN_CATEGORIES_FROM or number in self._categories
            for number in numbers
        )

    def _time(self, text: str) -> datetime | None:
        """Read a date that has a zone; one to come is a clock's or a zone's fault and tells nothing."""
        try:
            time = email.utils.parsedate_to_datetime(text[:100])
            known = time.astimezone(UTC) if time.tzinfo is not None else None
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
        return known if known is not None and known <= self._clock.now() else None


def _id(item: _Item, name: str) -> str:
    """Return what tells the release from all others of the server, the same each time.

    The link does not: it changes with every answer.
    """
    info_hash = item.attributes.get("infohash", "").lower()
    if not _INFO_HASH.fullmatch(info_hash):
        info_hash = ""
    own = info_hash or item.fields.get("guid") or item.fields.get("comments") or name
    digest = hashlib.sha256(f"{item.source}\n{own}".encode("utf-8", "replace"))
    return f"t{digest.hexdigest()[:_ID_DIGITS]}"  # never a number: those tell which release is newer


def _link(item: _Item) -> str:
    """Return where the torrent is had. An element `link` beside enclosures is mostly a page for people."""
    kinds = [
        (each.get("type", "").partition(";")[0].strip().lower(), each.get("url", "").strip())
        for each in item.enclosures
    ]
    offered = [url for kind, url in kinds if kind == _TORRENT_TYPE] + [
        url for kind, url in kinds if kind not in {_TORRENT_TYPE, _NZB_TYPE}
    ]
    if not kinds:
        offered.append(item.fields.get("link", ""))
    offered += [item.attributes.get("magneturl", ""), item.fields.get("guid", "")]
    addresses = [url for url in offered[:-1] if _is_address(url)]
    link = next(iter(addresses), "") or next(filter(is_magnet, offered), "")
    if not link or len(link) > _MAX_LINK_CHARS:
        raise _BadItemError("it has no link to a torrent")
    return link


def _is_address(url: str) -> bool:
    return url[:8].lower().startswith(("http://", "https://"))


def _size(item: _Item) -> int:
    for text in (item.attributes.get("size"), item.fields.get("size")):
        size = _whole(text)
        if size:
            return _checked(size)
    lengths = (_whole(each.get("length")) for each in item.enclosures)
    likely = max((length for length in lengths if length), default=0)
    if likely < _LEAST_SIZE_BYTES:
        raise _BadItemError("it has no size")
    return _checked(likely)


def _checked(size: int) -> int:
    if size > _MAX_SIZE_BYTES:
        raise _BadItemError("its size can't be right")
    return size


def _seeders(attributes: Mapping[str, str]) -> int | None:
    """Return the number of seeders, None where nothing tells it: that is not none at all."""
    seeders = _whole(attributes.get("seeders"))
    peers, leechers = _whole(attributes.get("peers")), _whole(attributes.get("leechers"))
    if seeders is None and peers is not None and leechers is not None:
        seeders = max(peers - leechers, 0)
    return None if seeders is None else min(seeders, _MAX_SEEDERS)


def _imdb_id(attributes: Mapping[str, str]) -> str | None:
    """Return the film's id; two that disagree tell nothing, and zeros stand for none."""
    found = {
        f"tt{match[1]:0>7}"
        for name in ("imdb", "imdbid")
        if (match := _IMDB_ID.fullmatch(attributes.get(name, "").strip()))
    }
    return found.pop() if len(found) == 1 else None


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and _WHOLE.fullmatch(text.strip()) else None
