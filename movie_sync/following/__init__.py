"""From a torrent in the client to a finished film."""
