"""File names that are no UTF-8: what they most likely say, and which films an unclear one may be."""

import os

import pytest
from house.films import wanted_film
from hypothesis import given
from hypothesis import strategies as st

from movie_sync.domain.odd_names import likely_names, may_be


@given(st.text(max_size=40))
def test_what_is_text_is_left_as_it_is(name):
    """A name that can be read needs no guess."""
    if not any("\udc80" <= mark <= "\udcff" for mark in name):
        assert likely_names(name) == (name,)


@given(st.binary(max_size=60))
def test_any_bytes_are_text_or_unclear(raw):
    """Whatever the bytes, what is returned has none of them left, and asking does no harm."""
    name = os.fsdecode(raw.replace(b"\0", b""))
    assert all(mark < "\udc80" or mark > "\udcff" for reading in likely_names(name) for mark in reading)
    may_be(wanted_film("Heat", 1995), name)


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (b"Am\xe9lie (2001)", "cp1252"),
        (b"\xcd\xee\xf7\xed\xee\xe9 (2004)", "cp1251"),
        (b"8\xbd (1963)", "cp1252"),
    ],
)
def test_the_right_reading_is_among_few(raw, encoding):
    """Most encodings make no words of another one's bytes."""
    readings = likely_names(os.fsdecode(raw))
    assert raw.decode(encoding) in readings
    assert len(readings) <= 6


def test_a_long_unclear_name_is_no_work():
    """Many unreadable bytes between letters are held against a long title at once."""
    name = os.fsdecode(b"\xff\x81\x8da" * 60)
    assert not may_be(wanted_film("a" * 150 + "b", 1995), name)
    assert may_be(wanted_film("ba" * 60, 1995), name)


def test_an_unclear_name_that_says_nothing_holds_up_no_film():
    """Without a year or letters that can be read it may be anything."""
    name = os.fsdecode(b"\xff\xfe\x80\x81.mkv")
    assert likely_names(name) == ()
    assert not may_be(wanted_film("Heat", 1995), name)
