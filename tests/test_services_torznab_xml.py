"""The XML of Torznab answers, whatever comes: what is read, what is put right, and what is refused."""

import contextlib
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from movie_sync.services.torznab.answer_xml import Flaw, UnreadableError, read_elements

BOMB = (
    '<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "aaaaaaaaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 16}">' for n in range(9))
    + "]><rss><channel><item><title>&j;</title></item></channel></rss>"
).encode()
OUTSIDE = b'<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss>&x;</rss>'
PARAMETER = b'<!DOCTYPE rss [<!ENTITY % x SYSTEM "http://127.0.0.1:1/"> %x;]><rss/>'
QUADRATIC = b'<!DOCTYPE r [<!ENTITY a "' + b"x" * 50_000 + b'">]><r>' + b"&a;" * 20_000 + b"</r>"


def flaw_of(body: bytes) -> Flaw:
    """Return why a body can't be read."""
    with pytest.raises(UnreadableError) as caught:
        list(read_elements(body))
    return caught.value.flaw


def text_of(body: bytes) -> str:
    """Return the text of the root."""
    return list(read_elements(body))[-1].text


def test_elements_come_at_their_ends_with_path_attributes_and_text() -> None:
    """The names are in lower case; a prefix that matters stays, that of `attr` does not count."""
    body = b"""<RSS version="2.0"><channel><atom:link href="x" /><item><title> Heat </title>
        <torznab:attr name="size" value="1" /><newznab:attr NAME="a" value="2" /></item></channel></RSS>"""
    found = [(each.path[-1], dict(each.attributes), each.text) for each in read_elements(body)]
    assert found == [
        ("atom:link", {"href": "x"}, ""),
        ("title", {}, "Heat"),
        ("attr", {"name": "size", "value": "1"}, ""),
        ("attr", {"name": "a", "value": "2"}, ""),
        ("item", {}, ""),
        ("channel", {}, ""),
        ("rss", {"version": "2.0"}, ""),
    ]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<a>é</a>".encode(), "é"),
        ("\ufeff<a>é</a>".encode(), "é"),
        ('<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>'.encode(), "é"),
        ('<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>'.encode("latin-1"), "é"),
        ("<?xml version='1.0' encoding='windows-1250'?><a>ş</a>".encode("cp1250"), "ş"),
        ('<?xml version="1.0" encoding="utf-16"?><a>é</a>'.encode("utf-16"), "é"),
        ('<?xml version="1.0" encoding="iso-8859-12"?><a>é</a>'.encode("latin-1"), "\ufffd"),
        ('<?xml version="1.0" encoding="zlib"?><a>é</a>'.encode("latin-1"), "\ufffd"),
        (b'<?xml version="1.0" encoding="EBCDIC"?><a>b</a>', "b"),
        (b"<a>\xff\xfe\xc3</a>", "\ufffd" * 3),
    ],
)
def test_encodings(body: bytes, text: str) -> None:
    """What is UTF-8 is read so, whatever is declared; else what is declared counts, if it is an ordinary one."""
    assert text_of(body) == text


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ("Tom & Jerry", "Tom & Jerry"),
        ("a&b=c&amp;d", "a&b=c&d"),
        ("Am&eacute;lie&nbsp;&nope;", "Amélie\xa0&nope;"),
        ("a\x00\x0b\x1fb", "a   b"),
        ("&#0;&#x1F;&#xD800;&#9999999;&#65;&#x42;", "AB"),
        ("<![CDATA[<b> & &amp; ]]]]> &amp; x", "<b> & &amp; ]] & x"),
        ("&lt;&gt;&quot;&apos;&", "<>\"'&"),
    ],
)
def test_what_feeds_have_wrong(inside: str, text: str) -> None:
    """It is put right, in text and in attributes, and CDATA stays as it is."""
    assert text_of(f"<a>{inside}</a>".encode()) == text
    if "CDATA" not in inside:
        (element,) = read_elements(f'<a b="{inside}" />'.encode())
        assert element.attributes["b"].strip() == text.replace("\xa0", "\xa0").strip()


@pytest.mark.parametrize(
    ("body", "flaw"),
    [
        (b"", Flaw.EMPTY),
        (b" \r\n", Flaw.EMPTY),
        (b"\xef\xbb\xbf", Flaw.EMPTY),
        (b"Prowlarr is starting up", Flaw.BROKEN),
        (b'{"error": "x"}', Flaw.BROKEN),
        (b"<rss><channel><item><title>He", Flaw.BROKEN),
        (b"<rss/><rss/>", Flaw.BROKEN),
        (b'<a b="1<2" />', Flaw.BROKEN),
        (b"<!DOCTYPE html><html><body>Log in</body></html>", Flaw.HTML),
        (b"\n<!-- a page --><HTML><p>", Flaw.HTML),
        (BOMB, Flaw.DOCUMENT_TYPE),
        (OUTSIDE, Flaw.DOCUMENT_TYPE),
        (PARAMETER, Flaw.DOCUMENT_TYPE),
        (QUADRATIC, Flaw.DOCUMENT_TYPE),
        (b"<!DOCTYPE rss><rss/>", Flaw.DOCUMENT_TYPE),
        (b"<a>" * 40, Flaw.TOO_MUCH),
        (b"<a>" + b"<b/>" * 200_000 + b"</a>", Flaw.TOO_MUCH),
        (b"<a>" + b"&" * 200_000 + b"</a>", Flaw.TOO_MUCH),
        (b"<a " + b" ".join(b'x%d=""' % n for n in range(50_000)) + b"/>", Flaw.TOO_MUCH),
        (b"<!--" + b"-" * 1_000_000, Flaw.BROKEN),
        (b"<!--" + b"x" * 1_000_000, Flaw.TOO_MUCH),
        (b"<![CDATA[" * 100_000, Flaw.BROKEN),
    ],
    ids=lambda value: repr(value[:20]) if isinstance(value, bytes) else value.name.lower(),
)
def test_what_is_refused(body: bytes, flaw: Flaw) -> None:
    """Each with its kind, in no time and next to no memory."""
    assert flaw_of(body) is flaw


def test_a_bomb_costs_nothing() -> None:
    """Neither bombs of entities nor two megabytes of tags or text take more than a few megabytes."""
    flat = b"<a>" + b"<b c='d'/>" * 190_000 + b"</a>"
    tracemalloc.start()
    for body in (BOMB, QUADRATIC, flat, b"<a>" + b"x" * 2_000_000 + b"</a>"):
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        try:
            for _ in read_elements(body):
                pass
        except UnreadableError:
            pass
        assert tracemalloc.get_traced_memory()[1] - before < 6_000_000
    tracemalloc.stop()


def test_text_is_kept_as_far_as_anybody_reads_it() -> None:
    """A description may be long; what is behind its first eight thousand characters is dropped."""
    assert len(text_of(b"<a>" + b"&amp;x" * 50_000 + b"</a>")) == 8_192


XML_PIECES = st.sampled_from(
    ["<rss>", "</rss>", "<item>", "<a b='", "'/>", "<![CDATA[", "]]>", "&", "&amp;", "&#0;", "<!--", "-->"]
)


@given(st.one_of(st.binary(max_size=300), st.lists(st.one_of(XML_PIECES, st.text(max_size=5))).map("".join)))
def test_any_bytes_are_read_or_refused(body: bytes | str) -> None:
    """Nothing but `UnreadableError` comes out."""
    with contextlib.suppress(UnreadableError):
        list(read_elements(body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")))
