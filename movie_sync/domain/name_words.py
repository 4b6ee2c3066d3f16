"""What the words of a release or file name mean, as far as they are not its title.

Words are folded (lower case, no accents, cut at every character that is no letter or digit). A word
that can also stand in a title is never decisive alone; `release_name` weighs it by where it stands.
"""

import re
from enum import IntEnum
from functools import lru_cache

from movie_sync.domain.quality_words import is_built_tag


class Sort(IntEnum):
    """What a word is."""

    TITLE = 0
    TECHNICAL = 1  # ends the title wherever it stands: 1080p, x264, bluray
    EDITION = 2  # may follow a title: extended, unrated, imax
    EDITION_NOUN = 3  # takes the words before it along: final CUT, anniversary EDITION
    LANGUAGE = 4  # may follow a title: german, ita, multi
    WEAK = 5  # technical, but a title's word too: web, cam, ts, dv
    GENRE = 6  # stands after a dash or in brackets before a year: (Drama 1969)
    YEAR = 7


TECHNICAL = frozenset(
    """
    4k 8k uhd uhdremux uhdrip bluray bdrip brrip bdremux bdmv bd25 bd50 bd66 bd100 bdr dvdrip dvdr dvd5
    dvd9 dvdscr dvdivx dvdscreener hddvd hddvdrip hdtv hdtvrip hdrip webrip webdl webdlrip webhd webhdrip
    webcap vodrip dmrip tvrip pdtv dsr dsrip dvbrip dvb satrip sdtv dtvrip vhsrip vhs2dvd ppvrip remux remuxed
    hdremux hdcam camrip hdts hdtc telesync telecine hqcam tsrip hdtsrip predvd predvdrip pdvd pdvdrip
    screener bdscr webscreener workprint x264 x265 x266 h264 h265 h266 hevc xvid divx av1 avc vc1 vp9 mpeg2
    mpeg4 8bit 10bit 12bit hi10p hi10 ac3 ac3d eac3 ec3 dts dtshd dtsx dtsma dd5 dd51 dd2 dd20 ddp ddp5 ddp2
    ddp51 ddp7 dda aac aac2 aac5 flac mp3 lpcm pcm truehd atmos vorbis hdr10 hdr10plus hdr10p hlg dovi
    hdlight halfsbs hsbs halfou hou mkv mp4 avi m4v wmv ogm webm m2ts mpg mpeg divx5 kbps mbps
    amzn dsnp hmax atvp pcok pmtp crav hulu vudu itunes imdb imdbid tmdb tmdbid tvdb tvdbid
    repack rerip readnfo nfofix dirfix subforced esub esubs msub msubs multisub multisubs dxva
    rosub rosubbed rosubs rodub rodubbed lektor dubpl subpl napisy napisypl napisypl subpack dubbed subbed
    hardsub hardsubs hardsubbed hardcoded korsub korsubs 48fps 50fps 60fps hfr
    nlsubs dksubs swesub norsub finsub engsub engsubs hebsubs vostfr subfrench truefrench frenchsubs
    microhd m720p m1080p blurayrip brremux
    """.split()
)

EDITION = frozenset(
    """
    extended unrated uncut uncensored theatrical remastered restored restoration anniversary imax redux
    despecialized colorized colourized recut criterion se dc ee ce tc cc fs ws fullscreen widescreen
    limited internal int proper retail hybrid custom rated untouched regraded noir uncompressed fanedit
    collector collectors special ultimate final complete real directors dircut longue
    openmatte om preair festival 35mm 70mm 16mm hq lq uncropped
    """.split()
)
EDITION_NOUNS = frozenset("cut edition version release edit schnittfassung fassung matte collection".split())
EDITION_MODIFIERS = frozenset(
    """
    extended unrated uncut theatrical directors director s final special ultimate anniversary international
    assembly collectors collector limited definitive deluxe criterion original open black chrome longue
    producers roadshow restored remastered rogue alternate alternative fan kino full
    th the integrale la version cinema lang lange long censored uncensored us uk european american
    japanese hong kong premiere tv television super duper
    """.split()
)

LANGUAGES = frozenset(
    """
    english eng en french fra fre fr vf vff vfq vfi vo vost german deutsch deu ger de ita italian italiano
    spanish castellano espanol esp spa latino lat hindi hin tamil tam telugu tel malayalam mal kannada kan
    bengali punjabi marathi urdu rus russian ukr ukrainian pl pol polish plsub plsubbed nordic
    swedish swe norwegian nor danish dan dk finnish fin dutch nl ned flemish hungarian hun czech cz cze
    slovak sk bulgarian bul greek gre turkish tur tr romanian ro rom rum korean kor japanese jap jpn
    chinese chi chs cht mandarin cantonese arabic ara hebrew heb thai vietnamese vie indonesian
    persian farsi portuguese por pt ptbr brazilian catalan cat croatian serbian hrv srp albanian icelandic
    multi multi3 multi4 multi5 dual dualaudio audio audios trio triaudio dl ml dubs sub subs subtitles
    subtitulado subtitulos org auds dubs line ld md
    """.split()
)

WEAK = frozenset(
    """
    web cam ts tc dv dvd hd sd bd br hdr sdr hc 3d 2d sbs ou scr wp r3 r5 r6 nf opus stan rip encode mono
    stereo fix ntsc pal proof iso
    """.split()
)
GENRES = frozenset(
    """
    action adventure animation anime biography comedy crime documentary drama family fantasy horror music
    musical mystery romance romantic scifi sci fi science fiction sport thriller war western noir west
    animazione azione commedia drammatico fantastico orrore
    """.split()
)

# Tags that are as likely a word of the title; without a year in the name they prove nothing.
LOOSE_TAGS = frozenset(
    """
    3d 2d hd final special complete real limited proper internal ultimate retail rated stan opus festival
    om line dual audio org collection edit cut dan fin nor por spa mal tam noir
    """.split()
)
# Tags too, but after a single word perhaps the title's second ("The Good German").
LANGUAGE_ADJECTIVES = frozenset(
    """
    english french german italian spanish russian polish danish greek turkish chinese japanese korean swedish
    norwegian finnish dutch hungarian romanian indonesian latino
    """.split()
)

YEARS = frozenset(str(year) for year in range(1888, 2036))

_MIXED = re.compile(
    r"""
    \d{3,4}[pi](?:\d\d)? | 1[o0]8[o0]p | (?:x|h)26[456] | \d{1,2}bits? | dd[pa]?\+?\d{1,2} | aac\d{0,2}
    | e?ac3\d? | dts\d? | flac\d | hdr\d\w* | ddp?a?\d\w* | \d{3,4}x\d{3,4} | \d{2,3}fps | \d+kbps
    | \d+(?:mb|gb|gib|mib) | 4k\d\d | multi\d | \d+audios? | tt\d{7,8} | bd\d\d | dvd\d | opus\d?
    """,
    re.VERBOSE,
)
_MIXED_EDITION = re.compile(r"\d{1,3}(?:st|nd|rd|th)|v\d{1,2}|cd\d{1,2}|\d(?:cd|dvd)s?|(?:disc|disk)\d")

_SORTS: dict[str, Sort] = {}
for _words, _sort in (
    (GENRES, Sort.GENRE),
    (WEAK, Sort.WEAK),
    (LANGUAGES, Sort.LANGUAGE),
    (EDITION, Sort.EDITION),
    (EDITION_NOUNS, Sort.EDITION_NOUN),
    (TECHNICAL, Sort.TECHNICAL),
    (YEARS, Sort.YEAR),
):
    _SORTS.update(dict.fromkeys(_words, _sort))


def sort_of(word: str) -> Sort:
    """Return what a folded word is."""
    known = _SORTS.get(word)
    if known is not None:
        return known
    if word.isdigit():
        return Sort.TITLE
    if is_built_tag(word):
        return Sort.TECHNICAL
    return Sort.TITLE if word.isalpha() else _sort_of_mixed(word)


@lru_cache(maxsize=512)
def _sort_of_mixed(word: str) -> Sort:
    if _MIXED.fullmatch(word):
        return Sort.TECHNICAL
    if _MIXED_EDITION.fullmatch(word):
        return Sort.EDITION
    return Sort.TITLE


# Two words that are one technical word.
PAIRS = frozenset(
    {
        ("web", "dl"), ("web", "rip"), ("web", "hd"), ("web", "h264"), ("web", "h265"), ("web", "x264"),
        ("web", "x265"), ("blu", "ray"), ("bd", "rip"), ("br", "rip"), ("bd", "remux"), ("dvd", "rip"),
        ("dvd", "r"), ("dvd", "scr"), ("dvd", "5"), ("dvd", "9"), ("hd", "rip"), ("hd", "dvd"),
        ("hd", "ts"), ("hd", "tc"), ("hd", "cam"), ("hd", "tv"), ("cam", "rip"), ("tv", "rip"),
        ("vhs", "rip"), ("vod", "rip"), ("h", "264"), ("h", "265"), ("x", "264"), ("x", "265"),
        ("ac", "3"), ("dts", "hd"), ("dd", "5"), ("dd", "2"), ("ddp", "5"), ("dd", "and"), ("aac", "2"),
        ("aac", "5"), ("e", "ac3"), ("10", "bit"), ("8", "bit"), ("ro", "subbed"), ("ro", "dubbed"),
        ("half", "sbs"), ("half", "ou"), ("h", "sbs"), ("h", "ou"), ("true", "hd"), ("read", "nfo"),
        ("line", "dubbed"), ("vff", "vfq"),
    }
)  # fmt: skip
PAIR_STARTS = frozenset(first for first, _ in PAIRS)

# Words of other languages that hardly stand in an English title: a half of a name that holds one is
# the title in that language.
FOREIGN = frozenset(
    """
    il lo gli della delle dello degli dei di che non con una nel per sul alla ed le les des du et une
    pour dans sur der das den dem des und ein eine einen mit von zum zur im vom los las del y el por
    para en sin su mi lui si din cu pe la sa un na w z nie og och det en av van het een de
    """.split()
)
LANGUAGE_PREFIXES = frozenset("fr en ro de it es pl pt ru nl hu cz".split())
