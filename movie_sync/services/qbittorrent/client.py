"""The torrent client qBittorrent, through its Web API, from 4.5 to 5.3.

A torrent is looked for by its info-hash before it is added and after: qBittorrent answers a
duplicate and a refused file alike, and takes files that it then never shows. What is there already
is adopted as it is. A refused login is never tried again, because qBittorrent bans the address
after a few.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import qbittorrentapi

from movie_sync.domain.models import HeldTorrent, Room, TorrentFile
from movie_sync.domain.path_map import pair_of
from movie_sync.domain.torrents import TorrentPhase, checked_hash, usable_hashes
from movie_sync.domain.wish_list import AS_USUAL, Placement
from movie_sync.errors import ReleaseError, Stopped, UnavailableError
from movie_sync.net.faults import Calls, Party
from movie_sync.services.base import Login, Surroundings
from movie_sync.services.qbittorrent.room import (
    read_places,
    read_promised,
    read_space_at,
    read_space_of_default_place,
    space_at,
    space_here,
)
from movie_sync.services.qbittorrent.rows import is_served, read_brief_row, read_row, refusal_in
from movie_sync.services.qbittorrent.service import QBittorrentSettings
from movie_sync.services.qbittorrent.session import (
    MOST_TORRENTS,
    SERVICE,
    Client,
    TranslatedError,
    put_into_words,
)
from movie_sync.settings.values import is_on_this_machine

_Answer = TypeVar("_Answer")
_log = logging.getLogger(__name__)

_MAX_ANSWER_BYTES = 8_000_000
# Of a list of which a part is in memory at a time only: a thousand torrents in one answer, all in one.
_MAX_LIST_BYTES = 800_000_000
_PAGE_ROWS = 1000
_LIST_ATTEMPTS = 3
_MOST_HASHES = 1000
_MEASURE_SECONDS = 0.5
_TAKEN_PATIENCE_SECONDS = 10.0
# A qBittorrent that is still loading its torrents refuses any file for a moment.
_REFUSED_PATIENCE_SECONDS = 2.0
_ADD_ATTEMPTS = 2
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 2.0


class QBittorrentClient:
    """Implements `ports.TorrentClient` and `ports.FollowedClient`.

    Thread-safe: one call at a time, because each new login throws away the session that another thread is
    using. Nothing is sent before the first one, and each keeps the limits of `Calls`. Without a username
    and a password nobody logs in, which is enough for a qBittorrent that trusts this machine. An API key
    (since 5.2) is shown instead, whatever else is given.

    Raises:
        AuthError: the login was refused; from then on every call fails at once, unsent.
        NetworkError, SlowError: it cannot be reached, or does not answer in time.
        UnavailableError: it answers, but not as it should, or has banned this machine.
        Stopped: the program is shutting down.
    """

    def __init__(self, settings: QBittorrentSettings, login: Login, around: Surroundings) -> None:
        party = Party(SERVICE, settings.url, "qbittorrent", "Web UI", settings.timeout)
        self._where = party.where
        self._settings = settings
        self._stop, self._clock, self._path_map = around.stop, around.clock, around.path_map
        self._is_place_said = False
        self._calls = Calls(party, around.stop, put_into_words)
        self._client = Client(party, login, verify_tls=settings.verify_tls)

    @property
    def epoch(self) -> int:
        """Rises when qBittorrent may have been started anew: it was out of reach, or lost the session."""
        return self._calls.outages + self._client.logins

    def version(self) -> str:
        return self._call(_read_version)

    def folder(self) -> str:
        """Return where a torrent lies once it is whole, as qBittorrent names it."""
        _, places = self._call(self._read_places)
        return places[0]

    def find(self, info_hash: str) -> HeldTorrent | None:
        wanted = info_hash.lower()
        return self._call(partial(_read_states, info_hashes=[wanted])).get(wanted)

    def hand_over(self, torrent: TorrentFile, placement: Placement = AS_USUAL) -> bool:
        if self.states(torrent.info_hashes):
            return False
        for _ in range(_ADD_ATTEMPTS):
            is_taken = self._call(lambda client: self._add(client, torrent.content, placement))
            patience_seconds = _TAKEN_PATIENCE_SECONDS if is_taken else _REFUSED_PATIENCE_SECONDS
            if self._is_shown(torrent, patience_seconds):
                return is_taken
            if is_taken:
                raise UnavailableError(
                    f"{self._where} accepted a torrent but doesn't list it after {patience_seconds:g} s. "
                    "Its log may say why."
                )
        raise ReleaseError(f"{self._where} rejected the torrent, though it doesn't have it yet.")

    def torrents(self) -> Iterator[HeldTorrent]:
        """Yield all that it holds, without sizes, speed and tracker; a page at a time is in memory.

        Each page begins with the last row of the one before; if that shows that the list has changed, it
        is begun anew: some come twice then.
        """
        for _ in range(_LIST_ATTEMPTS):
            count, last = 0, ""
            while True:
                page = self._call(partial(_read_page, offset=max(count - 1, 0)), _MAX_LIST_BYTES)
                if count and (not page or page[0].info_hash != last):
                    break
                yield from page[1:] if count else page
                count += len(page) - (1 if count else 0)
                if len(page) != _PAGE_ROWS:
                    return
                if count > MOST_TORRENTS:
                    raise UnavailableError(f"{self._where} has more than {MOST_TORRENTS} torrents.")
                last = page[-1].info_hash
        raise UnavailableError(f"The torrent list of {self._where} keeps changing while it's being read.")

    def states(self, info_hashes: Collection[str]) -> dict[str, HeldTorrent]:
        wanted = usable_hashes(info_hashes)
        found: dict[str, HeldTorrent] = {}
        if wanted:
            self._call(Client.note_launch)
        for first in range(0, len(wanted), _MOST_HASHES):
            piece = wanted[first : first + _MOST_HASHES]
            found |= self._call(partial(_read_states, info_hashes=piece), _MAX_LIST_BYTES)
        return {info_hash: found[info_hash] for info_hash in wanted if info_hash in found}

    def room(self, placement: Placement = AS_USUAL) -> Room:
        """Return how much room there is where torrents go, and what all unfinished ones there still lack.

        A category, automatic management or a folder for what is incomplete may put them elsewhere than in
        the default place. Of several places the one with least room counts. Before 5.3 qBittorrent tells
        the space of its default place alone; that of another one is looked at from this machine, if
        `path_map` says where it is here, or if qBittorrent runs here and both see the same disks.
        """
        default, places = self._call(partial(self._read_places, placement=placement))
        free_bytes = self._call(partial(read_space_at, places=places))
        if free_bytes is None:
            # 4.5 measures when it is asked, and answers with the measure before, which may be old.
            self._call(read_space_of_default_place)
            if self._stop.wait(_MEASURE_SECONDS):
                raise Stopped
            free_bytes = self._at_places(places, default, self._call(read_space_of_default_place))
        return Room(free_bytes, self._call(read_promised, _MAX_LIST_BYTES))

    def _read_places(self, client: Client, placement: Placement = AS_USUAL) -> tuple[str, tuple[str, ...]]:
        return read_places(client, self._save_path(placement), placement.category or self._settings.category)

    def _save_path(self, placement: Placement) -> str | None:
        return placement.save_path or self._settings.save_path

    def _at_places(self, places: tuple[str, ...], default: str, told_bytes: int) -> int:
        """Return the bytes free where torrents go, if those at the default place are all that is told."""
        if places == (default,):
            return told_bytes
        free_bytes = None
        if all(pair_of(place, self._path_map) for place in places):
            free_bytes = space_at(places, self._path_map)
        elif is_on_this_machine(self._settings.url):
            free_bytes = space_here(default, told_bytes, places)
        if free_bytes is None and not self._is_place_said:
            self._is_place_said = True
            _log.warning(
                "%s saves torrents to %s, but before version 5.3 it only reports the free space of %s: "
                "min_free_space_gb is checked against that.",
                self._where,
                " and ".join(places),
                default,
            )
        return told_bytes if free_bytes is None else free_bytes

    def refusal(self, info_hash: str) -> str | None:
        return self._call(partial(_read_refusal, info_hash=checked_hash(info_hash)))

    def with_trackers(self, torrent: HeldTorrent) -> HeldTorrent:
        """Implement the port; before 5.1 a tracker that worked once stands in the list for good."""
        if torrent.refusal is not None:
            return torrent
        return self._call(partial(_read_trackers, torrent=torrent))

    def recheck(self, info_hash: str) -> None:
        wanted = checked_hash(info_hash)
        held = self.find(wanted)
        if held is None:
            return
        # One that is paused or in error pauses again after a recheck, sometimes even if it was
        # started meanwhile. Starting one whose files are missing makes 4.5 forget the recheck. One that goes
        # on all the time never asks its tracker again after it, in 4.5.
        steps = [Client.torrents_start, Client.torrents_recheck]
        if held.phase is TorrentPhase.FILES_MISSING:
            steps.reverse()
        elif held.phase is not TorrentPhase.FAILED:
            steps.insert(0, Client.torrents_stop)
        for step in steps:
            self._call(partial(step, torrent_hashes=wanted))

    def tag(self, info_hashes: Collection[str], tag: str) -> None:
        wanted = usable_hashes(info_hashes)
        if wanted:
            self._call(lambda client: client.torrents_add_tags(tags=[tag], torrent_hashes=wanted))

    def untag(self, info_hashes: Collection[str], tag: str) -> None:
        wanted = usable_hashes(info_hashes)
        if wanted:
            self._call(lambda client: client.torrents_remove_tags(tags=[tag], torrent_hashes=wanted))

    def remove(self, info_hash: str) -> None:
        wanted = checked_hash(info_hash)
        self._call(lambda client: client.torrents_delete(delete_files=True, torrent_hashes=wanted))

    def _call(self, request: Callable[[Client], _Answer], max_bytes: int = _MAX_ANSWER_BYTES) -> _Answer:
        """Let the library make a request, within the limits; its errors end here."""
        return self._calls.make(lambda: request(self._client), max_bytes)

    def _add(self, client: Client, content: bytes, placement: Placement) -> bool:
        """Return whether qBittorrent says that it took the torrent; False also for a duplicate."""
        settings, save_path = self._settings, self._save_path(placement)
        tags = [*settings.tags, *(tag for tag in placement.tags if tag not in settings.tags)]
        try:
            answer = client.torrents_add(
                torrent_files=content,
                category=placement.category or settings.category or None,
                tags=tags or None,
                save_path=save_path,
                # With automatic management qBittorrent would ignore the save path.
                use_auto_torrent_management=None if save_path is None else False,
                # What the user lets qBittorrent stop by itself is not for films that somebody waits for.
                # qBittorrent knows this word for no condition as well; the library names the others.
                is_stopped=False,
                stop_condition="None",  # type: ignore[arg-type]
            )
        except qbittorrentapi.Conflict409Error:
            return False
        except qbittorrentapi.UnsupportedMediaType415Error:
            raise TranslatedError(
                ReleaseError(f"{self._where} doesn't accept the file as a torrent.")
            ) from None
        if not isinstance(answer, str):  # since 5.2
            return int(answer["success_count"]) > 0
        if answer.strip() not in {"Ok.", "Fails."}:
            raise ValueError("neither yes nor no")
        return answer.strip() == "Ok."

    def _is_shown(self, torrent: TorrentFile, patience_seconds: float) -> bool:
        ends_at = self._clock.monotonic() + patience_seconds
        pause_seconds = _FIRST_PAUSE_SECONDS
        while not self.states(torrent.info_hashes):
            remaining_seconds = ends_at - self._clock.monotonic()
            if remaining_seconds <= 0:
                return False
            if self._stop.wait(min(pause_seconds, remaining_seconds)):
                raise Stopped
            pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)
        return True


def _read_version(client: Client) -> str:
    version = client.app_version().strip()
    if not version.removeprefix("v")[:1].isdigit() or len(version) > 40:  # noqa: PLR2004 - a version is short
        raise ValueError("not a version")
    return version


def _read_page(client: Client, offset: int) -> list[HeldTorrent]:
    rows = client.torrent_rows(_PAGE_ROWS, sort="hash", limit=str(_PAGE_ROWS), offset=str(offset))
    return [read_brief_row(row) for row in rows]


def _read_states(client: Client, info_hashes: Sequence[str]) -> dict[str, HeldTorrent]:
    """Return those of these torrents that are there; whatever else is in the answer is passed over."""
    rows = client.torrent_rows(hashes="|".join(info_hashes), includeTrackers="true")
    wanted = set(info_hashes)
    return {held.info_hash: held for row in rows if (held := read_row(row)).info_hash in wanted}


def _read_trackers(client: Client, torrent: HeldTorrent) -> HeldTorrent:
    try:
        trackers = client.torrents_trackers(torrent.info_hash)
    except qbittorrentapi.NotFound404Error:
        return torrent
    return replace(torrent, has_tracker=is_served(trackers), refusal=refusal_in(trackers) or "")


def _read_refusal(client: Client, info_hash: str) -> str | None:
    try:
        return refusal_in(client.torrents_trackers(info_hash))
    except qbittorrentapi.NotFound404Error:
        return None
