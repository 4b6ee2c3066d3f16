"""What may be taken and what is better: the `quality` section of the configuration, and its presets."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self

from movie_sync.domain.languages import ORIGINAL
from movie_sync.domain.release_rules import Field, Rule

RESOLUTIONS = ("2160p", "1080p", "720p", "576p", "480p")

# The words of `quality.order`: those of the configuration page, and two that allow what is otherwise
# refused. Whoever wants full discs or 3D has to ask for them.
ORDER_WORDS = (
    *(f"{source}-{lines}" for source in ("Remux", "Bluray", "WEB", "HDTV") for lines in RESOLUTIONS[:3]),
    "Bluray-576p", "Bluray-480p", "WEB-480p", "DVD", "SDTV",
)  # fmt: skip
ON_REQUEST_WORDS = (
    *(f"Disc-{lines}" for lines in RESOLUTIONS[:2]), "Disc-DVD",
    *(f"3D-{lines}" for lines in RESOLUTIONS[:3]),
)  # fmt: skip

_DEFAULT_ORDER = (
    "Bluray-1080p", "WEB-1080p", "HDTV-1080p", "Bluray-2160p", "WEB-2160p", "Bluray-720p", "WEB-720p",
    "HDTV-720p",
)  # fmt: skip
DEFAULT_SIZES: Mapping[str, tuple[float, float]] = {
    "2160p": (25, 400),
    "1080p": (12.5, 250),
    "720p": (8, 120),
    "sd": (3, 60),
}


@dataclass(frozen=True, slots=True)
class UpgradeRule:
    """Up to which quality, and for how many days from its hand-over, a better release is looked for."""

    until: str
    days: float


@dataclass(frozen=True)
class QualityRules:
    """What may be taken, and what is better; the keys and defaults of `quality` in the configuration.

    Sizes are MB (10^6 bytes) a minute of the film, least and most.
    """

    order: tuple[str, ...] = _DEFAULT_ORDER
    size_mb_per_minute: Mapping[str, tuple[float, float]] = field(default_factory=lambda: dict(DEFAULT_SIZES))
    preferred_mb_per_minute: float | None = None  # None: the largest
    max_size_gb: float | None = None  # None: no limit
    min_seeders: int = 1
    freeleech: str = "prefer"
    prefer_internal: bool = True
    words: Mapping[str, float] = field(default_factory=dict)
    reject_words: tuple[str, ...] = ()
    wait_for_best_hours: float = 0
    languages: tuple[str, ...] | None = (ORIGINAL,)
    reject_dubbed: bool = True
    rules: tuple[Rule, ...] = ()
    upgrade: UpgradeRule | None = None  # None: what was taken is kept; so it is if `order` lacks its `until`

    @classmethod
    def from_config(cls, quality: Mapping[str, object], *, own: Collection[str] | None = None) -> Self:
        """Take a checked `quality` section, and its preset's values where the user set none.

        `own` names the keys that he set, by default all that the section has.
        """
        own = quality.keys() if own is None else own
        values: dict[str, Any] = {
            rule.name: _frozen(quality[rule.name]) for rule in fields(cls) if rule.name in quality
        }
        preset = PRESETS.get(str(quality.get("preset")), {})
        values |= {key: value for key, value in preset.items() if key not in own}
        values["rules"] = tuple(
            rule if isinstance(rule, Rule) else Rule.from_plain(number, rule)
            for number, rule in enumerate(values.get("rules", ()), 1)
        )
        upgrade, order = values.pop("upgrade", None), values.get("order", _DEFAULT_ORDER)
        if isinstance(upgrade, Mapping) and upgrade["until"] in order:
            values["upgrade"] = UpgradeRule(upgrade["until"], upgrade["days"])
        if "size_mb_per_minute" in values:
            values["size_mb_per_minute"] = {**DEFAULT_SIZES, **values["size_mb_per_minute"]}
        return cls(**values)


def _frozen(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _frozen(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(_frozen(part) for part in value)
    return value


# Quality by name; each is a set of `QualityRules` keys that differ from the defaults.
PRESETS: Mapping[str, Mapping[str, object]] = {
    "hd": {
        "order": (
            "Bluray-1080p", "WEB-1080p", "HDTV-1080p", "Bluray-720p", "WEB-720p", "HDTV-720p",
        ),
        "rules": (Rule(1, {Field.CODEC: ("x264",)}, {}, score=5),),  # every player plays it
    },
    "4k": {
        "order": (
            "Bluray-2160p", "WEB-2160p", "Remux-2160p", "HDTV-2160p", "Bluray-1080p", "WEB-1080p",
            "HDTV-1080p",
        ),
        "rules": (Rule(1, {Field.RESOLUTION: ("2160p",)}, {Field.HDR: ("SDR",)}, score=5),),
    },
    "small": {
        "order": (
            "Bluray-720p", "WEB-720p", "HDTV-720p", "Bluray-1080p", "WEB-1080p", "Bluray-576p", "Bluray-480p",
            "WEB-480p", "DVD",
        ),
        "preferred_mb_per_minute": 20.0,
        "max_size_gb": 8.0,
        # The same picture in half the bytes.
        "rules": (Rule(1, {Field.CODEC: ("x265", "AV1")}, {}, score=5),),
    },
}  # fmt: skip
