"""From a finished torrent to the user's shelf of films."""
