"""A month in seconds: the real program between stand-ins, with everything that happens in a month.

Only the clock and the other end of the sockets are ours. `--days N` makes it longer or shorter,
`--seed N` another month.
"""

import contextlib
import gc
import math
import random
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from house.simulation import Look, Pause, World

from movie_sync.demo.filelist_server import StandInRelease
from movie_sync.demo.letterboxd_server import StandInFilm
from movie_sync.domain.models import QueueName
from movie_sync.domain.times import pause_seconds
from movie_sync.queues.entry import QueueEntry
from movie_sync.reports.daemon_state import ActivityKind

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0
_CALLS_PER_HOUR = 20
_INTERVAL = 3600.0
_MAX_RETRIES = 5
_NEVER_THERE = 3
_ASKED_SECONDS = 300.0
_LONGEST_DELAY = 7 * _DAY
_SYLLABLES = "ba cor den fi gal hu ki lo mer no pa ris su ten vo wi".split()
_DESCRIPTORS = Path("/proc/self/fd")
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(eq=False)
class Wish:
    """A film on the list, when the tracker gets it (None: never), and what became of the wish."""

    film: StandInFilm
    listed_at: float
    appears_at: float | None
    unlisted_at: float = math.inf
    looks: list[Look] = field(default_factory=list)
    """The searches that told that there is nothing."""

    @property
    def was_unlisted(self) -> bool:
        """Whether it was taken off the list at some time; it may have come back as a fresh wish."""
        return self.unlisted_at < math.inf


class Month:
    """What happens, and when: films come and go, services break, the program is started anew, clocks jump."""

    def __init__(self, world: World, days: int, seed: int) -> None:
        self.world = world
        self.begins_at = world.now
        self.ends_at = world.now + days * _DAY
        self.wishes: list[Wish] = []
        self.far_ahead = (math.inf, math.inf)
        """When the wall clock was ahead by more than the longest delay of a retry."""
        self._dice = random.Random(seed)
        self._events: list[tuple[float, Callable[[], None]]] = []
        self._plan(days)

    def run(self) -> Iterator[float]:
        """Let it happen; yields the true time at the end of each day."""
        days_end = [
            self.begins_at + _DAY * (day + 1) for day in range(round((self.ends_at - self.begins_at) / _DAY))
        ]
        for day_end in days_end:
            while self._events and self._events[0][0] < day_end:
                at, event = self._events.pop(0)
                self.world.run_until(at)
                event()
                self._events.sort(key=lambda planned: planned[0])
            self.world.run_until(day_end)
            yield day_end

    def _plan(self, days: int) -> None:
        for _ in range(12):
            self._add_film()
        for day in range(days - 1):
            midnight = self.begins_at + day * _DAY
            for _ in range(self._dice.choice((2, 3, 3, 4))):
                self._at(midnight + self._some_time(), self._add_film)
            self._at(midnight + self._some_time(), self._take_off_list)
            if day % 3 == 1:
                self._at(midnight + self._some_time(), self._list_again)
            if day % 4 != 3 and day < days - 3:
                service = ("letterboxd", "tracker", "client")[day % 3]
                self._at(midnight + self._some_time(), lambda service=service: self._break(service))
            if day % 4 == 3 and day < days - 2:
                self._at(midnight + self._some_time(), self._break_at_a_retry)
            if day % 2 == 0:
                self._at(midnight + 20 * _HOUR + 17, self.world.restart)
        for share, seconds in ((0.2, 3 * _HOUR), (0.33, -2 * _HOUR), (0.5, 40 * _DAY), (0.75, -26 * _HOUR)):
            noon = self.begins_at + int(share * days) * _DAY + 12 * _HOUR
            self._at(noon, lambda seconds=seconds: self.world.jump(seconds))
            if seconds > _LONGEST_DELAY:  # somebody sees it and puts it right
                self.far_ahead = (noon, noon + 3 * _HOUR)
                self._at(self.far_ahead[1], lambda seconds=seconds: self.world.jump(-seconds))
        self._events.sort(key=lambda planned: planned[0])

    def _at(self, moment: float, event: Callable[[], None]) -> None:
        self._events.append((moment, event))

    def _some_time(self) -> float:
        return float(self._dice.randrange(int(16 * _HOUR)))

    def _add_film(self, kind: int | None = None) -> None:
        number = len(self.wishes)
        title = " ".join("".join(self._dice.choices(_SYLLABLES, k=3)).capitalize() for _ in range(2))
        film = StandInFilm(
            lid=f"m{number:03d}",
            slug=title.lower().replace(" ", "-"),
            title=title,
            year=1950 + number % 70,
            imdb_id=f"tt{6_000_000 + number}",
            runtime_minutes=100,
        )
        now = self.world.now
        kind = number % 4 if kind is None else kind
        appears_at = (
            None if kind == _NEVER_THERE else now if kind else now + self._dice.randrange(2 * 3600, 6 * 3600)
        )
        if appears_at is not None:
            name = f"{title.replace(' ', '.')}.{film.year}.1080p.BluRay.x264-GRP"
            release = StandInRelease(
                1000 + number, name, imdb=film.imdb_id, appears_at=_EPOCH + timedelta(seconds=appears_at)
            )
            self.world.tracker.releases.append(release)
        self.wishes.append(Wish(film, now, appears_at))
        self.world.letterboxd.films.insert(0, film)

    def _take_off_list(self) -> None:
        films = self.world.letterboxd.films
        while len(films) > 18 or self._dice.random() < 0.3:
            oldest = len(films) // 2 if self._dice.random() < 0.7 else 0
            film = films.pop(self._dice.randrange(oldest, len(films)))
            wish = self._wish(film)
            wish.unlisted_at = min(wish.unlisted_at, self.world.now)

    def _list_again(self) -> None:
        listed = set(self.world.letterboxd.films)
        gone = [wish.film for wish in self.wishes if wish.was_unlisted and wish.film not in listed]
        if gone:
            self.world.letterboxd.films.insert(0, self._dice.choice(gone))

    def _break(self, service: str, seconds: float | None = None) -> None:
        seconds = seconds or float(self._dice.randrange(int(10 * _MINUTE), int(4 * _HOUR)))
        mend = self.world.break_down(service, seconds, kind=len(self.world.outages))
        self._at(self.world.now + seconds, mend)

    def _break_at_a_retry(self) -> None:
        """List two films that the tracker never gets, and let it fail when their first retry falls due."""
        for _ in range(2):
            self._add_film(_NEVER_THERE)
        self._at(self.world.now + _INTERVAL, lambda: self._break("tracker", _INTERVAL + 7 * _MINUTE))

    def _wish(self, film: StandInFilm) -> Wish:
        return next(wish for wish in self.wishes if wish.film is film)


@dataclass(frozen=True)
class Measure:
    """What must not grow."""

    file_bytes: dict[str, int]
    memory_kb: int
    open_files: int
    own_threads: int
    stand_in_threads: int


@dataclass
class Outcome:
    """A month that has passed."""

    month: Month
    world: World
    measures: list[Measure]
    entries: dict[QueueName, list[QueueEntry]]


@pytest.fixture(scope="module")
def outcome(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """The month, run once for all tests."""
    days = request.config.getoption("--days")
    with World(tmp_path_factory.mktemp("month") / "data", _CALLS_PER_HOUR) as world:
        month = Month(world, days, request.config.getoption("--seed"))
        measures = [_measure(world) for _ in month.run()]
        entries = {name: world.workshop.queues.entries(name) for name in QueueName}
        _note_looks(month)
        yield Outcome(month, world, measures, entries)


def _measure(world: World) -> Measure:
    gc.collect()
    memory = 0
    if sys.platform.startswith("linux"):
        lines = Path("/proc/self/status").read_text().splitlines()
        memory = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    threads = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    serving = [thread for thread in threads if "process_request_thread" in thread.name]
    listening = {"letterboxd", "filelist-stand-in", "qbittorrent-stand-in"}
    return Measure(
        file_bytes={path.name: path.stat().st_size for path in world.folder.iterdir()},
        memory_kb=memory,
        open_files=_open_files(),
        own_threads=sum(thread not in serving and thread.name not in listening for thread in threads),
        stand_in_threads=len(serving),
    )


def _open_files() -> int:
    """Count the files that are held open, without sockets and pipes: those are the stand-ins' too."""
    if not _DESCRIPTORS.is_dir():
        return 0
    targets = []
    for descriptor in _DESCRIPTORS.iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one that lists them
            targets.append(str(descriptor.readlink()))
    return sum(target.startswith("/") for target in targets)


def _note_looks(month: Month) -> None:
    wishes = {wish.film.lid: wish for wish in month.wishes}
    for look in month.world.looks:
        wishes[look.before.movie.id].looks.append(look)


def test_calls_stay_within_the_budget(outcome: Outcome) -> None:
    """In no hour that one could pick does the tracker get more calls than the budget allows."""
    times = sorted(call.at for call in outcome.world.calls)
    assert len(times) > 5 * len(outcome.measures)
    for first, one_too_many in zip(times, times[_CALLS_PER_HOUR:], strict=False):
        assert one_too_many - first >= _HOUR, (first, one_too_many)
    fullest = max(sum(at <= other < at + _HOUR for other in times) for at in times)
    assert fullest == _CALLS_PER_HOUR, "the budget was never put to the test"


def test_the_list_is_read_once_an_interval(outcome: Outcome) -> None:
    """The list is read every hour to the second, whatever the wall clock does; outages and restarts apart."""
    world = outcome.world
    bad_times = [outage for outage in world.outages if outage.service == "letterboxd"]
    regular = 0
    for reading, following in pairwise(world.readings):
        if any(reading < restart <= following for restart in world.restarts):
            continue
        gap = following - reading
        if any(outage.begins_at <= reading < outage.ends_at for outage in bad_times):
            assert gap in {60.0, 120.0, 240.0, 300.0, 480.0, 960.0, 1920.0, _INTERVAL}, gap
        else:
            assert gap == _INTERVAL
            regular += 1
    assert regular > 0.8 * 24 * len(outcome.measures)


def test_looks_are_what_the_tracker_was_asked(outcome: Outcome) -> None:
    """Every search by name, which is the last one for a film, is noted as a look that gave nothing."""
    asked = Counter((call.at, call.query) for call in outcome.world.calls if call.status == 200)
    for wish in outcome.month.wishes:
        by_name = f"{wish.film.title} {wish.film.year}"
        noted = Counter((look.at, by_name) for look in wish.looks)
        searches = Counter({key: number for key, number in asked.items() if key[1] == by_name})
        assert noted == searches, wish


def test_looks_besides_the_schedule_leave_it(
    outcome: Outcome, record_property: Callable[[str, object], None]
) -> None:
    """A search besides the schedule changes neither a film's failures nor its next retry; others count one."""
    extra = 0
    for look in outcome.world.looks:
        before, after = look.before, look.after
        if before.is_extra_look:
            assert (after.retry_count, after.retry_at) == (before.retry_count, before.retry_at), look
            extra += 1
        else:
            assert after.retry_count == before.retry_count + 1, look
    record_property("measured", f"{extra} of {len(outcome.world.looks)} looks besides the schedule")
    assert extra or len(outcome.measures) < 30, "no film was ever looked for besides its schedule"


def test_retries_follow_the_schedule(
    outcome: Outcome, record_property: Callable[[str, object], None]
) -> None:
    """A film that is not there is tried after 1, 2, 4 and 8 hours, to the second, then no more by schedule.

    If the download worker pauses then (a service is out, the budget is spent), it is looked for at
    the second at which the pause ends: one pause is for all films.
    """
    exact = paused = 0
    for wish in outcome.month.wishes:
        attempts = [look for look in wish.looks if look.counts and look.at < wish.unlisted_at]
        failures = [look.after.retry_count for look in attempts]
        assert failures == list(range(1, len(attempts) + 1)), wish
        assert len(attempts) <= _MAX_RETRIES, wish
        ended = [look.after.retry_at is None for look in attempts]
        assert ended == [number == _MAX_RETRIES for number in failures], wish
        for number, (before, after) in enumerate(pairwise(attempts)):
            if any(before.at <= jump <= after.at for jump in outcome.world.jumps):
                assert after.at - before.at <= _LONGEST_DELAY
                continue
            due = before.at + _HOUR * 2**number
            is_exact = after.at == due
            assert is_exact or _is_end_of_pauses(outcome.world.pauses, due, after.at), (wish, number)
            exact += is_exact
            paused += not is_exact
    record_property(
        "measured", f"{exact} retries to the second, {paused} at the second at which a pause ended"
    )
    assert exact > len(outcome.measures)
    assert exact > paused
    assert paused or len(outcome.measures) < 30, "no retry ever fell due in a pause"


def _is_end_of_pauses(pauses: Sequence[Pause], due: float, done: float) -> bool:
    """Tell whether from one moment to the other the worker paused without a gap, and no longer.

    What a restart cuts short goes on for the film that was put off in it.
    """
    reached = due
    for pause in pauses:
        if pause.begins_at <= reached < pause.ends_at:
            if done in {pause.cut_at, pause.ends_at}:
                return due < done
            reached = pause.ends_at
    return False


def test_it_pauses_for_a_reason(outcome: Outcome) -> None:
    """Every pause begins in an outage, or when the hour's budget is spent, and has the length that is due."""
    world, in_a_row = outcome.world, 0
    kinds: Counter[str] = Counter()
    for before, pause in pairwise([None, *world.pauses]):
        assert pause is not None
        seconds = pause.ends_at - pause.begins_at
        if pause.activity.kind is ActivityKind.NO_BUDGET:
            kinds["budget"] += 1
            calls = sorted(call.at for call in world.calls if 0 <= pause.begins_at - call.at < _HOUR)
            if not any(pause.begins_at - 2 * _HOUR <= jump <= pause.ends_at for jump in world.jumps):
                assert len(calls) == _CALLS_PER_HOUR, pause
                assert pause.ends_at == calls[0] + _HOUR, pause
            continue
        kinds["outage"] += 1
        assert any(outage.begins_at <= pause.begins_at < outage.ends_at for outage in world.outages), pause
        is_next = before is not None and before.cut_at is None and before.ends_at == pause.begins_at
        in_a_row = in_a_row + 1 if is_next else 1
        # Another film's success in between begins the row anew.
        lengths = {pause_seconds(number + 1) for number in range(in_a_row)}
        assert seconds in {*lengths, _ASKED_SECONDS}, (pause, in_a_row)
    assert min(kinds["budget"], kinds["outage"]) > 0


def test_every_wish_ends_well(outcome: Outcome) -> None:
    """What the tracker has is handed over, once; what it never has fails for good; nothing is lost."""
    found = {name: {entry.movie.id for entry in entries} for name, entries in outcome.entries.items()}
    assert max(Counter(film for films in found.values() for film in films).values()) == 1
    settled = [wish for wish in outcome.month.wishes if _must_be_settled(outcome.month, wish)]
    for wish in settled:
        lid = wish.film.lid
        if wish.appears_at is not None and not wish.was_unlisted:
            assert lid in found[QueueName.COMPLETED], wish
        elif wish.appears_at is None:
            assert lid not in found[QueueName.COMPLETED], wish
            assert wish.was_unlisted or lid in found[QueueName.FAILED], wish
    kept_out = {wish.film.lid for wish in settled if not wish.was_unlisted}
    for entry in outcome.entries[QueueName.FAILED]:
        assert entry.retry_at is None or entry.movie.id not in kept_out, entry
    hashes = Counter(row["hash"] for row in outcome.world.client.rows)
    assert max(hashes.values()) == 1
    known = {entry.choice.info_hash for entry in outcome.entries[QueueName.COMPLETED] if entry.choice}
    assert known == set(hashes)


def _must_be_settled(month: Month, wish: Wish) -> bool:
    """Tell whether two days have passed, or for what failed while the clock was far ahead, a week more."""
    begins_at, ends_at = month.far_ahead
    failed_then = any(begins_at <= look.at < ends_at for look in wish.looks if look.counts)
    return wish.listed_at < month.ends_at - 2 * _DAY - (_LONGEST_DELAY if failed_then else 0)


def test_what_left_the_list_leaves_the_queues(outcome: Outcome) -> None:
    """At the end only films of the list, or of its last two readings, wait or have failed."""
    listed = {film.lid for film in outcome.world.letterboxd.films}
    waiting = outcome.entries[QueueName.PENDING] + outcome.entries[QueueName.FAILED]
    assert {entry.movie.id for entry in waiting} <= listed


def test_nothing_grows(outcome: Outcome) -> None:
    """Files grow with the films in them and not else; memory, threads and open files not at all."""
    early, late = outcome.measures[len(outcome.measures) // 3], outcome.measures[-1]
    assert set(late.file_bytes) == set(early.file_bytes)
    films = sum(map(len, outcome.entries.values()))
    queues = sum(size for name, size in late.file_bytes.items() if name.startswith("queue_"))
    assert queues < 2 * 700 * films, "each film once, and once more in the earlier generation"
    for measure in outcome.measures:
        assert measure.file_bytes["budget.json"] < 100 + 40 * _CALLS_PER_HOUR
        assert measure.file_bytes["watchlist.json"] < 20_000
        assert measure.own_threads == 0
    assert late.stand_in_threads <= early.stand_in_threads + 3, "connections were left open"
    assert max(measure.open_files for measure in outcome.measures) <= early.open_files + 4
    assert late.memory_kb - early.memory_kb < 8_000 * math.ceil(len(outcome.measures) / 30)
