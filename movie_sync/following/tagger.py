"""Marks the torrents of films that left the list, so that the user may sort them."""

from dataclasses import dataclass

from movie_sync.errors import StorageError
from movie_sync.ports import FollowedClient
from movie_sync.wishes.unlisted_store import UnlistedStore

TAG = "unlisted"
_MOST_TAGGED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class UnlistedTagger:
    """Sets the tag, and takes it off where a film is listed again; deletes nothing. For one thread."""

    store: UnlistedStore

    def seconds_to_next(self) -> float | None:
        """Return 0 if there is something to do, else None."""
        try:
            return 0.0 if self.store.awaits_tag() else None
        except StorageError:  # it cannot be told now, and nothing is urgent about it
            return None

    def work(self, client: FollowedClient) -> None:
        """Do some of what is to be done; raises as `TorrentFollower.work`."""
        films = [film for film in self.store.films() if film.awaits_tag][:_MOST_TAGGED_AT_ONCE]
        client.tag([each for film in films if not film.relisted for each in film.info_hashes], TAG)
        client.untag([each for film in films if film.relisted for each in film.info_hashes], TAG)
        self.store.note_tags_set(films)
