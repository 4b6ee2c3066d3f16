"""The user's trackers, asked one after the other: one that is down holds up no other."""

import logging
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

from movie_sync.complaints import Complaints, log_where, words_of
from movie_sync.domain.events import Event, TrackerRefused
from movie_sync.domain.models import ReleaseId
from movie_sync.domain.times import pause_seconds
from movie_sync.errors import AuthError, BudgetError, MovieSyncError, TransientError, UnavailableError
from movie_sync.notices.wording import text_of
from movie_sync.ports import Clock, Tracker

_log = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")

Outage = AuthError | TransientError
"""Why a tracker cannot be asked now."""


@dataclass(slots=True)
class _State:
    """How a tracker was lately, and until when (monotonic seconds) it is left alone."""

    tracker: Tracker
    complaints: Complaints
    failures: int = 0
    outage: Outage | None = None
    until: float = 0.0


class Trackers:
    """Asks trackers in their order. For one thread.

    A sole tracker's errors are the caller's. Of several, one that fails is left alone for a while, longer
    each time in a row, and one that refuses the credentials for as long as it says (a new instance is
    made when they change); each says so for itself. Those with a refusal from the beginning, by name, are
    not asked at all.
    """

    def __init__(
        self,
        trackers: Iterable[Tracker],
        clock: Clock,
        tell: Callable[[Event], None],
        refused: Mapping[str, AuthError] = MappingProxyType({}),
    ) -> None:
        self._states = {tracker.name: _State(tracker, Complaints(_log)) for tracker in trackers}
        self._clock = clock
        self._tell = tell
        self._refused = refused

    @property
    def is_sole(self) -> bool:
        """Tell whether there is but one."""
        return len(self._states) == 1

    @property
    def troubles(self) -> tuple[str, ...]:
        """Why some of several could not be asked the last time, in words; for any thread."""
        return tuple(str(state.outage) for state in self._states.values() if state.outage)

    @property
    def refusals(self) -> tuple[str, ...]:
        """Those of the troubles that are refused credentials, and refusals from the beginning."""
        outages = [state.outage for state in self._states.values() if isinstance(state.outage, AuthError)]
        return tuple(dict.fromkeys(map(str, [*self._refused.values(), *outages])))

    def check_refused(self) -> None:
        """If every tracker has refused us for good, raise the first refusal."""
        if self._refused and len(self._refused) == len(self._states):
            raise next(iter(self._refused.values())).with_traceback(None)

    def release_in(self, comment: str) -> ReleaseId | None:
        """Return the release that a torrent's comment names, or None."""
        found = (state.tracker.release_in(comment) for state in self._states.values())
        return next((release for release in found if release), None)

    def ask_each(self, question: Callable[[Tracker], _Answer]) -> tuple[dict[str, _Answer], list[Outage]]:
        """Return the answers by the trackers' names, and what the others failed with; raises if all do."""
        answers: dict[str, _Answer] = {}
        outages: list[Outage] = []
        for name in self._states:
            try:
                answers[name] = self.ask(name, question)
            except (AuthError, TransientError) as exc:
                outages.append(exc.with_traceback(None))
        if outages and not answers:
            raise min(outages, key=_finality)
        return answers, outages

    def ask(self, name: str, question: Callable[[Tracker], _Answer]) -> _Answer:
        """Ask one tracker; raises as it, and while it is left alone what it failed with."""
        state = self._states[name]
        if self.is_sole:
            return self._answer(state.tracker, question)
        if state.outage and self._clock.monotonic() < state.until:
            raise state.outage.with_traceback(None)
        try:
            answer = self._answer(state.tracker, question)
        except (AuthError, TransientError) as exc:
            if not isinstance(exc, BudgetError):
                self._leave_alone(state, exc)
            raise
        except MovieSyncError:
            raise
        except Exception as exc:
            log_where(exc)
            outage = UnavailableError(words_of(exc))
            self._leave_alone(state, outage)
            raise outage from exc
        state.complaints.over()
        state.failures, state.outage = 0, None
        return answer

    def _answer(self, tracker: Tracker, question: Callable[[Tracker], _Answer]) -> _Answer:
        if refusal := self._refused.get(tracker.name):
            raise refusal.with_traceback(None)
        return question(tracker)

    def _leave_alone(self, state: _State, outage: Outage) -> None:
        state.failures += 1
        asked = outage.retry_after_seconds
        is_final = isinstance(outage, AuthError) and asked is None
        seconds = math.inf if is_final else max(pause_seconds(state.failures), asked or 0.0)
        state.outage, state.until = outage, self._clock.monotonic() + seconds
        title = state.tracker.title
        if not isinstance(outage, AuthError):
            more = f" Skipping {title} for a while; your other trackers are still used."
            state.complaints.say(str(outage), more)
            return
        refusal = TrackerRefused(self._clock.now(), outage.service, str(outage), title)
        state.complaints.say(text_of(refusal))
        if state.failures == 1:
            self._tell(refusal)


def _finality(outage: Outage) -> int:
    """Order outages by how soon they may be over: trouble, a budget that is spent, refused credentials."""
    return 2 if isinstance(outage, AuthError) else 1 if isinstance(outage, BudgetError) else 0
