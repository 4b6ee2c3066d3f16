"""Read which languages are spoken in a release; languages of subtitles are not."""

import re
from collections.abc import Sequence

_NAMES = {
    "Romanian": "romanian romana rom rum",
    "Multi": "multi multi2 multi3 multi4 multi5 multi6 dual dualaudio dl ml",
    "French": "french truefrench francais fre fra vf vff vfq vfi vf2",
    "VOSTFR": "vostfr subfrench",
    "German": "german deutsch ger deu",
    "Italian": "italian italiano ita",
    "Spanish": "spanish castellano espanol esp spa latino",
    "Hindi": "hindi hin",
    "Tamil": "tamil tam",
    "Telugu": "telugu tel",
    "Malayalam": "malayalam mal",
    "Kannada": "kannada kan",
    "Bengali": "bengali",
    "Punjabi": "punjabi",
    "Marathi": "marathi",
    "Urdu": "urdu",
    "Russian": "russian rus",
    "Ukrainian": "ukrainian ukr",
    "Polish": "polish pl pol lektor",
    "Hungarian": "hungarian hun",
    "Czech": "czech cz cze",
    "Slovak": "slovak",
    "Bulgarian": "bulgarian bgaudio",
    "Greek": "greek gre",
    "Turkish": "turkish tur",
    "Portuguese": "portuguese portugues brazilian por ptbr",
    "Dutch": "dutch",
    "Flemish": "flemish",
    "Nordic": "nordic",
    "Swedish": "swedish svensk swe",
    "Norwegian": "norwegian norsk nor",
    "Danish": "danish dansk dan",
    "Finnish": "finnish fin",
    "Icelandic": "icelandic",
    "Catalan": "catalan cat",
    "Croatian": "croatian",
    "Serbian": "serbian",
    "Arabic": "arabic ara",
    "Hebrew": "hebrew heb",
    "Persian": "persian farsi",
    "Thai": "thai tha",
    "Vietnamese": "vietnamese",
    "Indonesian": "indonesian",
    "Japanese": "japanese jpn jap",
    "Korean": "korean kor",
    "Chinese": "chinese mandarin cantonese chs cht chi",
    "English": "english ingles eng",
}
_LANGUAGES = {word: name for name, words in _NAMES.items() for word in words.split()}
_ORDER = {name: place for place, name in enumerate(_NAMES)}
# Abbreviations that are words as well: they count beside another language only.
_BESIDE_ANOTHER = frozenset(
    "ara cat chi dan fin gre heb kan mal nor pol por rom rum swe tam tel tha tur".split()
)
_SHORT_NAMES = frozenset("ro en pl de fr es it nl se dk cz hu ru gr tr pt bg".split())

_SUBTITLES = frozenset(
    """
    sub subs subbed subtitle subtitles subtitled softsub softsubs softsubbed subtitulos subtitulado
    sottotitoli untertitel legendas legendado napisy
    """.split()
)
_JOINING = frozenset({"and", "plus"})
_DUB = re.compile(r"(?:dub(?:bed)?)?([a-z]{2,9}?)(?:dub(?:bed|s)?|lek)?")
_ROMANIAN_SUBTITLES = re.compile(r"ro(?:sub(?:s|bed|bes)?)|subtitrat[ae]?|subtitrare|subro")
_ROMANIAN = frozenset({"ro", "romanian", "romana"})
_BEFORE_DOWNLOAD = frozenset({"web", "itunes", "amzn", "nf"})
_GLUED_SUBTITLES = re.compile(r"[a-z]{0,5}sub(?:s|bed)?|napisy[a-z]{2}")
_TOKEN = re.compile(r"[a-z0-9]+|[\[\](){}|]")


def read_languages(text: str) -> tuple[str, ...]:
    """Return the languages that a folded text names as spoken, in the order of the table above.

    "Multi" stands for several without names; "RoDubbed", "RoSubbed" and "VOSTFR" are what they say.
    """
    words = _TOKEN.findall(text)
    found = [_meaning(words, index) for index in range(len(words))]
    for index, word in enumerate(words):
        if word in _SUBTITLES:
            _mark_subtitles(words, found, index)
    spoken = [name for index, name in enumerate(found) if name and not _is_lonely(words, found, index)]
    return tuple(sorted(set(spoken), key=lambda name: (_ORDER.get(name, -1), name)))


def is_beside_language(words: Sequence[str], index: int) -> bool:
    """Tell whether the word before this one is a language, as in "German Subbed" and "Multi-Subbed"."""
    before = words[index - 1] if index else ""
    return before in _LANGUAGES or before in _SHORT_NAMES or before in {"soft", "multi"}


def is_language_word(word: str) -> bool:
    """Tell whether a folded word is a language, its sound or its subtitles, also glued ("napisypl")."""
    return bool(
        word in _LANGUAGES
        or word in _SUBTITLES
        or _ROMANIAN_SUBTITLES.fullmatch(word)
        or _dubbed(word)
        or _GLUED_SUBTITLES.fullmatch(word)
    )


def _meaning(words: Sequence[str], index: int) -> str:
    word = words[index]
    before = words[index - 1] if index else ""
    behind = words[index + 1] if index + 1 < len(words) else ""
    if word == "dl" and before in _BEFORE_DOWNLOAD:
        return ""
    if _ROMANIAN_SUBTITLES.fullmatch(word):
        return "RoSubbed"
    if word == "dublat" or (word in _ROMANIAN and behind in {"dub", "dubbed"}):
        return "RoDubbed"
    if word in _LANGUAGES:
        return _LANGUAGES[word]
    return _dubbed(word)


def _dubbed(word: str) -> str:
    """Return what a language glued to "dub" means: "dubpl", "rodubbed", "hindidubbed"."""
    if "dub" not in word and not word.endswith("lek") and not word.startswith("lek"):
        return ""
    found = _DUB.fullmatch(word.replace("lek", "dub"))
    language = found[1] if found else ""
    if language == "ro":
        return "RoDubbed"
    return _LANGUAGES.get(language, "")


def _mark_subtitles(words: Sequence[str], found: list[str], index: int) -> None:
    """Take out the languages of subtitles: those behind the word, else the one before it."""
    place = index + 1
    romanian = False
    while place < len(words) and (_is_language(words, found, place) or words[place] in _JOINING):
        romanian = romanian or words[place] in _ROMANIAN
        found[place] = ""
        place += 1
    if place > index + 1:
        found[index] = "RoSubbed" if romanian else ""
        return
    place = index - 1
    while place >= 0 and words[place] in {"forced", "full", "hardcoded"}:
        place -= 1
    while place >= 0 and _is_language(words, found, place):
        romanian = romanian or words[place] in _ROMANIAN
        found[place] = ""
        place -= 2
        if place + 1 < 0 or words[place + 1] not in _JOINING:
            break
    found[index] = "RoSubbed" if romanian else ""


def _is_language(words: Sequence[str], found: Sequence[str], index: int) -> bool:
    if words[index] in {"dl", "ml", "dual", "dublat"} or found[index] in {"VOSTFR", "RoDubbed", "RoSubbed"}:
        return False
    return bool(found[index]) or words[index] in _SHORT_NAMES


def _is_lonely(words: Sequence[str], found: Sequence[str], index: int) -> bool:
    """Tell whether an abbreviation that is a word as well stands without another language beside it."""
    if words[index] not in _BESIDE_ANOTHER:
        return False
    for step in (-1, 1):
        place = index + step
        while 0 <= place < len(words) and words[place] in _JOINING:
            place += step
        if 0 <= place < len(words) and found[place]:
            return False
    return True
