"""A file sent in a form without a copy of it: requests alone would make two."""

import secrets
from collections.abc import Sequence

import requests


def prepare_sparingly(session: requests.Session) -> None:
    """Let a session send the one file of a form, given as bytes, as it is between the form's other parts."""
    prepare = session.prepare_request

    def prepare_request(request: requests.Request) -> requests.PreparedRequest:
        files = request.files
        if not isinstance(files, dict) or len(files) != 1:
            return prepare(request)
        ((name, file),) = files.items()
        content = file[-1] if isinstance(file, tuple) else file
        if not isinstance(content, bytes):
            return prepare(request)
        mark = secrets.token_bytes(32)
        request.files = {name: (*file[:-1], mark) if isinstance(file, tuple) else mark}
        prepared = prepare(request)
        request.files = files
        body = prepared.body
        if not isinstance(body, bytes):
            raise TypeError("requests makes no bytes of a form any more")
        head, _, tail = body.partition(mark)
        parts = (head, content, tail)
        prepared.body = _Body(parts)  # type: ignore[assignment]
        prepared.headers["Content-Length"] = str(sum(map(len, parts)))
        return prepared

    session.prepare_request = prepare_request  # type: ignore[method-assign]


class _Body:
    """What is sent, read piece by piece."""

    def __init__(self, parts: Sequence[bytes]) -> None:
        self._parts = [memoryview(part) for part in parts]

    def read(self, size: int) -> bytes:
        """Return some of the next bytes, at most so many, and nothing at the end."""
        while self._parts:
            piece = bytes(self._parts[0][:size])
            self._parts[0] = self._parts[0][size:]
            if piece:
                return piece
            del self._parts[0]
        return b""
