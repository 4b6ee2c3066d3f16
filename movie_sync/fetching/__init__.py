"""From a wish to a torrent in the client."""
