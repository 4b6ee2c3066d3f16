"""Which release is taken, why not each other one, and the order among good ones."""

import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from house.films import GB, on_filelist, release
from hypothesis import given
from hypothesis import strategies as st

from movie_sync.domain.models import Movie, Release
from movie_sync.domain.quality_rules import PRESETS, QualityRules
from movie_sync.domain.selection import describe_refusals, rank, wait_until, why_not_first

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
HEAT = Movie(id="x", slug="heat", title="Heat", year=1995, imdb_id="tt0113277", runtime_minutes=170)
CASES = Path(__file__).resolve().parents[2] / "shared" / "matching" / "selection_cases.json"


def only(candidate_release, movie=HEAT, **rules):
    """Rank one release and return its candidate."""
    return rank(movie, [candidate_release], QualityRules(**rules), NOW)[0]


def winner(*releases, movie=HEAT, **rules):
    """Return the number of the release that would be taken, or None."""
    best = rank(movie, releases, QualityRules(**rules), NOW)[0]
    return best.release.id.number if best.accepted else None


REFUSALS = [
    ("Heat.1995.1080p.HDCAM.x264", {}, "CAM"),
    ("Heat.1995.1080p.HDTS.x264", {}, "telesync"),
    ("Heat.1995.1080p.HDTC.x264", {}, "telecine"),
    ("Heat.1995.1080p.DVDSCR.x264", {}, "screener"),
    ("Heat.1995.1080p.WORKPRINT.WEB", {}, "workprint"),
    ("Heat.1995.R5.1080p.WEB", {}, "regional release"),
    ("Heat.1995.HC.1080p.WEBRip", {}, "hardcoded subtitles"),
    ("Heat.1995.1080p.BluRay.AI.Upscale.x264", {}, "upscaled"),
    ("Heat.1995.3D.HSBS.1080p.BluRay.x264", {}, "3D"),
    ("Heat.1995.COMPLETE.BLURAY-GRP", {}, "raw disc"),
    ("Heat.1995.NEWCAM.1080p.HEVC.PROPER", {}, "CAM"),
    ("Heat.1995.1080p.TCRip.WEB-DL.x264", {}, "telecine"),
    ("Heat.1995.TC1080P.WEB-DL.x264", {}, "telecine"),
    ("Heat.1995.1080p.PRE-HDRip.x264", {}, "CAM"),
    ("Heat.1995.720p.SUBBED.WEB-DL.x264", {}, "hardcoded subtitles"),
    ("Heat.1995.1080p.BluRay.x265[TheUpscaler]", {}, "upscaled"),
    ("Heat.1995.BDFull.1080p.DTS-HD.MA.AVC", {}, "raw disc"),
    ("Heat.1995.480p.WEB.x264", {}, "WEB-480p isn't in quality.order"),
    ("Heat.1995", {}, "no quality in the name"),
    ("Heat.1995.1080p.BluRay.Sample.x264", {}, "a sample"),
    ("Heat.1995.1080p.BluRay.EXTRAS.x264", {}, "extras"),
    ("Heat.Collection.1995.1080p.BluRay.x264", {}, "pack of several films"),
    ("Ronin.1998.1080p.BluRay.x264", {}, "another title: ronin (1998)"),
    ("Heat.1995.RiffTrax.1080p.BluRay.x264", {}, "a fan edit"),
    ("Heat.1995.CD1.1080p.BluRay.x264", {}, "disc 1 only"),
    ("Heat.1995.Puppet.Show.1080p.BluRay.x264", {}, 'but "puppet show" follows the year'),
    ("Heat.1986.1080p.BluRay.x264", {}, "the year is 1986, not 1995"),
    ("Heat.1995.1080p.BluRay.x264", {"imdb_id": "tt0000001"}, "another film's IMDb id"),
    ("Heat.1995.1080p.BluRay.x264", {"size_bytes": 1 * GB}, "too small: 5.9 MB/min, at least 12.5 for 1080p"),
    ("Heat.1995.1080p.BluRay.x264", {"size_bytes": 60 * GB}, "too large: 353 MB/min, at most 250 for 1080p"),
    ("Heat.1995.1080p.BluRay.x264", {"seeders": 0}, "no seeders"),
    ("Heat.1995.1080p.BluRay.x264", {"has_torrent": False}, "magnet link only"),
]


@pytest.mark.parametrize(("name", "more", "reason"), REFUSALS)
def test_refusal(name, more, reason):
    """What must not be taken is refused, with the reason in words."""
    candidate = only(release(name, **more))
    assert not candidate.accepted
    assert any(reason in text for text in candidate.reasons), candidate.reasons


def test_user_limits():
    """The size limit, the words, the seeders and freeleech of the configuration refuse too."""
    assert only(release(size_bytes=41 * GB), max_size_gb=30).reasons == ("41 GB is over the limit of 30 GB",)
    hybrid = release("Heat.1995.Hybrid.1080p.BluRay.x264")
    assert only(hybrid, reject_words=("HYBRID",)).reasons == (
        'contains "HYBRID", one of your rejected words',
    )
    assert only(release(seeders=2), min_seeders=5).reasons == ("2 seeders, at least 5 needed",)
    assert only(release(), freeleech="only").reasons == ("not freeleech",)
    assert only(release(freeleech=True), freeleech="only").accepted


def test_seeders_that_nobody_tells():
    """They are not none: the release is taken, but one that is known to have some comes first."""
    unknown = release(seeders=None)
    assert only(unknown, min_seeders=5).accepted
    assert winner(unknown, release(number=2, seeders=1)) == 2


def test_reject_words_are_whole_words():
    """A rejected word inside another one does not count; separators do not matter."""
    assert only(release("Heat.1995.1080p.BluRay.x264-HDRo"), reject_words=("HDR",)).accepted
    assert not only(release("Heat.1995.1080p.BluRay.DTS-HD.MA.x264"), reject_words=("dts hd",)).accepted


def test_raw_disc_and_3d_are_taken_where_the_order_asks():
    """Whoever lists them wants them."""
    disc = release("Heat.1995.COMPLETE.BLURAY-GRP", size_bytes=40 * GB)
    assert only(disc, order=("Disc-1080p",)).accepted
    assert only(release("Heat.1995.3D.HSBS.1080p.BluRay.x264"), order=("3D-1080p",)).accepted


@pytest.mark.parametrize(
    ("order", "reasons"),
    [
        (("Disc-1080p",), ("3D",)),
        (("3D-1080p",), ("raw disc",)),
        (("Disc-1080p", "3D-2160p"), ("3D",)),
        (("Disc-1080p", "3D-1080p"), ()),
    ],
)
def test_a_disc_in_3d_must_be_wanted_as_both(order, reasons):
    """Whoever lists discs does not ask for 3D by that, nor the other way round."""
    disc = release("Heat.1995.3D.Blu-ray.1080p.AVC.DTS-HD.MA.7.1-GRP", size_bytes=40 * GB)
    assert only(disc, order=order).reasons == reasons


def test_a_groups_name_is_no_reason():
    """What stands behind the group's name, or is a group's name itself, says nothing of the picture."""
    assert only(release("Heat.1995.1080p.WEB-DL.H.264-FLUX [TC-87]")).accepted
    assert only(release("Heat.1995.1080p.WEB-DL.H.264 [TC-87]")).accepted


def test_right_id_needs_a_fitting_name():
    """The right id does not make another film's name, or a doubtful one, the film."""
    assert only(release("Heat.1080p.BluRay.x264")).accepted
    assert not only(release("Ronin.1998.1080p.BluRay.x264")).accepted
    assert not only(release("Heat - Making It 1995 1080p BluRay")).accepted


def test_right_id_stands_in_for_an_unknown_year():
    """A film whose year nobody knows is taken by its id and title."""
    assert only(release(), replace(HEAT, year=None)).accepted
    assert not only(release(imdb_id=None), replace(HEAT, year=None)).accepted
    assert not only(release("Heat.1995.Puppet.Show.1080p.BluRay"), replace(HEAT, year=None)).accepted


def test_without_an_id_the_name_must_fit_surely():
    """No id in the tracker's row: only a name that is surely the film is taken."""
    assert only(release(imdb_id=None)).accepted
    assert only(release("Heat.1996.1080p.BluRay.x264", imdb_id=None)).accepted
    assert not only(release("Heat - Making It 1995 1080p BluRay", imdb_id=None)).accepted


def test_an_alternative_title_is_taken_only_with_the_films_id():
    """It may be another film's own: the row's IMDb id decides, and without one it is refused in plain words."""
    film = replace(HEAT, alternative_titles=("Captain Marvel",))
    named = "Captain.Marvel.1995.1080p.BluRay.x264-GRP"
    assert only(release(named), film).accepted
    assert not only(release(named, imdb_id="tt0000001"), film).accepted
    refused = only(release(named, imdb_id=None), film)
    assert refused.reasons == (
        "can't be sure without an IMDb id: only an alternative title matches, and another film may have it",
    )
    assert not only(release(named), replace(film, imdb_id=None)).accepted
    assert only(release(named, imdb_id=None), replace(HEAT, original_title="Captain Marvel")).accepted


def test_without_an_id_of_the_film_title_and_year_must_be_exact():
    """A film without an IMDb id is taken only where nothing at all differs."""
    film = replace(HEAT, imdb_id=None)
    assert only(release(), film).accepted
    assert not only(release("Heat.1996.1080p.BluRay.x264"), film).accepted
    assert not only(release("Heat.1080p.BluRay.x264"), film).accepted
    assert not only(release(), replace(film, year=None)).accepted


def test_unknown_runtime_counts_as_110_minutes():
    """Where the runtime is unknown a size is judged by a usual one."""
    assert only(release(size_bytes=int(2.2 * GB)), replace(HEAT, runtime_minutes=None)).mb_per_minute == 20


def test_a_title_like_a_tag_is_no_reason():
    """*Cam* is no camera copy and *Saw 3D* not in 3D."""
    cam = Movie(id="c", slug="cam", title="Cam", year=2018, imdb_id="tt1", runtime_minutes=94)
    named = release("Cam.2018.1080p.NF.WEB-DL.x264-GRP", size_bytes=4 * GB, imdb_id="tt1")
    assert only(named, cam).accepted
    saw = Movie(id="s", slug="saw-3d", title="Saw 3D", year=2010, imdb_id="tt2", runtime_minutes=90)
    assert only(release("Saw.3D.2010.1080p.BluRay.x264-GRP", size_bytes=8 * GB, imdb_id="tt2"), saw).accepted


# Order -------------------------------------------------------------------------------------------


def test_quality_comes_before_everything():
    """Seeders, flags and words do not buy quality."""
    best = release("Heat.1995.1080p.BluRay.x264-A", 1, seeders=1)
    other = release("Heat.1995.1080p.WEB-DL.H.264-B", 2, seeders=5000, freeleech=True, internal=True)
    assert winner(other, best, words={"WEB-DL": 100}) == 1


def test_then_revision_words_flags_seeders_and_size():
    """Each step decides only between equals of the steps before it."""
    plain = release("Heat.1995.1080p.BluRay.x264-A", 1, seeders=50)
    assert winner(plain, release("Heat.1995.REPACK.1080p.BluRay.x264-A", 2, seeders=5)) == 2
    worded = release("Heat.1995.RoSubbed.1080p.BluRay.x264-A", 3, seeders=5)
    assert winner(replace(plain, freeleech=True), worded, words={"RoSubbed": 10}) == 3
    assert winner(plain, replace(plain, id=on_filelist(4), freeleech=True, seeders=2)) == 4
    assert winner(plain, replace(plain, id=on_filelist(5), internal=True, seeders=2)) == 5
    assert winner(plain, replace(plain, id=on_filelist(6), seeders=500, size_bytes=9 * 10**9)) == 6
    assert winner(plain, replace(plain, id=on_filelist(7), seeders=90, size_bytes=11 * 10**9)) == 1
    assert winner(plain, replace(plain, id=on_filelist(8), seeders=90, size_bytes=13 * 10**9)) == 8


@pytest.mark.parametrize(
    ("behind", "words"),
    [
        (release("Heat.1995.720p.BluRay.x264-GRP", 2), "Bluray-720p ranks below Bluray-1080p"),
        (release(number=2, seeders=3), "fewer seeders (3; the pick has 20)"),
        (release(number=2, seeders=None), "fewer seeders (unknown; the pick has 20)"),
        (release(number=2, size_bytes=11 * GB), "smaller"),
        (release(number=0), "older"),
    ],
)
def test_why_a_good_one_is_not_the_one(behind, words):
    """Each accepted one that is not taken has the first difference as its reason."""
    best, other = rank(HEAT, [behind, release()], QualityRules(), NOW)
    assert best.release.id.number == 1
    assert why_not_first(other, best, QualityRules()) == f"acceptable, but {words}"


def test_flags_and_words_as_reasons():
    """So are a revision, words and flags."""
    proper, word, flagged, plain = (
        release("Heat.1995.PROPER.1080p.BluRay.x264-GRP", 4),
        release("Heat.1995.Remastered.1080p.BluRay.x264-GRP", 3),
        release(number=2, freeleech=True),
        release(),
    )
    rules = QualityRules(words={"remastered": 5})
    ranked = rank(HEAT, [plain, flagged, word, proper], rules, NOW)
    assert [candidate.release.id.number for candidate in ranked] == [4, 3, 2, 1]
    reasons = [why_not_first(other, best, rules) for best, other in itertools.pairwise(ranked)]
    assert ["PROPER" in reasons[0], "words" in reasons[1], "freeleech" in reasons[2]] == [True] * 3


def test_flags_can_be_ignored():
    """The configuration turns the flags off."""
    plain, free = release(number=1, size_bytes=13 * GB), release(number=2, freeleech=True, internal=True)
    assert winner(plain, free) == 2
    assert winner(plain, free, freeleech="ignore", prefer_internal=False) == 1


def test_preferred_size():
    """The size nearest to the preferred one wins; without one the largest."""
    small, large = release(number=1, size_bytes=6 * GB), release(number=2, size_bytes=20 * GB)
    assert winner(small, large) == 2
    assert winner(small, large, preferred_mb_per_minute=40) == 1


def test_new_upload_may_have_no_seeders_if_nothing_better_is_there():
    """Within an hour of its upload a release is taken without seeders, but only then and only alone."""
    fresh = release(number=1, seeders=0, uploaded_at=NOW - timedelta(minutes=30))
    candidate = only(fresh)
    assert candidate.accepted
    assert "new upload" in candidate.reasons[0]
    assert winner(fresh, release("Heat.1995.720p.HDTV.x264", 2, size_bytes=4 * GB)) == 2
    assert not only(replace(fresh, uploaded_at=NOW - timedelta(hours=2))).accepted
    assert not only(replace(fresh, uploaded_at=None)).accepted
    assert not only(replace(fresh, name="Heat.1995.HDCAM.1080p")).accepted


def test_waiting_for_a_better_one():
    """Something of the first quality is taken at once, something else after the grace time."""
    rules = QualityRules(wait_for_best_hours=24)
    web = rank(HEAT, [release("Heat.1995.1080p.WEB-DL.H.264-B")], rules, NOW)
    assert wait_until(web, rules, NOW) == NOW + timedelta(hours=24)
    assert wait_until(web, QualityRules(), NOW) is None
    assert wait_until(rank(HEAT, [release()], rules, NOW), rules, NOW) is None
    assert wait_until([], rules, NOW) is None


@given(
    st.permutations(
        [release(number=number, seeders=number % 4, size_bytes=6 * GB + number % 3) for number in range(9)]
    )
)
def test_order_of_the_answer_never_matters(releases):
    """The tracker's order changes neither the choice nor the list."""
    numbers = [candidate.release.id.number for candidate in rank(HEAT, releases, QualityRules(), NOW)]
    expected = rank(HEAT, sorted(releases, key=lambda one: one.id.number), QualityRules(), NOW)
    assert numbers == [candidate.release.id.number for candidate in expected]


# Words -------------------------------------------------------------------------------------------


def test_describe_refusals():
    """One line says how many there are and why none will do, with equal reasons counted."""
    rules = QualityRules(max_size_gb=30)
    releases = [
        release("Heat.1995.1080p.HDCAM.x264", 1),
        release("Heat.1995.720p.HDCAM.x264", 2),
        release(number=3, size_bytes=41 * GB),
    ]
    line = describe_refusals(rank(HEAT, releases, rules, NOW))
    assert line == "no suitable release yet (3 found: CAM ×2; 41 GB is over the limit of 30 GB)"
    assert describe_refusals([]) == "no release on the tracker yet"
    assert describe_refusals(rank(HEAT, releases[:1], rules, NOW)) == "no suitable release yet (1 found: CAM)"


def test_a_long_list_of_reasons_is_cut():
    """The line stays readable when every release has a reason of its own."""
    releases = [release(f"Film{number}.2001.1080p.WEB", number) for number in range(20)]
    line = describe_refusals(rank(HEAT, releases, QualityRules(), NOW))
    assert line.endswith("14 other reasons)")


# Rules -------------------------------------------------------------------------------------------


def test_rules_from_the_configuration():
    """A preset fills what the user left at its default; the user's own values override it."""
    default = QualityRules()
    assert QualityRules.from_config({}) == default
    assert QualityRules.from_config({"preset": None, "order": list(default.order)}) == default
    small = QualityRules.from_config({"preset": "small", "min_seeders": 3})
    assert small.order == PRESETS["small"]["order"]
    assert small.max_size_gb == 8
    assert small.min_seeders == 3
    own = QualityRules.from_config({"preset": "4k", "order": ["DVD"], "size_mb_per_minute": {"sd": [1, 9]}})
    assert own.order == ("DVD",)
    assert own.size_mb_per_minute["sd"] == (1, 9)
    assert own.size_mb_per_minute["1080p"] == (12.5, 250)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_usable(preset):
    """Every preset takes a usual release."""
    rules = QualityRules.from_config({"preset": preset})
    usual = [
        release(),
        release("Heat.1995.2160p.WEB.x265", 2, size_bytes=20 * GB),
        release("Heat.1995.720p.WEB", 3, size_bytes=4 * GB),
    ]
    assert rank(HEAT, usual, rules, NOW)[0].accepted


@pytest.mark.skipif(not CASES.exists(), reason="the labelled cases are not beside this checkout")
def test_labelled_cases():
    """Every labelled case takes the expected release and refuses exactly what must be refused."""
    for case in json.loads(CASES.read_text(encoding="utf-8")):
        film, rules = case["film"], QualityRules.from_config(case["quality"])
        movie = Movie(
            id="x", slug="x", title=film["title"], year=film["year"], imdb_id=film["imdb"],
            runtime_minutes=film["runtime"],
        )  # fmt: skip
        releases = [
            Release(
                on_filelist(row["id"]), row["name"], row["size"], row["seeders"], imdb_id=row["imdb"],
                freeleech=bool(row["freeleech"]), internal=bool(row["internal"]),
            )
            for row in case["candidates"]
        ]  # fmt: skip
        candidates = rank(movie, releases, rules, NOW)
        assert candidates[0].release.id.number == case["expect"], case["id"]
        refused = {str(one.release.id.number) for one in candidates if not one.accepted}
        assert refused == set(case["refused"]), case["id"]


@pytest.mark.parametrize(
    ("name", "imdb_id", "reason"),
    [
        (
            "Heat.1997.1080p.BluRay.x264",
            HEAT.imdb_id,
            "may be another film: title and IMDb id match",
        ),
        (
            "Heat.1993.1080p.BluRay.x264",
            HEAT.imdb_id,
            "may be another film: title and IMDb id match",
        ),
        ("Heat.1997.1080p.BluRay.x264", None, "the year is 1997"),
        ("Heat.1998.1080p.BluRay.x264", HEAT.imdb_id, "the year is 1998"),
        ("Heated.1997.1080p.BluRay.x264", HEAT.imdb_id, "another title"),
        ("Heat.1997.Sample.1080p.BluRay.x264", HEAT.imdb_id, "a sample"),
        ("Heat.1997.CD1.1080p.BluRay.x264", HEAT.imdb_id, "the year is 1997"),
    ],
)
def test_a_year_off_by_two(name, imdb_id, reason):
    """With the film's IMDb id and its title to the letter it may be the film; it is never taken by itself."""
    candidate = only(release(name, imdb_id=imdb_id))

    assert not candidate.accepted
    assert candidate.reasons[0].startswith(reason), candidate.reasons
