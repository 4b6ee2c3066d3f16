"""What a name is read as: titles and years, other kinds, quality, sources, sound, languages."""

import pytest

from movie_sync.domain.models import Filing
from movie_sync.domain.name_kinds import NonFilm, split_extension
from movie_sync.domain.quality_rules import ON_REQUEST_WORDS, ORDER_WORDS
from movie_sync.domain.readings import Sureness
from movie_sync.domain.release_name import parse_name
from movie_sync.domain.release_quality import read_quality

READINGS = [
    ("Heat.1995.1080p.BluRay.x264-GRP", "heat", 1995, Sureness.WHOLE),
    ("Blade.Runner.2049.2017.1080p", "blade runner 2049", 2017, Sureness.WHOLE),
    ("Blade.Runner.2049.1080p", "blade runner 2049", None, Sureness.WHOLE),
    ("1984.1984.REMASTERED.1080p", "1984", 1984, Sureness.WHOLE),
    ("(2014) Dracula Untold", "dracula untold", 2014, Sureness.WHOLE),
    ("2004 - 9 Songs.mkv", "9 songs", 2004, Sureness.WHOLE),
    ("Movie Name 720p (1999)", "movie name", 1999, Sureness.WHOLE),
    ("Easy Rider (Drama 1969) Peter Fonda", "easy rider", 1969, Sureness.WHOLE),
    ("Alien DC (1979) [1080p]", "alien", 1979, Sureness.PEELED),
    ("Blade.Runner.The.Final.Cut.1982", "blade runner", 1982, Sureness.PEELED),
    ("Saw.3D.1080p", "saw", None, Sureness.LOOSE),
    ("Zerkalo AKA Mirror 1975", "mirror", 1975, Sureness.AKA),
    ("Левиафан Leviathan (2014)", "leviathan", 2014, Sureness.AKA),
    ("Just Mercy - Il diritto di opporsi (2019)", "just mercy", 2019, Sureness.FOREIGN_HALF),
    ("Quentin Tarantino - Pulp Fiction (1994)", "pulp fiction", 1994, Sureness.SECOND_HALF),
    ("12. Pulp Fiction (1994)", "pulp fiction", 1994, Sureness.LOOSE),
    ("Tim.Burtons.Corpse.Bride.2005.1080p", "corpse bride", 2005, Sureness.OWNED),
    ("Wonder.Woman.1984.2020.1080p", "wonder woman", 1984, Sureness.EARLY_YEAR),
    ("[ www.Site.com ] - Heat.1995.720p", "heat", 1995, Sureness.WHOLE),
    ("[REC] 2 (2009)", "rec 2", 2009, Sureness.WHOLE),
]


@pytest.mark.parametrize(("name", "title", "year", "how"), READINGS)
def test_reading(name, title, year, how):
    """Each usual form of a name has the reading that people give it."""
    assert (title, year, how) in [(r.key.words, r.year, r.sureness) for r in parse_name(name).readings]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Fargo.S01E01.720p", NonFilm.EPISODE),
        ("Fargo.1x02.avi", NonFilm.EPISODE),
        ("Fargo.S01.1080p.BluRay", NonFilm.EPISODE),
        ("Fargo Season 2 (2015)", NonFilm.EPISODE),
        ("The.Daily.Thing.2014.05.12.720p", NonFilm.EPISODE),
        ("Heat.1995.Sample.mkv", NonFilm.SAMPLE),
        ("Heat-trailer.mp4", NonFilm.TRAILER),
        ("Heat.1995.Deleted.Scenes.mkv", NonFilm.EXTRAS),
        ("Moon_(2009)-x02-Making_Of.mkv", NonFilm.EXTRAS),
        ("Heat.1995.SUBPACK", NonFilm.SUBTITLES),
        ("Heat.1995.srt", NonFilm.SUBTITLES),
        ("Heat.1995.jpg", NonFilm.FILE),
        ("Toy.Story.Trilogy.1080p", NonFilm.PACK),
        ("Rocky 1976-2006", NonFilm.PACK),
        ("Heat.XXX.Parody.DVDRip", NonFilm.ADULT),
        ("Heat Parody 2012", NonFilm.PARODY),
        ("Elliot Goldenthal - Heat (1995) [FLAC]", NonFilm.MUSIC),
        ("Heat (Original Motion Picture Soundtrack)", NonFilm.MUSIC),
        ("Heat.1995-SKIDROW", NonFilm.GAME),
        ("Heat.1995.epub", NonFilm.BOOK),
    ],
)
def test_kind(name, kind):
    """What is no film is recognised by its words, wherever they stand."""
    assert kind in [mark.kind for mark in parse_name(name).marks]


@pytest.mark.parametrize(
    "name",
    [
        "Heat.1995.1080p.BluRay.REMUX.FLAC.1.0-GRP",
        "Heat.1995.Criterion.Collection.1080p",
        "Heat (1995) [1080p] + Extras",
        "Cherry 2000 - 1987 - 1080p.mkv",
        "2009 - 2012.mkv",
        "Apollo 13 (1995) [x264] [E-AC3-S78]",
        "Heat.1995.1920x1080.x264",
    ],
)
def test_ordinary_films_have_no_marks(name):
    """Sound formats, editions and dates that only look like another kind are none."""
    outside = [mark for mark in parse_name(name).marks if mark.first < 0 or mark.kind is not NonFilm.PACK]
    assert not outside


def test_extensions():
    """File types are cut off, words that only look like one are not."""
    assert split_extension("Heat.1995.mkv") == ("Heat.1995", "mkv")
    assert split_extension("Heat.2024.TS") == ("Heat.2024.TS", "")
    assert split_extension("Kick.Ass") == ("Kick.Ass", "")
    assert split_extension("Heat.1995.AC3") == ("Heat.1995.AC3", "")
    assert parse_name("Heat.1995.mkv.torrent").extension == "mkv"


def test_long_and_empty_names():
    """Names without a word have no reading; a name of any length is read in bounded time."""
    assert parse_name("{}").readings == ()
    assert parse_name("a." * 50_000).readings


QUALITIES = [
    ("Heat.1995.2160p.UHD.BluRay.REMUX.DV.HDR.HEVC.DTS-HD.MA.5.1-FGT", "Remux-2160p"),
    ("Heat.1995.BluRay.REMUX.AVC", "Remux-1080p"),
    ("Heat.1995.1080p.BluRay.x264-GRP", "Bluray-1080p"),
    ("Heat.1995.1080p.BDRip.x265", "Bluray-1080p"),
    ("Heat.1995.BDRip.XviD-GRP", "Bluray-480p"),
    ("Heat.1995.576p.BluRay.x264", "Bluray-576p"),
    ("Heat.1995.BluRay.x264-GRP", "Bluray-720p"),
    ("Heat.1995.1080p.AMZN.WEB-DL.DDP5.1.H.264-NTb", "WEB-1080p"),
    ("Heat.1995.1O8Op.WEB-DL", "WEB-1080p"),
    ("Heat.1995.WEBRip.x264", "WEB-480p"),
    ("Heat.1995.HC.HDRip.720p", "WEB-720p"),
    ("Heat.1995.2160p.WEB.h265-GRP", "WEB-2160p"),
    ("Heat.1995.720p.HDTV.x264-GRP", "HDTV-720p"),
    ("Heat.1995.HDTV.XviD-GRP", "SDTV"),
    ("Heat.1995.DVDRip.XviD-GRP", "DVD"),
    ("Heat.1995.1080p.x265", "HDTV-1080p"),
    ("Heat.1995.1920x1080.BluRay.x264", "Bluray-1080p"),
    ("Heat.1995.XviD", "SDTV"),
    ("Heat.1995", ""),
    ("Heat.1995.COMPLETE.BLURAY-GRP", "Disc-1080p"),
    ("Heat.1995.1080p.Blu-ray.AVC.DTS-HD.MA.5.1-GRP", "Disc-1080p"),
    ("Heat.1995.2160p.COMPLETE.UHD.BLURAY-GRP", "Disc-2160p"),
    ("Heat.1995.PAL.DVDR-GRP", "Disc-DVD"),
    ("Heat.1995.3D.HSBS.1080p.BluRay.x264", "3D-1080p"),
]


@pytest.mark.parametrize(("name", "quality"), QUALITIES)
def test_quality(name, quality):
    """Source and resolution give the configuration's word."""
    assert read_quality(name).name == quality
    assert quality in (*ORDER_WORDS, *ON_REQUEST_WORDS, "")


@pytest.mark.parametrize(
    ("name", "filed_as", "quality"),
    [
        ("Heat.1995.BluRay.x265", Filing(resolution="2160p"), "Bluray-2160p"),
        ("Heat.1995.1080p.BluRay.x264", Filing(resolution="2160p"), "Bluray-1080p"),
        ("Heat.1995", Filing("DVD", "480p"), "DVD"),
        ("Heat.1995", Filing("Bluray"), "Disc-1080p"),
        ("Heat.1995.1080p.Remux", Filing("Bluray"), "Remux-1080p"),
        ("Heat.1995.1080p.x264", Filing(is_3d=True), "3D-1080p"),
    ],
)
def test_category_helps_where_the_name_is_silent(name, filed_as, quality):
    """The name comes first, then the tracker's category."""
    assert read_quality(name, filed_as).name == quality


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("Heat.2024.1080p.HDCAM.x264", "camera copy"),
        ("Heat.2024.CAMRip", "camera copy"),
        ("Heat.2024.1080p.HDTS.x264", "telesync"),
        ("Heat.2024.TS", "telesync"),
        ("Heat.TS.XviD", "telesync"),
        ("Heat.2024.HDTC.1080p", "telecine"),
        ("Heat.2024.DVDSCR.XviD", "screener"),
        ("Heat.2024.WORKPRINT.XviD", "workprint"),
        ("Heat.2024.R5.DVDRip", "regional copy"),
        ("Cam.2018.1080p.NF.WEB-DL.x264", ""),
        ("Heat.1995.1080p.BluRay.DTS.x264", ""),
    ],
)
def test_bad_sources(name, bad):
    """Copies nobody should watch are known, but not by a word of the title."""
    assert read_quality(name).bad == bad


def test_the_title_is_no_tag_where_it_is_known():
    """*Saw 3D* is not in 3D because of its name."""
    assert read_quality("Saw.3D.2010.1080p.BluRay.x264").three_d
    assert not read_quality("Saw.3D.2010.1080p.BluRay.x264", title_end=2).three_d


@pytest.mark.parametrize(
    ("words", "audio"),
    [
        ("BluRay.DTS.x264", ("DTS",)),
        ("BluRay.DTS.5.1.x265", ("DTS",)),
        ("BluRay.DTS-HD.MA.5.1.x264", ("DTS-HD",)),
        ("BluRay.DTS-HD.HRA.5.1.x264", ("DTS-HD",)),
        ("BluRay.DTS-X.7.1.x265", ("DTS:X",)),
        ("BluRay.DTS.MA.x264", ("DTS-HD",)),
        ("WEB-DL.DDP5.1.H.264", ("DD+",)),
        ("BluRay.AC3.x264", ("DD",)),
        ("BluRay.x264", ()),
    ],
)
def test_sound(words, audio):
    """Each kind is told from the others, whatever stands behind it."""
    assert read_quality(f"Heat.1995.1080p.{words}-GRP").audio == audio


def test_details():
    """Revision, codec, HDR, sound, languages, group and warnings are all told."""
    told = read_quality("Heat.1995.RoSubbed.REPACK2.2160p.WEB-DL.DV.HDR10+.DDP5.1.Atmos.H.265-FLUX")
    assert told.revision == 2
    assert told.codec == "x265"
    assert told.hdr == ("DV", "HDR10+")
    assert told.audio == ("Atmos", "DD+")
    assert told.languages == ("RoSubbed",)
    assert told.group == "FLUX"
    assert told.size_class == "2160p"
    assert read_quality("Heat.1995.RoDubbed.720p").languages == ("RoDubbed",)
    assert read_quality("Heat.1995.HC.HDRip").hardcoded_subtitles
    assert read_quality("Heat (1995) [4K AI upscale H265]").upscaled
    assert read_quality("Heat.1995.DVDRip").size_class == "sd"
    assert read_quality("Heat.1995.1080p.WEB-DL").group == ""
