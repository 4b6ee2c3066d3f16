"""What of a torrent's files is the film, and what belongs to it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from movie_sync.domain.shelf_plan import Left, ShelfPlan, plan_of

MB, GB = 1_000_000, 1_000_000_000
_NAMES = Path(__file__).resolve().parents[2] / "shared" / "matching" / "names.jsonl"

SCENE = {f"heat.r{number:02}": 100 * MB for number in range(40)} | {
    "heat.rar": 100 * MB,
    "heat.sfv": 1,
    "heat.nfo": 1,
}
YIFY_LANGUAGES = (
    "Arabic.ara English.eng French.fre German.ger Spanish.spa Italian.ita Portuguese.por Romanian.rum Russian.rus Turkish.tur "
    "Swedish.swe Norwegian.nor Danish.dan Dutch.dut Finnish.fin Polish.pol Greek.ell Hebrew.heb Japanese.jpn Korean.kor"
).split()
YIFY_CODES = "ar en fr de es it pt ro ru tr sv no da nl fi pl el he ja ko".split()
P2P = "Heat.1995.1080p.BluRay.x264-GRP"


def shown(files: dict[str, int], *, extras: bool = False) -> dict[str, str] | Left:
    """Return what each path is called behind the film's name, extras with their folder; or why it's left."""
    plan = plan_of(files, with_extras=extras)
    if isinstance(plan, Left):
        return plan
    parts = (plan.video, *plan.subtitles, *plan.extras)
    return {part.path: f"{part.folder}/" if part.folder else part.ending for part in parts}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"heat.mkv": 8 * GB}, {"heat.mkv": ".mkv"}),
        ({"HEAT.MKV": 8 * GB}, {"HEAT.MKV": ".mkv"}),
        ({}, Left.NO_VIDEO),
        ({"heat.nfo": 1, "heat.txt": 1, "heat.jpg": 1}, Left.NO_VIDEO),
        (SCENE, Left.PACKED),
        (SCENE | {"Sample/heat-sample.mkv": 60 * MB, "Subs/heat.subs.rar": 3 * MB}, Left.PACKED),
        ({"heat.part01.rar": 4 * GB, "heat.part02.rar": 4 * GB}, Left.PACKED),
        ({"heat.zip": 4 * GB}, Left.PACKED),
        ({"heat.7z.001": GB, "heat.7z.002": GB}, Left.PACKED),
        ({"heat.mkv": 8 * GB, "Subs/heat.subs.rar": 3 * MB, "heat.nfo": 1}, {"heat.mkv": ".mkv"}),
        # p2p
        ({f"{P2P}.mkv": 8 * GB, f"{P2P}.nfo": 1, "Sample/sample.mkv": 50 * MB}, {f"{P2P}.mkv": ".mkv"}),
        ({f"{P2P}.mkv": 8 * GB, f"{P2P}-sample.mkv": 50 * MB}, {f"{P2P}.mkv": ".mkv"}),
        ({f"{P2P}.mkv": 8 * GB, f"sample-{P2P}.mkv": 50 * MB}, {f"{P2P}.mkv": ".mkv"}),
        ({f"{P2P}.mkv": 8 * GB, "Heat.1995.Sample-GRP.mkv": 50 * MB}, {f"{P2P}.mkv": ".mkv"}),
        ({f"{P2P}.mkv": 8 * GB, "Proof/x.mkv": 50 * MB, "Screens/1.png": 1}, {f"{P2P}.mkv": ".mkv"}),
        ({f"{P2P}.mkv": 8 * GB, f"{P2P}.ro.srt": 1, f"{P2P}.en.srt": 1},
         {f"{P2P}.mkv": ".mkv", f"{P2P}.en.srt": ".en.srt", f"{P2P}.ro.srt": ".ro.srt"}),
        ({f"{P2P}.mkv": 8 * GB, f"{P2P}.srt": 1}, {f"{P2P}.mkv": ".mkv", f"{P2P}.srt": ".srt"}),
        ({"heat.mkv": GB, "Subs/English.srt": 1, "Subs/English (SDH).srt": 1, "Subs/English [Forced].srt": 1},
         {"heat.mkv": ".mkv", "Subs/English (SDH).srt": ".en.sdh.srt", "Subs/English [Forced].srt": ".en.forced.srt",
          "Subs/English.srt": ".en.srt"}),
        ({"heat.mkv": GB, "heat.pt-BR.srt": 1, "heat.pt.srt": 1, "heat.zh-Hans.ass": 1, "heat.zh-Hant.ass": 1},
         {"heat.mkv": ".mkv", "heat.pt-BR.srt": ".pt.srt", "heat.pt.srt": ".pt.2.srt", "heat.zh-Hans.ass": ".zh.ass",
          "heat.zh-Hant.ass": ".zh.2.ass"}),
        ({"heat.mkv": GB, "2_English.srt": 1, "3_English.srt": 1, "12_English.srt": 1},
         {"heat.mkv": ".mkv", "12_English.srt": ".en.srt", "2_English.srt": ".en.2.srt", "3_English.srt": ".en.3.srt"}),
        ({"heat.mkv": GB, "Subs/ro/heat.srt": 1, "Subs/Hungarian/heat.srt": 1},
         {"heat.mkv": ".mkv", "Subs/Hungarian/heat.srt": ".hu.srt", "Subs/ro/heat.srt": ".ro.srt"}),
        ({"heat.mkv": GB, "heat.idx": 1, "heat.sub": 9, "Subs/heat-ro.idx": 1, "Subs/heat-ro.sub": 9},
         {"heat.mkv": ".mkv", "heat.idx": ".idx", "heat.sub": ".sub", "Subs/heat-ro.idx": ".ro.idx",
          "Subs/heat-ro.sub": ".ro.sub"}),
        ({"heat.mkv": GB, "a-en.idx": 1, "a-en.sub": 9, "b-en.sub": 1, "c-en.idx": 1, "c-en.sub": 9},
         {"heat.mkv": ".mkv", "a-en.idx": ".en.idx", "a-en.sub": ".en.sub", "b-en.sub": ".en.2.sub",
          "c-en.idx": ".en.3.idx", "c-en.sub": ".en.3.sub"}),
        ({"heat.mkv": GB, "hi.srt": 1, "en.hi.srt": 1, "heat.hin.sdh.srt": 1},
         {"heat.mkv": ".mkv", "hi.srt": ".hi.srt", "en.hi.srt": ".en.sdh.srt", "heat.hin.sdh.srt": ".hi.sdh.srt"}),
        ({"It.Happened.mkv": GB, "It.Happened.srt": 1}, {"It.Happened.mkv": ".mkv", "It.Happened.srt": ".srt"}),
        ({"grp-ihon.avi": GB, "It Happened One Night.srt": 1},
         {"grp-ihon.avi": ".avi", "It Happened One Night.srt": ".srt"}),
        ({"heat.mkv": GB, "Sample/sample.srt": 1, "heat-sample.srt": 1, "sample.mkv": 1}, {"heat.mkv": ".mkv"}),
        # several parts, discs
        ({"heat.cd1.avi": 700 * MB, "heat.cd2.avi": 700 * MB}, Left.PARTS),
        ({"CD1/heat.avi": 700 * MB, "CD2/heat.avi": 690 * MB}, Left.PARTS),
        ({"CD1/heat-cd1.avi": 700 * MB, "CD2/heat-cd2.avi": 690 * MB, "Sample/heat-sample.avi": 9 * MB}, Left.PARTS),
        ({"heat-part1.avi": 700 * MB, "heat-part2.avi": 100 * MB}, Left.PARTS),
        ({"Heat Disc A.mkv": 7 * GB, "Heat Disc B.mkv": 6 * GB}, Left.PARTS),
        ({"Heat (1 of 2).avi": 700 * MB, "Heat (2 of 2).avi": 700 * MB}, Left.SEVERAL),
        ({"BDMV/index.bdmv": 1, "BDMV/STREAM/00001.m2ts": 40 * GB, "CERTIFICATE/id.bdmv": 1}, Left.DISC),
        ({"HEAT/BDMV/STREAM/00001.m2ts": 40 * GB, "HEAT/BDMV/BACKUP/index.bdmv": 1}, Left.DISC),
        ({"VIDEO_TS/VTS_01_1.VOB": GB, "VIDEO_TS/VIDEO_TS.IFO": 1, "AUDIO_TS/x": 1}, Left.DISC),
        ({"VTS_01_1.VOB": GB, "VIDEO_TS.IFO": 1}, Left.DISC),
        ({"heat.iso": 40 * GB}, Left.DISC),
        ({"heat.img": 4 * GB, "heat.nfo": 1}, Left.DISC),
        ({"heat.mkv": 8 * GB, "Extras/bonus.iso": 4 * GB}, {"heat.mkv": ".mkv"}),
        ({"heat.mkv": 8 * GB, "Covers/disc.img": 1}, {"heat.mkv": ".mkv"}),
        ({"trailer.mkv": 80 * MB, "heat.iso": 40 * GB}, Left.DISC),
        # others as long as a film
        ({"Alien.1979.mkv": 8 * GB, "Aliens.1986.mkv": 9 * GB}, Left.SEVERAL),
        ({"Dune.IMAX.mkv": 8 * GB, "Dune.mkv": 7 * GB}, Left.SEVERAL),
        ({"Interview.With.The.Vampire.mkv": 7 * GB, "Heat.mkv": 8 * GB}, Left.SEVERAL),
        ({"Short.Circuit.2.mkv": 3 * GB, "Short.Circuit.mkv": 4 * GB}, Left.SEVERAL),
        ({"Behind Enemy Lines (2001)/a.mkv": 7 * GB, "Heat/b.mkv": 8 * GB}, Left.SEVERAL),
        ({"28 (2007)/a.mkv": 7 * GB, "28/b.mkv": 8 * GB}, Left.SEVERAL),
        ({"heat.mkv": 8 * GB, "Extras/documentary.mkv": 5 * GB}, {"heat.mkv": ".mkv"}),
        ({"heat.mkv": 8 * GB, "Special Features/Making of.mkv": 5 * GB}, {"heat.mkv": ".mkv"}),
        ({"heat.mkv": 8 * GB, "Bonus Disc 2/a.mkv": 5 * GB}, {"heat.mkv": ".mkv"}),
        ({"heat.mkv": 4 * GB, "heat.remux.mp4": 100 * MB}, {"heat.mkv": ".mkv"}),
        # films that are called so
        ({"Sample.2016.1080p.mkv": 4 * GB}, {"Sample.2016.1080p.mkv": ".mkv"}),
        ({"Sample (2016)/Sample.mkv": 4 * GB}, {"Sample (2016)/Sample.mkv": ".mkv"}),
        ({"Sample/Sample.mkv": 4 * GB, "Sample/Sample-sample.mkv": 40 * MB}, {"Sample/Sample.mkv": ".mkv"}),
        ({"Sample.2016.mkv": 4 * GB, "Sample.2016.en.srt": 1},
         {"Sample.2016.mkv": ".mkv", "Sample.2016.en.srt": ".en.srt"}),
        ({"Free.Samples.2012.mkv": 4 * GB}, {"Free.Samples.2012.mkv": ".mkv"}),
        ({"Sample/sample.mkv": 40 * MB, "heat.nfo": 1}, Left.NO_VIDEO),
        ({"Dune.Part.Two.2024.mkv": 9 * GB}, {"Dune.Part.Two.2024.mkv": ".mkv"}),
        ({"Kill.Bill.Part.1.mkv": 9 * GB, "Sample/s.mkv": 1}, {"Kill.Bill.Part.1.mkv": ".mkv"}),
        ({"CD1.mkv": 4 * GB}, {"CD1.mkv": ".mkv"}),
        ({"Trailer.Park.Boys.mkv": 4 * GB, "x.en.srt": 1}, {"Trailer.Park.Boys.mkv": ".mkv", "x.en.srt": ".en.srt"}),
        ({"The.Interview.2014.mkv": 4 * GB}, {"The.Interview.2014.mkv": ".mkv"}),
        ({"Short Cuts.mkv": 9 * GB}, {"Short Cuts.mkv": ".mkv"}),
        ({"Video_TS The Movie.mkv": 9 * GB}, {"Video_TS The Movie.mkv": ".mkv"}),
    ],
)  # fmt: skip
def test_layouts(files: dict[str, int], expected: dict[str, str] | Left) -> None:
    """As releases of all kinds lay out their files."""
    assert shown(files) == expected


def test_twenty_languages() -> None:
    """YIFY's folder of subtitles."""
    files = {"Heat.1995.1080p.BrRip.x264.YIFY.mp4": 2 * GB}
    files |= {f"Subs/{number}_{name}.srt": 1 for number, name in enumerate(YIFY_LANGUAGES, 2)}
    found = shown(files)
    assert isinstance(found, dict)
    assert [found[f"Subs/{number}_{name}.srt"] for number, name in enumerate(YIFY_LANGUAGES, 2)] == [
        f".{code}.srt" for code in YIFY_CODES
    ]


@pytest.mark.parametrize("name", [
    "Spanish (Latin American)", "Spanish (Castilian)", "es-419", "heat.es-MX", "spa", "es.forced", "European Spanish",
    "Spanish-LATAM", "heat.1995.es",
])  # fmt: skip
def test_spanish(name: str) -> None:
    """A language by its many names."""
    found = shown({"heat.mkv": GB, f"{name}.srt": 1})
    assert isinstance(found, dict)
    assert found[f"{name}.srt"] in {".es.srt", ".es.forced.srt"}


def test_extras_if_asked() -> None:
    """Each goes to the folder that media servers know for it; samples don't, nor what explains extras."""
    files = {
        "Seven.Samurai.1954.Criterion.mkv": 20 * GB,
        "Seven.Samurai.1954.Criterion.en.srt": 1,
        "Extras/Making Of.mkv": GB,
        "Extras/Making Of.en.srt": 1,
        "Extras/Kurosawa Interview.mkv": GB,
        "Extras/Essay.mkv": GB,
        "Featurettes/Restoration.mkv": GB,
        "Deleted Scenes/1.mkv": GB,
        "Behind the Scenes/1.mkv": GB,
        "Trailers/Theatrical.mkv": GB,
        "Seven.Samurai-trailer.mkv": 80 * MB,
        "Teaser.mkv": 80 * MB,
        "Shorts/1.mkv": GB,
        "Sample/sample.mkv": 80 * MB,
    }
    found = shown(files, extras=True)
    assert isinstance(found, dict)
    assert found.pop("Seven.Samurai.1954.Criterion.mkv") == ".mkv"
    assert found.pop("Seven.Samurai.1954.Criterion.en.srt") == ".en.srt"
    assert found == {
        "Extras/Making Of.mkv": "behind the scenes/",
        "Extras/Kurosawa Interview.mkv": "interviews/",
        "Extras/Essay.mkv": "other/",
        "Featurettes/Restoration.mkv": "featurettes/",
        "Deleted Scenes/1.mkv": "deleted scenes/",
        "Behind the Scenes/1.mkv": "behind the scenes/",
        "Trailers/Theatrical.mkv": "trailers/",
        "Seven.Samurai-trailer.mkv": "trailers/",
        "Teaser.mkv": "trailers/",
        "Shorts/1.mkv": "shorts/",
    }
    alone = shown(files)
    assert isinstance(alone, dict)
    assert set(alone) == {"Seven.Samurai.1954.Criterion.mkv", "Seven.Samurai.1954.Criterion.en.srt"}


# --- what holds for all -------------------------------------------------------------------

_PIECES = [
    "Heat", "sample", "Sample", "Subs", "cd1", "cd2", "Extras", "BDMV", "trailer", "en", "ro", "forced", "sdh", "hi", "1995", "",
    "Part 1", "…", "é", "字", "\udcff", "a.b", "proof", "Interview",
]  # fmt: skip
_ENDINGS = [
    "mkv",
    "avi",
    "MKV",
    "mp4",
    "srt",
    "sub",
    "idx",
    "rar",
    "r00",
    "001",
    "iso",
    "nfo",
    "vob",
    "",
    "m2ts",
    "ts",
]
_stems = st.lists(st.sampled_from(_PIECES) | st.text(max_size=4), min_size=1, max_size=3).map(" ".join)
_paths = st.builds(
    lambda folders, stem, ending: "/".join([*folders, f"{stem}.{ending}" if ending else stem]),
    st.lists(_stems, max_size=2), _stems, st.sampled_from(_ENDINGS),
).map(lambda path: "/".join(piece for piece in path.split("/") if piece not in {"", ".", ".."}).replace("\0", "") or "x")  # fmt: skip


@given(
    files=st.dictionaries(_paths, st.integers(0, 50 * GB) | st.sampled_from([0, 1, 700 * MB]), max_size=12),
    with_extras=st.booleans(),
)
def test_every_listing_has_an_answer(files: dict[str, int], with_extras: bool) -> None:
    """It raises nothing; each file is there once and has a place of its own, and the film is the largest."""
    plan = plan_of(files, with_extras=with_extras)
    if isinstance(plan, Left):
        return
    beside = (plan.video, *plan.subtitles)
    paths = [part.path for part in (*beside, *plan.extras)]
    assert len(set(paths)) == len(paths)
    assert set(paths) <= set(files)
    assert len({part.ending.casefold() for part in beside}) == len(beside), beside
    assert all(files[part.path] <= files[plan.video.path] for part in plan.extras)
    assert all("/" not in part.ending for part in beside)


_film_names = st.sampled_from([
    "Heat.1995.mkv", "Sample.2016.mkv", "The.Sample.mkv", "CD1.avi", "Trailer.Park.Boys.mkv", "Deleted.mkv", "A/Sample.mkv",
    "Making.Of.mkv", "Extras.mkv", "Part.2.mkv",
])  # fmt: skip
_sample_names = st.sampled_from([
    "Sample/x.mkv", "sample.mkv", "x-sample.mkv", "x.sample.avi", "Samples/sample-x.mkv", "Proof/x.mp4", "SAMPLE/X.TS",
])  # fmt: skip


@given(
    film=_film_names,
    size=st.integers(300 * MB, 60 * GB),
    samples=st.dictionaries(_sample_names, st.integers(0, 75 * MB), max_size=4),
)
def test_a_sample_is_never_the_film(film: str, size: int, samples: dict[str, int]) -> None:
    """However the film is called."""
    plan = plan_of(samples | {film: size}, with_extras=True)
    assert isinstance(plan, ShelfPlan), plan
    assert plan.video.path == film
    assert not plan.extras


def test_names_of_real_releases() -> None:
    """A release of one file is its film, whatever it is called, with a sample beside it too."""
    if not _NAMES.exists():
        pytest.skip("the names of real releases are not here")
    wrong = []
    for line in _NAMES.read_text(encoding="utf-8").splitlines():
        name = json.loads(line)["name"].strip("/ ")
        stem = name.rpartition(".")[0] if name.endswith((".mkv", ".avi", ".mp4")) else name
        if not stem or any(piece in {"", ".", ".."} for piece in stem.split("/")):
            continue
        film = f"{stem}.mkv"
        beside = {f"{stem}.en.srt": 1, "Sample/sample.mkv": 40 * MB, f"{stem}-sample.mkv": 40 * MB}
        found = shown({film: 8 * GB} | beside)
        if not isinstance(found, dict) or found != {
            film: ".mkv",
            f"{stem}.en.srt": found.get(f"{stem}.en.srt"),
        }:
            wrong.append((name, found))
    assert not wrong, wrong[:20]
