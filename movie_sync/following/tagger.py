"""Tags the torrents of films that left the watchlist, so that they can be found in the client."""

from movie_sync.errors import StorageError
from movie_sync.ports import FollowedClient
from movie_sync.wishes.unlisted_store import UnlistedStore

TAG = "unlisted"

_MOST_AT_ONCE = 500


class UnlistedTagger:
    """Sets the tag, and takes it off where a film is listed again; deletes nothing. For one thread."""

    def __init__(self, store: UnlistedStore) -> None:
        self._store = store

    def seconds_to_next(self) -> float | None:
        """Return 0 if there is something to do, else None."""
        try:
            return 0.0 if self._store.awaits_tag() else None
        except StorageError:  # it cannot be told now, and nothing is urgent about it
            return None

    def work(self, client: FollowedClient) -> None:
        """Do some of what is to be done.

        Raises AuthError, TransientError, StorageError: it is to be done again.
        """
        films = [film for film in self._store.films() if film.awaits_tag][:_MOST_AT_ONCE]
        client.tag([each for film in films if not film.relisted for each in film.info_hashes], TAG)
        client.untag([each for film in films if film.relisted for each in film.info_hashes], TAG)
        self._store.note_tags_set(films)
