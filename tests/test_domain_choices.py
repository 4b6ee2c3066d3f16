"""Which release is taken where languages and Dolby Vision decide, with the reason for each.

`source` names the public report that a case goes back to; those without one are our own.
"""

from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from house.films import GB, release

from movie_sync.domain.models import Filing, Movie
from movie_sync.domain.quality_rules import QualityRules
from movie_sync.domain.release_rules import Field, Rule
from movie_sync.domain.selection import rank

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
UHD = {"order": ("WEB-2160p", "Bluray-2160p", "Remux-2160p", "WEB-1080p", "Bluray-1080p")}


class Case(NamedTuple):
    """The film's language (None: unknown), names with their GB, and the index of the one to take."""

    why: str
    language: str | None
    names: list[tuple[str, float]]
    taken: int | None
    rules: dict[str, object] = {}  # noqa: RUF012 - never changed
    source: str = ""


CASES = [
    Case("a larger Italian dub", "English",
         [("Heat.1995.iTALiAN.1080p.BluRay.x264-G", 20), ("Heat.1995.1080p.BluRay.x264-G", 9)], 1),
    Case("DUBBED without a language is no original", "Japanese",
         [("Heat.1995.DUBBED.1080p.BluRay.H264.AAC", 20), ("Heat.1995.1080p.BluRay.x264-G", 9)], 1,
         source="Radarr/Radarr#10716"),
    Case("nothing but a dub: nothing is taken", "Japanese",
         [("Heat.1995.DUBBED.1080p.BluRay.H264.AAC", 20)], None, source="Radarr/Radarr#10716"),
    Case("a dub is never taken though nothing else is there", "English",
         [("Heat.1995.FRENCH.1080p.WEB.H264-G", 8), ("Heat.1995.SPANISH.1080p.WEB.H264-G", 8)], None,
         source="Radarr/Radarr#4077"),
    Case("a film of France may be tagged as French", "French",
         [("Heat.1995.FRENCH.1080p.WEB.H264-G", 8)], 0, source="Radarr/Radarr#568"),
    Case("MULTi has the original, whatever stands beside it", "English",
         [("Heat.1995.MULTi.VFF.1080p.WEBRip.EAC3.5.1.ATMOS.x264-G", 9)], 0, source="Radarr/Radarr#11578"),
    Case("MULTi.TRUEFRENCH too", "English",
         [("Heat.1995.MULTi.TRUEFRENCH.1080p.BluRay.x264-G", 9)], 0, source="Radarr/Radarr#899"),
    Case("two tags are two languages", "Japanese",
         [("Heat 1995 iTA-JAP Bluray 1080p HEVC x265-G", 9)], 0, source="Radarr/Radarr#10044"),
    Case("Sub Ita is no sound", "English",
         [("Heat.1995.1080p.WEBDL Sub Ita x265-G", 9)], 0, source="Radarr/Radarr#6889"),
    Case("nor are the languages behind Sub", "English",
         [("Heat (1995) [1080p Eng 5.1 Sub Ita Eng Spa][WEB-DL] G", 9)], 0, source="Radarr/Radarr#6889"),
    Case("a Cantonese film tagged as Chinese", "Chinese",
         [("Heat.1995.DUBBED.1080p.BluRay.x264-G", 15), ("Heat.1995.CHINESE.1080p.BluRay.x264-G", 9)], 1,
         source="Radarr/Radarr#9947"),
    Case("a German dub of a Korean film", "Korean",
         [("Heat.1995.German.1080p.BluRay.x264-G", 15), ("Heat.1995.KOREAN.1080p.BluRay.x264-G", 9)], 1,
         source="Dumpstarr/Database#23"),
    Case("NORDiC names the subtitles' languages", "English",
         [("Heat.1995.NORDiC.1080p.BluRay.x264-G", 9)], 0, source="Radarr/Radarr#399"),
    Case("the original said beside another", "English",
         [("Heat [1995, HEVC, WEB-DL 1080p] 3 XX + Original + RUS", 9)], 0, source="Sonarr/Sonarr#5805"),
    Case("German DL is a dual sound", "English",
         [("Heat.1995.German.DL.1080p.BluRay.x264-G", 9)], 0),
    Case("a dub by line", "English", [("Heat.1995.German.LD.1080p.WEB.x264-G", 9)], None),
    Case("VOSTFR is the original with subtitles", "English", [("Heat.1995.VOSTFR.1080p.WEB.x264-G", 9)], 0),
    Case("RoSubbed is the original too", "English", [("Heat.1995.1080p.WEB-DL.RoSubbed.x264-G", 9)], 0),
    Case("RoDubbed is refused", "English", [("Heat.1995.RoDubbed.1080p.WEB-DL.x264-G", 9)], None),
    Case("a family takes it first", "English",
         [("Heat.1995.1080p.WEB-DL.x264-G", 12), ("Heat.1995.RoDubbed.1080p.WEB-DL.x264-G", 9)], 1,
         {"languages": ("Romanian", "original")}),
    Case("and the original where there is no dub", "English",
         [("Heat.1995.1080p.WEB-DL.x264-G", 12), ("Heat.1995.HUNGARIAN.1080p.WEB-DL.x264-G", 14)], 0,
         {"languages": ("Romanian", "original")}),
    Case("where the language is unknown a tag comes behind none", None,
         [("Heat.1995.iTALiAN.1080p.WEB-DL.x264-G", 14), ("Heat.1995.1080p.WEB-DL.x264-G", 9)], 1),
    Case("but is taken where nothing else is there", None, [("Heat.1995.iTALiAN.1080p.WEB-DL.x264-G", 14)], 0),
    Case("what says DUBBED is not", None, [("Heat.1995.Hindi.Dubbed.1080p.WEB-DL.x264-G", 14)], None),
    Case("dubs that are not rejected come last", "English",
         [("Heat.1995.FRENCH.1080p.WEB-DL.x264-G", 14), ("Heat.1995.1080p.WEB-DL.x264-G", 9)], 1,
         {"reject_dubbed": False}),
    Case("who wants any language gets the largest", "English",
         [("Heat.1995.FRENCH.1080p.WEB-DL.x264-G", 14), ("Heat.1995.1080p.WEB-DL.x264-G", 9)], 0,
         {"languages": None}),
    Case("a language never buys quality", "English",
         [("Heat.1995.1080p.WEB-DL.x264-G", 9), ("Heat.1995.MULTi.1080p.BluRay.x264-G", 12)], 1),
    Case("Dolby Vision alone from a stream is profile 5", "English",
         [("Heat.1995.2160p.MAX.WEB-DL.TrueHD.7.1.DV.H.265-G", 28),
          ("Heat.1995.2160p.WEB-DL.HDR10.H.265-G", 18)], 1, UHD, "gavinmcfall/home-ops#2515"),
    Case("with HDR beside it, it has a fallback", "English",
         [("Heat.1995.2160p.WEB-DL.DoVi.HDR.H.265-G", 28), ("Heat.1995.2160p.WEB-DL.HDR10.H.265-G", 18)], 0,
         UHD, "TRaSH-Guides/Guides#402"),
    Case("and so with HDR10Plus", "English",
         [("Heat.1995.German.DL.2160p.Hybrid.WEB.DV.HDR10Plus.HEVC-G", 28),
          ("Heat.1995.2160p.WEB-DL.HDR10.H.265-G", 18)], 0, UHD, "TRaSH-Guides/Guides#1285"),
    Case("a disc's layer lies on HDR10, said or not", "English",
         [("Heat.1995.2160p.UHD.BluRay.REMUX.DV.HEVC.TrueHD.7.1-G", 60),
          ("Heat.1995.2160p.UHD.BluRay.REMUX.HDR10.HEVC.TrueHD.7.1-G", 55)], 0, UHD,
         "TRaSH-Guides/Guides#1868"),
    Case("profile 5 by its name, from whatever source", "English",
         [("Heat.1995.2160p.BluRay.DV.P5.x265-G", 28), ("Heat.1995.2160p.BluRay.x265-G", 18)], 1, UHD,
         "gavinmcfall/home-ops#2516"),
    Case("profile 8 has a fallback", "English",
         [("Heat.1995.2160p.WEB-DL.DV.Profile.8.H.265-G", 28), ("Heat.1995.2160p.WEB-DL.SDR.H.265-G", 18)], 0,
         UHD, "TRaSH-Guides/Guides#1868"),
    Case("profile 5 is taken where it is all there is", "English",
         [("Heat.1995.2160p.WEB-DL.DV.H.265-G", 28)], 0, UHD),
    Case("unless a rule rejects it", "English", [("Heat.1995.2160p.WEB-DL.DV.H.265-G", 28)], None,
         {**UHD, "rules": (Rule(1, {Field.HDR: ("DV",)}, {Field.HDR: ("HDR10",)}, reject=True),)}),
    Case("by that rule too HDR10+ lies on HDR10", "English",
         [("Heat.1995.2160p.WEB-DL.DV.HDR10Plus.H.265-G", 28)], 0,
         {**UHD, "rules": (Rule(1, {Field.HDR: ("DV",)}, {Field.HDR: ("HDR10",)}, reject=True),)}),
    Case("a score never makes acceptable what is refused", "English",
         [("Heat.1995.FRENCH.1080p.WEB.H264-G", 8), ("Heat.1995.HDCAM.1080p.x264-G", 8)], None,
         {"rules": (Rule(1, {Field.RESOLUTION: ("1080p",)}, {}, score=1e6),)}),
    Case("Dolby Vision over SDR looks right on any screen", "English",
         [("Heat.1995.2160p.WEB-DL.DV.SDR.H.265-G", 28), ("Heat.1995.2160p.WEB-DL.SDR.H.265-G", 18)], 0, UHD),
    Case("profile 5 in short", "English",
         [("Heat.1995.2160p.WEB-DL.DV5.H.265-G", 28), ("Heat.1995.2160p.WEB-DL.HDR10.H.265-G", 18)], 1, UHD),
    Case("profile 8 in short", "English",
         [("Heat.1995.2160p.WEB-DL.DV8.1.H.265-G", 28), ("Heat.1995.2160p.WEB-DL.HDR10.H.265-G", 18)], 0, UHD),
    Case("Dolby Vision beside 5.1 is no profile", "English",
         [("Heat.1995.2160p.WEB-DL.DV.HDR.5.1.H.265-G", 28), ("Heat.1995.2160p.WEB-DL.HDR10.H.265-G", 18)], 0,
         UHD),
    Case("a laser disc is no dub by line", "English", [("Heat.1995.LD.1080p.WEB.x264-G", 9)], 0),
    Case("French by microphone is one", "English", [("Heat.1995.FRENCH.MD.1080p.WEB.x264-G", 9)], None),
    Case("Dutch said in Dutch", None, [("Heat.1995.NL.Gesproken.1080p.WEB.x264-G", 9)], None),
    Case("Polish dubbing", None, [("Heat.1995.PL.DUBBiNG.1080p.WEB.x264-G", 9)], None),
    Case("a word for dubbing names its language", "English",
         [("Heat.1995.1080p.WEB-DL.x264-G", 12), ("Heat.1995.Dublado.1080p.WEB-DL.x264-G", 9)], 1,
         {"languages": ("Portuguese", "original")}),
    Case("also before the word for subtitles", "English",
         [("Heat.1995.Dublado.Legendado.1080p.WEB-DL.x264-G", 9)], None),
    Case("a Polish family takes its dubbing", "English",
         [("Heat.1995.1080p.WEB-DL.x264-G", 12), ("Heat.1995.PL.DUBBiNG.1080p.WEB.x264-G", 9)], 1,
         {"languages": ("Polish", "original")}),
    Case("counted tracks are languages too", "Russian",
         [("Heat.1995.1080p.WEB-DL.2xRus.Eng.x264-G", 9)], 0),
    Case("two sound tracks", "English", [("Heat.1995.GERMAN.2Audio.1080p.WEB-DL.x264-G", 9)], 0),
    Case("a film of Yugoslavia", "Serbo-Croatian", [("Heat.1995.SERBIAN.1080p.WEB-DL.x264-G", 9)], 0),
    Case("a TRUEFRENCH dub", "English", [("Heat.1995.TRUEFRENCH.1080p.BluRay.x264-G", 9)], None),
    Case("LATiNO is a dub, and DUAL-LAT has both", "English",
         [("Heat.1995.LATiNO.1080p.WEB-DL.x264-G", 9), ("Heat.1995.DUAL-LAT.1080p.WEB-DL.x264-G", 8)], 1),
    Case("Hindi and English", "English",
         [("Heat.1995.Dual.Audio.Hindi.English.1080p.BluRay.x264-G", 9)], 0),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.why)
def test_which_is_taken(case: Case) -> None:
    """The release that a person would have picked is taken, or none."""
    film = Movie(
        "x", "heat", "Heat", 1995, imdb_id="tt1", runtime_minutes=170, original_language=case.language
    )
    offered = [
        release(name, number, size_bytes=int(size * GB), imdb_id="tt1")
        for number, (name, size) in enumerate(case.names, 1)
    ]
    best = rank(film, offered, QualityRules(**case.rules), NOW)[0]

    assert (best.release.name if best.accepted else None) == (
        None if case.taken is None else case.names[case.taken][0]
    ), best.reasons


def test_the_category_speaks_too() -> None:
    """What the tracker files among the films dubbed into Romanian is dubbed, whatever its name says."""
    film = Movie("x", "heat", "Heat", 1995, imdb_id="tt1", original_language="English")
    filed = release("Heat.1995.1080p.WEB-DL.x264-G", imdb_id="tt1", filed_as=Filing(language="RoDubbed"))

    assert rank(film, [filed], QualityRules(), NOW)[0].reasons == ("dubbed: Romanian",)
