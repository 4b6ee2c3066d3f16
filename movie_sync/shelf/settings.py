"""What the user sets of the shelf."""

from dataclasses import dataclass

from movie_sync.domain.shelf_template import PRESETS, TOKENS, unknown_tokens
from movie_sync.settings.section import setting
from movie_sync.settings.values import UnusableValue, filled_text, flag, one_of, or_null, path_here

HARD_LINK, COPY = "hardlink", "copy"


def _template(value: object) -> str:
    text = filled_text(value)
    template = PRESETS.get(text.lower(), text)
    try:
        unknown = unknown_tokens(template)
    except ValueError:
        raise UnusableValue("its braces don't match") from None
    if unknown:
        raise UnusableValue(f"{{{unknown[0]}}} isn't a token; the tokens are {', '.join(TOKENS)}")
    if "/" in template or "\\" in template or "{" not in template:
        raise UnusableValue
    return template


@dataclass(frozen=True, slots=True)
class ShelfSettings:
    """Where finished films go, and what they are called there."""

    folder: str | None = setting(
        None, "an absolute path or ~/..., or null for no shelf", or_null(path_here), is_path=True
    )
    how: str = setting(HARD_LINK, f'"{HARD_LINK}" or "{COPY}"', one_of(HARD_LINK, COPY), for_terminal=True)
    name: str = setting(
        PRESETS["jellyfin"],
        f"one of {', '.join(PRESETS)}, or a name with tokens such as {{title}}",
        _template,
        for_terminal=True,
    )
    extras: bool = setting(False, "true or false", flag, for_terminal=True)
