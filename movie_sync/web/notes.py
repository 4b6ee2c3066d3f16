"""What an action did, kept until its page is shown: once, to the session that did it."""

from dataclasses import dataclass

from starlette.requests import Request

from movie_sync.web.desk import Said

_MOST = 100


@dataclass(frozen=True, slots=True)
class Note:
    """`undo` is the action that takes it back, if there is one."""

    lines: tuple[str, ...]
    is_good: bool
    undo: str = ""

    @classmethod
    def of(cls, said: Said, undo: str = "") -> "Note":
        """Return what a command said; what is wrong comes first."""
        return cls((*said.complaints, *said.lines), said.is_good, undo)


class Notes:
    """Keeps one note for each session."""

    def __init__(self) -> None:
        self._notes: dict[str, Note] = {}

    def leave(self, request: Request, note: Note) -> None:
        """Keep a note for the next page of the session."""
        if len(self._notes) >= _MOST:
            self._notes.clear()
        self._notes[request.scope["state"]["cookie"]] = note

    def take(self, request: Request) -> Note | None:
        """Return the session's note, if it has not been shown."""
        return self._notes.pop(request.scope["state"]["cookie"], None)
