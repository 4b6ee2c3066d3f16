"""Title keys: every usual spelling of a title is one key, and no other title is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from movie_sync.domain.titles import title_key

SAME = [
    ("Amélie", "AMELIE"),
    ("Æon Flux", "Aeon.Flux"),
    ("Smultronstället", "Smultronstallet"),
    ("Łódź", "lodz"),
    ("Straße", "strasse"),
    ("După dealuri", "Dupa.dealuri"),
    ("Брат 2", "Brat 2"),
    ("Зеркало", "Zerkalo"),
    ("Ιθάκη", "Ithaki"),
    ("Alien³", "Alien 3"),
    ("8½", "8 1/2"),
    ("Ｖ for Vendetta", "V for Vendetta"),
    ("Batman & Robin", "Batman and Robin"),
    ("Romeo + Juliet", "Romeo.and.Juliet"),
    ("The Matrix", "Matrix, The"),
    ("A Quiet Place", "Quiet Place"),
    ("Ocean's Eleven", "Oceans.11"),
    ("Rocky II", "Rocky 2"),
    ("The Godfather Part II", "Godfather 2"),
    ("Kill Bill: Vol. 2", "Kill.Bill.Volume.II"),
    ("John Wick: Chapter 4", "John Wick - Kapitel 4"),
    ("Mesrine Teil zwei", "Mesrine 2"),
    ("Nineteen Eighty-Four", "1984"),
    ("One Hundred and One Dalmatians", "101 Dalmatians"),
    ("The Sixth Day", "6th Day"),
    ("V/H/S/2", "VHS 2"),
    ("M*A*S*H", "MASH"),
    ("R.I.P.D.", "RIPD"),
    ("WALL·E", "WALL-E"),
    ("Spider-Man", "Spiderman"),
    ("Face/Off", "FaceOff"),
    ("Dr. Strange", "Doctor Strange"),
    ("Kramer vs. Kramer", "Kramer versus Kramer"),
    ("Batman v Superman", "Batman vs Superman"),
    ("Star Wars: Episode V - Empire", "Star Wars 5 Empire"),
]
DIFFERENT = [
    ("Alien", "Aliens"),
    ("9", "Nine"),
    ("Rocky", "Rocky II"),
    ("The Godfather Part II", "The Godfather Part III"),
    ("X", "10"),
    ("1 23", "12 3"),
    ("Rocky V", "Rocky vs"),
    ("R.I.P.D.", "R1PD"),
    ("Fahrenheit 9/11", "Fahrenheit 11/9"),
    ("Malcolm X", "Malcolm"),
    ("M3GAN", "M3GAN 2.0"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_one_title_have_one_key(one, other):
    """Accents, alphabets, articles, "&", numerals, number words and part words do not matter."""
    assert title_key(one).squashed == title_key(other).squashed


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_titles_have_different_keys(one, other):
    """Parts, plurals and whole-title numbers are kept apart."""
    assert title_key(one).squashed != title_key(other).squashed


def test_other_scripts_are_kept():
    """A title in a script that is not spelt in Latin letters is its own key."""
    assert title_key("千と千尋の神隠し").squashed == "千と千尋の神隠し"


def test_a_title_of_an_article_alone_stays():
    """A title that is only an article, or an acronym that begins with one, loses nothing."""
    assert title_key("The").squashed == "the"
    assert title_key("A.I. Artificial Intelligence").squashed.startswith("ai")


@given(st.text(max_size=60))
def test_any_text_has_a_key_without_error(text):
    """No text breaks the folding."""
    key = title_key(text)
    assert " " not in key.squashed


@given(
    st.lists(st.sampled_from("dark city moon ii 12 two naïve über étoile".split()), min_size=1, max_size=5)
)
def test_case_and_separators_never_change_a_key(words):
    """Dots, blanks, underscores, hyphens and capitals are the same title."""
    keys = {title_key(separator.join(words)).squashed for separator in (" ", ".", "_", " - ", "...")}
    keys.add(title_key(" ".join(words).upper()).squashed)
    assert len(keys) == 1
