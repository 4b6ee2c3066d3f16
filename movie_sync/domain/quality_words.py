"""The words of picture and sound in release names, as patterns over words joined by single blanks."""

import re

_W = r"(?<![a-z0-9])(?:{})(?![a-z0-9])"


def _words(*alternatives: str) -> re.Pattern[str]:
    return re.compile(_W.format("|".join(alternatives)))


LINES = _words(
    r"(?P<lines>\d{3,4})[pi](?:\d\d)?",
    r"(?P<misspelt>1[o0]8[o0]p)",
    "(?P<uhd>4k|uhd|ultra ?hd)",
    r"m(?P<m>720|1080)p",
)
PIXELS = _words(r"(\d{3,4}) ?x ?(\d{3,4})")
BAD_SOURCES = (
    ("camera copy", _words("cam", "camrip", "hd ?cam(?:rip)?", "hq ?cam(?:rip)?", "cam rip", "camhd")),
    (
        "telesync",
        _words(
            "ts",
            "tsrip",
            "hd ?ts(?:rip)?",
            "telesync",
            "hq ?ts",
            "pdvd(?:rip)?",
            "pre ?dvd(?:rip)?",
            "p ?dvd",
        ),
    ),
    ("telecine", _words("tc", "hd ?tc(?:rip)?", "telecine")),
    (
        "screener",
        _words(
            "scr",
            "screener",
            "dvd ?scr(?:eener)?",
            "bd ?scr(?:eener)?",
            "web ?scr(?:eener)?",
            "hd ?scr",
            "scr ?rip",
        ),
    ),
    ("workprint", _words("wp", "workprint")),
    ("regional copy", _words("r[3-6]", "regional", "dvd ?r[3-6]")),
)
HARDSUBS = _words(
    "hc",
    "hcsubs?",
    "hard ?sub(?:s|bed)?",
    "hard ?coded(?: subs?)?",
    "kor ?subs?",
    "hc ?(?:eng|chs|kor)?subs?",
)
THREE_D = _words(
    "3d", "h(?:alf)? ?sbs", "h(?:alf)? ?ou", "full ?sbs", "fsbs", "bd3d", "bluray3d", "mvc", "anaglyph"
)
UPSCALE = _words("(?:ai ?)?up ?scaled?", "upscaling", "ai enhanced", "ai upres", "upres", "aiu")
REMUX = _words("remux(?:ed)?", "(?:bd|uhd|hd|br|dvd) ?remux")
DISC = _words(
    "bdmv", "complete (?:uhd )?blu ?ray", "full (?:uhd )?blu ?ray", "bd ?(?:25|50|66|100)", "bdiso",
    "blu ?ray (?:disc|iso)",
    "avchd", "full ?(?:bd|disc)", "uhd ?(?:bd|disc)"
)  # fmt: skip
DVD_DISC = _words(
    "dvd ?[59]",
    "dvd ?r",
    "video ?ts",
    "full ?dvd",
    "(?:pal|ntsc) dvd",
    "dvd (?:pal|ntsc|iso)",
    "complete dvd",
)
BLURAY_RIP = _words("b[dr] ?rip", "blu ?ray ?rip", "microhd", "hdlight", "hd ?dvd ?rip")
BLURAY = _words(
    "blu ?ray",
    "bd(?!iso)",
    "b[dr] ?rip",
    "blu ?ray ?rip",
    "hd ?dvd(?:rip)?",
    "bd ?remux",
    "uhd ?rip",
    "microhd",
    "hdlight",
)
WEB = _words(
    "web ?dl(?:rip)?", "web ?rip", "web ?hd", "web", "webcap", "amzn", "nf", "dsnp", "hmax", "hulu", "atvp",
    "pcok",
    "pmtp", "crav", "itunes", "vod ?rip", "dmrip", "hd ?rip", "ppv(?:rip)?"
)  # fmt: skip
HDTV = _words("hd ?tv(?:rip)?", "hdtvrip", "uhdtv")
SDTV = _words(
    "sdtv",
    "pdtv",
    "dsr(?:ip)?",
    "ds ?rip",
    "tv ?rip",
    "dvb(?:rip)?",
    "sat ?rip",
    "dtv(?:rip)?",
    "vhs ?rip",
    "vhs",
)
DVD = _words("dvd ?rip", "dvd", "dvd ?mux")
REVISIONS = (
    (2, _words("real proper", r"proper ?[23]", r"repack ?[23]", r"rerip ?[23]")),
    (1, _words("proper", "repack", "rerip")),
)
CODECS = (
    ("AV1", _words("av1")),
    ("x265", _words("x ?265", "h ?265", "hevc")),
    ("x264", _words("x ?264", "h ?264", "avc")),
    ("VC-1", _words("vc ?1")),
    ("MPEG-2", _words("mpeg ?2")),
    ("XviD", _words("xvid", "divx")),
)
HDR = (
    ("DV", _words("dv", "dovi", "dolby ?vision", "dv p?[578]")),
    ("HDR10+", _words("hdr10 ?(?:plus|p)", "hdr10 and")),
    ("HDR", _words("hdr", "hdr10(?! (?:plus|and|p))", "pq10")),
    ("HLG", _words("hlg")),
)
AUDIO = (
    ("Atmos", _words("atmos")),
    ("TrueHD", _words("true ?hd(?:\\d)?")),
    ("DTS:X", _words("dts ?x(?:\\d)?")),
    ("DTS-HD", _words("dts ?hd ?ma", "dts ?ma", "dts ?hd(?: hra?)?", "dtsma")),
    ("DTS", _words(r"dts(?! ?(?:hd\w*|x\d?|ma)\b)")),
    ("DD+", _words("ddpa?\\d?", "dd and", "e ?ac ?3(?: \\d)?", "ddp ?\\d+", "ddpa")),
    ("DD", _words("dd(?! and)", "dd ?\\d+", "ac ?3\\w?")),
    ("FLAC", _words("flac ?\\d?")),
    ("PCM", _words("l?pcm")),
    ("AAC", _words("aac ?\\d?")),
    ("Opus", _words("opus")),
    ("MP3", _words("mp3")),
)
LANGUAGES = (
    ("RoDubbed", _words("ro ?dub(?:bed)?", "dublat(?: ro)?", "romanian dub(?:bed)?")),
    ("RoSubbed", _words("ro ?sub(?:bed|s)?", "rosub", "subtitrat(?: ro)?")),
    ("Romanian", _words("romanian", "romana")),
    ("Multi", _words("multi\\d?", "dual(?: ?audio)?", "(?<!web )dl", "ml")),
    ("French", _words("french", "truefrench", "vff", "vfq", "vfi", "vf2?")),
    ("VOSTFR", _words("vostfr", "subfrench")),
    ("German", _words("german", "deutsch", "ger")),
    ("Italian", _words("italian", "ita")),
    ("Spanish", _words("spanish", "castellano", "esp", "spa", "latino")),
    ("Hindi", _words("hindi", "hin")),
    ("Russian", _words("russian", "rus")),
    ("Polish", _words("polish", "pl", "lektor", "dubpl")),
    ("Hungarian", _words("hungarian", "hun")),
    ("Japanese", _words("japanese", "jpn", "jap")),
    ("Korean", _words("korean", "kor")),
    ("Chinese", _words("chinese", "mandarin", "cantonese", "chs", "chi")),
    ("Nordic", _words("nordic")),
    ("English", _words("english", "eng")),
)

SOURCES = (("Bluray", BLURAY), ("WEB", WEB), ("HDTV", HDTV), ("SDTV", SDTV), ("DVD", DVD))
OTHER_REMUX = re.compile(r"(?<![a-z0-9])(?:web|dvd|hdtv)")
OLD_CODECS = _words("xvid", "divx")
# The codecs as discs carry them; an encode says x264, and a remux says so.
DISC_CODECS = _words("avc", "vc ?1", "mpeg ?2", "mvc")
UHD_DISC_CODECS = _words("hevc")
LOSSLESS = _words("true ?hd", "dts ?hd(?: ?ma)?", "dts ?x", "l?pcm")
ENCODED = _words(
    "[xh] ?26[45]",
    "av1",
    "(?:bd|br|dvd|blu ?ray|web|hd|uhd) ?rip",
    "mkv",
    "mp4",
    "720p",
    "microhd",
    "hdlight",
    "web ?dl",
)
