"""What films are called on the shelf."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from movie_sync.domain.models import Movie
from movie_sync.domain.shelf_names import safe_name, shelf_name, version_labels
from movie_sync.domain.shelf_plan import ShelfPlan, plan_of
from movie_sync.domain.shelf_template import PRESETS, TOKENS, unknown_tokens

RELEASE = "Heat.1995.REMASTERED.1080p.BluRay.x264-GRP"
JELLYFIN, PLEX = PRESETS["jellyfin"], PRESETS["plex"]
_FORBIDDEN = set('<>:"/\\|?*') | {chr(code) for code in (*range(32), 127)}
_DEVICES = {"con", "prn", "aux", "nul", "com1", "com9", "lpt1", "lpt³"}
_MOST_BYTES = 255
_LONGEST_ENDING = ".pt.forced.sdh.99.19.srt"


def heat(**changes: object) -> Movie:
    """Return a film whose every fact is known."""
    facts = {"id": "2bmK", "slug": "heat-1995", "title": "Heat", "year": 1995, "imdb_id": "tt0113277"}
    return Movie(**facts | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("template", "facts", "name"),
    [
        (JELLYFIN, {}, "Heat (1995) [imdbid-tt0113277]"),
        (JELLYFIN, {"year": None}, "Heat [imdbid-tt0113277]"),
        (JELLYFIN, {"imdb_id": None}, "Heat (1995)"),
        (JELLYFIN, {"year": None, "imdb_id": None}, "Heat"),
        (PLEX, {}, "Heat (1995) {imdb-tt0113277}"),
        (PLEX, {"imdb_id": None}, "Heat (1995)"),
        (JELLYFIN, {"title": "Alien: Romulus"}, "Alien - Romulus (1995) [imdbid-tt0113277]"),
        (JELLYFIN, {"title": "Face/Off"}, "Face-Off (1995) [imdbid-tt0113277]"),
        (JELLYFIN, {"title": "What?"}, "What (1995) [imdbid-tt0113277]"),
        (JELLYFIN, {"title": "2:22"}, "2-22 (1995) [imdbid-tt0113277]"),
        (JELLYFIN, {"title": "*batteries"}, "batteries (1995) [imdbid-tt0113277]"),
        (JELLYFIN, {"title": 'The "Best" <One> | x'}, "The 'Best' (One) - x (1995) [imdbid-tt0113277]"),
        (JELLYFIN, {"title": "tick, tick... BOOM!"}, "tick, tick... BOOM! (1995) [imdbid-tt0113277]"),
        (JELLYFIN, {"title": "...And Justice for All"}, "And Justice for All (1995) [imdbid-tt0113277]"),
        (JELLYFIN, {"title": "(500) Days of Summer"}, "(500) Days of Summer (1995) [imdbid-tt0113277]"),
        (JELLYFIN, {"title": "[REC]²", "year": 2009}, "[REC]² (2009) [imdbid-tt0113277]"),
        (JELLYFIN, {"title": "{brace}"}, "{brace} (1995) [imdbid-tt0113277]"),
        (JELLYFIN, {"title": "{title}"}, "{title} (1995) [imdbid-tt0113277]"),
        (JELLYFIN, {"title": "千と千尋の神隠し"}, "千と千尋の神隠し (1995) [imdbid-tt0113277]"),
        (JELLYFIN, {"title": "A\u202egnp\u200f.exe"}, "Agnp.exe (1995) [imdbid-tt0113277]"),
        (JELLYFIN, {"title": "A\nB\tC\u3000D\x00"}, "A B C D (1995) [imdbid-tt0113277]"),
        (JELLYFIN, {"title": "Ame\u0301lie"}, "Am\u00e9lie (1995) [imdbid-tt0113277]"),
        (JELLYFIN, {"title": "Ame\u200d\u0301lie"}, "Am\u00e9lie (1995) [imdbid-tt0113277]"),
        (JELLYFIN, {"title": "Half\ud83d"}, "Half (1995) [imdbid-tt0113277]"),
        (JELLYFIN, {"title": "???"}, "tt0113277 (1995) [imdbid-tt0113277]"),
        (JELLYFIN, {"title": "???", "imdb_id": None}, "heat-1995 (1995)"),
        (JELLYFIN, {"title": " . "}, "tt0113277 (1995) [imdbid-tt0113277]"),
        ("{title}", {"title": "CON"}, "CON_"),
        ("{title}", {"title": "con.air"}, "con_.air"),
        ("{title}", {"title": "Nul .x"}, "Nul_.x"),
        ("{title}", {"title": "COM¹"}, "COM¹_"),
        ("{title}", {"title": "Con Air"}, "Con Air"),
        ("{title}", {"title": "Vol."}, "Vol"),
        ("{year} - {title}", {}, "1995 - Heat"),
        ("{year} - {title}", {"year": None}, "Heat"),
        ("{title} - {edition}", {}, "Heat - Remastered"),
        ("{title}.{year}.{resolution}", {"year": None}, "Heat.1080p"),
        ("{title} [{year} {imdb_id}]", {"imdb_id": None}, "Heat [1995]"),
        ("{title} [{year} {imdb_id}]", {"year": None}, "Heat [tt0113277]"),
        ("{title} [{year}, {imdb_id}]", {"year": None}, "Heat [tt0113277]"),
        ("{title} - [{imdb_id}] - x", {"imdb_id": None}, "Heat - x"),
        ("{title} DVD ({year})", {"year": None}, "Heat DVD"),
        ("{original_title}", {}, "Heat"),
        ("{original_title}", {"original_title": "Vampyr: Der Traum"}, "Vampyr - Der Traum"),
        ("{original_title}", {"original_title": "??"}, "Heat"),
        ("{title} {quality}", {}, "Heat Bluray-1080p"),
        ("{title} {resolution} {source} {group}", {}, "Heat 1080p Bluray GRP"),
        ("{release}", {}, RELEASE),
        ("{year}", {"year": None}, "Heat"),
        ("a{{b}} {title}", {}, "a{b} Heat"),
        ("x\u0301 \x07 \ud800{title}: {year}?", {}, "x\u0301 Heat- 1995"),
    ],
)  # fmt: skip
def test_names(template: str, facts: dict[str, object], name: str) -> None:
    """As the servers' documentation has them, with nothing left of what isn't known, for every file system."""
    assert shelf_name(template, heat(**facts), RELEASE) == name


def test_each_token_has_a_value() -> None:
    """Every token that the settings take is filled in."""
    for token in TOKENS:
        assert shelf_name(f"{{{token}}}", heat(original_title="Heat!"), RELEASE)
        assert unknown_tokens(f"{{{token}}}") == []
    assert unknown_tokens("{title} {titel}") == ["titel"]
    assert unknown_tokens("{} {0}") == ["", "0"]


@pytest.mark.parametrize(
    "template", ["{title:>99}", "{title!r}", "{title", "title}", "{title[0]", "{title}}"]
)
def test_templates_that_are_none(template: str) -> None:
    """Only names may stand in braces."""
    with pytest.raises(ValueError):  # noqa: PT011 - it is said in other words
        unknown_tokens(template)


@pytest.mark.parametrize("token", ["{title.year}", "{title[0]}", "{title.__class__}"])
def test_a_template_reaches_into_nothing(token: str) -> None:
    """What is no token is unknown."""
    assert unknown_tokens(token) == [token[1:-1]]


@pytest.mark.parametrize("letter", ["a", "é", "ж", "字", "न", "🎬", "e\u0301\u0302"])
def test_long_titles_keep_year_and_id(letter: str) -> None:
    """A title is cut at a character, with a sign; year and id stay."""
    name = shelf_name(JELLYFIN, heat(title=letter * 250), RELEASE)
    assert name.endswith("… (1995) [imdbid-tt0113277]")
    assert 170 <= len(name.encode()) <= 180
    whole = unicodedata.normalize("NFC", letter)
    assert set(name.partition("…")[0].split(whole)) == {""}


def test_labels() -> None:
    """Each tells more than the one before; the first tells nothing."""
    assert version_labels(RELEASE) == ("", " - 1080p", " - Bluray-1080p", " - Bluray-1080p GRP")
    assert version_labels("Heat")[0] == ""
    assert all(not set(label) & _FORBIDDEN for label in version_labels("Heat.1995.1080p.WEB-DL.x264-a:b/c?"))


# --- what holds for all -------------------------------------------------------------------

_odd = st.sampled_from(
    ["\u200f", "\u202e", "\u0301", "\x00", "\x01", "\ud800", "🎬", ": ", "/", "..", " - ", "{year}", "[", ")"]
)
_texts = st.one_of(
    st.text(max_size=40),
    st.lists(_odd | st.text(max_size=3), max_size=12).map("".join),
    st.text(alphabet="字éa ", min_size=200, max_size=400),
    st.sampled_from(sorted(_DEVICES)).map(lambda name: f"{name}.x"),
    st.sampled_from(sorted(_DEVICES)),
)
_templates = st.lists(
    st.sampled_from([f"{{{token}}}" for token in TOKENS])
    | st.text(max_size=8).filter(lambda text: not set(text) & set("{}/\\"))
    | st.sampled_from(["(", ")", "[", "]", "{{", "}}", " - ", "con", "."]),
    min_size=1, max_size=8,
).map("".join) | st.sampled_from([JELLYFIN, PLEX])  # fmt: skip


def _is_sound(name: str) -> bool:
    return (
        not set(name) & _FORBIDDEN
        and name == name.strip(" .") == unicodedata.normalize("NFC", name)
        and name.encode().decode() == name
        and name.partition(".")[0].strip().lower() not in _DEVICES
    )


@given(
    template=_templates,
    title=_texts,
    original=_texts,
    release=_texts,
    year=st.none() | st.integers(1880, 2100),
)
def test_every_name_is_sound(
    template: str, title: str, original: str, release: str, year: int | None
) -> None:
    """Never empty, never too long even with a version and an ending, fit for every file system, stable."""
    movie = heat(
        title=title, original_title=original, year=year, imdb_id=None if len(title) % 2 else "tt0113277"
    )
    name = shelf_name(template, movie, release)
    assert name
    assert _is_sound(name), name
    assert len(name.encode()) <= 180
    assert safe_name(name) == name
    for label in version_labels(release):
        whole = f"{name}{label}{_LONGEST_ENDING}"
        assert _is_sound(whole), whole
        assert len(whole.encode()) <= _MOST_BYTES


@given(text=_texts)
def test_safe_names_are_stable(text: str) -> None:
    """What is safe stays as it is."""
    name = safe_name(text)
    assert safe_name(name) == name
    assert not name or _is_sound(name)


@given(words=st.lists(st.sampled_from("en pob forced sdh hi cc english 1 2 zh hans".split()), max_size=6))
def test_endings_are_bounded(words: list[str]) -> None:
    """However subtitles are called, what stands behind the film's name is short."""
    plan = plan_of({"film.mkv": 900, **{f"Subs/{'.'.join(words)}.{number}.srt": 1 for number in range(30)}})
    assert isinstance(plan, ShelfPlan)
    assert max(len(file.ending) for file in plan.subtitles) <= len(_LONGEST_ENDING) - len(".19")
