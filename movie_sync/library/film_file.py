"""Whether a film's file has its content, or only its size.

A torrent client that has little of a film yet may have given its file the full size: as a hole that
takes no room, as room that was never written, or as zeros. None of these is the film.
"""

import errno
import os

from movie_sync.storage.regular_file import open_regular

_PIECE_BYTES = 4096
_LOOKS = 8
_MOST_HOLES = 1000
# Copies leave out what is zeros anyway, such as the padding between the parts of a file.
_HARMLESS_SHARE = 100
# These may begin with zeros; all else begins with what it is.
_IMAGES = (".iso", ".img")


def has_content(path: str) -> bool:
    """Tell whether a film's file seems to be filled from end to end.

    How much room it takes on the disk says nothing on file systems that compress, or that are
    another machine's. So it is looked where the file has holes, of which the largest must be read as
    zeros, since some file systems name what they have not written yet as a hole; and at a few places
    over the whole length, as sound and picture have no long zeros.
    Raises as `open_regular`.
    """
    with open_regular(path) as file:
        descriptor = file.fileno()
        size = os.fstat(descriptor).st_size
        if not size or (_is_zero(descriptor, 0) and not path.lower().endswith(_IMAGES)):
            return False
        middle_of_hole = _large_hole(descriptor, size)
        if middle_of_hole is not None and _is_zero(descriptor, middle_of_hole):
            return False
        zeros = sum(_is_zero(descriptor, size * (2 * look + 1) // (2 * _LOOKS)) for look in range(_LOOKS))
        if zeros != 1:
            return not zeros
        # At one place it may be a gap that belongs there, so as many places more are looked at.
        return not any(_is_zero(descriptor, size * look // (_LOOKS + 1)) for look in range(1, _LOOKS + 1))


def _is_zero(descriptor: int, place: int) -> bool:
    os.lseek(descriptor, place, os.SEEK_SET)
    piece = os.read(descriptor, _PIECE_BYTES)
    return piece.count(0) == len(piece)


def _large_hole(descriptor: int, size: int) -> int | None:
    """Return the middle of the largest hole if the holes are more than padding would leave."""
    if not hasattr(os, "SEEK_HOLE"):
        return None
    end = missing = largest = middle = 0
    try:
        for _ in range(_MOST_HOLES):
            begin = os.lseek(descriptor, end, os.SEEK_HOLE)
            if begin >= size:
                end = size
                break
            try:
                end = os.lseek(descriptor, begin, os.SEEK_DATA)
            except OSError as exc:
                if exc.errno != errno.ENXIO:
                    raise
                end = size  # nothing more till the end
            missing += end - begin
            if end - begin > largest:
                largest, middle = end - begin, (begin + end) // 2
            if end >= size:
                break
    except OSError:  # this file system does not know
        return None
    return middle if missing * _HARMLESS_SHARE > end else None
