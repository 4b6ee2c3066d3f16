"""Tell the type of a file by the ending of its name."""

from movie_sync.domain.word_lists import listed

VIDEO_EXTENSIONS = listed("video files")
OTHER_EXTENSIONS = listed("other files")
SUBTITLE_EXTENSIONS = frozenset("srt idx ass ssa sup vtt smi".split())
BOOK_EXTENSIONS = frozenset("pdf epub mobi azw3 cbr cbz m4b".split())
_CONTAINER_EXTENSIONS = frozenset({"torrent", "nzb", "rar"})

_EXTENSIONS = VIDEO_EXTENSIONS | OTHER_EXTENSIONS | _CONTAINER_EXTENSIONS


def split_extension(name: str) -> tuple[str, str]:
    """Return a file name without its extension, and the extension in lower case ("" if it has none)."""
    stem, dot, extension = name.rpartition(".")
    if extension in {"TS", "Ass"}:
        return name, ""  # a telesync, a word of a title: file types are written otherwise
    extension = extension.lower()
    if dot and stem and extension in _EXTENSIONS:
        return stem, extension
    return name, ""
