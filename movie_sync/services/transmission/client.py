"""The torrent client Transmission, through its RPC, from 3.00 to 4.1.

Transmission says whether it has added a torrent or held it before; what it held is adopted as it is.
A refused login is never tried again, because a hundred refused calls lock everybody out.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from movie_sync.domain.models import HeldTorrent, Room, TorrentFile
from movie_sync.domain.torrents import TorrentPhase, checked_hash, usable_hashes
from movie_sync.domain.wish_list import AS_USUAL, Placement
from movie_sync.errors import (
    ReleaseError,
    Stopped,
    UnavailableError,
)
from movie_sync.net.faults import Calls, Party
from movie_sync.services.base import Login, Surroundings
from movie_sync.services.transmission.faults import (
    ENTRANCE,
    SECTION,
    SERVICE,
    NotDoneError,
    put_into_words,
    unexpected_answer,
)
from movie_sync.services.transmission.room import read_default_folder, read_free_bytes, read_promised
from movie_sync.services.transmission.rows import (
    BRIEF_FIELDS,
    FIELDS,
    read_brief_row,
    read_labels,
    read_row,
)
from movie_sync.services.transmission.rpc import Arguments, Rpc
from movie_sync.services.transmission.service import TransmissionSettings
from movie_sync.services.transmission.trackers import Row, refusal_in

_Answer = TypeVar("_Answer")
_log = logging.getLogger(__name__)

_MAX_ANSWER_BYTES = 8_000_000
# Of a list of which a part is in memory at a time only.
_MAX_LIST_BYTES = 50_000_000
_PIECE_HASHES = 200
_HASH_BYTES = 20
_ADD_TAKES_LABELS = 17  # the RPC version of 4.0
# What is settled of a torrent is on Transmission's disk after so long; until then a kill undoes it.
_SAVED_AFTER_SECONDS = 400.0
# So long 3.00 may call a torrent stopped that was added to be started.
_STARTING_SECONDS = 5.0
# 3.00 answers before it has loaded its torrents: five thousand took it a second.
_LOADING_SECONDS = 2


class TransmissionClient:
    """Implements `ports.TorrentClient` and `ports.FollowedClient`.

    Thread-safe: one session and one call at a time. Nothing is sent before the first call. Each ends after
    the settings' `timeout`, whatever the other side does, and within a second once the stop event is set.
    With `download_dir` None, Transmission chooses the place.

    All methods raise:
        AuthError: the login was refused; from then on every call fails at once, unsent.
        NetworkError, SlowError: it cannot be reached, or does not answer in time.
        UnavailableError: it answers, but not as it should, or lets nobody in.
        Stopped: the program is shutting down.
    """

    def __init__(self, settings: TransmissionSettings, login: Login, around: Surroundings) -> None:
        party = Party(SERVICE, settings.url, SECTION, ENTRANCE, settings.timeout)
        username, password = login.get("username", "").strip(), login.get("password", "")
        self._rpc = Rpc(party, username, password, verify_tls=settings.verify_tls)
        self._where = party.where
        self._download_dir = settings.download_dir
        self._labels = list(dict.fromkeys(settings.labels))
        self._stop, self._clock = around.stop, around.clock
        self._calls = Calls(party, around.stop, put_into_words)
        self._loaded_in = 0
        self._looked_in = self._seen_in = 0
        self._seen_going: set[str] = set()
        self._handed_over: dict[str, tuple[float, int, Placement]] = {}

    @property
    def epoch(self) -> int:
        """Rises when Transmission may have been started anew: it was out of reach, or gave a new session."""
        return self._calls.outages + self._rpc.sessions

    def version(self) -> str:
        """Return Transmission's version as it writes it, like `4.0.5 (a6fe2a64aa)`."""
        version = self._call(_read_session)["version"]
        return version if isinstance(version, str) else ""

    def folder(self) -> str:
        """Return where a torrent lies once it is whole, as Transmission names it."""
        return self._download_dir or self._call(read_default_folder)

    def ends_of_seeding(self) -> list[str]:
        """Return in words what makes Transmission stop seeding by itself."""
        fields = "seedRatioLimited seedRatioLimit idle-seeding-limit-enabled idle-seeding-limit".split()
        session = self._call(partial(_read_session, fields=fields))
        ends = []
        if session.get("seedRatioLimited") is True:
            ends.append(f"seeds to a ratio of {session.get('seedRatioLimit')} and then stops")
        if session.get("idle-seeding-limit-enabled") is True:
            ends.append(f"stops seeding after {session.get('idle-seeding-limit')} idle minutes")
        return ends

    def find(self, info_hash: str) -> HeldTorrent | None:
        """Look for a torrent of ours by its info-hash; if it has none of our labels, it gets them.

        3.00 takes labels only after it has added a torrent, and this or Transmission may have ended
        in between.
        """
        self._await_loaded()
        wanted = usable_hashes([info_hash])
        found = self._call(partial(_read_rows, info_hashes=wanted)).get(info_hash.lower())
        if found is not None and self._labels and not set(self._labels) & set(found.tags):
            self._relabel(wanted, lambda labels: [*labels, *self._labels])
        return found

    def hand_over(self, torrent: TorrentFile, placement: Placement = AS_USUAL) -> bool:
        """Add the torrent and see it there; False if it was there before (it is then left as it is).

        Raises:
            ReleaseError: Transmission refuses this torrent.
        """
        self._await_loaded()
        answer = self._call(partial(self._add, content=torrent.content, placement=placement))
        if "torrent-duplicate" in answer:
            return False
        added = answer.get("torrent-added")
        info_hash = added.get("hashString") if isinstance(added, dict) else None
        if info_hash not in torrent.info_hashes:
            raise unexpected_answer(self._where)
        ours = self._labels_of(placement)
        if ours and not self._add_takes_labels():
            self._relabel([info_hash], lambda labels: [*labels, *ours])
        self._handed_over[info_hash] = self._clock.monotonic(), self._rpc.sessions, placement
        if not self._call(partial(_read_rows, info_hashes=[info_hash])):
            raise UnavailableError(f"{self._where} accepted a torrent but doesn't list it.")
        return True

    def torrents(self) -> Iterator[HeldTorrent]:
        """Yield all that Transmission holds, without sizes, speed and tracker; a part at a time."""
        self._await_loaded()
        packed = self._call(_read_hashes, _MAX_LIST_BYTES)
        hashes = [packed[at : at + _HASH_BYTES] for at in range(0, len(packed), _HASH_BYTES)]
        for first in range(0, len(hashes), _PIECE_HASHES):
            piece = [each.hex() for each in hashes[first : first + _PIECE_HASHES]]
            yield from self._call(partial(_read_rows, info_hashes=piece, is_brief=True)).values()

    def states(self, info_hashes: Collection[str]) -> dict[str, HeldTorrent]:
        """Return those of these torrents that Transmission holds, by info-hash, asked for in pieces.

        What is no info-hash is not there.
        """
        wanted = usable_hashes(info_hashes)
        found: dict[str, HeldTorrent] = {}
        for first in range(0, len(wanted), _PIECE_HASHES):
            found |= self._call(partial(_read_rows, info_hashes=wanted[first : first + _PIECE_HASHES]))
        self._restore(found)
        self._start_cut_short(found)
        for info_hash in self._starting() & found.keys():
            if found[info_hash].phase is TorrentPhase.STOPPED:
                found[info_hash] = replace(found[info_hash], phase=TorrentPhase.QUEUED)
        return {info_hash: found[info_hash] for info_hash in wanted if info_hash in found}

    def room(self, placement: Placement = AS_USUAL) -> Room:
        """Return how much room there is where torrents go, and how much of it is spoken for.

        With a folder for what is incomplete the place with less room counts. Spoken for is what all its
        unfinished torrents still lack, whoever added them.
        """
        folder = placement.save_path or self._download_dir
        free_bytes = self._call(partial(read_free_bytes, download_dir=folder))
        return Room(free_bytes, self._call(read_promised, _MAX_LIST_BYTES))

    def refusal(self, info_hash: str) -> str | None:
        """Return a tracker's own words why it does not serve this torrent, or None.

        None also if the torrent is not there. No address and no passkey is in the words.
        """
        return self._call(partial(_read_refusal, info_hash=checked_hash(info_hash)))

    def with_trackers(self, torrent: HeldTorrent) -> HeldTorrent:
        """Return it as it is: the list tells what there is."""
        return torrent

    def recheck(self, info_hash: str) -> None:
        """Let Transmission compare the torrent's files with the torrent, and go on with it, also if stopped.

        A torrent that is not there is passed over. Before 4.1 one whose files are all gone stays as it is.
        """
        wanted = checked_hash(info_hash)
        for method in ("torrent-verify", "torrent-start"):  # it starts when its files have been compared
            self._change(method, wanted)

    def tag(self, info_hashes: Collection[str], tag: str) -> None:
        """Give torrents a label; those that are not there are passed over."""
        self._relabel(usable_hashes(info_hashes), lambda labels: [*labels, tag])

    def untag(self, info_hashes: Collection[str], tag: str) -> None:
        """Take a label off; those that are not there are passed over."""
        self._relabel(usable_hashes(info_hashes), lambda labels: [each for each in labels if each != tag])

    def remove(self, info_hash: str) -> None:
        """Take one torrent out of Transmission, and delete what was downloaded of it.

        A torrent that is not there is passed over.
        """
        self._change("torrent-remove", checked_hash(info_hash), {"delete-local-data": True})

    def _labels_of(self, placement: Placement) -> list[str]:
        """Return the labels of a torrent: a category is one here."""
        own = [placement.category, *placement.tags]
        return list(dict.fromkeys([*self._labels, *filter(None, own)]))

    def _add(self, rpc: Rpc, content: bytes, placement: Placement) -> Arguments:
        arguments: dict[str, object] = {"paused": False, "labels": self._labels_of(placement)}
        if folder := placement.save_path or self._download_dir:
            arguments["download-dir"] = folder
        try:
            return rpc.call("torrent-add", arguments, content=content)
        except NotDoneError as exc:
            error = ReleaseError(f"{self._where} rejected the torrent: {exc.words}.")
        raise error

    def _starting(self) -> set[str]:
        """Return the info-hashes of torrents that were handed over a moment ago."""
        since = self._clock.monotonic() - _STARTING_SECONDS
        return {info_hash for info_hash, (at, _, _) in self._handed_over.items() if at > since}

    def _restore(self, found: dict[str, HeldTorrent]) -> None:
        """Give torrents again what Transmission has lost of them because it was killed soon after they came.

        They come back without labels, in the folder of its own choice.
        """
        now, sessions = self._clock.monotonic(), self._rpc.sessions
        for info_hash, (at, session, placement) in list(self._handed_over.items()):
            if now - at > _SAVED_AFTER_SECONDS:
                del self._handed_over[info_hash]
            elif session != sessions and info_hash in found:
                # Else the session alone is new, as each hour. Seconds are whole there.
                if self._call(_read_seconds_active) <= now - at + 1:
                    self._restore_one(found[info_hash], placement)
                self._handed_over[info_hash] = at, sessions, placement

    def _start_cut_short(self, found: dict[str, HeldTorrent]) -> None:
        """Start what Transmission was given just before it was started anew, and brings back stopped.

        It may do so late, after it has loaded or checked it. What was seen going since, somebody has stopped.
        """
        if self._looked_in == self._rpc.sessions:
            return
        seconds_active = self._call(_read_seconds_active)
        if self._seen_in != self._rpc.sessions:
            self._seen_in, self._seen_going = self._rpc.sessions, set()
        if seconds_active > _SAVED_AFTER_SECONDS:
            self._looked_in, self._seen_going = self._seen_in, set()
            return
        labels = set(self._labels)
        stopped = [
            info_hash
            for info_hash in found.keys() - self._seen_going
            if found[info_hash].phase is TorrentPhase.STOPPED
            and not found[info_hash].progress
            and labels <= set(found[info_hash].tags)
        ]
        started_at = self._clock.now().timestamp() - seconds_active
        for info_hash in self._call(partial(_read_older, info_hashes=stopped, before=started_at)):
            self._change("torrent-start", info_hash)
            found[info_hash] = replace(found[info_hash], phase=TorrentPhase.QUEUED)
        self._seen_going.update(
            info_hash
            for info_hash, held in found.items()
            if held.phase is not TorrentPhase.STOPPED and not held.phase.is_passing
        )

    def _restore_one(self, held: HeldTorrent, placement: Placement) -> None:
        self._relabel([held.info_hash], lambda labels: [*labels, *self._labels_of(placement)])
        folder = placement.save_path or self._download_dir or ""
        if folder and held.content_path != f"{folder.rstrip('/')}/{held.name}":
            location = {"location": folder, "move": True}
            self._change("torrent-set-location", held.info_hash, location)

    def _relabel(self, info_hashes: Sequence[str], change: Callable[[list[str]], list[str]]) -> None:
        """Set labels anew, which Transmission only knows as a whole list for each torrent."""
        for first in range(0, len(info_hashes), _PIECE_HASHES):
            piece = info_hashes[first : first + _PIECE_HASHES]
            self._call(partial(_change_labels, info_hashes=piece, change=change))

    def _change(self, method: str, info_hash: str, arguments: Arguments | None = None) -> None:
        # Always one by name: a list without any could mean all there are.
        self._call(lambda rpc: rpc.call(method, {"ids": [info_hash], **(arguments or {})}))

    def _add_takes_labels(self) -> bool:
        version = self._call(_read_session)["rpc-version"]
        return isinstance(version, int) and version >= _ADD_TAKES_LABELS

    def _await_loaded(self) -> None:
        """Wait for a Transmission that was started a moment ago to load its torrents."""
        if self._loaded_in and self._loaded_in == self._rpc.sessions:
            return
        seconds_left = _LOADING_SECONDS - self._call(_read_seconds_active)
        if seconds_left > 0 and self._stop.wait(seconds_left):
            raise Stopped
        self._loaded_in = self._rpc.sessions

    def _call(self, request: Callable[[Rpc], _Answer], max_bytes: int = _MAX_ANSWER_BYTES) -> _Answer:
        """Make calls within the limits of one; what goes wrong is put into words."""
        return self._calls.make(lambda: request(self._rpc), max_bytes)


def _read_session(rpc: Rpc, fields: Sequence[str] = ("version", "rpc-version")) -> Arguments:
    return rpc.call("session-get", {"fields": list(fields)})  # 3.00 knows no fields here and gives all


def _read_seconds_active(rpc: Rpc) -> int:
    """Return how long ago Transmission was started."""
    stats = rpc.call("session-stats")["current-stats"]
    seconds = stats.get("secondsActive") if isinstance(stats, dict) else None
    if not isinstance(seconds, int):
        raise TypeError("not the statistics of a session")
    return seconds


def _rows(rpc: Rpc, info_hashes: Sequence[str], fields: Sequence[str]) -> list[Row]:
    """Ask for torrents; whatever else is in the answer is passed over."""
    if not info_hashes:
        return []
    rows = rpc.call("torrent-get", {"ids": list(info_hashes), "fields": list(fields)})["torrents"]
    if not isinstance(rows, list):
        raise TypeError("not a list of torrents")
    wanted = set(info_hashes)
    return [row for row in rows if row["hashString"] in wanted]


def _read_rows(rpc: Rpc, info_hashes: Sequence[str], *, is_brief: bool = False) -> dict[str, HeldTorrent]:
    fields, read = (BRIEF_FIELDS, read_brief_row) if is_brief else (FIELDS, read_row)
    return {held.info_hash: held for held in map(read, _rows(rpc, info_hashes, fields))}


def _read_older(rpc: Rpc, info_hashes: Sequence[str], before: float) -> list[str]:
    """Return those torrents that were added not long before a time, in seconds since 1970."""
    rows = _rows(rpc, info_hashes, ["hashString", "addedDate"])
    added_at = {checked_hash(str(row["hashString"])): row.get("addedDate") for row in rows}
    since = before - _SAVED_AFTER_SECONDS
    return [info_hash for info_hash, at in added_at.items() if isinstance(at, int) and since < at <= before]


def _read_hashes(rpc: Rpc) -> bytes:
    """Return the info-hashes of all torrents, twenty bytes each; one of another length is passed over."""
    packed = bytearray()
    for text in rpc.column("hashString"):
        if not isinstance(text, str):
            raise TypeError("not an info-hash")
        packed += b"".join(map(bytes.fromhex, usable_hashes([text])))
    return bytes(packed)


def _read_refusal(rpc: Rpc, info_hash: str) -> str | None:
    rows = _rows(rpc, [info_hash], ["hashString", "trackerStats"])
    return refusal_in(rows[0]["trackerStats"]) if rows else None


def _change_labels(rpc: Rpc, info_hashes: Sequence[str], change: Callable[[list[str]], list[str]]) -> None:
    """Change the labels of torrents as they are now, those that have the same ones together."""
    groups: dict[tuple[str, ...], list[object]] = {}
    for row in _rows(rpc, info_hashes, ["hashString", "labels"]):
        before = read_labels(row)
        after = tuple(dict.fromkeys(change(before)))  # 3.00 refuses one that comes twice
        if after != tuple(before):
            groups.setdefault(after, []).append(row["hashString"])
    for labels, ids in groups.items():
        rpc.call("torrent-set", {"ids": ids, "labels": list(labels)})
