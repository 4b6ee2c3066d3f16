"""Movie Sync: from a Letterboxd watchlist to the user's own torrent client."""

__version__ = "0.1.0"
