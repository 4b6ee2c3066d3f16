"""What became of the torrents that were handed over, written down with their films."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

from movie_sync.domain.models import Choice, Movie, QueueName
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.reader import FOLLOWED, QueueReader, named
from movie_sync.queues.releases import FailedRelease, Seeding, Shelving, TorrentProgress, Upgrade, Watch

_COMPLETED = QueueName.COMPLETED


class TorrentRecords(QueueReader):
    """Part of `QueueManager`, which says how the queues are kept; what it does queues no film anew.

    Raises:
        StorageError: it could not be written, and everything is as before.
    """

    def note_progress(self, follows: Mapping[str, TorrentProgress]) -> None:
        """Write down, with one write, how far the torrents of completed films are, by info-hash."""
        with self._locked() as book:
            changed = {
                number: entry.seen(follows)
                for number, facts in book[_COMPLETED].facts()
                if not follows.keys().isdisjoint(facts.hashes) and (entry := book[_COMPLETED].entry(number))
            }
            if changed:
                book.renew(changed, _COMPLETED)

    def finish_with(self, movie: Movie, choice: Choice, follow: TorrentProgress, *, overtaken: str) -> bool:
        """Complete a film with a torrent that was given up and came to its end all the same.

        Its present torrent, if it has one, counts as tried, with `overtaken` as the reason.
        False if no queue holds the film, or the user does not want that release for it.
        """
        with self._locked() as book:
            found = book.held(movie, FOLLOWED)
            if found is None or not found.entry.may_take(choice):
                return False
            done = found.entry.finished_with(choice, follow, self._clock.now(), overtaken)
            book.move(lambda: [done], _COMPLETED)
            return True

    # --- better releases ------------------------------------------------------------------

    def begin_upgrade(self, movie: Movie, present: Choice, better: Choice) -> bool:
        """Write down a better release that is about to be handed over; False if it is not to be.

        It is not while another one is on its way, if the user took one, or if `present` is it no more.
        """

        def begun(entry: QueueEntry) -> QueueEntry | None:
            is_free = entry.upgrade is None or entry.upgrade.follow is None
            if not is_free or entry.choice != present or entry.word.grabbed or not entry.may_take(better):
                return None
            return entry._replace(upgrade=Upgrade(better))

        return self._renew_completed(movie, begun)

    def note_upgrade(self, movie: Movie, choice: Choice, follow: TorrentProgress | None) -> bool:
        """Write down that a better release was handed over: without `follow` it is the film's at once."""

        def noted(entry: QueueEntry) -> QueueEntry | None:
            if entry.upgrade is None:
                return None
            return entry._replace(upgrade=Upgrade(choice, follow)) if follow else entry.upgraded(choice, None)

        return self._renew_completed(movie, noted)

    def drop_upgrade(self, movie: Movie, choice: Choice, *failed: FailedRelease) -> bool:
        """Forget a better release that did not come; what `failed` is not taken again."""

        def dropped(entry: QueueEntry) -> QueueEntry | None:
            is_it = entry.upgrade is not None and entry.upgrade.choice.info_hash == choice.info_hash
            return entry.without_upgrade(*failed) if is_it else None

        return self._renew_completed(movie, dropped)

    # --- seeding --------------------------------------------------------------------------

    def watched_count(self, watch: Watch) -> int:
        """Return how many films have a whole torrent that is looked at so often."""
        return self._count(lambda facts: facts.watch is watch, _COMPLETED)

    def watched(
        self, watch: Watch | None, before: int, most: int, among: Collection[int] = ()
    ) -> list[tuple[int, QueueEntry]]:
        """Return such films in turn, each with its number: the newest that comes `before` one, and so on.

        With `among` only films of these numbers, whatever their `watch`.
        """
        with self._locked() as book:
            earlier, later = deque[int](maxlen=most), deque[int](maxlen=most)  # of thousands, these alone
            for number, facts in book[_COMPLETED].facts():
                if facts.watch and (number in among if among else facts.watch is watch):
                    (earlier if number < before else later).append(number)
            in_turn = [*reversed(earlier), *reversed(later)][:most]
            return [(number, entry) for number in in_turn if (entry := book[_COMPLETED].entry(number))]

    def note_seeding(self, seen: Mapping[str, Seeding], numbers: Collection[int] = ()) -> None:
        """Write down, with one write for each queue, what was seen of torrents, by info-hash.

        They are replaced ones, or the present ones of completed films with these numbers.
        """
        with self._locked() as book:
            for name in FOLLOWED:
                changed = {
                    number: entry.seeding_seen(seen)
                    for number, facts in book[name].facts()
                    if (facts.watch and number in numbers) or not seen.keys().isdisjoint(facts.replaced)
                    if (entry := book[name].entry(number))
                }
                if changed:
                    book.renew(changed, name)

    # --- the shelf ------------------------------------------------------------------------

    def note_shelf(self, movie: Movie, info_hash: str, shelf: Shelving) -> bool:
        """Write down what came of a film's torrent on the shelf; False if it has another one now."""

        def noted(entry: QueueEntry) -> QueueEntry | None:
            is_it = entry.choice is not None and entry.choice.info_hash == info_hash
            return (
                entry._replace(follow=replace(entry.follow, shelf=shelf)) if is_it and entry.follow else None
            )

        return self._renew_completed(movie, noted)

    def ask_for_shelf(self, films: Collection[str] | None) -> list[Movie]:
        """Have finished films put on the shelf, named by slug or id; None means all that are not there.

        Returns those whose files are known.
        """
        with self._locked() as book:
            now, file = self._clock.now(), book[_COMPLETED]
            if films is None:
                numbers: Iterable[int] = [number for number, _ in file.facts()]
            else:
                numbers = [place.number for place in named(book, [_COMPLETED], films)]
            due = {}
            for number in numbers:
                entry = file.entry(number)
                follow = entry.follow if entry else None
                if entry is None or follow is None or not follow.may_be_shelved:
                    continue
                if films is not None or not follow.is_on_shelf:
                    earlier = follow.shelf.last_path if follow.shelf else ""
                    due[number] = entry._replace(follow=replace(follow, shelf=Shelving(now, earlier=earlier)))
            if due:
                book.renew(due, _COMPLETED)
            return [entry.movie for entry in due.values()]

    def _renew_completed(self, movie: Movie, change: Callable[[QueueEntry], QueueEntry | None]) -> bool:
        """Change a completed film where it stands; False if it stands elsewhere or is not to be changed."""
        with self._locked() as book:
            place = book.held(movie, [_COMPLETED])
            changed = change(place.entry) if place else None
            if place is None or changed is None:
                return False
            book.renew({place.number: changed}, _COMPLETED)
            return True
