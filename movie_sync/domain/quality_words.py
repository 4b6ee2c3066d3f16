"""The words of picture and sound in release names, by how they are built.

Patterns look at words joined by single blanks. A tag is seldom a fixed word: "NEWCAM", "HQ-CAMRip" and
"CAMRp" are one core with what is put before and behind it. So each kind is written as its core and
the parts that are glued to it, and whatever is built so is known, to the title's end as well.
"""

import re

from movie_sync.domain.word_lists import meanings

_W = r"(?<![a-z0-9])(?:{})(?![a-z0-9])"


def _words(*alternatives: str) -> re.Pattern[str]:
    return re.compile(_W.format("|".join(alternatives)))


# What is glued before a copy from the cinema, and behind most sources.
_NEW = "(?:new|h[qd]|uhd|fhd|clean|true|pre|full){0,2}"
_HIGH = "(?:h[qd]|uhd|fhd|pre|full){0,2}"
_RIP = "(?: ?rips?| ?rp)"
_RAY = "b(?:lu?e?|el) ?rays?"

BAD_SOURCES = (
    ("camera copy", _words(
        rf"{_NEW}cam(?:{_RIP}|hd)?", "camcorder", f"pre ?hd{_RIP}?",
        f"(?:hall|cam|s|theat(?:re|er)) ?print|(?:cinema|theat(?:re|er)){_RIP}",
    )),
    ("telesync", _words(
        f"(?<!video )(?<!mpeg ){_HIGH}ts{_RIP}?", f"{_HIGH}tele ?syn[ck]h?(?:{_RIP}|hd)?",
        f"(?:h[qd])?p(?:re)? ?dvd{_RIP}?",
    )),
    ("telecine", _words(f"(?<!sc ){_HIGH}tc{_RIP}?", f"{_HIGH}tele ?cin[ey]{_RIP}?")),
    ("screener", _words(f"(?:(?:dvd|b[dr]|{_RAY}|web|h[qd]|vhs|digital|fyc) ?)?scr(?:eener)?s?{_RIP}?")),
    ("workprint", _words("wp", "work ?print")),
    ("regional copy", _words(f"r[3-6]{_RIP}?", "regional")),
)  # fmt: skip
# Words that are a person's or a title's as well; see `release_quality`.
BARE = frozenset({"cam", "ts", "tc", "scr", "wp", "hc", "r3", "r4", "r5", "r6", "regional"})
# What may follow them without being a name.
AROUND_BARE = frozenset(
    """
    ads audio blurred clean copy dublado dubbed legendado line new no print quality rip source v1 v2 v3 v4
    """.split()
)

_BLURAY_RIP = (
    f"(?:uhd2?|hd|4k|m|mini|micro|3d)?b(?:r?d|r)(?:{_RIP}| ?light| ?mux)", f"{_RAY}(?:{_RIP}| ?light| ?mux)",
    "m(?:icro)?hd", "(?:uhd|hd|4k) ?light", f"hd ?dvd{_RIP}",
)  # fmt: skip
BLURAY = _words(
    *_BLURAY_RIP, rf"(?:uhd|hd|4k|m|mini|3d)?{_RAY}(?:hd|uhd|3d|full| ?re ?mux)?",
    "(?:uhd2?|hd|4k|mini|3d)?bd(?:hd|uhd|3d|full|mv|r|25|50|66|100)?", "(?:uhd|hd|4k)?b[dr] ?re ?mux(?:ed)?",
    "br ?full", "hd ?dvd", f"uhd{_RIP}",
)  # fmt: skip
_SERVICES = "amzn|nf|netflix|dsnp|hmax|hulu|atvp|pcok|pmtp|crav|itunes|vudu"
# Names that are words as well stand for the service only with what is glued to them: "AmazonHD".
_LONG_SERVICES = f"{_SERVICES}|amazon|disney|hbomax|maxdome|paramount|peacock"
_WEB = _words(
    f"(?:{_LONG_SERVICES}|uhd|hd|fhd|4k|true|hq)?web(?:dl|rip|hd|uhd|mux|remux|cap|light){{0,2}}",
    f"{_SERVICES}|(?:{_LONG_SERVICES})(?:u?hd|fhd|sd|4k|rip)",
    f"(?:vod|dm|fhd|(?:pre|true|web)?hd){_RIP}", f"ppv{_RIP}", "dl(?:rip|mux)",
)  # fmt: skip
_HDTV = _words(f"[auf]?hd ?tv(?:{_RIP}| ?mux)?", f"uhd ?tv{_RIP}?", f"hd ?sat{_RIP}?")
_SDTV = _words("[ps]?dtv", "dsr|dvb|vhs|tv ?mux", f"(?:sat|dvb|dtv|dtt|dsr?|tv|vhs|ld|laser ?disc){_RIP}")
_DVD = _words(
    rf"(?<!pre )(?<!p )(?:pal|ntsc|mini|m|\d{{1,2}}x?)?dvd(?:{_RIP}|full|r|[59])?(?: ?x ?\d)?",
    "dvd ?(?:re ?)?mux",
)
SOURCES = (
    ("Bluray", BLURAY),
    ("WEB", _WEB),
    ("HDTV", _HDTV),
    ("SDTV", _SDTV),
    ("DVD", _DVD),
    ("WEB", _words("ppv")),
)
BLURAY_RIP = _words(*_BLURAY_RIP)
REMUX = _words("(?:(?:bd|uhd|4k|hd|br|dvd|blu ?ray) ?){0,2}re ?mux(?:ed)?")
OTHER_REMUX = re.compile(r"(?<![a-z0-9])(?:web|dvd|hdtv|pal|ntsc)")

DISC = _words(
    "bdmv", "avchd", "bd ?iso", r"(?:uhd ?)?bd ?(?:25|50|66|100)", "uhd ?(?:disc|50|66|100)", "full ?disc",
    f"(?:complete|full) (?:uhd )?{_RAY}", "(?:complete|full) ?(?:uhd ?)?b[dr]", f"{_RAY} (?:disc|iso|full)",
    "b[dr] ?full", "b[dr] ?dis[ck]",
)  # fmt: skip
IMAGE = _words("iso")
# A whole disc too, unless something else says that it was encoded.
DISC_UNLESS_ENCODED = _words(f"complete(?: [a-z0-9]{{1,12}}){{1,2}} (?:{_RAY}|bd)")
DVD_DISC = _words(
    r"(?:\d{1,2} ?x ?|\d|m|pal|ntsc)?dvd[59](?: ?x ?\d)?", r"dvd [59](?! \d)", "m?dvd ?r", "m?dvdr[59]",
    "video ?ts", "full ?dvd", "dvd ?full", "complete (?:pal |ntsc )?dvd", "dvd iso",
)  # fmt: skip
DVD_DISC_UNLESS_ENCODED = _words(
    "(?:pal|ntsc) dvd(?! ?rip)", "dvd (?:pal|ntsc)", "untouched dvd", "dvd untouched"
)

# A fan's regrade counts as well: it is a picture that nobody released.
UPSCALE = _words(
    r"[a-z0-9]{0,20}upscal[a-z]{0,6}", "up ?scaled?", "up ?scaling", "up ?rez(?:zed)?", "up ?res(?:ed)?",
    "ups(?: ?u?hd)?", "up ?convert(?:ed)?", "ai(?:us|up|enhanced?|remaster(?:ed)?|upres|uprez|u?hd|hq|4k)?",
    "re ?grad(?:ed?|ing)", "topaz(?:ai)?", "(?:real ?)?esrgan", "waifu2x",
)  # fmt: skip
HARDSUBS = _words(
    "hc", "hc ?(?:[a-z]{3} ?)?subs?", "hard ?sub(?:s|bed|titles?)?", "hard ?coded(?: ?subs?)?", "kor ?subs?"
)
THREE_D = _words("3d", "(?:h(?:alf)?|f(?:ull)?) ?(?:sbs|ou|tab)", "mvc", "anaglyph", "3dbd", "bd ?3d")

_LINES = r"(?:360|480|540|576|720|900|960|1080|1440|1600|1920|2160|4320)[pi]"
# The letter O, and the Cyrillic letter that looks like a p, stand for what they look like.
LINES = _words(
    r"(?P<lines>[\do]{3,5})[pir](?:\d\d(?:fps)?)?",
    f"(?P<uhd>[48]k[a-z]{{0,9}}|ultra ?hd|(?:{_LONG_SERVICES})?uhd[a-z]{{0,8}})",
    r"m?(?P<bare>720|1080|2160)(?! ?[kmg]i?b)",
    "(?P<full>f(?:ull ?)?hd|hd ?1080|2k|qhd)",
)
# "TC1080P", "BD720p", "3DBluRay": two tags in one word.
_GLUE = re.compile(
    rf"(?<=[a-z])(?={_LINES}(?![a-z0-9]))|(?<=\d\d\d[pi])(?=[a-z]{{2}})|(?<= 3d)(?=[a-z]{{2}})"
    r"|(?<=ray)(?=(?:720|1080|2160)(?![a-z0-9]))"
    r"|(?<= dv)(?=hdr)|(?<= dovi)(?=hdr)|(?<= hdr)(?=dv)|(?<= hdr10)(?=dv)"
)
_GLUED_LINES = re.compile(rf"([a-z]{{2,12}}?){_LINES}|{_LINES}([a-z]{{2,12}})")
PIXELS = _words(r"(\d{3,4}) ?x ?(\d{3,4})")


def unglue(words: str) -> str:
    """Return words joined by blanks with a blank between a resolution and what is glued to it."""
    return _GLUE.sub(" ", f" {words}")[1:]


REVISION = _words(
    r"(?P<real>real (?:proper|repack|rerip))",
    r"(?:proper|repack|rerip)(?:(?P<glued>[2-9])| (?P<number>[23])(?! \d)| (?P<real_behind>real))?",
)
OLD_CODECS = _words("xvid", "divx")
# The codecs as discs carry them; an encode says x264, and a remux says so.
DISC_CODECS = _words("avc", "vc ?1", "mpeg ?2", "mvc")
UHD_DISC_CODECS = _words("hevc")
LOSSLESS = _words(r"true ?hd\d?", r"dts ?hd(?: ?ma)?\d?", r"dts ?x\d?", r"l?pcm\d?")
ENCODED = _words(
    r"[xh] ?26[45]\w{0,4}", f"(?:bd|br|dvd|{_RAY}|web|hd|uhd){_RIP}", "m(?:icro)?hd", "(?:hd|bd) ?light",
    "av1|mkv|mp4|720p|web ?dl",
)  # fmt: skip


# What is shown, and how names write it.
CODECS, HDR, AUDIO, EDITIONS, BIT_DEPTHS = (
    tuple((shown, _words(pattern)) for shown, pattern in meanings(name))
    for name in ("codecs", "hdr", "audio", "editions", "bit depths")
)
DV_PROFILE = _words(
    r"(?:(?:dv|dovi|dolby ?vision) ?)?p(?:rofile ?)?(?P<profile>[4-9])(?: ?\d)?",
    r"(?:dv|dovi)(?P<glued>[578])",
)
SDR = _words("sdr")

# Words of a title that happen to be built so.
_NO_TAGS = frozenset({*BARE, "newts", "topaz", "netflix", "hulu", "itunes", "camcorder", "ai", "ups"})
_BUILT = (*(forms for _, forms in (*BAD_SOURCES, *SOURCES[:-1])), REMUX, DISC, UPSCALE, THREE_D)
_SOURCE = re.compile("|".join(forms.pattern for forms in _BUILT))


def is_built_tag(word: str) -> bool:
    """Tell whether a folded word is built as the name of a source is, though no list may hold it."""
    if word in _NO_TAGS:
        return False
    glued = _GLUED_LINES.fullmatch(word)  # a source and a resolution in one: "tc1080p", "1080pwebrip"
    return bool(_SOURCE.fullmatch(word) or (glued and _SOURCE.fullmatch(glued[1] or glued[2])))
