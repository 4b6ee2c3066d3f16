"""A folder that a torrent client watches."""
