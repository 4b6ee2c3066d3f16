"""What an action did, for the page that is shown after it, and for the session that did it alone."""

import secrets
import threading
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from movie_sync.web.desk import Said

_MOST = 100


@dataclass(frozen=True, slots=True)
class Note:
    """`undo` is the action on the `film` that takes it back, if there is one."""

    lines: tuple[str, ...]
    is_good: bool
    undo: str = ""
    film: str = ""

    @classmethod
    def of(cls, said: Said, undo: str = "", film: str = "") -> "Note":
        """Return what a command said; what is wrong comes first."""
        return cls((*said.complaints, *said.lines), said.is_good, undo, film)


class Notes:
    """Keeps the notes of the last actions: each is shown at the address that tells its number."""

    def __init__(self) -> None:
        self._notes: dict[str, tuple[str, Note]] = {}
        self._lock = threading.Lock()

    def leave(self, request: Request, note: Note, path: str) -> Response:
        """Keep a note, and send the browser to the page at `path`, which shows it."""
        number = secrets.token_hex(8)
        with self._lock:
            self._notes[number] = request.scope["state"]["cookie"], note
            while len(self._notes) > _MOST:
                del self._notes[next(iter(self._notes))]
        joint = "&" if "?" in path else "?"
        return RedirectResponse(f"{path}{joint}done={number}", HTTPStatus.SEE_OTHER)

    def of(self, request: Request) -> Note | None:
        """Return the note that an address tells the number of, to the session that it is for."""
        with self._lock:
            cookie, note = self._notes.get(request.query_params.get("done", ""), ("", None))
        return note if cookie == request.scope["state"]["cookie"] else None
