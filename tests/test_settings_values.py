"""How single values are read and shown."""

import json

import pytest

from movie_sync.services.letterboxd.service import letterboxd_name
from movie_sync.settings.values import UnusableValue, shown, web_address


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("anna", "anna"),
        (" https://letterboxd.com/Anna_1/ ", "Anna_1"),
        ("letterboxd.com/anna", "anna"),
        ("http://www.letterboxd.com/anna/watchlist/page/2/?x#y", "anna"),
    ],
)
def test_letterboxd_names(text: str, name: str) -> None:
    """A username may be pasted as an address."""
    assert letterboxd_name(text) == name


@pytest.mark.parametrize(
    "text", ["", "anna b", "ann@", "ännä", "https://example.org/anna", "letterboxd.com/"]
)
def test_what_is_no_letterboxd_name(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(UnusableValue):
        letterboxd_name(text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("so\u0219n", '"so\u0219n"'),
        (5, "5"),
        (True, "true"),
        (None, "null"),
        (float("nan"), "not a number"),
        (10**400, "a huge number"),
        ([5, 1], "[5, 1]"),
        ({"a": "\u202eb"}, '{"a": "?b"}'),
        (["x" * 60], "a list"),
        (["my password: abc"], "a list"),
        ({"passkey": "0123456789abcdef0123456789abcdef"}, "an object"),
        ("\x1b[31m\n\u202ered", '"?[31m??red"'),
        ("https://anna:word@example.org", "a hidden value"),
        ("https://example.org/?passkey=abc", "a hidden value"),
        ("my password: abc", "a hidden value"),
        ("0123456789abcdef0123456789abcdef", "a hidden value"),
    ],
)
def test_values_in_messages(value: object, expected: str) -> None:
    """A value stands in a message readably, in one line, without escapes and secrets."""
    assert shown(value) == expected


def test_long_values_in_messages() -> None:
    """A long text is cut."""
    assert len(json.loads(shown("long words " * 1000))) < 70


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ftp://localhost",
        "http://",
        "http://localhost:port",
        "http://[::1",
        "/x",
        "localhost:8080",
        "http://tester:word@localhost:8080",
        "http://localhost/?x=1",
        "http://localhost/#/torrents",
    ],
)
def test_what_is_no_address_of_a_service(text: str) -> None:
    """No client is ever given one; a password in it is not repeated."""
    with pytest.raises(UnusableValue) as caught:
        web_address(text)
    assert "word" not in str(caught.value)
