"""The pages of the Letterboxd stand-in: the form of the real ones of 2026, with made-up content."""

import functools
import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_SEVERAL = 2

CHALLENGE = """<!DOCTYPE html><html lang="en-US"><head><title>Just a moment...</title></head>
<body><noscript>Enable JavaScript and cookies to continue</noscript>
<script>window._cf_chl_opt = {cType: 'managed'};</script>
<script src="/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1"></script></body></html>"""

BAN = """<!DOCTYPE html><html>
<head><title>Access denied | letterboxd.com used Cloudflare to restrict access</title></head>
<body><h1>Access denied</h1><p>The owner of this website has banned you temporarily.</p></body></html>"""


def _message_page(title: str, text: str) -> str:
    return f"""<!DOCTYPE html>
<html><head><title>Letterboxd - {title}</title><meta charset="utf-8"/></head>
<body class="error message-dark">
<section class="message"><h1><a href="/">Letterboxd</a></h1><p><strong>{text}</strong></p></section>
</body></html>"""


FORBIDDEN = _message_page("Forbidden", "The file you\u2019re attempting to access is classified.")
NOT_FOUND = _message_page("Not Found", "Sorry, we can\u2019t find the page you\u2019ve requested.")
NO_IMPORT = _message_page("TMDB Import Result", "Film not found")


@dataclass(frozen=True, slots=True)
class StandInFilm:
    """A film as the stand-in knows it."""

    lid: str
    slug: str
    title: str
    year: int | None = None
    imdb_id: str | None = None
    tmdb_id: int | None = None
    is_series: bool = False
    runtime_minutes: int | None = None
    original_title: str | None = None
    original_language: str = "en"
    alternative_titles: tuple[str, ...] = ()
    languages: tuple[str, ...] = ("English",)
    """What is spoken in it, its own language first; of several the site lists all once more, by name."""
    kind: str = "film"
    """What its poster says it is: on a list there may be others."""

    @property
    def name(self) -> str:
        """Title and year as the site writes them."""
        return f"{self.title} ({self.year})" if self.year else self.title

    @property
    def number(self) -> int:
        """A number for the places where the site has one; made from the key."""
        return int.from_bytes(self.lid.encode()) % 1_000_000

    @property
    def identifier(self) -> str:
        """The JSON that names the film."""
        parts = {
            "lid": self.lid,
            "uid": f"{self.kind}:{self.number}",
            "type": self.kind,
            "typeName": self.kind,
        }
        return json.dumps(parts, separators=(",", ":"))


def watchlist_page(username: str, films: list[StandInFilm], total: int, number: int, pages: int) -> str:
    """Return page `number` of a watchlist of `total` films."""
    address = f"/{username}/watchlist/"
    items = "\n".join(f'<li class="griditem">\n\t{_poster(film)}\n</li>' for film in films)
    grid = (
        f'<div class="poster-grid"><ul class="grid -p125 -scaled128">\n{items}\n</ul></div>' if films else ""
    )
    noun = "film" if total == 1 else "films"
    return f"""<!DOCTYPE html>
<html lang="en" class="no-mobile no-js">
<head><meta charset="utf-8"/><title>\u200e{username}\u2019s Watchlist \u2022 Letterboxd</title></head>
<body class="screen-member-child-page watchlist wide logged-out show-hide-toggle" data-owner="{username}">
<nav class="main-nav"><a href="/films/">Films</a></nav>
<div class="cols-2 js-watchlist-content" data-num-entries="{total}"
 data-path="/esi/watchlist/1/default/public:1/page/{number}/?esiAllowFilters=true">
<section class="section col-24 col-main js-watchlist-main-content">
<h1 class="section-heading">{username} wants to see
<span class="js-watchlist-count">{total:,}&nbsp;{noun}</span></h1>
{grid}
{_pagination(address, number, pages)}
</section>
</div>
</body></html>"""


@dataclass(frozen=True, slots=True)
class StandInList:
    """A list of some user's; with a `token` only its link to share leads to it."""

    films: Sequence[StandInFilm]
    token: str = ""


def list_page(
    path: str, films: Sequence[StandInFilm], listed: Sequence[StandInFilm], number: int, pages: int
) -> str:
    """Return page `number` of a list, whose first page is at `path`; `listed` are all films on it."""
    username, _, _ = path.partition("/")
    items = "\n".join(f'<li class="posteritem numbered-list-item">{_poster(film)}</li>' for film in films)
    count = f"A list of {len(listed):,} film{'s' * (len(listed) != 1)}"
    some = escape(", ".join(film.name for film in listed[:5]))
    return f"""<!DOCTYPE html>
<html lang="en" class="no-mobile no-js">
<head><meta charset="utf-8"/><title>\u200eA list \u2022 Letterboxd</title>
<meta name="description" content="{count} compiled on Letterboxd, including {some}."/>
<meta property="og:type" content="letterboxd:list"/></head>
<body class="list-page logged-out show-hide-toggle" data-owner="{username}">
<section class="list-title-intro"><h1 class="title-1">A list</h1></section>
<ul class="js-list-entries poster-list -p70 film-list clear film-details-list">
{items}
</ul>
{_pagination(f"/{path}/", number, pages)}
<aside class="sidebar"><ul class="poster-list -p70"><li class="posteritem">{_poster(_OTHER)}</li></ul></aside>
</body></html>"""


def film_page(film: StandInFilm, base_url: str) -> str:
    """Return a film's own page."""
    title, name = escape(film.title), escape(film.name)
    year = (
        f'<span class="releasedate"><a href="/films/year/{film.year}/">{film.year}</a></span>'
        if film.year
        else ""
    )
    original = (
        f'<h2 class="originalname" lang="{film.original_language}">'
        f'<em class="quoted-creative-work-title">{escape(film.original_title)}</em></h2>'
        if film.original_title
        else ""
    )
    kind = "tv" if film.is_series else "movie"
    production = json.dumps(
        {"identifier": json.loads(film.identifier), "name": film.title, "nameAndYear": film.name}
    ).replace("<", "\\u003c")
    return f"""<!DOCTYPE html>
<html lang="en" class="no-mobile no-js">
<head><meta charset="utf-8"/>
<meta property="og:type" content="video.movie"/>
<meta property="og:url" content="{base_url}/film/{film.slug}/"/>
<meta property="og:title" content="{name}"/>
<meta property="og:image" content="{base_url}/image/{film.slug}-wide.png"/>
<title>\u200e{name} \u2022 Reviews, film + cast \u2022 Letterboxd</title>
<script id="production-data" type="application/json">{production}</script>
</head>
<body class="film backdropped" data-type="film" data-tmdb-type="movie" data-tmdb-id="{film.tmdb_id or ""}">
<main class="site-body -backdrop" id="content">
<section class="production-masthead -shadowed -productionscreen -film"><div class="details">
<h1 class="headline-1 primaryname"><span class="name js-widont prettify">{title}</span></h1>
<div class="productioninfo">{year}{original}</div>
</div></section>
{_details_panel(film)}
<p class="text-link text-footer"> {_runtime(film)} More at {_links(film, kind)} </p>
<section class="related-films">
<ul class="poster-list"><li class="posteritem">{_poster(_OTHER)}</li></ul></section>
</main>
<script type="application/ld+json">
/* <![CDATA[ */
{{"image":"{base_url}/image/{film.slug}.png","@type":"Movie","dateCreated":"2011-06-22"}}
/* ]]> */
</script>
</body></html>"""


_WIDTH, _HEIGHT, _SHADES = 92, 138, 32


@functools.cache
def poster_image(number: int) -> bytes:
    """Return a picture as PNG, of a few hundred bytes: a sky and a sun, in colours of a film's own."""
    number = zlib.crc32(b"%d" % number)
    hues = [(number >> shift) % 150 for shift in (0, 7, 14)]
    shades = (tuple(40 + hue * at // _SHADES for hue in hues) for at in range(_SHADES))
    palette = bytes(part for shade in (*shades, (250, 226, 180)) for part in shade)
    across, down, size = 20 + number % 50, 25 + number % 70, (9 + number % 13) ** 2
    rows = (
        bytes(
            _SHADES if (x - across) ** 2 + (y - down) ** 2 < size else y * _SHADES // _HEIGHT
            for x in range(_WIDTH)
        )
        for y in range(_HEIGHT)
    )
    content = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    header = struct.pack(">IIBBBBB", _WIDTH, _HEIGHT, 8, 3, 0, 0, 0)
    pieces = ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", content), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in pieces
    )


_OTHER = StandInFilm("zzzz", "a-similar-film", "A Similar Film", 1931)


def _poster(film: StandInFilm) -> str:
    # The site puts JSON into single-quoted attributes; a browser shows them double-quoted.
    identifier = escape(film.identifier)
    path = escape(
        json.dumps(
            {
                "postered": json.loads(film.identifier),
                "posteredBaseLink": f"/film/{film.slug}/",
                "isAdultThemed": False,
                "hasDefaultPoster": True,
                "cacheBustingKey": "15b8669b",
            },
            separators=(",", ":"),
        )
    )
    name, title = escape(film.name), escape(film.title)
    return (
        f'<div class="react-component" data-component-class="LazyPoster" data-request-poster-metadata="true" '
        f'data-likeable="true" data-watchable="true" data-rateable="true" data-image-width="125" '
        f'data-image-height="187" data-item-name="{name}" data-item-slug="{film.slug}" '
        f'data-item-link="/film/{film.slug}/" data-item-full-display-name="{name}" '
        f"data-postered-identifier='{identifier}' data-poster-url=\"/film/{film.slug}/image-150/\" "
        f"data-resolvable-poster-path='{path}' data-is-linked=\"true\" "
        f'data-target-link="/film/{film.slug}/" data-details-endpoint="/film/{film.slug}/json/" '
        f'data-show-menu="true" > <div class="poster film-poster"> '
        f'<img src="/static/img/empty-poster-125.png" class="image" width="125" height="187" '
        f'alt="{title}"/> <span class="frame"><span class="frame-title"></span></span> </div> </div>'
    )


def _pagination(address: str, number: int, pages: int) -> str:
    if pages == 1:
        return ""

    def link(page: int) -> str:
        return address if page == 1 else f"{address}page/{page}/"

    def step(kind: str, page: int, label: str) -> str:
        if not 1 <= page <= pages:
            return (
                f'<div class="paginate-nextprev paginate-disabled"><span class="{kind}">{label}</span></div>'
            )
        return f'<div class="paginate-nextprev"><a class="{kind}" href="{link(page)}">{label}</a></div>'

    shown = sorted({1, 2, 3, number - 1, number, number + 1, pages} & set(range(1, pages + 1)))
    cells, last = [], 0
    for page in shown:
        if page > last + 1:
            cells.append('<li class="paginate-page unseen-pages">…</li>')
        cells.append(
            f'<li class="paginate-page paginate-current"><span>{page}</span></li>'
            if page == number
            else f'<li class="paginate-page"><a href="{link(page)}">{page}</a></li>'
        )
        last = page
    return (
        f'<div class="pagination"> {step("previous", number - 1, "Newer")} '
        f"{step('next', number + 1, 'Older')} "
        f'<div class="paginate-pages"><ul>{" ".join(cells)}</ul></div> </div>'
    )


def _details_panel(film: StandInFilm) -> str:
    titles = ", ".join(film.alternative_titles)
    alternative = (
        "<h3><span>Alternative Titles</span></h3> "
        f'<div class="text-indentedlist"> <p> {escape(titles)} </p> </div>'
        if titles
        else ""
    )
    return (
        '<a aria-controls="tab-panel-details" class="trigger" id="tab-details" role="tab">Details</a>'
        '<div class="column-block" hidden="until-found" id="tab-panel-details" role="tabpanel">'
        '<h3><span>Studio</span></h3> <div class="text-sluglist"><a class="text-slug">Studio</a></div>'
        f"{_languages(film)}{alternative}</div>"
    )


def _languages(film: StandInFilm) -> str:
    if len(film.languages) < _SEVERAL:
        return _language_list("Language", film.languages)
    listed = _language_list("Spoken Languages", sorted(film.languages))
    return _language_list("Primary Language", film.languages[:1]) + listed


def _language_list(heading: str, names: Sequence[str]) -> str:
    links = " ".join(
        f'<a class="text-slug" href="/films/language/{name.lower()}/">{escape(name)}</a>' for name in names
    )
    return f'<h3><span>{heading}</span></h3> <div class="text-sluglist"> {links} </div>' if names else ""


def _runtime(film: StandInFilm) -> str:
    return f"{film.runtime_minutes:,}&nbsp;mins &nbsp;" if film.runtime_minutes else ""


def _links(film: StandInFilm, kind: str) -> str:
    imdb = (
        '<a class="micro-button track-event" data-track-action="IMDb" target="_blank" '
        f'href="http://www.imdb.com/title/{film.imdb_id}/maindetails">IMDb</a>'
        if film.imdb_id
        else ""
    )
    return (
        f'{imdb} <a class="micro-button track-event" data-track-action="TMDB" target="_blank" '
        f'href="https://www.themoviedb.org/{kind}/{film.tmdb_id or film.number}/">TMDB</a>'
    )
