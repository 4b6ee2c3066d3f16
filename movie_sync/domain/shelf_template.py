"""The template for names on the shelf: text, and tokens in braces.

Jellyfin's and Plex' documentation give the forms of `PRESETS`.
"""

from collections.abc import Iterator, Mapping
from string import Formatter

PRESETS: Mapping[str, str] = {
    "jellyfin": "{title} ({year}) [imdbid-{imdb_id}]",
    "plex": "{title} ({year}) {{imdb-{imdb_id}}}",
}
TOKENS = (
    "title", "original_title", "year", "imdb_id", "quality", "resolution", "source", "edition", "group",
    "release",
)  # fmt: skip


def unknown_tokens(template: str) -> list[str]:
    """Return the tokens of a template that there are none of; raises ValueError if it is none."""
    return [name for name in _tokens(template) if name not in TOKENS]


def _tokens(template: str) -> Iterator[str]:
    for _, name, form, conversion in Formatter().parse(template):
        if form or conversion:
            raise ValueError("only names may stand in braces")
        if name is not None:
            yield name
