"""Keeping the memory of a long-running process together, where the C library is glibc."""

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h
_LARGE_BYTES = 65_536


def keep_memory_together() -> None:
    """Let all threads share one heap, and give back what is large or at its end once it is free.

    By default each thread gets a heap of its own, whose free memory no other thread uses. To be called
    before the first thread starts; does nothing with another C library.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    set_option(_M_ARENA_MAX, 1)
    set_option(_M_MMAP_THRESHOLD, _LARGE_BYTES)
    set_option(_M_TRIM_THRESHOLD, _LARGE_BYTES)
