"""The XML of an answer as a stream of elements, whatever comes.

No tree is built, no entity is expanded and no document type is accepted; the number of elements, their
depth and the size of each tag are bounded. What feeds often have wrong is put right first: characters
that XML forbids, a bare `&`, entities of HTML, a declared encoding that is not the real one. Names
count without their prefix's meaning, as feeds also use prefixes that they never declare.
"""

import codecs
import re
import sys
import xml.sax
import xml.sax.handler
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from html.entities import name2codepoint
from xml.sax.xmlreader import AttributesImpl, IncrementalParser

from defusedxml.common import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser

_MAX_DEPTH = 16
_MAX_ELEMENTS = 100_000  # a thousand releases have a third of it
_MAX_REFERENCES = 50_000  # each costs a hundred bytes for a moment, and a release has about thirty
_MAX_TAG_CHARS = 65_536
_MAX_TEXT_CHARS = 8_192
_PIECE_CHARS = 8_192
_DECLARED = re.compile(
    rb"""^\s*<\?xml[^>]{0,100}encoding\s*=\s*["']((?:iso-8859-\d{1,2})|windows-125\d)["']""", re.IGNORECASE
)
_HTML = re.compile(
    r"\s*(?:<!--.{0,2000}?-->\s*)?<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# A section of CDATA is to stay as it is, and so are the references that XML itself knows.
_DOUBTFUL = re.compile(
    r"<!\[CDATA\[(?:[^\]]|\](?!\]>))*+"
    r"|&(?!(?:amp|lt|gt|quot|apos);)(?:#(?P<number>[0-9]{1,7}|x[0-9a-fA-F]{1,6});|(?P<name>[A-Za-z0-9]{2,8});)?"
)


class Flaw(StrEnum):
    """Why an answer is no XML that can be read."""

    EMPTY = "nothing"
    HTML = "a web page"
    DOCUMENT_TYPE = "XML with a document type, which isn't accepted"
    TOO_MUCH = "far too much XML"
    BROKEN = "incomplete XML"


class UnreadableError(ValueError):
    """An answer that is no XML of ours; `flaw` says why."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.value)
        self.flaw = flaw


@dataclass(frozen=True, slots=True)
class Element:
    """An element at its end. `path` leads to it from the root; `text` is its own, trimmed."""

    path: tuple[str, ...]
    attributes: Mapping[str, str]
    text: str


def read_elements(body: bytes) -> Iterator[Element]:
    """Yield the elements of an answer in the order of their ends, the root last.

    Names of elements and attributes are in lower case; a prefix stays where it is known to matter
    (`atom:link` is no `link`), but any `...:attr` is `attr`.

    Raises:
        UnreadableError: it is no whole XML document, or one that nobody sends in earnest. It may come
            after some elements: nothing may be concluded from those.
    """
    text = _decoded(body)
    if not text.strip():
        raise UnreadableError(Flaw.EMPTY)
    if _HTML.match(text):
        raise UnreadableError(Flaw.HTML)
    if text.count("&") > _MAX_REFERENCES:
        raise UnreadableError(Flaw.TOO_MUCH)
    yield from _parsed(_DOUBTFUL.sub(_repaired, _FORBIDDEN.sub(" ", text)))


def _decoded(body: bytes) -> str:
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return body.decode("utf-16", errors="replace")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        declared = _DECLARED.match(body)
    try:
        return body.decode(declared[1].decode().lower() if declared else "utf-8-sig", errors="replace")
    except LookupError:  # there is no iso-8859-12
        return body.decode("utf-8-sig", errors="replace")


def _repaired(match: re.Match[str]) -> str:
    found = match[0]
    if match["name"]:
        code = name2codepoint.get(match["name"])
        return f"&amp;{found[1:]}" if code is None else f"&#{code};"
    if match["number"]:
        digits = match["number"]
        code = int(digits[1:], 16) if digits[0] == "x" else int(digits)
        is_allowed = code <= sys.maxunicode and not _FORBIDDEN.match(chr(code))
        return found if is_allowed else " "
    return "&amp;" if found == "&" else found


def _parsed(text: str) -> Iterator[Element]:
    parser: IncrementalParser = DefusedExpatParser(forbid_dtd=True)
    collector = _Collector()
    parser.setContentHandler(collector)
    flaw = None
    for start in range(0, len(text), _PIECE_CHARS):
        piece = text[start : start + _PIECE_CHARS]
        collector.silence += len(piece)
        try:
            parser.feed(piece)
            if start + _PIECE_CHARS >= len(text):
                parser.close()
        except DefusedXmlException:
            flaw = Flaw.DOCUMENT_TYPE
        except UnreadableError as exc:
            flaw = exc.flaw
        except xml.sax.SAXException:
            flaw = Flaw.BROKEN
        if flaw is None and collector.silence > _MAX_TAG_CHARS:
            flaw = Flaw.TOO_MUCH
        if flaw is not None:
            break
        yield from collector.finished
        collector.finished.clear()
    if flaw is not None:  # out here, so that the parser's error, which quotes the answer, is not its context
        raise UnreadableError(flaw)


@dataclass(slots=True)
class _Open:
    """An element that has not ended. `room` is how much more of its text is kept."""

    path: tuple[str, ...]
    attributes: Mapping[str, str]
    pieces: list[str]
    room: int = _MAX_TEXT_CHARS


class _Collector(xml.sax.handler.ContentHandler):
    """Collects what has ended. `silence` counts the characters since the parser last told of something."""

    def __init__(self) -> None:
        super().__init__()
        self.finished: list[Element] = []
        self.silence = 0
        self._open: list[_Open] = []
        self._elements = 0

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802 - the base class's name
        """Open an element."""
        self.silence = 0
        self._elements += 1
        if self._elements > _MAX_ELEMENTS or len(self._open) >= _MAX_DEPTH:
            raise UnreadableError(Flaw.TOO_MUCH)
        name = name.lower()
        path = (*(self._open[-1].path if self._open else ()), "attr" if name.endswith(":attr") else name)
        self._open.append(_Open(path, {key.lower(): value for key, value in attrs.items()}, []))

    def endElement(self, name: str) -> None:  # noqa: ARG002, N802 - the base class's name
        """Note the element that ends here."""
        self.silence = 0
        ended = self._open.pop()
        self.finished.append(Element(ended.path, ended.attributes, "".join(ended.pieces).strip()))

    def characters(self, content: str) -> None:
        """Add text to the innermost element, as far as anybody reads it."""
        self.silence = 0
        innermost = self._open[-1]
        if innermost.room > 0:
            innermost.pieces.append(content[: innermost.room])
            innermost.room -= len(content)
