"""Which of the things that are there already the settings would take."""

import pytest
from house.films import wanted_film

from movie_sync.domain.already_there import counts_as_there, is_acceptable
from movie_sync.domain.judging import judge
from movie_sync.domain.models import Movie
from movie_sync.domain.quality_rules import ON_REQUEST_WORDS, ORDER_WORDS, PRESETS, QualityRules
from movie_sync.domain.wanted import WantedFilm

DEFAULT = QualityRules()
ALL = QualityRules(order=(*ORDER_WORDS, *ON_REQUEST_WORDS))


@pytest.mark.parametrize(
    "name",
    [
        "Heat (1995).mkv",
        "Heat (1995)/Heat (1995).mkv",
        "Heat.1995.1080p.BluRay.x264-GRP",
        "Heat (1995)/Heat.1995.720p.mkv",
        "Heat.1995.1080p-GRP.mkv",  # of any source
        "Heat (1995) BluRay.mkv",  # of any size
        "Heat.1995.BDRip.x264-GRP/grp-heat.mkv",
        "Heat (1995)/VIDEO_TS/VTS_01_1.VOB",  # a disc that no word calls one
        "Heat (1995)/BDMV/STREAM/00001.m2ts",
        "Heat (1995).iso",
        "Cam (2018)/Cam (2018).mkv",
    ],
)
def test_what_counts(name):
    """A name that tells a quality of the order counts, and one that tells none."""
    assert is_acceptable(name, DEFAULT)


@pytest.mark.parametrize(
    "name",
    [
        "Heat.1995.HDCAM.1080p.x264-GRP.mkv",
        "Heat.1995.1080p.TELESYNC-GRP/heat.mkv",
        "Heat.1995.DVDSCR.XviD-GRP",
        "Heat (1995)/Heat.1995.HDTS.mkv",
        "Heat.1995.HC.1080p.WEB-DL-GRP",
        "Heat (1995) [2160p AI upscale].mkv",
    ],
)
@pytest.mark.parametrize("rules", [DEFAULT, ALL])
def test_what_nobody_would_take(name, rules):
    """Camera copies, screeners, burned-in subtitles and upscales are not the film, whatever the order."""
    assert not is_acceptable(name, rules)


@pytest.mark.parametrize(
    "name",
    [
        "Heat.1995.DVDRip.XviD-GRP.avi",
        "Heat.1995.DVDRip.XviD-GRP/cd1/grp-heat.avi",
        "Heat (1995) XviD.avi",
        "Heat.1995.480p.mkv",
        "Heat.1995.1080p.BluRay.REMUX.AVC-GRP",
        "Heat.1995.COMPLETE.BLURAY-GRP/BDMV/STREAM/00001.m2ts",
        "Heat.1995.PAL.DVD9-GRP/VIDEO_TS/VTS_01_1.VOB",
        "Heat.1995.3D.HSBS.1080p.BluRay-GRP.mkv",
        "Heat (1995) VHSRip.avi",
    ],
)
def test_what_the_order_does_not_list(name):
    """A quality that a name tells and that the order does not list is not the film; where it does, it is."""
    assert not is_acceptable(name, DEFAULT)
    assert is_acceptable(name, ALL)


def test_the_order_of_the_user_decides():
    """The same copy is enough for one user and not for another."""
    only_4k = QualityRules(order=("Bluray-2160p",))
    assert not is_acceptable("Heat.1995.1080p.BluRay.x264-GRP", only_4k)
    assert not is_acceptable("Heat.1995.2160p.WEB-DL-GRP", only_4k)
    assert is_acceptable("Heat.1995.2160p-GRP", only_4k)
    assert is_acceptable("Heat.1995.DVDRip.XviD", QualityRules.from_config({"preset": "small"}))
    assert set(PRESETS) == {"hd", "4k", "small"}


def test_a_rejected_word_counts_for_what_is_there():
    """What the user's own words refuse on the tracker is not the film on the disk either."""
    rules = QualityRules(reject_words=("dublat", "x265"))
    assert not is_acceptable("Heat.1995.1080p.WEB.Dublat.mkv", rules)
    assert not is_acceptable("Heat.1995.1080p.WEB.x265-GRP/heat.mkv", rules)
    assert is_acceptable("Heat.1995.1080p.WEB.x264-GRP/heat.mkv", rules)


@pytest.mark.parametrize("name", ["Saw.3D.2010.1080p.BluRay.mkv", "Saw 3D (2010)/Saw 3D (2010) 1080p.mkv"])
def test_words_of_the_title_tell_nothing(name):
    """3D in a film's own title is no 3D copy."""
    found = judge(WantedFilm.from_movie(Movie(id="s", slug="s", title="Saw 3D", year=2010)), name)
    assert is_acceptable(name, DEFAULT, title_end=found.title_end)
    assert not is_acceptable(name, DEFAULT)


@pytest.mark.parametrize("known", ["captainmarvel", "captainmarvelandco"])
def test_an_alternative_title_counts_unless_a_known_film_is_called_so(known):
    """It is the film to somebody who knows no other of that title, however the name writes it."""
    shazam = wanted_film("Shazam!", 2019, alternative_titles=("Captain Marvel & Co", "Captain Marvel"))
    name = "Captain.Marvel.2019.1080p" if known == "captainmarvel" else "Captain.Marvel.Co.2019.1080p"
    assert counts_as_there(judge(shazam, name), lambda _key: False)
    assert not counts_as_there(judge(shazam, name), known.__eq__)
    assert counts_as_there(judge(shazam, "Shazam!.2019.1080p"), lambda _key: True)
